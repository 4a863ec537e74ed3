#include <criterion/criterion.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <net/route.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "netlink/child/queue.h"
#include "netlink/diag/message.h"
#include "tests/unit/sampling.h"

Test(sampler_children, accept_is_bounded_by_the_looks_at_the_child)
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
		sampler_watch_child(s, &flow[i], clock_now_ns());
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

Test(sampler_children, a_ghost_is_gone_and_its_depth_stays)
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
	sampler_watch_child(s, &flow, clock_now_ns());
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

Test(sampler_children, half_open_handshakes_are_counted_by_listener)
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

/* The next count, or NULL if there is none for so long. */
#define NO_COUNT_NS (500 * NS_PER_MS)

static const struct event *next_count(struct sampler *s)
{
	const struct timespec pause = {.tv_nsec = NS_PER_MS};
	int64_t end_ns = clock_monotonic_ns() + NO_COUNT_NS;

	while (clock_monotonic_ns() < end_ns) {
		nanosleep(&pause, NULL);
		count = 0;
		go(s);
		if (last(EVENT_HALF_OPEN))
			return last(EVENT_HALF_OPEN);
	}
	return NULL;
}

/* However busy the machine is. */
static const struct event *wait_for_count(struct sampler *s)
{
	const struct event *event;

	do
		event = next_count(s);
	while (!event);
	return event;
}

Test(sampler_children, requests_are_counted_where_there_can_be_some)
{
	struct sampler *s;
	int raw;

	ENTER();
	route_to_nowhere();
	listen_on("127.0.0.1:8080", 20);
	s = sampler_of(":8080");
	go(s);
	cr_assert_eq(last(EVENT_HALF_OPEN)->half_open.count, 0);
	/* Nobody tells of every SYN. */
	cr_assert_eq(wait_for_count(s)->half_open.count, 0);
	sampler_expect_every_packet(s, true);
	cr_assert_null(next_count(s));
	cr_assert(sampler_rests(s));
	raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	send_syn(raw, 2000, 8080);
	sampler_watch_syn(s);
	cr_assert_not(sampler_rests(s));
	/* As long as there is one. */
	for (int i = 0; i < 3; i++)
		cr_assert_eq(wait_for_count(s)->half_open.count, 1);
	cr_assert_not(sampler_rests(s));
	sampler_free(s);
}

Test(sampler_children, a_syn_that_is_dropped_names_the_listener_that_dropped_it)
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

Test(sampler_children, a_final_ack_that_is_dropped_leaves_a_zombie_that_is_followed)
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
	sampler_watch_child(s, &zombie, clock_now_ns());
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

/* Its SYN queue holds one request too: the next SYN gets a cookie. */
Test(sampler_children, where_a_queue_was_full_a_request_is_told_from_a_cookie)
{
	struct flow flow, request = syn_flow(2000, 8080), cookie = syn_flow(2001, 8080);
	struct sampler *s;
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
	read_isn(tap, 2000);
	sampler_watch_request(s, &request);
	count = 0;
	go(s);
	cr_assert_null(last(EVENT_CHILD), "nobody asks while there is room");
	connect_to("127.0.0.1:8080", &flow);
	for (int i = 0; i < 1000 && sampler_depth(s) == 0; i++)
		go(s);
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	sampler_watch_request(s, &request);
	count = 0;
	go(s);
	cr_assert(flow_equal(&last(EVENT_CHILD)->child.flow, &request));
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_HALF_OPEN);
	send_syn(raw, 2001, 8080);
	read_isn(tap, 2001);
	sampler_watch_request(s, &cookie);
	count = 0;
	go(s);
	cr_assert(flow_equal(&last(EVENT_CHILD)->child.flow, &cookie));
	cr_assert_eq(last(EVENT_CHILD)->child.state, 0);
	cr_assert_neq(last(EVENT_CHILD)->child.listener, 0, "it is known whose cookie it is");
	sampler_watch_again(s, &request);
	count = 0;
	go(s);
	cr_assert(flow_equal(&last(EVENT_CHILD)->child.flow, &request));
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_HALF_OPEN);
	sampler_free(s);
}

Test(sampler_children, what_is_not_delivered_here_is_not_followed)
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
	sampler_watch_child(s, &flow, clock_now_ns());
	go(s);
	sampler_stats(s, &stats);
	cr_assert_eq(stats.lookups, 0);
	/* That it has no socket here says nothing of it. */
	cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
	cr_assert_null(last(EVENT_CHILD));
	sampler_free(s);
}

/* Two ends of a cable in one namespace, and a connection between their link-local addresses. */
Test(sampler_children, a_link_local_connection_is_found_on_its_interface)
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
