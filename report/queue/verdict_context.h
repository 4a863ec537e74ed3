/*
 * What the queue of an attempt's listener says for the attempt's verdict: filled in
 * by queues_context() and the tracker, read by verdict_attempt().
 */
#ifndef REPORT_QUEUE_VERDICT_CONTEXT_H
#define REPORT_QUEUE_VERDICT_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

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
	bool reset_by_close;  /* and it can have been what its server's RST came from */
	bool reset_unaccepted; /* and that came of no close() of what accept() had returned */
	bool ended_by_close;  /* or what its end came from: the server ended both */
	bool reset_in_front;  /* its server's RST did not come from the TCP of this host */
	bool live;	      /* not of a capture file: its end is somebody's choice */
	int64_t slow_accept_ns; /* waits longer than this have the cause slow-accept */
};

#endif
