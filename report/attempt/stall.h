/*
 * Interface for stalls: why nobody took the connections that waited for accept(). What owners
 * were seen to do, added up, and the one judge of it: for the report, the live view and the list
 * of listeners. Each cause rests on its own evidence; where none holds there is none.
 */
#ifndef REPORT_ATTEMPT_STALL_H
#define REPORT_ATTEMPT_STALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/clock.h"

/* Shorter than this nobody notices. */
#define STALL_NOTICED_NS (100 * NS_PER_MS)
/* A listener from which nobody has accepted for so long is not just slow. */
#define STALL_FORGOTTEN_NS NS_PER_SEC
/* An event loop that is busy for so long is blocked, if that is not how it always works: ... */
#define STALL_BLOCKED_NS     (300 * NS_PER_MS)
#define STALL_BLOCKED_FACTOR 5 /* ... so much longer than mostly */

/*
 * What the owners of a listener did while connections waited, over the intervals between
 * looks at them; but for waited_ns all owners together: of two owners two seconds a second.
 */
struct report_stall {
	uint64_t looks;
	uint32_t processes;
	uint32_t threads;	    /* the most that one had */
	int64_t waited_ns;	    /* connections waited, while somebody looked */
	int64_t watched_ns;	    /* the intervals */
	int64_t stopped_ns;	    /* in state T or t */
	int64_t traced_ns;	    /* of these in t: by a debugger */
	int64_t frozen_ns;	    /* their cgroup was */
	int64_t uninterruptible_ns; /* in state D */
	int64_t run_ns;		    /* the main thread was on a CPU */
	int64_t runnable_ns;	    /* and waited for one */
	int64_t throttled_ns;	    /* their cgroup was held back by its CPU quota */
	int64_t throttled_periods;
	int64_t out_of_descriptors_ns; /* as many open as RLIMIT_NOFILE allows */
	int64_t descriptors_peak;      /* of the process that came closest to its limit, -1 ... */
	int64_t descriptors_max;       /* ... unknown, against that limit */
	int32_t descriptors_pid;
	int32_t held_pid;      /* the one that was stopped or frozen the longest; 0: none */
	int64_t held_ns;       /* for so long */
	int64_t held_from_ns;  /* any was seen so first, since about then; 0: none was, ... */
	int64_t held_last_ns;  /* ... and last */
	int64_t held_until_ns; /* it was seen so for the last time; 0: it was not so any more ... */
	int64_t held_accepts;  /* ... and so many were accepted meanwhile, by others */
	int64_t taken;	       /* accepted while connections waited, as far as is known */
	int64_t untaken_ns;    /* the longest of that time in which nobody was, ... */
	bool untaken_over;     /* ... and after it somebody was */
};

enum stall_cause {
	STALL_NONE,
	STALL_SIBLING, /* one of a SO_REUSEPORT group accepts nobody and is full, the others not */
	STALL_STOPPED, /* SIGSTOP */
	STALL_TRACED,  /* a debugger */
	STALL_FROZEN,  /* cgroup.freeze */
	STALL_DESCRIPTORS, /* accept() fails with EMFILE */
	STALL_QUOTA,	   /* the CPU quota of its cgroup */
	STALL_FORGOTTEN,   /* nobody calls accept(), ever or any more */
	STALL_LIMITED,	   /* listen() was called again, with a backlog of 0 or 1 */
	STALL_BLOCKED,	   /* an event loop that is busy with something else */
	STALL_STARVED,	   /* ready to run, without a CPU */
	STALL_CAUSE_COUNT
};

/* What is known of one listener. */
struct stall_facts {
	const struct report_stall *stall;
	bool owned;   /* an owner is known */
	bool grouped; /* it has SO_REUSEPORT siblings */
	bool loop;    /* of its threads one event loop alone calls accept(), as is known of it */
	bool full;    /* its queue is, or was */
	size_t siblings;
	size_t siblings_full;
	int64_t untaken_ns; /* nobody left its queue for so long while connections waited ... */
	int64_t taken_ns;   /* ... and at other times one in so long, on average; -1 none did */
	bool accepted;	    /* somebody called accept() with success while this was watched, in the
			       part that matters: not before all of them hung */
	bool abandoned;	    /* somebody did, and has ended; who has it open still does not */
	bool limited;	    /* see STALL_LIMITED */
	int64_t longest_ns; /* between calls of accept() while connections waited; -1 unknown ... */
	int64_t usual_ns;   /* ... and the usual time */
};

enum stall_cause stall_judge(const struct stall_facts *facts);

/*
 * Of the time in which owners were watched the main thread was on a CPU, ready for one, or in a
 * system call that cannot be interrupted.
 */
int64_t stall_busy_ns(const struct report_stall *stall);

/* "owner-stopped": the advice's rule, for scripts; NULL for STALL_NONE. */
const char *stall_rule(enum stall_cause cause);

#define STALL_TEXT_SIZE 160

/* What is so at a moment, of one listener. */
struct stall_now {
	enum stall_cause cause;
	struct report_stall stall; /* of the last seconds */
	int64_t for_ns;		   /* -1 unknown */
	int32_t pid;		   /* of the owner that it is about; 0: none in particular */
};

/* A few words: "owner stopped (T) for 3.2 s", the time where it is known. Returns out. */
const char *stall_text(const struct stall_now *now, char out[STALL_TEXT_SIZE]);

#endif
