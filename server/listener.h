/*
 * Interface for the server's listening sockets.
 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H

#include <stddef.h>

#include "event/flow.h"
#include "server/service.h"

struct listener_socket {
	int fd; /* non-blocking, close-on-exec */
	struct endpoint local;
};

/*
 * Opens the socket of wanted[i]; wanted is the whole list, since an IPv4
 * endpoint of the same port makes a :: beside it IPv6 only. 0 or -errno.
 */
int listener_open(const struct endpoint *wanted, size_t count, size_t i, int backlog,
		  struct listener_socket *out) __attribute__((warn_unused_result));

/*
 * Accepts one connection; never waits. *before_ns and *after_ns are taken right
 * before and after the call. Returns 0 or -errno of accept4(2).
 */
int listener_accept(const struct listener_socket *listener, struct connection *out,
		    int64_t *before_ns, int64_t *after_ns) __attribute__((warn_unused_result));

#endif
