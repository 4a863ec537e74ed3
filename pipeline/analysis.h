/*
 * Interface for what a live recording makes of its events: a report, by a merge that holds
 * them back until every source has promised that nothing older comes; or, where nobody wants
 * a report, which is more than half of the work, no more than whose sockets are to be looked
 * up in the end.
 */
#ifndef PIPELINE_ANALYSIS_H
#define PIPELINE_ANALYSIS_H

#include "event/event.h"
#include "report/reporter.h"

struct analysis;

/* options NULL: nobody wants a report. The caller ends *out with analysis_free(). */
int analysis_new(const struct reporter_options *options, struct analysis **out)
    __attribute__((warn_unused_result));
void analysis_free(struct analysis *analysis);

/* Takes any event, of any source, as it comes. */
int analysis_take(struct analysis *analysis, const struct event *event)
    __attribute__((warn_unused_result));

/* Nothing of this source that comes from now on is older; TIME_UNKNOWN: it takes part. */
void analysis_promise(struct analysis *analysis, enum source source, int64_t time_ns);

/* Nothing of this source comes any more. */
void analysis_close(struct analysis *analysis, enum source source);

/* Passes on what every source has promised. */
int analysis_run(struct analysis *analysis) __attribute__((warn_unused_result));

/* The clock was set back, see merge_restart(). */
int analysis_restart(struct analysis *analysis) __attribute__((warn_unused_result));

/* No source has more: passes on the rest. */
int analysis_drain(struct analysis *analysis) __attribute__((warn_unused_result));

/* Calls fn with each connection whose socket is to be looked up, until it returns other than 0. */
int analysis_unsettled(struct analysis *analysis,
		       int (*fn)(void *context, const struct flow *client_to_server), void *context)
    __attribute__((warn_unused_result));

/* Events that came when younger ones had been passed on. */
uint64_t analysis_late(const struct analysis *analysis);

/* Connections that are not told of by analysis_unsettled() for want of room. */
uint64_t analysis_skipped(const struct analysis *analysis);

/* NULL where nobody wants a report. */
struct reporter *analysis_reporter(const struct analysis *analysis);

#endif
