/*
 * Interface for timestamps: the timestamps (RFC 7323) of SYN-ACKs, and what a later one of
 * the same connection says of each: was it a SYN cookie, or did a request send it?
 *
 * Theory of operation. A server's timestamps are its clock in milliseconds and an offset
 * of the connection. In a SYN cookie the last six bits are the client's options instead
 * (cookie_init_timestamp()): window scale, SACK, ECN, so that the timestamp is 0 to 63 ms
 * behind. The next timestamp of the connection shows that it was, and by how much; and by how
 * much it must have been is known where the kernel's clock is. Once in 64 times that is
 * nothing.
 *
 * The server's timestamp is also in what the client sends back (TSecr), later: that can hide
 * that a timestamp was behind, but not feign it.
 */
#ifndef REPORT_QUEUE_TIMESTAMPS_H
#define REPORT_QUEUE_TIMESTAMPS_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

struct timestamps;

enum timestamp {
	TIMESTAMP_NOTHING,
	TIMESTAMP_AWAITED,	 /* a later one may tell */
	TIMESTAMP_COOKIE,	 /* certain */
	TIMESTAMP_REQUEST,	 /* certain */
	TIMESTAMP_COOKIE_LIKELY, /* a cookie, but for a SYN-ACK that was captured late by as much */
	TIMESTAMP_REQUEST_LIKELY, /* none, unless the client's answer hides by chance what it was
				     behind */
};

/*
 * clock_offset_ns: CLOCK_REALTIME, that of the events, less the kernel's CLOCK_MONOTONIC;
 * 0 where nobody has noted it: then a request is never certain. The caller ends *out with
 * timestamps_free().
 */
int timestamps_new(int64_t clock_offset_ns, struct timestamps **out)
    __attribute__((warn_unused_result));
void timestamps_free(struct timestamps *timestamps);

/*
 * Remembers this SYN-ACK of an attempt (its index in the table, its ISN), whose SYN offered
 * this window scale. Of two that share a place the younger is remembered. Returns
 * TIMESTAMP_AWAITED, or TIMESTAMP_NOTHING where nothing is to be had of it: no timestamp, or one
 * that a cookie would share.
 */
enum timestamp timestamps_syn_ack(struct timestamps *timestamps, uint32_t index, uint32_t isn,
				  int64_t time_ns, const struct segment *syn_ack,
				  uint8_t window_scale);

/*
 * What a later segment of the attempt, of its server or not, says of that SYN-ACK. What is
 * certain is said once.
 */
enum timestamp timestamps_hear(struct timestamps *timestamps, uint32_t index, uint32_t isn,
			       int64_t time_ns, const struct segment *segment, bool from_server);

#endif
