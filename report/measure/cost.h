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
	uint64_t never;		 /* attempts that lost a packet to a queue and never got through */
	struct histogram hit;	 /* ns, of those that lost a packet to a queue and got through */
	struct histogram again;	 /* ns, of those that retransmitted a SYN, for an unknown reason */
	struct histogram spared; /* ns, of the others that got through */
};

void cost_init(struct cost *cost);
void cost_add(struct cost *cost, const struct attempt *attempt);

#endif
