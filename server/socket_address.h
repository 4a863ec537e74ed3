/*
 * Interface for the kernel's socket addresses: endpoints in, endpoints out.
 */
#ifndef SERVER_SOCKET_ADDRESS_H
#define SERVER_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "event/flow.h"

union socket_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* An IPv4 endpoint becomes AF_INET. Returns the length for bind() and connect(). */
socklen_t socket_address_from(const struct endpoint *e, union socket_address *out);

/* Zero for a family that is neither IPv4 nor IPv6. */
struct endpoint socket_address_to(const union socket_address *a);

/* getsockname(). 0 or -errno. */
int socket_address_local(int fd, struct endpoint *out) __attribute__((warn_unused_result));

#endif
