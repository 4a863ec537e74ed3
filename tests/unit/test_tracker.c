#include "report/track/tracker.h"

#include <criterion/criterion.h>

#include "report/attempt/table.h"
#include "tests/unit/tracker_stage.h"

static void send_segment(int64_t ms, bool from_client, uint8_t flags, uint32_t seq, uint32_t ack)
{
	send_at(ms * NS_PER_MS, from_client, flags, seq, ack);
}

static void end(int64_t ms)
{
	cr_assert_eq(tracker_finish(tracker, ms * NS_PER_MS), 0);
	tracker_free(tracker);
}

Test(tracker, a_handshake_is_three_packets)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1010, false, SYN_ACK, 500, 101);
	send_segment(1025, true, ACK, 101, 501);
	end(5000);
	cr_assert_eq(got_count, 1);
	cr_assert_eq(got[0].outcome, OUTCOME_ESTABLISHED);
	cr_assert_eq(got[0].syn_to_synack_ns, 10 * NS_PER_MS);
	cr_assert_eq(got[0].synack_to_ack_ns, 15 * NS_PER_MS);
	cr_assert_eq(got[0].connect_ns, 10 * NS_PER_MS);
	cr_assert_eq(got[0].syns, 1);
	cr_assert_eq(got[0].synacks, 1);
	cr_assert_eq(got[0].end_ns, TIME_UNKNOWN);
}

Test(tracker, repeated_syns_are_one_attempt_and_another_isn_is_another)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(2000, true, SYN, 100, 0);
	send_segment(4000, true, SYN, 100, 0);
	send_segment(5000, true, SYN, 9999, 0);
	end(60000);
	cr_assert_eq(got_count, 2);
	cr_assert_eq(got[0].syns, 3);
	cr_assert_eq(got[0].marks_count, 3);
	cr_assert_eq(got[0].outcome, OUTCOME_UNANSWERED);
	cr_assert_eq(got[1].isn, 9999);
}

Test(tracker, what_may_still_be_answered_is_open)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	end(1500);
	cr_assert_eq(got[0].outcome, OUTCOME_OPEN);
}

Test(tracker, resets_are_told_apart)
{
	static const struct {
		bool answered, acked, by_client;
		enum outcome outcome;
	} rows[] = {
	    {false, false, false, OUTCOME_REFUSED},   {false, false, true, OUTCOME_ABORTED},
	    {true, false, false, OUTCOME_RESET},      {true, false, true, OUTCOME_ABORTED},
	    {true, true, false, OUTCOME_ESTABLISHED}, /* accept() cannot be seen */
	    {true, true, true, OUTCOME_ESTABLISHED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start(0);
		send_segment(1000, true, SYN, 100, 0);
		if (rows[i].answered)
			send_segment(1001, false, SYN_ACK, 500, 101);
		if (rows[i].acked)
			send_segment(1002, true, ACK, 101, 501);
		send_segment(1003, rows[i].by_client, RST | ACK, 101, 101);
		end(9000);
		cr_assert_eq(got[0].outcome, rows[i].outcome, "row %zu: %s", i,
			     outcome_name(got[0].outcome));
		cr_assert_eq(got[0].end_ns, 1003 * NS_PER_MS);
	}
}

Test(tracker, an_ack_of_something_else_finishes_no_handshake)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1001, false, SYN_ACK, 500, 101);
	send_segment(1002, true, ACK, 101, 500);
	end(9000);
	cr_assert_eq(got[0].outcome, OUTCOME_HALF_OPEN);
	cr_assert_eq(got[0].ack_ns, TIME_UNKNOWN);
}

Test(tracker, synack_to_ack_runs_from_the_last_syn_ack_before_the_ack)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1001, false, SYN_ACK, 500, 101);
	send_segment(2001, false, SYN_ACK, 500, 101);
	send_segment(2002, true, ACK, 101, 501);
	send_segment(3001, false, SYN_ACK, 500, 101);
	end(9000);
	cr_assert_eq(got[0].synack_to_ack_ns, 1 * NS_PER_MS);
	cr_assert_eq(got[0].syn_to_synack_ns, 1 * NS_PER_MS);
	cr_assert_eq(got[0].synacks, 3);
}

