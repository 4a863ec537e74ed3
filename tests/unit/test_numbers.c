#include "report/track/numbers.h"

#include <criterion/criterion.h>

static struct open_attempt half_open(uint32_t isn, uint32_t server_isn)
{
	return (struct open_attempt){
	    .isn = isn, .server_isn = server_isn, .synacks = 1, .detail = TABLE_NONE};
}

static struct segment ack(uint32_t seq, uint32_t number)
{
	return (struct segment){.seq = seq, .ack = number, .flags = TCP_FLAG_ACK};
}

static bool is_final_ack(const struct open_attempt *a, uint32_t seq, uint32_t number)
{
	struct segment s = ack(seq, number);

	return numbers_of_client(a, NULL, &s, NULL);
}

Test(numbers, both_of_a_final_ack_stand_within_the_largest_window)
{
	struct open_attempt a = half_open(100, 500);

	cr_assert(is_final_ack(&a, 101, 501));
	cr_assert(is_final_ack(&a, 101 + (1u << 30) - 1, 501 + (1u << 30) - 1));
	cr_assert_not(is_final_ack(&a, 100, 501));
	cr_assert_not(is_final_ack(&a, 101, 500));
	cr_assert_not(is_final_ack(&a, 101 + (1u << 30), 501));
	cr_assert_not(is_final_ack(&a, 101, 501 + (1u << 30)));
}

Test(numbers, they_wrap)
{
	struct open_attempt a = half_open(UINT32_MAX, UINT32_MAX - 1);

	cr_assert(is_final_ack(&a, 0, UINT32_MAX));
	cr_assert(is_final_ack(&a, 7, 7));
	cr_assert_not(is_final_ack(&a, UINT32_MAX, UINT32_MAX));
}

Test(numbers, nothing_is_acknowledged_before_a_syn_ack)
{
	struct open_attempt a = half_open(100, 0);
	struct segment s = {.seq = 101, .flags = 0};

	a.synacks = 0;
	cr_assert_not(is_final_ack(&a, 101, 1));
	a.synacks = 1;
	cr_assert_not(numbers_of_client(&a, NULL, &s, NULL), "it has no ACK");
}

Test(numbers, the_acknowledged_one_of_several_isns)
{
	struct open_attempt a = half_open(100, 500);
	struct details *details;
	struct segment s = ack(101, 9001);
	struct detail *d;
	uint32_t isn = 0;

	cr_assert_eq(details_new(&details), 0);
	d = details_open(details, &a);
	d->other_isns[0] = 9000;
	d->other_isns[1] = 4000000000u;
	d->other_isns_count = 2;
	cr_assert(numbers_of_client(&a, details, &s, &isn));
	cr_assert_eq(isn, 9000);
	s.ack = 501;
	cr_assert(numbers_of_client(&a, details, &s, &isn));
	cr_assert_eq(isn, 500);
	s.ack = 4000000001u;
	cr_assert(numbers_of_client(&a, details, &s, &isn));
	cr_assert_eq(isn, 4000000000u);
	details_free(details);
}

static bool heeds(const struct open_attempt *a, uint8_t flags, uint32_t seq, uint32_t number,
		  bool from_client)
{
	struct segment s = {.seq = seq, .ack = number, .flags = flags};

	return numbers_reset(a, NULL, &s, from_client);
}

Test(numbers, a_rst_has_to_acknowledge_the_syn)
{
	struct open_attempt a = half_open(100, 0);

	a.synacks = 0;
	cr_assert(heeds(&a, TCP_FLAG_RST | TCP_FLAG_ACK, 0, 101, false));
	cr_assert_not(heeds(&a, TCP_FLAG_RST | TCP_FLAG_ACK, 0, 100, false));
	cr_assert_not(heeds(&a, TCP_FLAG_RST | TCP_FLAG_ACK, 0, 104, false));
	cr_assert_not(heeds(&a, TCP_FLAG_RST, 101, 101, false));
	a.events = SEEN_SYN_DATA;
	cr_assert(heeds(&a, TCP_FLAG_RST | TCP_FLAG_ACK, 0, 104, false));
}

/* Of the connection whose ACK answered its SYN, which goes on. */
Test(numbers, who_has_no_syn_ack_resets_nothing_behind_its_syn)
{
	struct open_attempt a = half_open(100, 0);

	a.synacks = 0;
	cr_assert(heeds(&a, TCP_FLAG_RST, 100, 0, true));
	cr_assert(heeds(&a, TCP_FLAG_RST, 101, 0, true));
	cr_assert_not(heeds(&a, TCP_FLAG_RST, 102, 0, true));
	a.events = SEEN_SYN_DATA;
	cr_assert(heeds(&a, TCP_FLAG_RST, 102, 0, true));
	a.events = SEEN_UNSEEN_SYNACK;
	cr_assert(heeds(&a, TCP_FLAG_RST, 102, 0, true));
}

Test(numbers, a_rst_after_the_syn_ack_stands_in_the_window)
{
	struct open_attempt a = half_open(100, 500);

	cr_assert(heeds(&a, TCP_FLAG_RST, 501, 0, false));
	cr_assert(heeds(&a, TCP_FLAG_RST | TCP_FLAG_ACK, 0, 101, false));
	cr_assert_not(heeds(&a, TCP_FLAG_RST, 4711 + (1u << 31), 0, false));
	cr_assert(heeds(&a, TCP_FLAG_RST, 101, 0, true));
	cr_assert(heeds(&a, TCP_FLAG_RST, 100, 0, true));
	cr_assert_not(heeds(&a, TCP_FLAG_RST, 99, 0, true));
	a.events = SEEN_CLIENT_ACK;
	cr_assert(heeds(&a, TCP_FLAG_RST, 99, 0, true), "what ends a connection is not judged");
}
