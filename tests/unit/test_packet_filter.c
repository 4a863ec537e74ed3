/*
 * The packet filter, packet by packet: the kernel runs it on frames made here
 * (BPF_PROG_TEST_RUN), where it may be loaded.
 */
#include "probe/filter.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define PSH 0x08
#define ACK 0x10

#define CLIENT_ISN 1000u
#define SERVER_ISN 5000u

static struct packet_filter *filter;

static void open_filter(const char *const *texts)
{
	struct endpoint targets[8];
	size_t count = 0;
	int error;

	for (; texts[count]; count++)
		cr_assert_eq(endpoint_parse(texts[count], &targets[count]), 0);
	error = packet_filter_new(targets, count, &filter);
	if (error) {
		cr_assert_eq(error, -EPERM, "%s", strerror(-error));
		cr_skip_test("takes CAP_BPF");
	}
}

static bool passes(const uint8_t *frame, size_t size)
{
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = (uint32_t)size,
		    .repeat = 1);

	cr_assert_eq(bpf_prog_test_run_opts(packet_filter_fd(filter), &run), 0, "%s",
		     strerror(errno));
	return run.retval != 0;
}

static uint8_t *put16(uint8_t *p, unsigned value)
{
	*p++ = (uint8_t)(value >> 8);
	*p++ = (uint8_t)value;
	return p;
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	return put16(put16(p, value >> 16), value & 0xffff);
}

struct tcp {
	bool server; /* it is the server's: 10.0.0.2:8080 or 2001:db8::2 */
	uint8_t flags;
	uint32_t seq;
	uint32_t ack;
	unsigned payload;
	unsigned client_port; /* 0: 40000 */
	unsigned server_port; /* 0: 8080 */
};

static uint8_t *put_tcp(uint8_t *p, const struct tcp *t)
{
	unsigned client = t->client_port ? t->client_port : 40000;
	unsigned server = t->server_port ? t->server_port : 8080;

	p = put16(p, t->server ? server : client);
	p = put16(p, t->server ? client : server);
	p = put32(p, t->seq);
	p = put32(p, t->ack);
	*p++ = 5 << 4;
	*p++ = t->flags;
	return put32(put16(p, 1024), 0);
}

/* In Ethernet; with tags so many VLAN tags in the frame. */
static bool passes_ipv4(const struct tcp *t, unsigned tags, unsigned fragment)
{
	uint8_t frame[128] = {[12] = 0}, *p = frame + 12;

	for (unsigned i = 0; i < tags; i++)
		p = put16(put16(p, 0x8100), 100 + i);
	p = put16(p, 0x0800);
	p = put16(p, 0x4500);
	p = put16(p, 40 + t->payload);
	p = put16(put16(p, 0), fragment);
	p = put16(put16(p, 0x4006), 0);
	p = put32(p, t->server ? 0x0a000002 : 0x0a000001);
	p = put32(p, t->server ? 0x0a000001 : 0x0a000002);
	p = put_tcp(p, t);
	return passes(frame, (size_t)(p - frame));
}

/* Behind so many extension headers: destination options of 8 bytes. */
static bool passes_ipv6(const struct tcp *t, unsigned extensions)
{
	uint8_t frame[192] = {[12] = 0}, *p = put16(frame + 12, 0x86dd);

	p = put32(p, 0x60000000);
	p = put16(p, 20 + 8 * extensions + t->payload);
	*p++ = extensions ? 60 : 6;
	*p++ = 64;
	for (int end = 0; end < 2; end++) {
		p = put32(put32(put32(p, 0x20010db8), 0), 0);
		p = put32(p, (end == 0) == t->server ? 2 : 1);
	}
	for (unsigned i = 0; i < extensions; i++, p += 8)
		p[0] = i + 1 < extensions ? 60 : 6;
	p = put_tcp(p, t);
	return passes(frame, (size_t)(p - frame));
}

static bool client(uint8_t flags, uint32_t sent, uint32_t heard, unsigned payload)
{
	return passes_ipv4(&(struct tcp){.flags = flags,
					 .seq = CLIENT_ISN + sent,
					 .ack = flags & ACK ? SERVER_ISN + heard : 0,
					 .payload = payload},
			   0, 0);
}

static bool server(uint8_t flags, uint32_t sent, uint32_t heard, unsigned payload)
{
	return passes_ipv4(&(struct tcp){.server = true,
					 .flags = flags,
					 .seq = SERVER_ISN + sent,
					 .ack = CLIENT_ISN + heard,
					 .payload = payload},
			   0, 0);
}

static const char *const every_8080[] = {":8080", NULL};

static void shake_hands(void)
{
	cr_assert(client(SYN, 0, 0, 0));
	cr_assert(server(SYN | ACK, 0, 1, 0));
	cr_assert(client(ACK, 1, 1, 0));
}

