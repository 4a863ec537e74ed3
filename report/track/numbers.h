/*
 * Interface for sequence numbers: does a segment fit an attempt, by RFC 9293? Several
 * attempts can share a 4-tuple, stray segments of other connections use it too, and what
 * an endpoint would ignore must not decide a verdict.
 */
#ifndef REPORT_TRACK_NUMBERS_H
#define REPORT_TRACK_NUMBERS_H

#include <stdbool.h>

#include "event/event.h"
#include "report/attempt/detail.h"
#include "report/attempt/table.h"

/* The SYN-ACK acknowledges this attempt's SYN, or SYN with data (RFC 7413). */
bool numbers_answer_syn(const struct open_attempt *attempt, const struct segment *syn_ack);

/*
 * A segment with ACK of the client that can be, or follow, its final ACK: both numbers stand
 * within the largest window after the ISNs (RFC 9293 section 3.10.7.4). Where SYN-ACKs of
 * several ISNs came, *server_isn is the one that is acknowledged; it may be NULL.
 */
bool numbers_of_client(const struct open_attempt *attempt, struct details *details,
		       const struct segment *segment, uint32_t *server_isn);

/* The same of a segment with ACK of the server, after its SYN-ACK. */
bool numbers_of_server(const struct open_attempt *attempt, struct details *details,
		       const struct segment *segment);

/*
 * A RST that its receiver heeds: in answer to a SYN it has to acknowledge that (RFC 9293
 * section 3.10.7.3); after the SYN-ACK its own number has to stand in the window, or what it
 * acknowledges. Of an attempt whose final ACK was seen, any.
 */
bool numbers_reset(const struct open_attempt *attempt, struct details *details,
		   const struct segment *segment, bool from_client);

#endif
