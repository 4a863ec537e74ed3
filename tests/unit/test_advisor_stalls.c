#include "report/explain/advisor.h"

#include <criterion/criterion.h>
#include <string.h>

#include "advisor_stage.h"

/* It accepted one, then nobody for longest_ns, while connections waited for four seconds. */
static void hang(int64_t longest_ns, int64_t median_ns)
{
	listeners[0].attempts = 20;
	listeners[0].drops = 22;
	listeners[0].limit = 8;
	listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 11;
	listeners[0].outcomes[OUTCOME_ACCEPTED] = 1;
	listeners[0].pids_count = 2;
	listeners[0].stall = (struct report_stall){.looks = 40,
						   .processes = 2,
						   .threads = 1,
						   .waited_ns = 4 * NS_PER_SEC,
						   .watched_ns = 8 * NS_PER_SEC};
	known[0].service = (struct sizing_service){.known = median_ns >= 0,
						   .longest_ns = longest_ns,
						   .median_ns = median_ns,
						   .concurrent = 2};
}

Test(advisor, where_all_processes_hang_no_backlog_helps)
{
	hang(2 * NS_PER_SEC, 10 * NS_PER_MS);
	listeners[0].comm = "gunicorn";
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "nobody-accepts");
	cr_expect_eq(advice[0].clients, 11);
	cr_expect_not_null(strstr(advice[0].text, "nobody called accept() for 2.000 s"));
	cr_expect_not_null(strstr(advice[0].text, "(--timeout, --keep-alive)"));
	cr_expect_not_null(strstr(advice[0].text, "(--workers or --threads)"));
}

Test(advisor, who_hangs_at_the_end_is_told_without_another_accept)
{
	hang(3 * NS_PER_SEC, 3 * NS_PER_SEC);
	known[0].service.since_ns = 3 * NS_PER_SEC;
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "nobody-accepts");
	cr_expect_not_null(strstr(advice[0].text, "for 3.000 s"));
}

Test(advisor, a_server_that_is_always_so_slow_does_not_hang)
{
	hang(2 * NS_PER_SEC, NS_PER_SEC);
	for (size_t i = 0, n = ask(); i < n; i++)
		cr_expect_str_neq(advice[i].rule, "nobody-accepts");
}

Test(advisor, a_small_part_of_the_wait_explains_little)
{
	hang(2 * NS_PER_SEC, 10 * NS_PER_MS);
	listeners[0].stall.waited_ns = 60 * NS_PER_SEC;
	for (size_t i = 0, n = ask(); i < n; i++)
		cr_expect_str_neq(advice[i].rule, "nobody-accepts");
}

Test(advisor, who_waits_for_another_end_has_too_few_workers)
{
	hang(2 * NS_PER_SEC, 10 * NS_PER_MS);
	known[0].service.saturated = true;
	for (size_t i = 0, n = ask(); i < n; i++)
		cr_expect_str_neq(advice[i].rule, "nobody-accepts");
}

/*
 * One of two SO_REUSEPORT siblings was full for full_ns, and nobody left its queue for untaken_ns.
 */
static void fall_behind(int64_t full_ns, int64_t untaken_ns, int64_t taken)
{
	static const int32_t owner[] = {77};

	listeners[1].local = listeners[0].local;
	listeners[0].reuseport = listeners[1].reuseport = true;
	listeners[0].group_attempts = listeners[1].group_attempts = 36;
	listeners[0].attempts = listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 14;
	listeners[0].drops = 46;
	listeners[0].limit = 5;
	listeners[0].capacity = 6;
	listeners[0].full_ns = full_ns;
	listeners[0].pids_count = 1;
	listeners[0].pids = owner;
	listeners[0].comm = "python3";
	listeners[0].stall = (struct report_stall){.looks = 100,
						   .processes = 1,
						   .threads = 2,
						   .taken = taken,
						   .untaken_ns = untaken_ns,
						   .waited_ns = 10 * NS_PER_SEC,
						   .watched_ns = 10 * NS_PER_SEC};
	known[0].accepts = (uint64_t)taken;
	known[0].service = (struct sizing_service){.first_ns = -1, .last_ns = TIME_UNKNOWN};
}

Test(advisor, a_sibling_that_accepts_nobody_is_stuck)
{
	fall_behind(5 * NS_PER_SEC, 9 * NS_PER_SEC, 0);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "stuck-sibling");
	cr_expect_not_null(strstr(advice[0].text, "pid 77"));
	cr_expect_not_null(strstr(advice[0].text, "takes no connections"));
	listeners[0].stall.untaken_over = true;
	cr_expect(is_said("stuck-sibling"));
	cr_expect_not_null(strstr(advice[0].text, "takes them again"));
}

