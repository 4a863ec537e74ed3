/*
 * Interface for stalls: what the owners of one listener did while connections waited for
 * accept(), added up. Two looks at a process that follow each other span an interval,
 * and what the second shows is taken to have held in it.
 */
#ifndef REPORT_QUEUE_PAST_STALLS_H
#define REPORT_QUEUE_PAST_STALLS_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "report/attempt/report.h"

/* Looks further apart than this are not of one wait. */
#define STALL_GAP_NS (500 * NS_PER_MS)

struct stalls {
	struct owner_activity last[LISTENER_PIDS_MAX]; /* of each owner; pid 0: free */
	int64_t last_ns[LISTENER_PIDS_MAX];
	struct report_stall sum;
};

/* ACTIVITY, in order of time. Zero is ready. */
void stalls_take(struct stalls *stalls, const struct owner_activity *activity, int64_t time_ns);

#endif