Test(packet_filter, requests_on_a_kept_connection_cost_nothing)
{
	unsigned passed = 3;

	open_filter(every_8080);
	shake_hands();
	for (uint32_t i = 0; i < 1000; i++) {
		passed += client(ACK | PSH, 1 + 80 * i, 1 + 200 * i, 80);
		passed += server(ACK, 1 + 200 * i, 1 + 80 * (i + 1), 0);
		passed += server(ACK | PSH, 1 + 200 * i, 1 + 80 * (i + 1), 200);
		passed += client(ACK, 1 + 80 * (i + 1), 1 + 200 * (i + 1), 0);
	}
	/* The first request, its acknowledgement, the first answer and its acknowledgement. */
	cr_assert_eq(passed, 7);
	cr_assert(client(FIN | ACK, 80001, 200001, 0));
	cr_assert(!client(FIN | ACK, 80001, 200001, 0));
	cr_assert(server(FIN | ACK, 200001, 80002, 0));
	cr_assert(!client(ACK, 80002, 200002, 0));
	cr_assert(client(RST, 80002, 0, 0));
	packet_filter_free(filter);
}

Test(packet_filter, bulk_in_either_direction_is_a_few_packets)
{
	unsigned up = 3, down = 3;

	open_filter(every_8080);
	shake_hands();
	for (uint32_t i = 0; i < 1000; i++) {
		up += client(ACK, 1 + 1448 * i, 1, 1448);
		if (i >= 10)
			up += server(ACK, 1, 1 + 1448 * (i - 9), 0);
	}
	up += client(FIN | ACK, 1448001, 1, 0) + server(FIN | ACK, 1, 1448002, 0);
	cr_assert_leq(up, 14, "%u", up);
	cr_assert(client(SYN, 7000000, 0, 0));
	cr_assert(server(SYN | ACK, 0, 7000001, 0));
	cr_assert(client(ACK, 7000001, 1, 0));
	for (uint32_t i = 0; i < 1000; i++) {
		down += server(ACK, 1 + 1448 * i, 7000001, 1448);
		if (i >= 10)
			down += client(ACK, 7000001, 1 + 1448 * (i - 9), 0);
	}
	down += server(FIN | ACK, 1448001, 7000001, 0) + client(FIN | ACK, 7000001, 1448002, 0);
	cr_assert_leq(down, 14, "%u", down);
	packet_filter_free(filter);
}

/* 'N' to one who asks for TLS and one who asks for GSSAPI, and what is said then. */
Test(packet_filter, what_follows_a_byte_or_two_passes)
{
	open_filter(every_8080);
	shake_hands();
	cr_assert(client(ACK | PSH, 1, 1, 8));
	cr_assert(server(ACK | PSH, 1, 9, 1));
	cr_assert(client(ACK | PSH, 9, 2, 8));
	cr_assert(server(ACK | PSH, 2, 17, 1));
	cr_assert(!client(ACK | PSH, 17, 3, 80));
	cr_assert(server(ACK | PSH, 3, 97, 90));
	cr_assert(!server(ACK | PSH, 93, 97, 90));
	packet_filter_free(filter);
}

/* Each of them meets the full queue, and counts there. */
Test(packet_filter, what_nobody_acknowledges_passes_each_time)
{
	open_filter(every_8080);
	shake_hands();
	for (int i = 0; i < 20; i++) {
		cr_assert(client(ACK | PSH, 1, 1, 80));
		cr_assert(client(FIN | ACK, 81, 1, 0));
		cr_assert(server(SYN | ACK, 0, 1, 0));
		cr_assert(client(ACK, 82, 1, 0));
	}
	cr_assert(server(ACK, 1, 82, 0));
	cr_assert(!client(ACK, 82, 1, 0));
	packet_filter_free(filter);
}

Test(packet_filter, what_began_before_costs_nothing)
{
	open_filter(every_8080);
	for (uint32_t i = 0; i < 10; i++) {
		cr_assert(!client(ACK | PSH, 1 + 80 * i, 1, 80));
		cr_assert(!server(ACK | PSH, 1, 81, 200));
	}
	cr_assert(!client(FIN | ACK, 801, 1, 0));
	cr_assert(!server(FIN | ACK, 1, 802, 0));
	cr_assert(server(RST | ACK, 1, 802, 0));
	packet_filter_free(filter);
}

/* The server's answer to a SYN of another number is a bare ACK. */
Test(packet_filter, challenges_pass)
{
	open_filter(every_8080);
	shake_hands();
	cr_assert(client(ACK | PSH, 1, 1, 80));
	cr_assert(server(ACK, 1, 81, 0));
	cr_assert(!server(ACK, 1, 81, 0));
	cr_assert(client(SYN, 900000, 0, 0));
	cr_assert(server(ACK, 1, 81, 0));
	cr_assert(client(RST, 81, 0, 0));
	packet_filter_free(filter);
}