Test(advisor, a_sibling_that_is_slower_is_not_stuck)
{
	fall_behind(7 * NS_PER_SEC, 600 * NS_PER_MS, 20);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_not_null(strstr(advice[0].text, "more slowly"));
	/* It was full at other times than that. */
	fall_behind(7 * NS_PER_SEC, 3 * NS_PER_SEC, 20);
	cr_expect_not(is_said("stuck-sibling"));
	/* The others were full too: that is said once. */
	listeners[1] = listeners[0];
	cr_expect(is_said("accept-rate"));
	cr_expect_not_null(strstr(advice[0].text, "run more processes"));
	cr_expect_eq(count_said("accept-rate"), 1);
	/* Nothing was dropped. */
	fall_behind(94 * NS_PER_MS, 300 * NS_PER_MS, 20);
	listeners[0].drops = listeners[1].drops = 0;
	listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 0;
	listeners[1].full_ns = 0;
	cr_expect_not(is_said("stuck-sibling"));
	cr_expect_not(is_said("accept-rate"));
}

/* Stopped for 4 s, and seen so for the last time at 10 s; the last accept() was at last_ns. */
static void stop(int64_t last_ns)
{
	listeners[0].attempts = 20;
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 9;
	listeners[0].stall = (struct report_stall){.processes = 1,
						   .watched_ns = 4 * NS_PER_SEC,
						   .stopped_ns = 4 * NS_PER_SEC,
						   .held_ns = 4 * NS_PER_SEC,
						   .held_until_ns = 10 * NS_PER_SEC,
						   .held_pid = 77};
	known[0].service = (struct sizing_service){.last_ns = last_ns};
}

Test(advisor, who_is_stopped_is_to_be_resumed_unless_it_was)
{
	stop(6 * NS_PER_SEC);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "owner-stopped");
	cr_expect_not_null(strstr(advice[0].text, "kill -CONT 77"));
	forget();
	advisor = advisor_new();
	stop(11 * NS_PER_SEC);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "owner-stopped");
	cr_expect_null(strstr(advice[0].text, "kill -CONT"));
	cr_expect_not_null(strstr(advice[0].text, "runs again"));
}

/* Its PID may be another process's by now. */
Test(advisor, who_ended_while_stopped_is_not_to_be_resumed)
{
	static struct report_owner owner;

	stop(6 * NS_PER_SEC);
	owner = (struct report_owner){.pid = 77, .comm = "web", .to_ns = 11 * NS_PER_SEC};
	listeners[0].owners = &owner;
	listeners[0].owners_count = 1;
	listeners[0].stall.held_from_ns = 6 * NS_PER_SEC;
	listeners[0].stall.held_last_ns = 10 * NS_PER_SEC;
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "owner-stopped");
	cr_expect_null(strstr(advice[0].text, "kill -CONT"));
	cr_expect_null(strstr(advice[0].text, "runs again"));
	cr_expect_not_null(strstr(advice[0].text, "It has ended since, or closed the listener"));
	cr_expect_str_eq(advice[0].evidence[1], "seen so from 6.000 s to 10.000 s");
	cr_expect_str_eq(advice[0].evidence[2], "web (pid 77) ended or closed it by 11.000 s");
}

Test(advisor, nor_is_who_had_a_listener_that_was_closed)
{
	stop(6 * NS_PER_SEC);
	listeners[0].closed = true;
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "owner-stopped");
	cr_expect_null(strstr(advice[0].text, "kill -CONT"));
	cr_expect_not_null(strstr(advice[0].text, "It has ended since, or closed the listener"));
}

Test(advisor, what_was_dropped_before_it_was_stopped_is_not_for_that)
{
	static struct full_episode episodes[2];
	static struct rate_bucket buckets[3];

	episodes[0] = (struct full_episode){2 * NS_PER_SEC, 3 * NS_PER_SEC};
	episodes[1] = (struct full_episode){7 * NS_PER_SEC, 10 * NS_PER_SEC};
	buckets[0].drops[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 30;
	buckets[1].drops[CAUSE_COOKIE_ACK_DROPPED] = 10;
	stop(11 * NS_PER_SEC);
	listeners[0].stall.held_from_ns = 6 * NS_PER_SEC;
	listeners[0].stall.held_last_ns = 10 * NS_PER_SEC;
	listeners[0].drops = 40;
	listeners[0].full_ns = 4 * NS_PER_SEC;
	listeners[0].queue_peak = -1;
	listeners[0].episodes = episodes;
	listeners[0].episodes_count = 2;
	report.rates = (struct rate_series){5 * NS_PER_SEC, 3, buckets};
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "owner-stopped");
	cr_expect_not_null(strstr(advice[0].text, "at other times too, for 1.000 s"));
	cr_expect_str_eq(advice[0].evidence[1],
			 "10 of 40 packets dropped while it was so, or just after");
	/* All of it while it was. */
	episodes[0].start_ns = episodes[0].end_ns = 7 * NS_PER_SEC;
	cr_expect(is_said("owner-stopped"));
	cr_expect_null(strstr(advice[0].text, "other times"));
	cr_expect_str_eq(advice[0].evidence[1], "40 packets dropped");
}

