/*
 * Interface inside capture/ for copies: one packet that was captured on several
 * devices, as it went up (or down) a bridge, a bond, a VLAN, a macvlan, or from one
 * interface to another.
 *
 * Theory of operation. A copy has the same flow, sequence and acknowledgement numbers,
 * flags, length, IP identification and timestamp option, on another device (or the other
 * way on the same one), at most COPY_NS later. Of packets that are the same in all this
 * there are as many as the device that saw most of them saw: two on one device are two
 * for the kernel.
 *
 * COPY_NS: a packet is on the next device after 1 us, on an idle machine after 30 us at the
 * most (bridge, macvlan; 2,000 packets each). A processor that is held up, or the queueing
 * discipline of the lower device on the way out, makes it longer: 10 ms up and 240 ms down
 * at the most in an emulated machine of two processors (bond, VLAN). The first SYN and
 * SYN-ACK to be sent again come after 1 s (RFC 6298, TCP_TIMEOUT_INIT); data may come after
 * 200 ms, but with another identification or timestamp.
 *
 * Where the device is not known, a SYN or SYN-ACK that is the same in all this and comes
 * within COPY_UNNAMED_NS is taken for a copy: no timer sent it.
 */
#ifndef CAPTURE_COPIES_H
#define CAPTURE_COPIES_H

#include "event/event.h"

#define COPY_NS		(500 * NS_PER_MS)
#define COPY_UNNAMED_NS (100 * NS_PER_MS)

struct copies;

/* Bounded: the table forgets by being overwritten. NULL when out of memory. */
struct copies *copies_new(void);
void copies_free(struct copies *copies);

/* True when this segment is a copy of one that was given before. */
bool copies_take(struct copies *copies, int64_t time_ns, const struct segment *segment);

#endif