Test(tracker, finished_attempts_leave_the_table_while_it_runs)
{
	struct tracker_stats stats;

	start(0);
	for (int i = 0; i < 20000; i++) {
		to_server.sport = (uint16_t)(1000 + i);
		send_segment(i * 100, true, SYN, 100, 0);
		send_segment(i * 100 + 1, false, SYN_ACK, 500, 101);
		send_segment(i * 100 + 2, true, ACK, 101, 501);
		send_segment(i * 100 + 3, true, RST, 101, 0);
	}
	tracker_stats(tracker, &stats);
	cr_assert_eq(stats.attempts, 20000);
	/* The hand's rounds of 4,096 events, not the 20,000 that were ever seen. */
	cr_assert_lt(stats.open_peak, 4096, "%u were open at once", stats.open_peak);
	end(10000000);
	cr_assert_eq(got_count, 20000);
}

Test(tracker, a_stamp_that_jumps_ends_nobody_whose_packets_still_come)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	for (uint16_t i = 0; i < 100; i++) {
		to_server.sport = 50000 + i;
		send_segment(100000000, true, SYN, 1000, 0);
	}
	to_server.sport = 40000;
	send_segment(1050, false, SYN_ACK, 500, 101);
	send_segment(1090, true, ACK, 101, 501);
	end(100000000);
	cr_assert_eq(got_count, 101);
	cr_assert_eq(got[0].outcome, OUTCOME_ESTABLISHED);
	cr_assert_eq(got[0].synack_to_ack_ns, 40 * NS_PER_MS);
}

Test(tracker, a_reset_ends_both_halves_of_a_simultaneous_open)
{
	start(0);
	send_segment(0, true, SYN, 1000, 0);
	send_segment(1, false, SYN, 3000, 0);
	send_segment(2, true, SYN_ACK, 1000, 3001);
	send_segment(3, false, ACK, 3001, 1001);
	send_segment(4, true, RST, 1005, 0);
	end(9000);
	cr_assert_eq(got_count, 2);
	cr_assert_eq(got[0].outcome, OUTCOME_ABORTED);
	cr_assert_eq(got[1].outcome, OUTCOME_ESTABLISHED);
}

Test(tracker, a_full_table_gives_up_half_open_attempts_first)
{
	struct tracker_stats stats;
	size_t established = 0;

	start(32);
	for (int i = 0; i < 8; i++) {
		to_server.sport = (uint16_t)(1000 + i);
		send_segment(i, true, SYN, 100, 0);
		send_segment(i, false, SYN_ACK, 500, 101);
		send_segment(i, true, ACK, 101, 501);
	}
	for (int i = 0; i < 40; i++) {
		to_server.sport = (uint16_t)(2000 + i);
		send_segment(100 + i, true, SYN, 100, 0);
	}
	tracker_stats(tracker, &stats);
	cr_assert_eq(stats.evicted, 16);
	for (size_t i = 0; i < got_count; i++)
		cr_assert(got[i].evicted);
	end(60000);
	cr_assert_eq(got_count, 48);
	for (size_t i = 0; i < got_count; i++)
		established += got[i].outcome == OUTCOME_ESTABLISHED;
	cr_assert_eq(established, 8);
}

