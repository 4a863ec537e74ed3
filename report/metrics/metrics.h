/*
 * Interface for metrics: the state of a live run as plain numbers, for a monitoring system that
 * asks again and again. Of fixed size and without pointers: it can be copied to another process.
 *
 * Counters never decrease. Rows are of addresses and ports, not of sockets: they go on where a
 * server is started again, and are the sum of the sockets of a SO_REUSEPORT group.
 */
#ifndef REPORT_METRICS_METRICS_H
#define REPORT_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "report/attempt/attempt.h"
#include "report/explain/ledger.h"
#include "report/measure/spread.h"

/* Rows of their own; all later listeners share one more, the last. */
#define METRICS_LISTENERS_MAX 500
#define METRICS_ROWS_MAX      (METRICS_LISTENERS_MAX + 1)

/* What the highest depth is taken from. */
#define METRICS_WINDOW_S 60

struct metrics_listener {
	struct endpoint local; /* of the shared row: all zero */
	uint32_t interface;    /* that it is bound to; 0: to none */
	char device[DEVICE_NAME_SIZE];
	char comm[LISTENER_COMM_SIZE];
	struct workload workload;
	uint32_t sockets; /* that listen now */
	/*
	 * Of the socket whose queue is nearest to its limit; -1: none listens, or not sampled yet.
	 */
	int64_t depth;
	int64_t limit;
	int64_t depth_max;		  /* within the window */
	int64_t half_open;		  /* of all sockets, as last counted; -1 */
	int64_t full_ns;		  /* how long the accept queue was full, of all sockets */
	int64_t socket_drops;		  /* sk_drops, since each was first seen; -1: not known */
	uint64_t outcomes[OUTCOME_COUNT]; /* finished attempts */
	uint64_t drops[CAUSE_COUNT];	  /* packets; of causes that are drops */
	uint64_t syns_again;
	struct spread connect;
	struct spread accept_wait;
};

struct metrics_unexplained {
	enum counter counter;
	uint64_t count;
};

struct metrics {
	char version[32];
	uint64_t netns;		    /* the inode of the network namespace; 0: not known */
	int64_t start_ns;	    /* observation began */
	int64_t updated_ns;	    /* these numbers were collected */
	bool sources[SOURCE_COUNT]; /* that are on */
	uint64_t losses[LOSS_KIND_COUNT];
	uint64_t outcomes[OUTCOME_COUNT]; /* of all attempts, also those at no listener */
	uint64_t open;			  /* attempts that are followed now */
	size_t unexplained_count;	  /* counters of the ledger that can be read */
	struct metrics_unexplained unexplained[LEDGER_COUNTERS];
	uint64_t sharing; /* listening sockets whose numbers are in the shared row */
	size_t rows_count;
	bool shared; /* the last row is the shared one */
	struct metrics_listener rows[METRICS_ROWS_MAX];
};

#endif
