/*
 * Interface for looks at the owners of one listener while connections waited for accept(),
 * added up: over the whole run, and over the last seconds. Two looks at a process that follow
 * each other span an interval, and what the second shows is taken to have held in it.
 */
#ifndef REPORT_QUEUE_PAST_STALLS_H
#define REPORT_QUEUE_PAST_STALLS_H

#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "report/attempt/stall.h"

/* Looks further apart than this are not of one wait. */
#define STALL_GAP_NS (500 * NS_PER_MS)
/* What is judged live is at least so long, where connections waited for that long. */
#define STALL_WINDOW_NS NS_PER_SEC

/* One owner, as it was at the last look. */
struct stalls_owner {
	struct owner_activity last; /* pid 0: free */
	int64_t last_ns;
	int64_t since_ns;     /* stopped, frozen or out of descriptors as it is now, since then */
	int64_t held_ns;      /* stopped or frozen, in all, ... */
	int64_t held_accepts; /* ... and so many were accepted between two looks that found it so */
	int64_t accepts;      /* at the last look */
};

struct stalls {
	struct stalls_owner owners[LISTENER_PIDS_MAX];
	struct report_stall sum;
	/* Of the wait that is under way: this window and the one before it. */
	struct report_stall recent[2];
	int64_t window_ns;   /* when this one began */
	int64_t looked_ns;   /* at any owner */
	int64_t accepted_ns; /* the last accept() of this wait, or its begin */
	int64_t accepts;     /* at the last look */
};

/*
 * ACTIVITY, in order of time. accepts: how many connections accept() is known to have returned by
 * then. A struct that is zero is ready.
 */
void stalls_take(struct stalls *stalls, const struct owner_activity *activity, int64_t time_ns,
		 int64_t accepts);

/*
 * What keeps the owners from calling accept() at now_ns. facts: all but stall, accepted and
 * the times.
 */
struct stall_now stalls_judge(const struct stalls *stalls, const struct stall_facts *facts,
			      int64_t now_ns);

#endif
