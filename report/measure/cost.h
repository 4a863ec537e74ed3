/*
 * Interface for what dropped and retransmitted packets cost the clients. One
 * definition for every report: a client pays the time from its first SYN until
 * accept() returned its connection, or, where accept() is not known, until its
 * connect() returned (the SYN-ACK). Attempts are added as they end; memory is fixed.
 */
#ifndef REPORT_MEASURE_COST_H
#define REPORT_MEASURE_COST_H

#include <stdint.h>

#include "report/attempt/attempt.h"
#include "report/measure/histogram.h"

struct cost {
	uint64_t never;		 /* attempts that lost a packet to a queue, and failed */
	struct histogram hit;	 /* ns, of those that lost a packet to a queue and got through */
	struct histogram again;	 /* ns, of those that waited for the retransmission of their SYN, */
				 /* whose reason is unknown, for half of that or more */
	struct histogram spared; /* ns, of the others that got through */
	uint64_t waiting;	 /* attempts that still waited for accept() at the end, hit or not */
	int64_t waiting_since_ns; /* the first of these; TIME_UNKNOWN */
};

void cost_init(struct cost *cost);
void cost_add(struct cost *cost, const struct attempt *attempt);

#endif
