/*
 * Interface for the load generator: many clients in one process, each of which
 * connects, sends a small HTTP request, reads the reply to its end and closes.
 * It always ends by itself: count and duration are bounds.
 *
 * For every connect() it writes one line of JSON, in the order in which they
 * end. These lines are the truth that a report is checked against:
 *
 *   {"client":"127.0.0.1:40000","server":"127.0.0.1:8080","start_ns":N,
 *    "connected_ns":N,"first_byte_ns":N,"end_ns":N,"error":null,"syns":1,
 *    "status":200,"bytes":174}
 *
 * Times are CLOCK_REALTIME, null where it did not come to that. start_ns is
 * taken right before connect(). connected_ns is when the SYN-ACK came: by the
 * kernel's own measure of the round trip (tcpi_rtt) where the first SYN was
 * answered; by its stamp of the SYN-ACK where a SYN was sent again, which takes
 * CAP_NET_RAW; without that, when this process saw the connection. end_ns: the
 * reply's end was read, or the error. syns counts the SYNs that were sent
 * (tcpi_total_retrans + 1), 0 when connect() failed before any. client is
 * null when no local port was assigned. error is null, the name of an errno ("ECONNREFUSED",
 * "ETIMEDOUT" when the kernel gave up), or:
 *   "timeout"       the client's own time-out
 *   "closed"        the server closed without a reply
 *   "stopped"       the run ended before the connection did
 *   "self-connect"  it met itself: its own port happened to be the server's
 */
#ifndef SERVER_LOAD_LOAD_H
#define SERVER_LOAD_LOAD_H

#include <stdint.h>
#include <stdio.h>

#include "event/event.h"

#define LOAD_ERROR_SIZE 256
#define LOAD_ERRORS_MAX 16

#define LOAD_COUNT_MAX	1000000000 /* clients */
#define LOAD_RATE_MAX	1000000	   /* a second */
#define LOAD_SPREAD_MAX 1000000	   /* source addresses */

struct load_options {
	struct endpoint server;
	uint64_t count;	     /* 1 .. LOAD_COUNT_MAX */
	uint64_t rate;	     /* connects a second; 0: all at once */
	uint64_t open_max;   /* so many open at once, later ones wait; 0: as descriptors allow */
	int64_t timeout_ns;  /* for each, from start to end */
	int64_t duration_ns; /* for all */
	/*
	 * How many source addresses to take in turn, from 127.1.0.1 on; 0: the
	 * kernel's choice. One address has some 28,000 ports. Only for a server in 127.0.0.0/8.
	 */
	uint32_t spread;
	FILE *out; /* for the lines, stays the caller's; NULL: none */
};

struct load_summary {
	uint64_t started;
	uint64_t connected;
	uint64_t replied;   /* got a whole reply, whatever its status */
	uint64_t unstarted; /* of count, when the run was stopped or its time was up */
	uint64_t held;	    /* started later than due because all descriptors were in use */
	uint64_t syns;
	uint64_t most_open; /* at once */
	int64_t start_ns;   /* of the first */
	int64_t end_ns;	    /* of the last */
	int interrupted;    /* by SIGINT or SIGTERM */
	size_t errors_count;
	struct {
		const char *name; /* as in the lines; constant text */
		uint64_t count;
	} errors[LOAD_ERRORS_MAX]; /* the last one gathers what found no room: "other" */
};

/*
 * Runs in the calling process, which has no other threads, until all clients
 * have ended, the duration is over, or SIGINT or SIGTERM comes; the two signals and the soft
 * limit of descriptors are as before when it returns. Returns 0, also when
 * clients failed; -errno when the run itself did (-EINVAL: spread and server do
 * not fit; an error of writing to out), with one line for a person in error. *summary
 * is always filled.
 */
int load_run(const struct load_options *options, struct load_summary *summary,
	     char error[LOAD_ERROR_SIZE]) __attribute__((warn_unused_result));

#endif