Test(tracker, both_halves_of_a_simultaneous_open_are_established)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1005, false, SYN, 500, 0);
	send_segment(1010, true, SYN_ACK, 100, 501);
	send_segment(1015, false, SYN_ACK, 500, 101);
	send_segment(1020, true, ACK, 101, 501);
	send_segment(1025, false, ACK, 501, 101);
	end(2000);
	cr_assert_eq(got_count, 2);
	for (size_t i = 0; i < 2; i++)
		cr_expect_eq(got[i].outcome, OUTCOME_ESTABLISHED);
	cr_expect_eq(got[0].syn_to_synack_ns, 15 * NS_PER_MS);
	cr_expect_eq(got[0].synack_to_ack_ns, 5 * NS_PER_MS);
	cr_expect_eq(got[1].syn_to_synack_ns, 5 * NS_PER_MS);
}

/*
 * Only data that was sent can be acknowledged: what a late SYN-ACK of another life says is no
 * answer.
 */
Test(tracker, a_syn_ack_of_something_else_answers_no_syn)
{
	start(0);
	send_segment(1000, true, SYN, 100, 0);
	send_segment(1005, false, SYN_ACK, 800, 4711);
	send_segment(1006, true, RST, 4711, 0);
	send_segment(2000, true, SYN, 100, 0);
	send_segment(2010, false, SYN_ACK, 500, 101);
	send_segment(2020, true, ACK, 101, 501);
	end(3000);
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].synacks, 1);
	cr_expect_eq(got[0].synack_ns, 2010 * NS_PER_MS);
}

/* However many numbers somebody makes up for one 4-tuple, they are followed up to a bound. */
Test(tracker, one_client_and_port_has_a_bound_of_its_own)
{
	struct tracker_stats stats;
	uint32_t isn = 0;

	start(0);
	for (int i = 0; i < TRACKER_FLOW_MAX; i++)
		send_segment(i, true, SYN, isn += 70000, 0);
	cr_assert_eq(got_count, 0);
	/* The one that a packet came for is not the silent one. */
	send_segment(100, true, SYN, 70000, 0);
	send_segment(101, true, SYN, isn += 70000, 0);
	cr_assert_eq(got_count, 1);
	cr_expect_eq(got[0].isn, 2 * 70000);
	cr_expect(got[0].evicted);
	for (int i = 0; i < 200 * 1000; i++)
		send_segment(200, true, SYN, isn += 70000, 0);
	tracker_stats(tracker, &stats);
	cr_expect_eq(stats.open, TRACKER_FLOW_MAX);
	cr_expect_eq(stats.crowded, 200001);
	cr_expect_eq(stats.evicted, 0);
	end(300);
	cr_expect_eq(got_count, 200001 + TRACKER_FLOW_MAX);
}

/* A handshake at ms, by a client of its own port. */
static void connect_at(int64_t ms, uint16_t port)
{
	to_server.sport = port;
	send_segment(ms, true, SYN, 100, 0);
	send_segment(ms + 1, false, SYN_ACK, 500, 101);
	send_segment(ms + 2, true, ACK, 101, 501);
}

Test(tracker, a_clock_that_steps_costs_no_attempt)
{
	const int64_t hour_ms = 3600 * 1000;

	start(0);
	connect_at(10 * hour_ms, 40001);
	connect_at(9 * hour_ms, 40002); /* back */
	connect_at(9 * hour_ms + 10, 40003);
	connect_at(12 * hour_ms, 40004); /* and forward */
	/* In the middle of one, either way. */
	to_server.sport = 40005;
	send_segment(12 * hour_ms + 10, true, SYN, 100, 0);
	send_segment(11 * hour_ms, false, SYN_ACK, 500, 101);
	send_segment(11 * hour_ms + 1, true, ACK, 101, 501);
	to_server.sport = 40006;
	send_segment(11 * hour_ms + 10, true, SYN, 100, 0);
	send_segment(13 * hour_ms, false, SYN_ACK, 500, 101);
	send_segment(13 * hour_ms + 1, true, ACK, 101, 501);
	end(13 * hour_ms + 100);
	cr_assert_eq(got_count, 6);
	for (size_t i = 0; i < got_count; i++)
		cr_expect_eq(got[i].outcome, OUTCOME_ESTABLISHED, "port %u", got[i].client.port);
}
