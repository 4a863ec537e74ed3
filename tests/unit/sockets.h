/*
 * Real sockets, a line each, within a network namespace of their own: "127.0.0.1:80", "[::]:80".
 */
#ifndef TESTS_UNIT_SOCKETS_H
#define TESTS_UNIT_SOCKETS_H

#include <criterion/criterion.h>
#include <netinet/in.h>

#include "event/flow.h"
#include "tests/unit/netns.h"

#define ENTER()                                                                 \
	do {                                                                    \
		if (!netns_enter())                                             \
			cr_skip_test("no private network namespace to be had"); \
	} while (0)

union sock {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static inline socklen_t to_sock(const struct endpoint *e, int family, union sock *sock)
{
	memset(sock, 0, sizeof(*sock));
	if (family == AF_INET) {
		sock->v4.sin_family = AF_INET;
		sock->v4.sin_port = htons(e->port);
		memcpy(&sock->v4.sin_addr, e->address.bytes + 12, 4);
		return sizeof(sock->v4);
	}
	sock->v6.sin6_family = AF_INET6;
	sock->v6.sin6_port = htons(e->port);
	memcpy(&sock->v6.sin6_addr, e->address.bytes, 16);
	return sizeof(sock->v6);
}

static inline struct endpoint endpoint(const char *text)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(text, &e), 0);
	return e;
}

static inline int listen_on(const char *text, int backlog)
{
	struct endpoint e = endpoint(text);
	int family = address_is_ipv4(&e.address) ? AF_INET : AF_INET6, one = 1, fd;
	union sock sock;
	socklen_t size = to_sock(&e, family, &sock);

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	cr_assert_eq(bind(fd, &sock.any, size), 0, "%s: %s", text, strerror(errno));
	cr_assert_eq(listen(fd, backlog), 0);
	return fd;
}

/* flags: SOCK_NONBLOCK connects without waiting for it. Fills the flow. */
static inline int connect_with(const char *text, int flags, struct flow *flow)
{
	struct endpoint e = endpoint(text);
	int family = address_is_ipv4(&e.address) ? AF_INET : AF_INET6, fd;
	union sock sock;
	socklen_t size = to_sock(&e, family, &sock);

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	cr_assert_geq(fd, 0);
	if (connect(fd, &sock.any, size) < 0)
		cr_assert_eq(errno, flags & SOCK_NONBLOCK ? EINPROGRESS : 0, "%s: %s", text,
			     strerror(errno));
	size = sizeof(sock);
	cr_assert_eq(getsockname(fd, &sock.any, &size), 0);
	flow->daddr = e.address;
	flow->dport = e.port;
	flow->saddr = family == AF_INET ? address_from_ipv4((uint8_t *)&sock.v4.sin_addr)
					: address_from_ipv6((uint8_t *)&sock.v6.sin6_addr);
	flow->sport = ntohs(family == AF_INET ? sock.v4.sin_port : sock.v6.sin6_port);
	return fd;
}

static inline int connect_to(const char *text, struct flow *flow)
{
	return connect_with(text, SOCK_NONBLOCK, flow);
}

static inline uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

#endif
