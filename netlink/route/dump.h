/*
 * Interface for dumps of rtnetlink: one request, and the messages of its answer.
 *
 * Works in the network namespace in which it was opened. It never waits.
 */
#ifndef NETLINK_ROUTE_DUMP_H
#define NETLINK_ROUTE_DUMP_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

/* Zero is closed. */
struct route_dump {
	struct mnl_socket *socket;
	uint32_t sequence;
	bool interrupted; /* the last answer changed while it was told: it may lack something */
	_Alignas(struct nlmsghdr) uint8_t buffer[32768];
};

int route_dump_open(struct route_dump *dump) __attribute__((warn_unused_result));
void route_dump_close(struct route_dump *dump);

/* A request of this type (RTM_GET*); the caller adds the header that belongs to the type. */
struct nlmsghdr *route_dump_begin(struct route_dump *dump, uint16_t type);

/* A message of the answer, which is the dump's. */
typedef void (*route_dump_fn)(void *context, const struct nlmsghdr *header);

/*
 * Sends what was begun, and reads the answer. 0, -EAGAIN when it is to be asked again, or -errno.
 */
int route_dump_ask(struct route_dump *dump, const struct nlmsghdr *request, route_dump_fn fn,
		   void *context) __attribute__((warn_unused_result));

#endif
