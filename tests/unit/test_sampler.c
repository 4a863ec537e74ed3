#include "netlink/sampler.h"

#include <criterion/criterion.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "netlink/child_queue.h"
#include "netlink/diag_message.h"
#include "tests/unit/netns.h"

/* Everything that a sampler has delivered, in order. */
static struct event events[20000];
static size_t count;

static int note(void *context, const struct event *event)
{
	(void)context;
	cr_assert_eq(event->source, SOURCE_SAMPLER);
	if (count)
		cr_assert_gt(event->time_ns, events[count - 1].time_ns, "times must increase");
	cr_assert_lt(count, sizeof(events) / sizeof(events[0]));
	events[count++] = *event;
	return 0;
}

static void go(struct sampler *sampler)
{
	cr_assert_eq(sampler_round(sampler, note, NULL), 0);
}

static const struct event *last(enum event_kind kind)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == kind)
			return &events[i];
	return NULL;
}

static const struct sample *last_sample(uint64_t cookie)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == EVENT_SAMPLE && events[i].sample.cookie == cookie)
			return &events[i].sample;
	return NULL;
}

static const struct listener *last_listener(enum listener_change change)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == EVENT_LISTENER && events[i].listener.change == change)
			return &events[i].listener;
	return NULL;
}

/* Rounds with a pause, until something is there or a bound on their number is met. */
static const struct listener *wait_for(struct sampler *s, enum listener_change change)
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

static socklen_t to_sock(const struct endpoint *e, int family, union sock *sock)
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

static struct endpoint endpoint(const char *text)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(text, &e), 0);
	return e;
}

static int listen_on(const char *text, int backlog)
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
static int connect_to(const char *text, struct flow *flow)
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

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size), 0);
	return cookie;
}

static struct sampler *sampler_of(const char *target)
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

Test(sampler, depth_limit_and_drops_are_the_kernels)
{
	struct sampler *s;
	struct flow flow;
	const struct listener *l;
	const struct sample *sample;
	uint64_t cookie;
	int fd;

	ENTER();
	fd = listen_on("127.0.0.1:8080", 3);
	cookie = cookie_of(fd);
	s = sampler_of(":8080");
	go(s);
	cr_assert_eq(sampler_listeners(s), 1);
	l = last_listener(LISTENER_SEEN);
	cr_assert_eq(l->cookie, cookie);
	cr_assert_eq(l->limit, 3);
	l = last_listener(LISTENER_CHANGED);
	cr_assert_not_null(l, "its owner is this process");
	cr_assert_eq(l->pids[0], getpid());
	cr_assert_eq(last_sample(cookie)->depth, 0);
	for (int i = 0; i < 6; i++)
		connect_to("127.0.0.1:8080", &flow);
	go(s);
	sample = last_sample(cookie);
	cr_assert_eq(sample->depth, 4, "a limit of 3 holds 4");
	cr_assert_eq(sample->limit, 3);
	cr_assert(sample->drops_known);
	cr_assert_eq(sample->drops, 2);
	cr_assert_eq(sampler_depth(s), 4);
	cr_assert_leq(sample->before_ns, last(EVENT_SAMPLE)->time_ns);
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	go(s);
	cr_assert_eq(last_sample(cookie)->depth, 3);
	sampler_free(s);
}

Test(sampler, a_second_listen_changes_the_limit)
{
	struct sampler *s;
	uint64_t cookie;
	int fd;

	ENTER();
	fd = listen_on("127.0.0.1:8080", 3);
	cookie = cookie_of(fd);
	s = sampler_of(":8080");
	go(s);
	count = 0;
	go(s);
	cr_assert_null(last(EVENT_LISTENER), "nothing changed, nothing is told");
	cr_assert_eq(listen(fd, 9), 0);
	go(s);
	cr_assert_eq(last_listener(LISTENER_CHANGED)->limit, 9);
	cr_assert_eq(last_sample(cookie)->limit, 9);
	sampler_free(s);
}

