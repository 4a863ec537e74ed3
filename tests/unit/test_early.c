#include "report/track/early.h"

#include <criterion/criterion.h>

#include "tests/unit/tracker_stage.h"

static void send_segment(int64_t us, bool from_client, uint8_t flags, uint32_t seq, uint32_t ack)
{
	send_at(us * NS_PER_US, from_client, flags, seq, ack);
}

/* Returns the segments that belonged to no attempt. */
static uint64_t end(void)
{
	struct tracker_stats stats;

	cr_assert_eq(tracker_finish(tracker, NS_PER_SEC * 100), 0);
	tracker_stats(tracker, &stats);
	tracker_free(tracker);
	return stats.other_segments;
}

static void expect_established(int64_t syn_to_synack_us, int64_t synack_to_ack_us)
{
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].outcome, OUTCOME_ESTABLISHED, "%s", outcome_name(got[0].outcome));
	cr_expect_eq(got[0].syns, 1);
	cr_expect_eq(got[0].synacks, 1);
	cr_expect_eq(got[0].syn_to_synack_ns, syn_to_synack_us * NS_PER_US);
	cr_expect_eq(got[0].synack_to_ack_ns, synack_to_ack_us * NS_PER_US);
}

Test(early, a_syn_ack_before_its_syn)
{
	start(0);
	send_segment(1030, false, SYN_ACK, 500, 101);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1090, true, ACK, 101, 501);
	cr_expect_eq(end(), 0);
	expect_established(30, 60);
}

Test(early, stamps_are_as_captured_also_when_they_run_backwards)
{
	start(0);
	send_segment(1000, false, SYN_ACK, 500, 101);
	send_segment(1030, true, SYN, 100, 0);
	send_segment(1090, true, ACK, 101, 501);
	cr_expect_eq(end(), 0);
	expect_established(-30, 90);
}

Test(early, a_whole_handshake_before_its_syn)
{
	start(0);
	send_segment(1030, false, SYN_ACK, 500, 101);
	send_segment(1090, true, ACK, 101, 501);
	send_segment(1000, true, SYN, 100, 0);
	cr_expect_eq(end(), 0);
	expect_established(30, 60);
}

Test(early, a_final_ack_before_its_syn_ack)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1090, true, ACK, 101, 501);
	send_segment(1030, false, SYN_ACK, 500, 101);
	cr_expect_eq(end(), 0);
	expect_established(30, 60);
}

Test(early, a_refusal_before_its_syn)
{
	start(0);
	send_segment(1030, false, RST_ACK, 0, 101);
	send_segment(1000, true, SYN, 100, 0);
	cr_expect_eq(end(), 0);
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].outcome, OUTCOME_REFUSED);
}

Test(early, on_ports_that_are_used_again)
{
	start(0);
	send_segment(100, true, SYN, 7000000, 0);
	send_segment(110, false, SYN_ACK, 70, 7000001);
	send_segment(120, true, ACK, 7000001, 71);
	send_segment(1030, false, SYN_ACK, 500, 101);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1090, true, ACK, 101, 501);
	cr_expect_eq(end(), 0);
	cr_assert_eq(got_count, 2);
	for (size_t i = 0; i < 2; i++)
		cr_expect_eq(got[i].outcome, OUTCOME_ESTABLISHED);
	cr_expect_eq(got[0].synacks, 1);
	cr_expect_eq(got[1].syn_to_synack_ns, 30 * NS_PER_US);
}

Test(early, what_answers_another_syn_is_not_taken)
{
	start(0);
	send_segment(1000, false, SYN_ACK, 500, 102);
	send_segment(1030, true, SYN, 100, 0);
	cr_expect_eq(end(), 1);
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].outcome, OUTCOME_UNANSWERED);
}

/* A capture that starts between a SYN-ACK and the SYN's retransmission. */
Test(early, an_answer_to_a_syn_before_the_capture_is_not_taken)
{
	start(0);
	send_segment(1000, false, SYN_ACK, 500, 101);
	send_segment(1000 * 1000, true, SYN, 100, 0);
	send_segment(1000 * 1000 + 30, false, SYN_ACK, 500, 101);
	send_segment(1000 * 1000 + 90, true, ACK, 101, 501);
	cr_expect_eq(end(), 1);
	expect_established(30, 60);
}

Test(early, an_ack_of_something_else_before_the_syn_ack_finishes_nothing)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1010, true, ACK, 101, 400);
	send_segment(1030, false, SYN_ACK, 500, 101);
	end();
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].outcome, OUTCOME_HALF_OPEN);
}

/* It forgets what a flood pushes out, and nothing else happens. */
Test(early, more_strays_than_it_holds)
{
	start(0);
	for (uint16_t port = 1; port < 60000; port++) {
		to_server.sport = port;
		for (int copy = 0; copy < 6; copy++)
			send_segment(1000, false, SYN_ACK, 500, 101);
	}
	send_segment(1001, true, SYN, 100, 0);
	cr_expect_eq(end(), (uint64_t)59999 * 6 - EARLY_SEGMENTS_MAX);
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].outcome, OUTCOME_HALF_OPEN);
	cr_expect_eq(got[0].synacks, EARLY_SEGMENTS_MAX);
}