/* Its numbers may stand ahead of those of the new one, whose handshake is still to come. */
Test(packet_filter, what_answered_in_its_place_was_another_connection)
{
	open_filter(every_8080);
	cr_assert(client(SYN, 0, 0, 0));
	for (int i = 0; i < 3; i++) {
		cr_assert(server(ACK, 7000, 9000, 0));
		cr_assert(client(SYN, 0, 0, 0));
	}
	cr_assert(client(RST, 9000, 0, 0));
	cr_assert(client(SYN, 0, 0, 0));
	cr_assert(server(SYN | ACK, 0, 1, 0));
	cr_assert(client(ACK, 1, 1, 0));
	cr_assert(client(ACK | PSH, 1, 1, 80));
	cr_assert(server(ACK, 1, 81, 0));
	cr_assert(!server(ACK, 1, 81, 0));
	packet_filter_free(filter);
}

/* A connection that lives on after another SYN of its 4-tuple costs no more than a few packets. */
Test(packet_filter, what_lives_on_beside_a_stray_syn_costs_little)
{
	unsigned passed = 0;

	open_filter(every_8080);
	shake_hands();
	cr_assert(client(ACK | PSH, 1, 1, 80));
	cr_assert(server(ACK, 1, 81, 0));
	/* Its number stands a little before those of the connection. */
	cr_assert(client(SYN, (uint32_t)-1000, 0, 0));
	cr_assert(server(ACK, 1, 81, 0));
	for (uint32_t i = 0; i < 100; i++)
		passed += server(ACK | PSH, 1 + 1000 * i, 81, 1000) +
			  client(ACK, 81, 1001 + 1000 * i, 0);
	cr_assert_leq(passed, 20);
	packet_filter_free(filter);
}

/* Of a cookie, say: the right one is still to come. */
Test(packet_filter, a_wrong_acknowledgement_ends_no_handshake)
{
	open_filter(every_8080);
	cr_assert(client(SYN, 0, 0, 0));
	cr_assert(server(SYN | ACK, 0, 1, 0));
	cr_assert(client(ACK, 1, 0x10000, 0));
	cr_assert(server(RST, 0x10000, 0, 0));
	cr_assert(client(ACK, 1, 1, 0));
	cr_assert(client(ACK | PSH, 1, 1, 80));
	packet_filter_free(filter);
}

Test(packet_filter, nonsense_passes)
{
	open_filter(every_8080);
	cr_assert(client(0, 1, 0, 0));
	cr_assert(client(FIN, 1, 0, 0));
	cr_assert(client(SYN | FIN, 1, 0, 0));
	cr_assert(client(SYN | ACK, 1, 0, 0));
	packet_filter_free(filter);
}

Test(packet_filter, tags_extensions_and_fragments)
{
	const struct tcp syn = {.flags = SYN, .seq = CLIENT_ISN};
	const struct tcp other = {.flags = SYN, .seq = CLIENT_ISN, .server_port = 8081};

	open_filter(every_8080);
	for (unsigned n = 0; n <= 2; n++) {
		cr_assert(passes_ipv4(&syn, n, 0), "%u", n);
		cr_assert(!passes_ipv4(&other, n, 0), "%u", n);
	}
	for (unsigned n = 0; n <= 5; n++) {
		const struct tcp late = {.flags = ACK, .seq = CLIENT_ISN + 1, .client_port = 50000};

		cr_assert(passes_ipv6(&syn, n), "%u", n);
		cr_assert_eq(passes_ipv6(&other, n), n == 5, "%u", n);
		cr_assert_eq(passes_ipv6(&late, n), n == 5, "%u", n);
	}
	/* Of which port the rest of a fragmented segment is nobody knows. */
	cr_assert(passes_ipv4(&other, 0, 100));
	cr_assert(!passes_ipv4(&other, 0, 0x2000));
	packet_filter_free(filter);
}

Test(packet_filter, targets_are_addresses_and_ports)
{
	static const char *const this_address[] = {"10.0.0.2:8080", NULL};
	static const char *const other_address[] = {"10.0.0.3:8080", "0.0.0.0:8081", NULL};
	static const char *const none[] = {NULL};
	const struct tcp syn = {.flags = SYN, .seq = CLIENT_ISN};
	const struct tcp port = {.flags = SYN, .seq = CLIENT_ISN, .server_port = 8081};

	open_filter(this_address);
	cr_assert(passes_ipv4(&syn, 0, 0));
	cr_assert(!passes_ipv4(&port, 0, 0));
	cr_assert(!passes_ipv6(&syn, 0));
	packet_filter_free(filter);
	open_filter(other_address);
	cr_assert(!passes_ipv4(&syn, 0, 0));
	cr_assert(passes_ipv4(&port, 0, 0));
	cr_assert(!passes_ipv6(&port, 0));
	packet_filter_free(filter);
	open_filter(none);
	cr_assert(passes_ipv4(&syn, 0, 0));
	cr_assert(passes_ipv6(&port, 0));
	packet_filter_free(filter);
}

Test(packet_filter, too_many_targets_are_refused)
{
	struct endpoint targets[65] = {{.port = 1}};

	cr_assert_eq(packet_filter_new(targets, 65, &filter), -E2BIG);
}
