/*
 * Interface for the merge: events of several sources, each in an order of its
 * own -> one order by time. A source promises with its watermark that nothing
 * older will come; an event is passed on when every open source has promised so
 * much. Equal times go by source, then by arrival: the same events in the same
 * order of each source give the same merged order, live or replayed.
 */
#ifndef REPORT_TRACK_MERGE_H
#define REPORT_TRACK_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

/* Events held back at most, over all sources; then the oldest go on unmerged. */
#define MERGE_EVENTS_MAX (1u << 20)

struct merge;

int merge_new(event_fn fn, void *context, struct merge **out) __attribute__((warn_unused_result));
void merge_free(struct merge *merge);

/* A source takes part from its first event or watermark until merge_close(). */
int merge_push(struct merge *merge, const struct event *event) __attribute__((warn_unused_result));

/* The same of an event that comes among those of another source than its own, in their order. */
int merge_push_by(struct merge *merge, enum source way, const struct event *event)
    __attribute__((warn_unused_result));

/* Nothing of this source that comes from now on is older than time_ns. */
void merge_watermark(struct merge *merge, enum source source, int64_t time_ns);

/* Nothing of this source comes any more. */
void merge_close(struct merge *merge, enum source source);

/* Passes on what can be. Returns 0, or what fn returned if not 0. */
int merge_run(struct merge *merge) __attribute__((warn_unused_result));

/*
 * The clock was set back: passes on all that is held, and begins anew. Without it
 * what is held would wait until the clock is again where it was, and all that
 * comes would be late. Returns 0, or what fn returned if not 0.
 */
int merge_restart(struct merge *merge) __attribute__((warn_unused_result));

/* True when events of this source wait for another source's promise. */
bool merge_waiting(const struct merge *merge, enum source source);

/* Events that came after a younger one had been passed on. */
uint64_t merge_late(const struct merge *merge);

#endif
