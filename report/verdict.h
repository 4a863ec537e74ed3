/*
 * Interface for verdicts: an open attempt with its details -> a finished
 * attempt with its outcome, its causes and their confidence. Pure: what it says
 * depends on its arguments alone.
 */
#ifndef REPORT_VERDICT_H
#define REPORT_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "report/attempt.h"
#include "report/detail.h"
#include "report/table.h"

/* How far the recording can see, for the listener of one attempt. */
struct verdict_context {
	int64_t now_ns; /* the latest time observed */
	bool ended;	/* observation ended, the attempt did not */
	bool evicted;
	bool accept_exact;    /* accept() is reported for this listener */
	bool accept_visible;  /* accept() is reported or looked up for this listener */
	bool queue_known;     /* samples of this listener exist */
	int64_t accepted_ns;  /* of the handshakes of its queue, first in, first out, that came out
				 of it the youngest; TIME_UNKNOWN */
	int32_t owner_pid;    /* the one process that has the listener open; 0: none or several */
	bool listener_closed; /* the listener closed before this attempt ended */
	int64_t slow_accept_ns; /* waits longer than this have the cause slow-accept */
};

/* Fills all of *out but number. */
void verdict_attempt(const struct open_attempt *open, struct details *details,
		     const struct verdict_context *context, struct attempt *out);

#endif
