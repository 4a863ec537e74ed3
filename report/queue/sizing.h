/*
 * Interface for sizing: the counterfactual of one listener. What backlog would
 * have dropped nothing, and how many children would have kept the wait short,
 * had the same clients come at the same times?
 */
#ifndef REPORT_QUEUE_SIZING_H
#define REPORT_QUEUE_SIZING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/attempt/attempt.h"

/* Attempts that are kept for the replay; those beyond are counted, and the answer says so. */
#define SIZING_MAX 65536

/* How much later than measured an accept() is taken to come: a burst is then counted whole. */
#define SIZING_ACCEPT_LAG_NS (50 * NS_PER_MS)

struct sizing_client {
	int64_t arrival_ns; /* the first SYN */
	int64_t entered_ns; /* into the accept queue; TIME_UNKNOWN: never, or not known */
	int64_t accept_ns;  /* TIME_UNKNOWN: never, while observed */
	int64_t service_ns; /* from accept() to the end; -1 unknown */
	int64_t left_ns;    /* the client left before accept(); TIME_UNKNOWN: it did not */
};

struct sizing {
	size_t count;
	size_t room;
	uint64_t left_out;
	struct sizing_client *clients;
};

struct sizing_backlog {
	bool known;
	uint64_t clients;
	uint64_t depth_peak; /* what the accept queue would have held at most */
	int64_t peak_ns;     /* when */
	uint64_t
	    backlog; /* the smallest that drops nothing: one less, for the queue holds limit + 1 */
};

struct sizing_children {
	bool known;
	uint64_t clients;
	int64_t target_ns;
	int64_t service_p50_ns;
	uint64_t children;   /* the fewest that keep every wait within the target */
	int64_t wait_max_ns; /* with so many */
};

/*
 * How the clients fared, and how they would have with another backlog and the same server: one
 * that takes a waiting connection every gap_ns on average, as it did while some were waiting.
 */
struct sizing_service {
	bool known;
	int64_t gap_ns;	     /* between calls of accept() while connections waited, on average */
	int64_t longest_ns;  /* the longest such time, ... */
	int64_t median_ns;   /* ... and the median */
	uint64_t concurrent; /* connections between accept() and their end, at most */
	bool saturated;	     /* nearly all that waited were accepted when about so many were open:
				accept() waits for the end of another connection */
	int64_t first_ns;    /* how long the first waited: nobody was accepted before; -1 unknown */
	uint64_t first_count; /* that came in that time */
	int64_t patience_ns;  /* a client bears to wait so long: as those that left did, or 10 s */
	uint64_t served;      /* accepted within that time of their first SYN */
	uint64_t served_then; /* the same in the replay, where no queue is too short, ... */
	int64_t wait_max_ns;  /* ... and its longest wait */
	uint64_t sooner;      /* accepted at least 100 ms sooner in the replay, ... */
	uint64_t later;	      /* ... and later */
};

void sizing_release(struct sizing *sizing);

/* Keeps what the replay needs of an attempt that belonged, or should have belonged, in the queue.
 */
void sizing_add(struct sizing *sizing, const struct attempt *attempt);

/* Replays the arrivals against the measured accepts. Sorts the clients in place. */
struct sizing_backlog sizing_backlog(struct sizing *sizing);

/* Sorts the clients in place. */
struct sizing_service sizing_service(struct sizing *sizing);

/* Replays them against children that each serve one client at a time, first come, first served. */
struct sizing_children sizing_children(struct sizing *sizing, int64_t target_ns);

#endif
