#include "netlink/diag/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE 7

static struct endpoint endpoint(const char *text)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(text, &e), 0);
	return e;
}

/* A listener on 192.0.2.1:8080 as the kernel would describe it, with drops and v6only. */
static size_t build_listener(char *buffer)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct inet_diag_msg *m;
	uint32_t meminfo[SK_MEMINFO_VARS] = {[SK_MEMINFO_DROPS] = 42};
	struct endpoint local = endpoint("192.0.2.1:8080");

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_seq = SEQUENCE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->idiag_family = AF_INET;
	m->idiag_state = DIAG_LISTEN;
	m->id.idiag_sport = htons(local.port);
	memcpy(m->id.idiag_src, local.address.bytes + 12, 4);
	m->id.idiag_cookie[0] = 0x11223344;
	m->id.idiag_cookie[1] = 0x55667788;
	m->id.idiag_if = 3;
	m->idiag_rqueue = 6;
	m->idiag_wqueue = 5;
	m->idiag_uid = 1000;
	m->idiag_inode = 4711;
	mnl_attr_put(h, INET_DIAG_SKMEMINFO, sizeof(meminfo), meminfo);
	mnl_attr_put_u8(h, INET_DIAG_SKV6ONLY, 1);
	return h->nlmsg_len;
}

static void is_the_listener(const struct diag_socket *s)
{
	struct endpoint local = endpoint("192.0.2.1:8080");

	cr_assert_eq(s->cookie, 0x5566778811223344);
	cr_assert(endpoint_equal(&s->local, &local));
	cr_assert_eq(s->depth, 6);
	cr_assert_eq(s->limit, 5);
	cr_assert(s->drops_known);
	cr_assert_eq(s->drops, 42);
	cr_assert_eq(s->interface, 3);
	cr_assert_eq(s->uid, 1000);
	cr_assert_eq(s->inode, 4711);
	cr_assert(s->v6only);
	cr_assert_not(s->ipv6);
	cr_assert_eq(s->state, DIAG_LISTEN);
	cr_assert_eq(s->last_sent_ms, -1);
}

Test(diag_message, a_listener_is_read)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct diag_cursor cursor = {(uint8_t *)buffer, build_listener(buffer), SEQUENCE};
	struct diag_message message;

	cr_assert_eq(diag_next(&cursor, &message), DIAG_SOCKET);
	is_the_listener(&message.socket);
	cr_assert_eq(diag_next(&cursor, &message), DIAG_END);
}

Test(diag_message, queues_of_a_connection_are_bytes_and_not_taken)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct diag_cursor cursor = {(uint8_t *)buffer, build_listener(buffer), SEQUENCE};
	struct inet_diag_msg *m = mnl_nlmsg_get_payload((struct nlmsghdr *)buffer);
	struct diag_message message;

	m->idiag_state = DIAG_ESTABLISHED;
	cr_assert_eq(diag_next(&cursor, &message), DIAG_SOCKET);
	cr_assert_eq(message.socket.depth, 0);
	cr_assert_eq(message.socket.limit, 0);
}

Test(diag_message, how_often_a_client_has_sent_its_syn_is_read)
{
	static const struct {
		uint8_t state, timer, retrans, expires;
		uint32_t syns;
	} cases[] = {{DIAG_SYN_SENT, 1, 0, 200, 1},
		     {DIAG_SYN_SENT, 1, 5, 200, 6},
		     {DIAG_SYN_SENT, 1, 5, 0, 0},
		     {DIAG_SYN_SENT, 0, 0, 0, 0},
		     {DIAG_ESTABLISHED, 1, 2, 200, 0}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_Alignas(struct nlmsghdr) char buffer[512];
		struct diag_cursor cursor = {(uint8_t *)buffer, build_listener(buffer), SEQUENCE};
		struct inet_diag_msg *m = mnl_nlmsg_get_payload((struct nlmsghdr *)buffer);
		struct diag_message message;

		m->idiag_state = cases[i].state;
		m->idiag_timer = cases[i].timer;
		m->idiag_retrans = cases[i].retrans;
		m->idiag_expires = cases[i].expires;
		cr_assert_eq(diag_next(&cursor, &message), DIAG_SOCKET);
		cr_expect_eq(message.socket.syns, cases[i].syns);
	}
}

Test(diag_message, an_ipv6_connection_with_its_age_is_read)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct endpoint local = endpoint("[2001:db8::1]:443"), remote = endpoint("[2001:db8::7]:5");
	uint32_t info[26] = {[2 + 9] = 852};
	struct inet_diag_msg *m;
	struct diag_cursor cursor;
	struct diag_message message;

	h->nlmsg_type = TCPDIAG_GETSOCK;
	h->nlmsg_seq = SEQUENCE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->idiag_family = AF_INET6;
	m->idiag_state = DIAG_CLOSE_WAIT;
	m->id.idiag_sport = htons(443);
	m->id.idiag_dport = htons(5);
	memcpy(m->id.idiag_src, local.address.bytes, 16);
	memcpy(m->id.idiag_dst, remote.address.bytes, 16);
	mnl_attr_put(h, INET_DIAG_INFO, sizeof(info), info);
	cursor = (struct diag_cursor){(uint8_t *)buffer, h->nlmsg_len, SEQUENCE};
	cr_assert_eq(diag_next(&cursor, &message), DIAG_SOCKET);
	cr_assert(endpoint_equal(&message.socket.local, &local));
	cr_assert(endpoint_equal(&message.socket.remote, &remote));
	cr_assert(message.socket.ipv6);
	cr_assert_eq(message.socket.inode, 0);
	cr_assert_eq(message.socket.last_sent_ms, 852);
	cr_assert_not(message.socket.drops_known);
}

