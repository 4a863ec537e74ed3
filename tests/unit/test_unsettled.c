#include "pipeline/unsettled.h"

#include <criterion/criterion.h>

static struct unsettled *unsettled;

static void begin(void)
{
	cr_assert_eq(unsettled_new(&unsettled), 0);
}

static void end(void)
{
	unsettled_free(unsettled);
}

static struct flow client(uint32_t number)
{
	struct flow flow = {.sport = (uint16_t)number, .dport = 80};

	memcpy(flow.saddr.bytes + 8, &number, sizeof(number));
	return flow;
}

static void sends(struct flow flow, uint8_t flags, uint32_t seq, uint32_t ack)
{
	unsettled_take(unsettled,
		       &(struct event){
			   .kind = EVENT_SEGMENT,
			   .segment = {.flow = flow, .flags = flags, .seq = seq, .ack = ack},
		       });
}

static void answers(struct flow flow, uint8_t flags, uint32_t seq)
{
	sends(flow_reverse(&flow), flags, seq, 1);
}

static void connects(struct flow flow)
{
	answers(flow, TCP_FLAG_SYN | TCP_FLAG_ACK, 1000);
	sends(flow, TCP_FLAG_ACK, 1, 1001);
}

static int count_one(void *context, const struct flow *flow)
{
	cr_expect_eq(flow->dport, 80);
	++*(uint32_t *)context;
	return 0;
}

static uint32_t left(void)
{
	uint32_t count = 0;

	cr_assert_eq(unsettled_each(unsettled, count_one, &count), 0);
	return count;
}

Test(unsettled, a_handshake_is_kept_from_its_last_ack_on, .init = begin, .fini = end)
{
	sends(client(1), TCP_FLAG_SYN, 0, 0);
	answers(client(1), TCP_FLAG_SYN | TCP_FLAG_ACK, 1000);
	cr_expect_eq(left(), 0);
	sends(client(1), TCP_FLAG_ACK, 1, 1000); /* of something else */
	cr_expect_eq(left(), 0);
	sends(client(1), TCP_FLAG_ACK | TCP_FLAG_PSH, 1, 1001);
	cr_expect_eq(left(), 1);
	/* Both again: it is the same. */
	answers(client(1), TCP_FLAG_SYN | TCP_FLAG_ACK, 1000);
	sends(client(1), TCP_FLAG_ACK | TCP_FLAG_PSH, 1, 1001);
	cr_expect_eq(left(), 1);
	/* The next of this 4-tuple, and its ACK is still to come. */
	answers(client(1), TCP_FLAG_SYN | TCP_FLAG_ACK, 5000);
	cr_expect_eq(left(), 0);
	sends(client(1), TCP_FLAG_ACK, 1, 5001);
	cr_expect_eq(left(), 1);
}

Test(unsettled, the_server_or_a_reset_settles_it, .init = begin, .fini = end)
{
	struct event child = {.kind = EVENT_CHILD, .child = {.flow = client(3), .state = 1}};

	for (uint32_t i = 0; i < 6; i++)
		connects(client(i));
	answers(client(0), TCP_FLAG_FIN | TCP_FLAG_ACK, 1001);
	cr_expect_eq(left(), 5);
	sends(client(0), TCP_FLAG_ACK, 2, 1002); /* nor is it there again */
	cr_expect_eq(left(), 5);
	sends(client(1), TCP_FLAG_FIN | TCP_FLAG_ACK, 1, 1001); /* its client's half alone */
	cr_expect_eq(left(), 5);
	sends(client(1), TCP_FLAG_RST, 1, 0);
	cr_expect_eq(left(), 4);
	answers(client(2), TCP_FLAG_RST, 1001);
	cr_expect_eq(left(), 3);
	unsettled_take(unsettled, &child);
	cr_expect_eq(left(), 3, "it waits");
	child.child.inode = 7;
	unsettled_take(unsettled, &child);
	cr_expect_eq(left(), 2);
	unsettled_take(unsettled,
		       &(struct event){.kind = EVENT_ACCEPT, .accept = {.flow = client(4)}});
	cr_expect_eq(left(), 1);
}

/* In another order than they came, so that what removal leaves is closed up right. */
Test(unsettled, it_grows_and_finds_everybody_again, .init = begin, .fini = end)
{
	const uint32_t count = 20000;

	for (uint32_t i = 0; i < count; i++)
		connects(client(i));
	cr_expect_eq(left(), count);
	for (uint32_t i = 0; i < count; i++)
		if (i % 5)
			answers(client((uint32_t)((uint64_t)i * 7919 % count)),
				TCP_FLAG_FIN | TCP_FLAG_ACK, 1001);
	cr_expect_eq(left(), count / 5);
	for (uint32_t i = 0; i < count; i++)
		answers(client(i), TCP_FLAG_FIN | TCP_FLAG_ACK, 1001);
	cr_expect_eq(left(), 0);
	cr_expect_eq(unsettled_skipped(unsettled), 0);
}

Test(unsettled, a_flood_of_syns_makes_way, .init = begin, .fini = end)
{
	connects(client(0));
	for (uint32_t i = 1; i <= 2 * UNSETTLED_MAX; i++)
		answers(client(i), TCP_FLAG_SYN | TCP_FLAG_ACK, 1000);
	connects(client(3 * UNSETTLED_MAX));
	cr_expect_eq(left(), 2);
	cr_expect_geq(unsettled_skipped(unsettled), UNSETTLED_MAX - 1);
}

Test(unsettled, what_does_not_fit_is_counted, .init = begin, .fini = end)
{
	for (uint32_t i = 0; i < UNSETTLED_MAX + 10; i++)
		connects(client(i));
	cr_expect_eq(left(), UNSETTLED_MAX);
	cr_expect_eq(unsettled_skipped(unsettled), 10);
}

static int stop(void *context, const struct flow *flow)
{
	/* What a look tells changes nothing meanwhile. */
	unsettled_take(unsettled, &(struct event){.kind = EVENT_ACCEPT, .accept = {.flow = *flow}});
	return ++*(int *)context == 2 ? -7 : 0;
}

Test(unsettled, telling_ends_when_its_receiver_says_so, .init = begin, .fini = end)
{
	int count = 0;

	for (uint32_t i = 0; i < 5; i++)
		connects(client(i));
	cr_expect_eq(unsettled_each(unsettled, stop, &count), -7);
	cr_expect_eq(count, 2);
	cr_expect_eq(left(), 5);
}
