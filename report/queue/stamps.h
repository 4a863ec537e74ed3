/*
 * Interface for stamps: the timestamps (RFC 7323) of SYN-ACKs, and what a later one of
 * the same connection says of each: was it a SYN cookie, or did a request send it?
 *
 * Theory of operation. A server's timestamps are its clock in milliseconds and an offset
 * of the connection. In a SYN cookie the last six bits are the client's options instead
 * (cookie_init_timestamp()): window scale, SACK, ECN, so that the stamp is 0 to 63 ms
 * behind. The next stamp of the connection shows that it was, and by how much; and by how
 * much it must have been is known where the kernel's clock is. Once in 64 times that is
 * nothing.
 *
 * The server's stamp is also in what the client sends back (TSecr), later: that can hide
 * that a stamp was behind, but not feign it.
 */
#ifndef REPORT_QUEUE_STAMPS_H
#define REPORT_QUEUE_STAMPS_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

struct stamps;

enum stamp {
	STAMP_NOTHING,
	STAMP_AWAITED,	/* a later one may tell */
	STAMP_COOKIE,	/* certain */
	STAMP_REQUEST,	/* certain */
	STAMP_LATE,	/* a cookie, but for a SYN-ACK that was captured late by as much */
	STAMP_NOT_LATE, /* none, unless the client's answer hides by chance what it was behind */
};

/*
 * clock_offset_ns: CLOCK_REALTIME, that of the events, less the kernel's CLOCK_MONOTONIC;
 * 0 where nobody has noted it: then a request is never certain. The caller ends *out with
 * stamps_free().
 */
int stamps_new(int64_t clock_offset_ns, struct stamps **out) __attribute__((warn_unused_result));
void stamps_free(struct stamps *stamps);

/*
 * Remembers this SYN-ACK of an attempt (its index in the table, its ISN), whose SYN offered
 * this window scale. Of two that share a place the younger is remembered. Returns
 * STAMP_AWAITED, or STAMP_NOTHING where nothing is to be had of it: no timestamp, or one that
 * a cookie would share.
 */
enum stamp stamps_syn_ack(struct stamps *stamps, uint32_t index, uint32_t isn, int64_t time_ns,
			  const struct segment *syn_ack, uint8_t window_scale);

/*
 * What a later segment of the attempt, of its server or not, says of that SYN-ACK. What is
 * certain is said once.
 */
enum stamp stamps_hear(struct stamps *stamps, uint32_t index, uint32_t isn, int64_t time_ns,
		       const struct segment *segment, bool from_server);

#endif