Test(sampler, a_listener_that_closes_and_one_that_opens_are_told)
{
	struct sampler *s;
	uint64_t first, second;
	int fd;

	ENTER();
	s = sampler_of(":8080");
	go(s);
	cr_assert_eq(sampler_listeners(s), 0);
	cr_assert_eq(count, 0);
	fd = listen_on("127.0.0.1:8080", 3);
	first = cookie_of(fd);
	cr_assert_eq(wait_for(s, LISTENER_SEEN)->cookie, first);
	close(fd);
	cr_assert_eq(wait_for(s, LISTENER_CLOSED)->cookie, first);
	cr_assert_eq(sampler_listeners(s), 0);
	fd = listen_on("127.0.0.1:8080", 4);
	second = cookie_of(fd);
	cr_assert_neq(first, second);
	cr_assert_eq(wait_for(s, LISTENER_SEEN)->cookie, second);
	close(fd);
	/* Replaced at once: the new one is no sample of the old one. */
	fd = listen_on("127.0.0.1:8080", 5);
	count = 0;
	for (int i = 0; i < 300 && !last_sample(cookie_of(fd)); i++) {
		go(s);
		usleep(1000);
	}
	cr_assert_eq(last_listener(LISTENER_CLOSED)->cookie, second);
	cr_assert_eq(last_sample(cookie_of(fd))->limit, 5);
	for (size_t i = 0; i < count; i++)
		if (events[i].kind == EVENT_SAMPLE)
			cr_assert_eq(events[i].sample.limit,
				     events[i].sample.cookie == second ? 4 : 5);
	sampler_free(s);
}

Test(sampler, every_sibling_of_a_group_has_its_own_samples)
{
	struct sampler *s;
	struct flow flow;
	uint64_t cookie[4];
	uint32_t depth[4] = {0};
	int fd[4];

	ENTER();
	for (int i = 0; i < 4; i++) {
		fd[i] = listen_on("127.0.0.1:8080", 50 + i);
		cookie[i] = cookie_of(fd[i]);
	}
	s = sampler_of(":8080");
	go(s);
	for (int i = 0; i < 100; i++) {
		struct endpoint local = endpoint("127.0.0.1:8080");
		int c = connect_to("127.0.0.1:8080", &flow);
		const struct child *child;

		cr_assert(flow.dport == local.port);
		/* Its socket is there: the look finds the connection and not a listener. */
		cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
		child = &last(EVENT_CHILD)->child;
		cr_assert_eq(child->state, DIAG_ESTABLISHED);
		cr_assert_eq(child->listener, 0);
		(void)c;
	}
	for (int round = 0; round < 3; round++) {
		uint32_t sum = 0;

		count = 0;
		go(s);
		for (int i = 0; i < 4; i++) {
			const struct sample *sample = last_sample(cookie[i]);

			cr_assert_not_null(sample);
			cr_assert_eq(sample->limit, 50 + i);
			depth[i] = sample->depth;
			sum += depth[i];
		}
		cr_assert_eq(sum, 100);
	}
	for (int i = 0; i < 4; i++) {
		if (depth[i] == 0)
			continue;
		cr_assert_geq(accept(fd[i], NULL, NULL), 0);
		go(s);
		cr_assert_eq(last_sample(cookie[i])->depth, depth[i] - 1);
	}
	/* The group shrinks; those that are left are still told apart. */
	close(fd[1]);
	cr_assert_eq(wait_for(s, LISTENER_CLOSED)->cookie, cookie[1]);
	count = 0;
	go(s);
	cr_assert_eq(last_sample(cookie[0])->limit, 50);
	cr_assert_eq(last_sample(cookie[3])->limit, 53);
	cr_assert_null(last_sample(cookie[1]));
	sampler_free(s);
}

