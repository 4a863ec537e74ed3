#include "pipeline/handshakes.h"

#include <criterion/criterion.h>

static struct handshakes *handshakes;
static struct flow client = {.sport = 40000, .dport = 80};

static void begin(void)
{
	cr_assert_eq(handshakes_new(&handshakes), 0);
}

static void end(void)
{
	handshakes_free(handshakes);
}

static int64_t now_ns = NS_PER_SEC;

/* Of a segment with sequence number 0. */
#define CAPTURED_NS (1700000000 * NS_PER_SEC)

static enum handshake_step sends(struct flow flow, uint8_t flags, uint32_t seq, uint32_t ack)
{
	return handshakes_take(
	    handshakes, &(struct segment){.flow = flow, .flags = flags, .seq = seq, .ack = ack},
	    CAPTURED_NS + seq, now_ns);
}

static void synack(struct flow flow, uint32_t isn)
{
	sends(flow_reverse(&flow), TCP_FLAG_SYN | TCP_FLAG_ACK, isn, 1);
}

static bool next(struct handshake_finished *finished)
{
	return handshakes_next(handshakes, now_ns - handshakes_delay_ns(handshakes), finished);
}

static int finished(void)
{
	struct handshake_finished one;
	int n = 0;

	while (next(&one)) {
		cr_expect_eq(one.flow.dport, 80);
		n++;
	}
	return n;
}

Test(handshakes, the_first_ack_of_the_synack_finishes_it, .init = begin, .fini = end)
{
	struct handshake_finished one;

	sends(client, TCP_FLAG_SYN, 0, 0);
	synack(client, 1000);
	cr_expect_eq(finished(), 0);
	sends(client, TCP_FLAG_ACK, 1, 1000); /* of something else */
	cr_expect_eq(finished(), 0);
	sends(client, TCP_FLAG_ACK, 1, 1001);
	sends(client, TCP_FLAG_ACK | TCP_FLAG_PSH, 2, 1001);
	cr_assert(next(&one));
	cr_expect(flow_equal(&one.flow, &client));
	cr_expect_eq(one.acked_ns, CAPTURED_NS + 1);
	cr_expect_eq(finished(), 0);
	/* Its SYN-ACK was sent again, and its ACK too. */
	synack(client, 1000);
	cr_expect_eq(sends(client, TCP_FLAG_ACK, 1, 1001), HANDSHAKE_AGAIN);
	cr_expect_eq(finished(), 0);
	/* The server has answered. */
	sends(flow_reverse(&client), TCP_FLAG_ACK, 1001, 1);
	cr_expect_eq(sends(client, TCP_FLAG_ACK, 5, 1001), HANDSHAKE_OTHER);
	synack(client, 2000);
	cr_expect_eq(sends(client, TCP_FLAG_ACK, 5, 2001), HANDSHAKE_FINISHED);
	cr_expect_eq(finished(), 1);
}

Test(handshakes, who_has_closed_need_not_be_looked_up, .init = begin, .fini = end)
{
	synack(client, 1000);
	sends(client, TCP_FLAG_ACK, 1, 1001);
	sends(flow_reverse(&client), TCP_FLAG_ACK | TCP_FLAG_FIN, 1001, 1);
	cr_expect_eq(finished(), 0);
	/* The client's FIN says nothing about accept(). */
	synack(client, 2000);
	sends(client, TCP_FLAG_ACK, 1, 2001);
	sends(client, TCP_FLAG_ACK | TCP_FLAG_FIN, 1, 2001);
	cr_expect_eq(finished(), 1);
	sends(flow_reverse(&client), TCP_FLAG_ACK | TCP_FLAG_FIN, 2001, 2);
	cr_expect_eq(finished(), 0);
}

Test(handshakes, a_port_that_is_used_again_at_once_is_listed_once, .init = begin, .fini = end)
{
	for (uint32_t i = 0; i < 100; i++) {
		synack(client, 1000 * i);
		sends(client, TCP_FLAG_ACK, 1, 1000 * i + 1);
		sends(flow_reverse(&client), TCP_FLAG_ACK | TCP_FLAG_FIN, 1000 * i + 1, 1);
	}
	synack(client, 7);
	sends(client, TCP_FLAG_ACK, 1, 8);
	cr_expect_eq(finished(), 1);
}