Test(diag_message, errors_ends_and_foreign_messages_are_told_apart)
{
	_Alignas(struct nlmsghdr) char buffer[1024];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	struct nlmsgerr *e;
	size_t length;
	struct diag_cursor cursor;
	struct diag_message message;

	h->nlmsg_type = NLMSG_ERROR;
	h->nlmsg_seq = SEQUENCE;
	e = mnl_nlmsg_put_extra_header(h, sizeof(*e));
	e->error = -ENOENT;
	length = h->nlmsg_len;
	h = mnl_nlmsg_put_header(buffer + length); /* of another request */
	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_seq = SEQUENCE - 1;
	length += h->nlmsg_len;
	h = mnl_nlmsg_put_header(buffer + length); /* of a type that nobody asked for */
	h->nlmsg_type = 77;
	h->nlmsg_seq = SEQUENCE;
	length += h->nlmsg_len;
	h = mnl_nlmsg_put_header(buffer + length);
	h->nlmsg_type = NLMSG_DONE;
	h->nlmsg_seq = SEQUENCE;
	h->nlmsg_flags = NLM_F_DUMP_INTR;
	*(int *)mnl_nlmsg_put_extra_header(h, sizeof(int)) = 0;
	length += h->nlmsg_len;
	cursor = (struct diag_cursor){(uint8_t *)buffer, length, SEQUENCE};
	cr_assert_eq(diag_next(&cursor, &message), DIAG_ERROR);
	cr_assert_eq(message.error, -ENOENT);
	cr_assert_eq(diag_next(&cursor, &message), DIAG_OTHER);
	cr_assert_eq(diag_next(&cursor, &message), DIAG_OTHER);
	cr_assert_eq(diag_next(&cursor, &message), DIAG_DONE);
	cr_assert(message.interrupted);
	cr_assert_eq(diag_next(&cursor, &message), DIAG_END);
}

/* A cut buffer, and a message whose own length is cut, must both end within their bytes. */
Test(diag_message, every_cut_is_read_within_its_bounds)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	size_t whole = build_listener(buffer);
	struct diag_message message;

	for (size_t n = 0; n < whole; n++) {
		uint8_t *copy = malloc(n ? n : 1);
		struct diag_cursor cursor = {copy, n, SEQUENCE};

		memcpy(copy, buffer, n);
		cr_assert_eq(diag_next(&cursor, &message), n ? DIAG_TRUNCATED : DIAG_END);
		if (n >= sizeof(struct nlmsghdr)) {
			uint32_t length = (uint32_t)n;
			enum diag_result result;

			memcpy(copy, &length, sizeof(length));
			result = diag_next(&cursor, &message);
			if (n < sizeof(struct nlmsghdr) + sizeof(struct inet_diag_msg))
				cr_assert_eq(result, DIAG_MALFORMED);
			else
				cr_assert(result == DIAG_SOCKET || result == DIAG_MALFORMED);
			cr_assert_eq(diag_next(&cursor, &message), DIAG_END);
		}
		free(copy);
	}
}

Test(diag_message, lengths_that_contradict_each_other_are_malformed)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	size_t whole = build_listener(buffer);
	size_t attribute = sizeof(struct nlmsghdr) + sizeof(struct inet_diag_msg);
	static const uint16_t lengths[] = {0, 1, 3, 200, 65535};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct diag_cursor cursor = {(uint8_t *)buffer, whole, SEQUENCE};
		struct diag_message message;

		memcpy(buffer + attribute, &lengths[i], 2);
		cr_assert_eq(diag_next(&cursor, &message), DIAG_MALFORMED, "length %u", lengths[i]);
		cr_assert_eq(diag_next(&cursor, &message), DIAG_END);
	}
}

Test(diag_message, an_attribute_of_an_older_kernel_is_short_and_its_value_unknown)
{
	_Alignas(struct nlmsghdr) char buffer[512];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buffer);
	uint32_t meminfo[SK_MEMINFO_DROPS] = {0}, info[11] = {0};
	struct inet_diag_msg *m;
	struct diag_cursor cursor;
	struct diag_message message;

	h->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	h->nlmsg_seq = SEQUENCE;
	m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->idiag_family = AF_INET;
	mnl_attr_put(h, INET_DIAG_SKMEMINFO, sizeof(meminfo), meminfo);
	mnl_attr_put(h, INET_DIAG_INFO, sizeof(info), info);
	cursor = (struct diag_cursor){(uint8_t *)buffer, h->nlmsg_len, SEQUENCE};
	cr_assert_eq(diag_next(&cursor, &message), DIAG_SOCKET);
	cr_assert_not(message.socket.drops_known);
	cr_assert_eq(message.socket.last_sent_ms, -1);
}

Test(diag_message, requests_fit_their_room)
{
	_Alignas(struct nlmsghdr) char buffer[DIAG_REQUEST_SIZE];
	uint16_t ports[DIAG_PORTS_MAX];
	struct endpoint local = endpoint("[::1]:80"), remote = endpoint("[::1]:81");

	for (uint16_t i = 0; i < DIAG_PORTS_MAX; i++)
		ports[i] = (uint16_t)(i + 1);
	cr_assert_leq(diag_build_dump(buffer, 1, ~0U, ports, DIAG_PORTS_MAX, DIAG_WANT_DROPS),
		      DIAG_REQUEST_SIZE);
	cr_assert_leq(diag_build_look_up(buffer, 1, &local, &remote, 0, 0), DIAG_REQUEST_SIZE);
}