Test(sampler, ipv6_and_dual_stack_listeners)
{
	struct sampler_options all = {NULL, 0, true};
	struct sampler *s;
	struct flow v4, v6, single;
	int dual, one, six;

	ENTER();
	dual = listen_on("[::]:8080", 7);
	six = listen_on("[::1]:8081", 8);
	one = listen_on("0.0.0.0:8082", 9);
	connect_to("127.0.0.1:8080", &v4);
	connect_to("[::1]:8080", &v6);
	connect_to("127.0.0.1:8082", &single);
	cr_assert_eq(sampler_new(&all, &s), 0);
	go(s);
	cr_assert_eq(sampler_listeners(s), 3);
	go(s);
	cr_assert_eq(last_sample(cookie_of(dual))->depth, 2);
	cr_assert_eq(last_sample(cookie_of(six))->depth, 0);
	cr_assert_eq(last_sample(cookie_of(one))->depth, 1);
	cr_assert_eq(last_sample(cookie_of(six))->limit, 8);
	for (int i = 0; i < 3; i++) {
		const struct flow *flow = i == 0 ? &v4 : i == 1 ? &v6 : &single;
		const struct child *child;

		cr_assert_eq(sampler_look_up(s, flow, note, NULL), 0);
		child = &last(EVENT_CHILD)->child;
		cr_assert_eq(child_status(child), CHILD_WAITING, "flow %d", i);
		cr_assert(flow_equal(&child->flow, flow));
	}
	cr_assert_geq(accept(dual, NULL, NULL), 0);
	cr_assert_eq(sampler_look_up(s, &v4, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_ACCEPTED);
	cr_assert_eq(sampler_look_up(s, &v6, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_WAITING);
	sampler_free(s);
}

Test(sampler, accept_is_bounded_by_the_looks_at_the_child)
{
	struct sampler *s;
	struct flow flow[10];
	int fd;

	ENTER();
	fd = listen_on("127.0.0.1:8080", 20);
	s = sampler_of("127.0.0.1:8080");
	go(s);
	for (int i = 0; i < 10; i++) {
		connect_to("127.0.0.1:8080", &flow[i]);
		sampler_watch_child(s, &flow[i]);
	}
	for (int i = 0; i < 3; i++)
		go(s);
	cr_assert_null(last(EVENT_CHILD));
	for (int i = 0; i < 10; i++) {
		int64_t before_ns, after_ns;
		const struct event *event;

		go(s);
		before_ns = clock_now_ns();
		cr_assert_geq(accept(fd, NULL, NULL), 0);
		after_ns = clock_now_ns();
		go(s);
		event = last(EVENT_CHILD);
		cr_assert(flow_equal(&event->child.flow, &flow[i]), "out of order at %d", i);
		cr_assert_neq(event->child.inode, 0);
		cr_assert_neq(event->child.waiting_ns, TIME_UNKNOWN);
		cr_assert_leq(event->child.waiting_ns, before_ns);
		cr_assert_geq(event->time_ns, after_ns);
	}
	sampler_free(s);
}

Test(sampler, a_ghost_is_gone_and_its_depth_stays)
{
	struct linger now = {1, 0};
	struct sampler *s;
	struct flow flow;
	uint64_t cookie;
	int fd, client;

	ENTER();
	fd = listen_on("127.0.0.1:8080", 20);
	cookie = cookie_of(fd);
	s = sampler_of(":8080");
	go(s);
	client = connect_to("127.0.0.1:8080", &flow);
	sampler_watch_child(s, &flow);
	go(s);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(client);
	go(s);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_GONE);
	cr_assert_eq(last(EVENT_CHILD)->child.listener, cookie);
	cr_assert_neq(last(EVENT_CHILD)->child.waiting_ns, TIME_UNKNOWN);
	cr_assert_eq(last_sample(cookie)->depth, 1);
	sampler_free(s);
}

static uint16_t checksum(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (size_t i = 0; i + 1 < size; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* A segment of 192.0.2.7, whose route leads nowhere: nobody answers the answer. */
static void send_segment(int raw, uint16_t from, uint16_t to, uint32_t seq, uint32_t ack,
			 uint8_t flags)
{
	uint8_t tcp[20] = {(uint8_t)(from >> 8), (uint8_t)from, (uint8_t)(to >> 8), (uint8_t)to,
			   [12] = 5 << 4,	 [13] = flags,	[14] = 0xff,	    [15] = 0xff};
	static const uint8_t pseudo[12] = {192, 0, 2, 7, 127, 0, 0, 1, 0, 6, 0, 20};
	uint8_t packet[40] = {0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, 7, 127, 0, 0, 1};
	struct sockaddr_in local = {.sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	uint32_t sum = 0;
	uint16_t check;

	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	for (size_t i = 0; i < sizeof(pseudo); i += 2)
		sum += (uint32_t)pseudo[i] << 8 | pseudo[i + 1];
	check = checksum(tcp, sizeof(tcp), sum);
	tcp[16] = (uint8_t)(check >> 8);
	tcp[17] = (uint8_t)check;
	memcpy(packet + 20, tcp, sizeof(tcp));
	cr_assert_eq(
	    sendto(raw, packet, sizeof(packet), 0, (struct sockaddr *)&local, sizeof(local)),
	    sizeof(packet));
}

static void send_syn(int raw, uint16_t from, uint16_t to)
{
	send_segment(raw, from, to, 1000, 0, TCP_FLAG_SYN);
}

/* The server's ISN, from its SYN-ACK to 192.0.2.7 as it passes by. */
static uint32_t read_isn(int tap, uint16_t to)
{
	uint8_t p[128];
	struct pollfd pollfd = {tap, POLLIN, 0};

	for (int i = 0; i < 100 && poll(&pollfd, 1, 1000) == 1; i++) {
		ssize_t n = recv(tap, p, sizeof(p), 0);

		if (n >= 40 && p[9] == IPPROTO_TCP && p[16] == 192 &&
		    (p[33] & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == (TCP_FLAG_SYN | TCP_FLAG_ACK) &&
		    (p[22] << 8 | p[23]) == to)
			return (uint32_t)p[24] << 24 | (uint32_t)p[25] << 16 |
			       (uint32_t)p[26] << 8 | p[27];
	}
	cr_assert(false, "no SYN-ACK passed by");
	return 0;
}

static void route_to_nowhere(void)
{
	struct rtentry route = {.rt_flags = RTF_UP | RTF_HOST, .rt_dev = (char[]){"lo"}};
	struct sockaddr_in *to = (struct sockaddr_in *)&route.rt_dst;
	struct sockaddr_in *mask = (struct sockaddr_in *)&route.rt_genmask;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	to->sin_family = mask->sin_family = AF_INET;
	to->sin_addr.s_addr = htonl(0xc0000207);
	mask->sin_addr.s_addr = UINT32_MAX;
	cr_assert_eq(ioctl(fd, SIOCADDRT, &route), 0, "%s", strerror(errno));
	close(fd);
}

static struct flow syn_flow(uint16_t from, uint16_t to)
{
	struct endpoint client = endpoint("192.0.2.7:1"), server = endpoint("127.0.0.1:1");

	return (struct flow){client.address, server.address, from, to};
}

Test(sampler, half_open_handshakes_are_counted_by_listener)
{
	struct sampler_options all = {NULL, 0, true};
	const struct event *event = NULL;
	struct sampler *s;
	struct flow flow;
	uint64_t cookie;
	int raw, fd;

	ENTER();
	route_to_nowhere();
	fd = listen_on("127.0.0.1:8080", 20);
	cookie = cookie_of(fd);
	listen_on("[::]:8081", 20);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	cr_assert_geq(raw, 0);
	for (uint16_t i = 0; i < 5; i++)
		send_syn(raw, 2000 + i, 8080);
	for (uint16_t i = 0; i < 3; i++)
		send_syn(raw, 2000 + i, 8081);
	cr_assert_eq(sampler_new(&all, &s), 0);
	go(s);
	for (size_t i = 0; i < count; i++) {
		if (events[i].kind != EVENT_HALF_OPEN)
			continue;
		event = &events[i];
		cr_assert_eq(event->half_open.count, event->half_open.cookie == cookie ? 5 : 3);
		cr_assert_leq(event->half_open.before_ns, event->time_ns);
	}
	cr_assert_not_null(event);
	/* A look at one of them finds its request socket. */
	flow = syn_flow(2001, 8080);
	cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_HALF_OPEN);
	/* And a flow that never was finds who would answer it. */
	flow = syn_flow(3000, 8080);
	cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_GONE);
	cr_assert_eq(last(EVENT_CHILD)->child.listener, cookie);
	flow.dport = 9999;
	cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
	cr_assert_eq(last(EVENT_CHILD)->child.listener, 0);
	sampler_free(s);
}

Test(sampler, a_syn_that_is_dropped_names_the_listener_that_dropped_it)
{
	struct sampler *s;
	struct flow flow[2];
	struct pollfd client = {.events = POLLOUT};
	int fd;

	ENTER();
	fd = listen_on("127.0.0.1:8080", 0);
	s = sampler_of(":8080");
	go(s);
	connect_to("127.0.0.1:8080", &flow[0]);
	client.fd = connect_to("127.0.0.1:8080", &flow[1]);
	cr_assert_eq(poll(&client, 1, 0), 0, "a limit of 0 holds one");
	cr_assert_eq(sampler_look_up(s, &flow[1], note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_GONE);
	cr_assert_eq(last(EVENT_CHILD)->child.listener, cookie_of(fd));
	sampler_free(s);
}

Test(sampler, a_final_ack_that_is_dropped_leaves_a_zombie_that_is_followed)
{
	struct flow flow, zombie = syn_flow(2000, 8080);
	struct sampler *s;
	uint32_t isn;
	int raw, tap, fd;

	ENTER();
	route_to_nowhere();
	fd = listen_on("127.0.0.1:8080", 0);
	s = sampler_of(":8080");
	go(s);
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	tap = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, htons(ETH_P_IP));
	cr_assert(raw >= 0 && tap >= 0);
	send_syn(raw, 2000, 8080);
	isn = read_isn(tap, 2000);
	connect_to("127.0.0.1:8080", &flow); /* takes the only place */
	go(s);
	send_segment(raw, 2000, 8080, 1001, isn + 1, TCP_FLAG_ACK);
	sampler_watch_child(s, &zombie);
	count = 0;
	go(s);
	cr_assert(flow_equal(&last(EVENT_CHILD)->child.flow, &zombie));
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_HALF_OPEN);
	/* There is room, and the client sends its ACK again. */
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	send_segment(raw, 2000, 8080, 1001, isn + 1, TCP_FLAG_ACK);
	count = 0;
	for (int i = 0; i < 1000 && !last(EVENT_CHILD); i++) {
		go(s);
		usleep(1000);
	}
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_WAITING);
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	go(s);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_ACCEPTED);
	cr_assert_neq(last(EVENT_CHILD)->child.waiting_ns, TIME_UNKNOWN);
	sampler_free(s);
}

