/*
 * Interface for counting request sockets (half-open handshakes). A count walks
 * the kernel's whole table of connections, 0.2 to 7 ms, so its pace follows its
 * cost, and what is at stake: less often where no queue is near its limit, and not
 * at all where the packets tell that there can be no request.
 */
#ifndef NETLINK_DIAG_HALF_OPEN_H
#define NETLINK_DIAG_HALF_OPEN_H

#include <stdbool.h>
#include <stdint.h>

#include "netlink/diag/diag.h"
#include "netlink/diag/watch.h"

struct half_open_counts {
	int64_t counted_ns; /* monotonic: the last count began; 0: there was none */
	int64_t cost_ns;    /* of the last count */
	uint32_t *counts;   /* by index of the watch's listeners */
	size_t capacity;
	bool found;	   /* there was a request at the last count */
	bool near_limit;   /* of one listener so many that its SYN queue may fill */
	bool told;	   /* handshakes are told of: unfinished says something */
	bool syn;	   /* there was a SYN since the last count began */
	int64_t unfinished; /* SYNs answered since then, less handshakes that were finished */
	bool every_packet; /* the packets of all handshakes are told of */
};

/* Zero is ready. */
void half_open_release(struct half_open_counts *counts);

/*
 * Counts when it is due: true, and counts[i] is what listener i of the watch
 * has; *before_ns is the clock before the request. Siblings share their count: it
 * stands at one of them, and half_open_has() tells which. *error is 0 or -errno.
 */
bool half_open_round(struct half_open_counts *counts, struct diag *diag, const struct watch *watch,
		     int64_t *before_ns, int *error);

/* A handshake was told of: a SYN or its answer, the first answer, the final ACK. */
static inline void half_open_syn(struct half_open_counts *counts)
{
	counts->syn = true;
}

static inline void half_open_answered(struct half_open_counts *counts)
{
	counts->unfinished++;
}

static inline void half_open_finished(struct half_open_counts *counts)
{
	counts->unfinished--;
}

/* There is no request: what is known of the last count, and every SYN since. */
static inline bool half_open_none(const struct half_open_counts *counts)
{
	return counts->every_packet && counts->counted_ns && !counts->found && !counts->syn;
}

/* True when listener i stands for its port and address. */
bool half_open_has(const struct watch *watch, size_t i);

#endif
