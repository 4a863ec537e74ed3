/*
 * Interface for the live view's memory: what a snapshot needs beyond the counts
 * of the queues, and the making of snapshots. The reporter owns one, when
 * snapshots will be asked for.
 */
#ifndef REPORT_WATCH_LIVE_H
#define REPORT_WATCH_LIVE_H

#include <stdint.h>

#include "report/attempt/filter.h"
#include "report/queue/queues.h"
#include "report/track/tracker.h"
#include "report/watch/snapshot.h"

struct live;

/*
 * slots: intervals that make the window, 1 to WINDOW_SLOTS_MAX. filter: which attempts can be the
 * worst, NULL all. 0 or -ENOMEM.
 */
int live_new(unsigned slots, int64_t start_ns, const struct filter *filter, struct live **out)
    __attribute__((warn_unused_result));
void live_free(struct live *live);

void live_finished(struct live *live, const struct attempt *attempt);

/*
 * The state at to_ns, up to which events were taken; not before the interval
 * began, though the clock was set back. queues may be NULL. NULL when out of
 * memory; else it lives until the next call.
 */
const struct snapshot *live_snapshot(struct live *live, struct queues *queues,
				     struct tracker *tracker, const uint64_t *losses,
				     int64_t to_ns);

/* No packets are captured. */
void live_be_blind(struct live *live);

/* The interval ends where the last snapshot was taken, and a new one begins. */
void live_turn(struct live *live, struct queues *queues, struct tracker *tracker);

#endif
