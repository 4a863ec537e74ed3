/*
 * For the tests of the sampler: what it delivers is kept, and real sockets are a
 * line each. Within a network namespace of their own.
 */
#ifndef TESTS_UNIT_SAMPLING_H
#define TESTS_UNIT_SAMPLING_H

#include <criterion/criterion.h>
#include <netinet/in.h>

#include "netlink/sampler/sampler.h"
#include "tests/unit/netns.h"

/* Everything that a sampler has delivered, in order. */
static struct event events[20000];
static size_t count;

static inline int note(void *context, const struct event *event)
{
	(void)context;
	cr_assert_eq(event->source, SOURCE_SAMPLER);
	if (count)
		cr_assert_gt(event->time_ns, events[count - 1].time_ns, "times must increase");
	cr_assert_lt(count, sizeof(events) / sizeof(events[0]));
	events[count++] = *event;
	return 0;
}

static inline void go(struct sampler *sampler)
{
	cr_assert_eq(sampler_round(sampler, note, NULL), 0);
}

static inline const struct event *last(enum event_kind kind)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == kind)
			return &events[i];
	return NULL;
}

static inline const struct sample *last_sample(uint64_t cookie)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == EVENT_SAMPLE && events[i].sample.cookie == cookie)
			return &events[i].sample;
	return NULL;
}

/* Rounds until there is a sample of it; where dumps take long, not every round has one. */
static inline const struct sample *next_sample(struct sampler *s, uint64_t cookie)
{
	count = 0;
	for (int i = 0; i < 2000 && !last_sample(cookie); i++) {
		go(s);
		if (!last_sample(cookie))
			usleep(100);
	}
	cr_assert_not_null(last_sample(cookie));
	return last_sample(cookie);
}

static inline const struct listener *last_listener(enum listener_change change)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == EVENT_LISTENER && events[i].listener.change == change)
			return &events[i].listener;
	return NULL;
}

/* Rounds with a pause, until something is there or a bound on their number is met. */
static inline const struct listener *wait_for(struct sampler *s, enum listener_change change)
{
	for (int i = 0; i < 2000; i++) {
		const struct listener *l;

		count = 0;
		go(s);
		l = last_listener(change);
		if (l)
			return l;
		usleep(1000);
	}
	return NULL;
}

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

/* Connects without waiting for it; fills the flow. */
static inline int connect_to(const char *text, struct flow *flow)
{
	struct endpoint e = endpoint(text);
	int family = address_is_ipv4(&e.address) ? AF_INET : AF_INET6, fd;
	union sock sock;
	socklen_t size = to_sock(&e, family, &sock);

	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cr_assert_geq(fd, 0);
	if (connect(fd, &sock.any, size) < 0)
		cr_assert_eq(errno, EINPROGRESS);
	size = sizeof(sock);
	cr_assert_eq(getsockname(fd, &sock.any, &size), 0);
	flow->daddr = e.address;
	flow->dport = e.port;
	flow->saddr = family == AF_INET ? address_from_ipv4((uint8_t *)&sock.v4.sin_addr)
					: address_from_ipv6((uint8_t *)&sock.v6.sin6_addr);
	flow->sport = ntohs(family == AF_INET ? sock.v4.sin_port : sock.v6.sin6_port);
	return fd;
}

static inline uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static inline struct sampler *sampler_of(const char *target)
{
	struct endpoint e = endpoint(target);
	struct sampler_options options = {&e, 1, true};
	struct sampler *sampler;

	cr_assert_eq(sampler_new(&options, &sampler), 0);
	return sampler;
}

#define ENTER()                                                                 \
	do {                                                                    \
		if (!netns_enter())                                             \
			cr_skip_test("no private network namespace to be had"); \
	} while (0)

#endif
