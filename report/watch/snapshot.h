/*
 * Interface for snapshots: the state of a live run at one moment, as constant
 * data. What happened in the interval since the snapshot before, and what in all;
 * latencies and the worst attempts of the window, which is the interval or some
 * intervals together.
 */
#ifndef REPORT_WATCH_SNAPSHOT_H
#define REPORT_WATCH_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/attempt/attempt.h"
#include "report/attempt/filter.h"
#include "report/attempt/report.h"
#include "report/measure/rate_counter.h"

#define SNAPSHOT_WORST_MAX 20

struct snapshot_listener {
	struct endpoint local;
	uint32_t interface; /* that it is bound to; 0: to none */
	char device[DEVICE_NAME_SIZE];
	uint64_t cookie; /* 0 when only the server told of it */
	size_t leader;	 /* index of the listener whose packets and accepts are counted for it: in a
			    SO_REUSEPORT group the first one's, else its own */
	bool reuseport;
	bool closed;
	uint16_t pids_count;
	int32_t pids[LISTENER_PIDS_MAX];
	char comm[LISTENER_COMM_SIZE];
	struct workload workload;
	int64_t limit;		/* the queue holds one more */
	int64_t depth;		/* the last sample; -1: there was none */
	int64_t depth_peak;	/* the highest sample of the interval, or the one before it; -1 */
	int64_t half_open;	/* the last count; -1: there was none */
	int64_t full_ns;	/* how long it was full in the interval */
	int64_t full_all_ns;	/* and in all */
	struct stall_now stall; /* why nobody takes the connections that wait */
	struct rate_counts counts; /* of the interval */
	struct rate_counts total;
	struct latency_summary handshake;   /* of the window: first SYN to final ACK */
	struct latency_summary accept_wait; /* of the window: final ACK to accept() */
};

struct snapshot {
	int64_t start_ns;
	int64_t from_ns; /* the interval: events after from_ns and not after to_ns */
	int64_t to_ns;
	int64_t window_ns; /* the window's length; it ends at to_ns */
	/* All listeners, and what belongs to none. */
	struct rate_counts counts;
	struct rate_counts total;
	struct latency_summary handshake;
	struct latency_summary accept_wait;
	/* Attempts at what is no listener that is known: a part of the above. */
	struct rate_counts elsewhere;
	struct rate_counts elsewhere_total;
	bool blind;    /* no packets are captured: what is counted of them is not known */
	uint32_t open; /* attempts that are followed now */
	uint64_t losses[LOSS_KIND_COUNT]; /* in all */
	size_t listeners_count;		  /* an attempt's listener is an index into them */
	const struct snapshot_listener *listeners;
	const struct filter *filter; /* of the worst attempts, nothing else; NULL: none */
	size_t worst_count; /* worst first; those under way are judged as if it ended now */
	const struct attempt *worst;
};

#endif