/*
 * One that accepted ended at 4 s, a child of it has the listener still; the recording ends at 12 s.
 */
static void abandon(int32_t last_pid)
{
	static struct report_owner owners[2];

	owners[0] = (struct report_owner){.pid = 10, .comm = "server", .to_ns = 4 * NS_PER_SEC};
	owners[1] = (struct report_owner){.pid = 11, .comm = "sleep", .to_ns = TIME_UNKNOWN};
	listeners[0].attempts = 20;
	listeners[0].owners = owners;
	listeners[0].owners_count = 2;
	listeners[0].pids_count = 1;
	listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 5;
	listeners[0].outcomes[OUTCOME_ACCEPTED] = 9;
	listeners[0].outcomes[OUTCOME_WAITING] = 7;
	listeners[0].stall = (struct report_stall){.processes = 1,
						   .threads = 1,
						   .waited_ns = 8 * NS_PER_SEC,
						   .watched_ns = 8 * NS_PER_SEC};
	known[0].accepts = 9;
	known[0].service = (struct sizing_service){
	    .last_ns = 4 * NS_PER_SEC, .since_ns = 8 * NS_PER_SEC, .last_pid = last_pid};
}

Test(advisor, a_server_that_ended_and_left_its_listener_open_is_named)
{
	abandon(0);
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "nobody-accepts");
	cr_expect_not_null(strstr(advice[0].text, "the server server (pid 10) ended"));
	cr_expect_not_null(strstr(advice[0].text, "open in sleep (pid 11)"));
	cr_expect_not_null(strstr(advice[0].evidence[0], "at 4.000 s"));
	forget();
	advisor = advisor_new();
	abandon(10);
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "sleep"));
}

Test(advisor, a_child_that_ended_is_not_the_server)
{
	abandon(0);
	cr_expect(is_said("nobody-accepts"));
	cr_expect_not_null(strstr(advice[0].text, "ended"));
	/* Who accepted is still there, or one of those who remain has run since: they hang. */
	abandon(11);
	cr_expect(is_said("nobody-accepts"));
	cr_expect_null(strstr(advice[0].text, "ended"));
	abandon(0);
	listeners[0].stall.run_ns = 1;
	cr_expect(is_said("nobody-accepts"));
	cr_expect_null(strstr(advice[0].text, "ended"));
}

static void let_nobody_in(void)
{
	static const int32_t pid = 7;

	listeners[0].attempts = listeners[0].outcomes[OUTCOME_WAITING] = 3;
	listeners[0].pids_count = 1;
	listeners[0].pids = &pid;
	listeners[0].comm = "sleep";
	listeners[0].stall = (struct report_stall){.looks = 9, .processes = 1};
	listeners[0].stall.waited_ns = 4 * NS_PER_SEC;
}

Test(advisor, nobody_accepts_in_a_whole_recording)
{
	let_nobody_in();
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "nobody-accepts");
	cr_expect_not_null(strstr(advice[0].text, "in the whole recording"));
}

Test(advisor, or_only_in_a_period_of_it)
{
	let_nobody_in();
	report.more_after = true;
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "nobody-accepts");
	cr_expect_null(strstr(advice[0].text, "whole recording"));
	cr_expect_null(strstr(advice[0].text, "Close it"));
}

static void start_late(void)
{
	listeners[0].attempts = listeners[0].causes[CAUSE_SLOW_ACCEPT] = 9;
	known[0].accepts = 9;
	known[0].service = (struct sizing_service){
	    .known = true, .first_count = 4, .first_ns = 2 * NS_PER_SEC, .median_ns = NS_PER_MS};
}

Test(advisor, a_late_first_accept_is_no_start_where_the_owner_is_unknown)
{
	start_late();
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_not_null(strstr(advice[0].text, "starting, stopped or busy is unknown"));
}

Test(advisor, the_first_client_of_a_period_tells_of_no_start)
{
	static int32_t pid = 77;

	start_late();
	listeners[0].pids = &pid;
	listeners[0].pids_count = 1;
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "slow-start");
	forget();
	advisor = advisor_new();
	report.more_before = true;
	if (ask())
		cr_expect_str_neq(advice[0].rule, "slow-start");
}