Test(handshakes, as_many_as_there_are_ports, .init = begin, .fini = end)
{
	for (int round = 0; round < 3; round++) {
		int n;

		for (uint32_t port = 1; port <= 65535; port++) {
			struct flow flow = {.sport = (uint16_t)port, .dport = 80};

			synack(flow, (uint32_t)round);
			sends(flow, TCP_FLAG_ACK, 1, (uint32_t)round + 1);
		}
		now_ns += NS_PER_SEC;
		n = finished();
		/* Some have shared a slot. */
		cr_expect_gt(n, 8000);
		cr_expect_leq(n, 65535);
	}
}

/* One each 100 us for a second: those that close within 5 ms are not looked up, the others are. */
Test(handshakes, among_thousands_a_second_the_short_ones_are_left_out, .init = begin, .fini = end)
{
	struct flow flow;
	struct handshake_finished one;
	int found = 0;

	for (uint32_t i = 0; i < 10000; i++, now_ns += 100 * NS_PER_US) {
		flow = (struct flow){.sport = (uint16_t)(1000 + i), .dport = 80};
		synack(flow, 5);
		sends(flow, TCP_FLAG_ACK, 1, 6);
		if (i >= 50 && (i - 50) % 10) {
			flow.sport = (uint16_t)(1000 + i - 50);
			sends(flow_reverse(&flow), TCP_FLAG_ACK | TCP_FLAG_FIN, 6, 1);
		}
		while (i > 5000 && next(&one)) {
			found++;
			cr_expect_eq(one.flow.sport % 10, 0);
		}
	}
	/* Those since then, and what had been kept for want of anybody who asked. */
	cr_expect_gt(found, 900);
	cr_expect_lt(found, 1010);
	cr_expect_eq(handshakes_delay_ns(handshakes), 10 * NS_PER_MS);
	cr_expect_eq(handshakes_rate(handshakes), 10000);
	/* It is quiet again: at once. */
	now_ns += NS_PER_SEC;
	finished();
	now_ns += NS_PER_SEC;
	flow = (struct flow){.sport = 1, .dport = 80};
	synack(flow, 7);
	sends(flow, TCP_FLAG_ACK, 1, 8);
	cr_expect_eq(finished(), 1);
	cr_expect_eq(handshakes_rate(handshakes), 0);
}

static int unanswered(int64_t then_ns)
{
	struct flow flow;
	int n = 0;

	while (handshakes_unanswered(handshakes, then_ns, &flow)) {
		cr_expect_eq(flow.dport, 80);
		n++;
	}
	return n;
}

Test(handshakes, a_syn_without_an_answer_is_told_once, .init = begin, .fini = end)
{
	struct flow other = {.sport = 40001, .dport = 80}, late = {.sport = 40002, .dport = 80};
	int64_t then_ns = now_ns;

	sends(client, TCP_FLAG_SYN, 1, 0);
	sends(other, TCP_FLAG_SYN, 1, 0);
	synack(other, 9);
	now_ns += NS_PER_MS;
	sends(late, TCP_FLAG_SYN, 1, 0);
	cr_expect_eq(unanswered(then_ns), 1);
	cr_expect_eq(unanswered(then_ns), 0);
	cr_expect_eq(unanswered(now_ns), 1);
	/* A SYN-ACK from before is no answer to the next SYN; the same one again is. */
	sends(other, TCP_FLAG_SYN, 2, 0);
	sends(late, TCP_FLAG_SYN, 1, 0);
	now_ns += NS_PER_MS;
	synack(late, 8);
	cr_expect_eq(unanswered(now_ns), 1);
	sends(late, TCP_FLAG_SYN, 1, 0);
	synack(late, 8);
	cr_expect_eq(unanswered(now_ns), 0);
}

Test(handshakes, of_too_many_syns_the_oldest_are_forgotten, .init = begin, .fini = end)
{
	for (uint16_t i = 0; i < 5000; i++)
		sends((struct flow){.sport = i, .dport = 80}, TCP_FLAG_SYN, 1, 0);
	cr_expect_eq(unanswered(now_ns), 4096);
}
