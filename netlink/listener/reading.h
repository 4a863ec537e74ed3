/*
 * What the files that take the snapshot of the listeners share, and nobody else.
 */
#ifndef NETLINK_LISTENER_READING_H
#define NETLINK_LISTENER_READING_H

#include "netlink/diag/diag.h"
#include "netlink/diag/watch.h"
#include "netlink/listener/listeners.h"

/* While the snapshot is taken. Entries are in the order of the watch's listeners. */
struct reading {
	struct diag *diag;
	struct watch watch;
	struct listening *entries;
	struct listeners_snapshot *snapshot;
};

int reading_dump_listeners(struct reading *reading, const struct diag_socket **sockets,
			   size_t *count) __attribute__((warn_unused_result));

/* Half-open and waiting connections, by walks through the kernel's table. */
int reading_connections(struct reading *reading) __attribute__((warn_unused_result));

#endif