Test(sampler, what_is_not_delivered_here_is_not_followed)
{
	struct flow flow = syn_flow(2000, 8080);
	struct sampler_stats stats;
	struct sampler *s;

	ENTER();
	listen_on("0.0.0.0:8080", 5);
	s = sampler_of(":8080");
	go(s);
	/* From this host to a server elsewhere: the wildcard listener has nothing to do with it. */
	flow.daddr = endpoint("198.51.100.1:1").address;
	sampler_watch_child(s, &flow);
	go(s);
	sampler_stats(s, &stats);
	cr_assert_eq(stats.lookups, 0);
	cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_GONE);
	cr_assert_eq(last(EVENT_CHILD)->child.listener, 0);
	sampler_free(s);
}

/* Two ends of a cable in one namespace, and a connection between their link-local addresses. */
Test(sampler, a_link_local_connection_is_found_on_its_interface)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(8080)};
	struct sockaddr_in6 from;
	socklen_t size = sizeof(from);
	struct flow flow = {.dport = 8080};
	struct ifaddrs *addresses;
	struct sampler *s;
	int client;

	ENTER();
	if (!netns_sysctl("/proc/sys/net/ipv6/conf/default/accept_dad", "0") ||
	    !netns_sysctl("/proc/sys/net/ipv6/conf/all/accept_dad", "0") ||
	    system("ip link add v0 type veth peer name v1 && ip link set v0 up && "
		   "ip link set v1 up") != 0)
		cr_skip_test("takes iproute2, veth and IPv6");
	listen_on("[::]:8080", 5);
	for (int i = 0; i < 500 && !to.sin6_scope_id; i++) {
		usleep(10000);
		cr_assert_eq(getifaddrs(&addresses), 0);
		for (const struct ifaddrs *a = addresses; a; a = a->ifa_next)
			if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6 &&
			    strcmp(a->ifa_name, "v1") == 0) {
				to.sin6_addr = ((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
				to.sin6_scope_id = if_nametoindex("v0");
			}
		freeifaddrs(addresses);
	}
	client = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(client, (struct sockaddr *)&to, sizeof(to)), 0, "%s", strerror(errno));
	cr_assert_eq(getsockname(client, (struct sockaddr *)&from, &size), 0);
	flow.daddr = address_from_ipv6((uint8_t *)&to.sin6_addr);
	flow.saddr = address_from_ipv6((uint8_t *)&from.sin6_addr);
	flow.sport = ntohs(from.sin6_port);
	s = sampler_of(":8080");
	go(s);
	cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_WAITING);
	sampler_free(s);
}

Test(sampler, counters_are_delivered_as_an_event)
{
	struct sampler *s;
	const struct event *event;

	ENTER();
	s = sampler_of(":8080");
	cr_assert_eq(sampler_counters(s, COUNTERS_BEFORE, note, NULL), 0);
	event = last(EVENT_COUNTERS);
	cr_assert_eq(event->counters.when, COUNTERS_BEFORE);
	cr_assert((event->counters.known >> COUNTER_LISTEN_DROPS) & 1);
	cr_assert_eq(event->counters.value[COUNTER_LISTEN_DROPS], 0, "a new namespace has none");
	cr_assert_leq(event->counters.before_ns, event->time_ns);
	sampler_free(s);
}

static int refuse(void *context, const struct event *event)
{
	(void)context;
	(void)event;
	return -EPIPE;
}

Test(sampler, what_the_receiver_returns_ends_the_round)
{
	struct sampler *s;

	ENTER();
	listen_on("127.0.0.1:8080", 3);
	s = sampler_of(":8080");
	cr_assert_eq(sampler_round(s, refuse, NULL), -EPIPE);
	sampler_free(s);
}
