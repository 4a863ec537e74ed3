/*
 * Interface for counting request sockets (half-open handshakes). A count walks
 * the kernel's whole table of connections, 0.2 to 7 ms, so its pace follows its
 * cost.
 */
#ifndef NETLINK_DIAG_HALF_OPEN_H
#define NETLINK_DIAG_HALF_OPEN_H

#include <stdint.h>

#include "netlink/diag/diag.h"
#include "netlink/diag/watch.h"

struct half_open_counts {
	int64_t next_ns;  /* monotonic: not before */
	uint32_t *counts; /* by index of the watch's listeners */
	size_t capacity;
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

/* True when listener i stands for its port and address. */
bool half_open_has(const struct watch *watch, size_t i);

#endif
