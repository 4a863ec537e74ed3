#include "report/explain/advisor.h"

#include <criterion/criterion.h>
#include <string.h>

#include "advisor_stage.h"

Test(advisor, slow_accepts_are_of_the_listener_that_has_them)
{
	const struct advice *found = NULL;
	size_t count;

	report.causes[CAUSE_SLOW_ACCEPT] = 289;
	report.latency[LATENCY_ACCEPT_WAIT] =
	    (struct latency_summary){.count = 300, .p50 = NS_PER_SEC, .max = 9 * NS_PER_SEC};
	listeners[1].causes[CAUSE_SLOW_ACCEPT] = 289;
	listeners[1].latency[LATENCY_ACCEPT_WAIT] =
	    (struct latency_summary){.count = 289, .p50 = 2 * NS_PER_SEC, .max = 9 * NS_PER_SEC};
	known[0].children = known[1].children =
	    (struct sizing_children){.known = true, .services = 40, .children = 3};
	count = ask();
	for (size_t i = 0; i < count; i++)
		if (strcmp(advice[i].rule, "accept-rate") == 0) {
			cr_expect_null(found);
			found = &advice[i];
		}
	cr_assert_not_null(found);
	cr_expect_not_null(strstr(found->text, ":81: "));
	cr_expect_not_null(strstr(found->evidence[0], "p50 2.000 s"));
	cr_expect_not_null(strstr(found->evidence[1], "289"));
}

/* Thirty were dropped, and a backlog of 40 would have held them all, had nobody else come. */
static void overload(bool began, bool ended)
{
	listeners[0].attempts = 60;
	listeners[0].limit = 6;
	listeners[0].backlog = -1;
	listeners[0].drops = 90;
	listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 30;
	known[0].backlog = (struct sizing_backlog){.known = true, .backlog = 40};
	known[0].service = (struct sizing_service){.known = true, .concurrent = 1};
	known[0].backlog.sooner = 30;
	known[0].overload = (struct sizing_overload){.began = began,
						     .ended = ended,
						     .waiting = 17,
						     .for_ns = 10 * NS_PER_SEC,
						     .came = 60,
						     .taken = 25};
}

/* A flood that fills the SYN queue, and a queue that never was full. */
static void flood(uint64_t half_open)
{
	overload(false, false);
	listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 0;
	listeners[0].causes[CAUSE_SYN_QUEUE_FULL] = 394;
	report.cause_packets[CAUSE_SYN_QUEUE_FULL] = 496;
	report.inbound = report.attempts = 430;
	report.inbound_outcomes[OUTCOME_ACCEPTED] = 20;
	report.inbound_outcomes[OUTCOME_UNANSWERED] = 370;
	report.inbound_outcomes[OUTCOME_HALF_OPEN] = half_open;
}

Test(advisor, a_flood_takes_syn_cookies_and_no_backlog)
{
	flood(24);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "cookies-off");
	cr_expect_not_null(strstr(advice[0].text, "SYN flood"));
	cr_expect_not_null(strstr(advice[0].text, "net.ipv4.tcp_syncookies=1"));
	cr_expect_str_eq(advice[0].evidence[0], "24 half-open, 370 unanswered of 430 attempts");
	cr_expect_not(is_said("limit-binds"));
	/* A burst of clients that would have finished is none. */
	flood(0);
	cr_expect(is_said("cookies-off"));
	cr_expect_null(strstr(advice[0].text, "flood"));
}

Test(advisor, health_checks_that_reset_what_was_answered_are_no_flood)
{
	report.attempts = 67;
	report.inbound_outcomes[OUTCOME_ABORTED] = 27;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "half-open");
	cr_expect_not_null(strstr(advice[0].text, "health checks"));
	cr_expect_null(strstr(advice[0].text, "flood"));
	report.inbound_outcomes[OUTCOME_HALF_OPEN] = 40;
	cr_expect(is_said("half-open"));
	cr_expect_not_null(strstr(advice[0].text, "SYN flood"));
}

/* Connections waited for a worker that clients held for so long of 10 s, having sent nothing. */
static void hold(int64_t silent_s)
{
	listeners[0].attempts = 20;
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 6;
	known[0].children = (struct sizing_children){.known = true,
						     .services = 40,
						     .children = 21,
						     .target_ns = 100 * NS_PER_MS,
						     .service_p50_ns = 5 * NS_PER_SEC};
	known[0].service = (struct sizing_service){.known = true,
						   .concurrent = 1,
						   .held_ns = 10 * NS_PER_SEC,
						   .silent_ns = silent_s * NS_PER_SEC,
						   .silent = 2};
}

Test(advisor, clients_that_send_nothing_take_no_number_of_workers)
{
	hold(9);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_not_null(strstr(advice[0].text,
				  "2 clients that sent nothing held the only worker, for 9.000 s"));
	cr_expect_null(strstr(advice[0].text, "21"));
	hold(2);
	cr_expect(is_said("accept-rate"));
	cr_expect_not_null(strstr(advice[0].text, "With 21 workers"));
	cr_expect_not_null(strstr(advice[0].text, "as long as here (median 5.000 s)"));
}

Test(advisor, who_is_accepted_at_once_and_answered_late_waits_behind_the_queue)
{
	listeners[0].attempts = 20;
	listeners[0].latency[LATENCY_ACCEPT_WAIT] = (struct latency_summary){
	    .count = 20, .p50 = 2 * NS_PER_MS, .p99 = 9 * NS_PER_MS, .max = 9 * NS_PER_MS};
	known[0].service = (struct sizing_service){.answers = 20,
						   .answers_slow = 5,
						   .answer_p50_ns = 600 * NS_PER_MS,
						   .answer_max_ns = 3 * NS_PER_SEC};
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "slow-answer");
	cr_expect_not_null(strstr(advice[0].text, "after 2.0 ms (median)"));
	cr_expect_not_null(strstr(advice[0].text, "600.0 ms after that (median; 3.000 s at most)"));
	known[0].service.answers_slow = 4;
	cr_expect_not(is_said("slow-answer"));
	known[0].service.answers_slow = 20;
	listeners[0].drops = 1;
	cr_expect_not(is_said("slow-answer"));
}

Test(advisor, a_burst_that_is_over_takes_a_larger_backlog)
{
	overload(false, false);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "limit-binds");
}

Test(advisor, an_overload_that_goes_on_takes_more_workers)
{
	size_t count;

	overload(false, true);
	count = ask();
	cr_assert_geq(count, 1);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_eq(advice[0].clients, 17);
	cr_expect_not_null(strstr(advice[0].text, "ended during the overload"));
	cr_expect_not_null(strstr(advice[0].evidence[1], "6.0 clients a second came"));
	cr_expect_not_null(strstr(advice[0].evidence[1], "took 2.5"));
	for (size_t i = 0; i < count; i++)
		cr_expect_null(strstr(advice[i].rule, "binds"));
}

Test(advisor, so_does_one_that_was_there_before)
{
	overload(true, false);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_not_null(strstr(advice[0].text, "the recording began during the overload"));
}

Test(advisor, a_period_that_cuts_an_overload_takes_no_number)
{
	static const struct full_episode episode = {.start_ns = 500 * NS_PER_MS,
						    .end_ns = 4 * NS_PER_SEC};

	/* The burst is over, but clients that were dropped before the period come again in it. */
	overload(false, false);
	report.start_ns = 0;
	report.end_ns = 10 * NS_PER_SEC;
	listeners[0].episodes = &episode;
	listeners[0].episodes_count = 1;
	cr_expect_not(is_said("accept-rate"));
	report.more_before = true;
	cr_expect(is_said("accept-rate"));
	cr_expect_not(is_said("limit-binds"));
	cr_expect_not_null(strstr(advice[0].text, "without --since and --until"));
	/* What comes after this end of it is no matter. */
	report.more_before = false;
	report.more_after = true;
	cr_expect_not(is_said("accept-rate"));
	known[0].overload.cut_after = true;
	cr_expect(is_said("accept-rate"));
	cr_expect_not(is_said("limit-binds"));
}

/* Three workers, all busy, and clients that waited. */
static void saturate(void)
{
	listeners[0].attempts = 40;
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 30;
	known[0].children = (struct sizing_children){.known = true,
						     .services = 40,
						     .children = 8,
						     .target_ns = 100 * NS_PER_MS,
						     .clients = 40};
	known[0].service = (struct sizing_service){
	    .known = true, .saturated = true, .concurrent = 3, .last_ns = TIME_UNKNOWN};
	known[0].sharing.alike = true;
}

Test(advisor, a_number_of_workers_comes_with_what_it_takes_for_granted)
{
	saturate();
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "With 8 workers"));
	cr_expect_not_null(strstr(advice[0].text, "if they do not wait for one another"));
}

Test(advisor, connections_that_are_held_on_after_their_reply_are_to_end_sooner)
{
	saturate();
	known[0].children.service_p50_ns = 3 * NS_PER_SEC;
	known[0].service.answers = 20;
	known[0].service.answer_p50_ns = 2 * NS_PER_MS;
	listeners[0].comm = "apache2";
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "sooner (KeepAliveTimeout, Timeout)"));
	forget();
	advisor = advisor_new();
	known[0].service.answer_p50_ns = 2 * NS_PER_SEC;
	cr_assert_eq(ask(), 1);
	cr_expect_null(strstr(advice[0].text, "KeepAliveTimeout"), "they were being served");
}

Test(advisor, workers_that_wait_for_one_another_take_no_number)
{
	saturate();
	known[0].sharing = (struct sizing_sharing){.longer = true,
						   .few = 2,
						   .few_p50_ns = 400 * NS_PER_MS,
						   .many = 3,
						   .many_p50_ns = 1200 * NS_PER_MS};
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_not_null(strstr(advice[0].text, "held longer the more were at work"));
	cr_expect_not_null(strstr(advice[0].text, "would not serve more"));
	cr_expect_null(strstr(advice[0].text, "With "));
	cr_expect_not_null(strstr(advice[0].evidence[0], "1.200 s with 3 or more"));
}

Test(advisor, nor_do_those_of_whom_that_is_not_known)
{
	saturate();
	known[0].sharing.alike = false;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_not_null(strstr(advice[0].text, "would be served sooner is not known"));
	cr_expect_null(strstr(advice[0].text, "With "));
}

Test(advisor, nor_does_one_of_whose_clients_hardly_any_is_known)
{
	saturate();
	known[0].service.concurrent = 1;
	known[0].children.services = 3;
	cr_expect_not(is_said("accept-rate"));
}

Test(advisor, one_worker_waits_for_no_other)
{
	saturate();
	known[0].service.concurrent = 1;
	known[0].sharing.alike = false;
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "With 8 workers"));
}

Test(advisor, nor_do_those_whose_clients_get_no_reply)
{
	saturate();
	listeners[0].outcomes[OUTCOME_ACCEPTED] = 20;
	listeners[0].causes[CAUSE_CLIENT_LEFT] = 8;
	known[0].service.asked = known[0].service.unreplied = 17;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "no-reply");
	cr_expect_not_null(
	    strstr(advice[0].text, "17 of 20 accepted clients sent a request and left"));
	/* One did. */
	known[0].service.unreplied = 16;
	cr_expect_not(is_said("no-reply"));
	cr_expect(is_said("accept-rate"));
}

Test(advisor, nor_do_those_that_take_turns)
{
	saturate();
	known[0].sharing.turn_ns = 400 * NS_PER_MS;
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "one after the other"));
	cr_expect_null(strstr(advice[0].text, "With "));
	cr_expect_not_null(strstr(advice[0].evidence[0], "every 400.0 ms"));
}

Test(advisor, a_queue_that_drops_is_told_of_before_what_does_not_help)
{
	report.host_known = true;
	report.host.tcp_syncookies = 1;
	report.cause_packets[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 30;
	/* Of no listener that is known. */
	cr_expect_eq(ask(), 0);
	listeners[0].attempts = 40;
	listeners[0].drops = 30;
	listeners[0].limit = 8;
	listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 12;
	/* A longer queue serves nobody more, and what would is not known. */
	known[0].backlog =
	    (struct sizing_backlog){.known = true, .backlog = 20, .served = 30, .served_then = 20};
	known[0].service = (struct sizing_service){.known = true, .concurrent = 8};
	cr_assert_eq(ask(), 2);
	cr_expect_str_eq(advice[0].rule, "accept-rate");
	cr_expect_not_null(strstr(advice[0].text, "could not be told"));
	cr_expect_str_eq(advice[1].rule, "max-syn-backlog-idle");
}

Test(advisor, one_client_more_is_no_reason_for_a_longer_queue_where_others_leave)
{
	listeners[0].attempts = 30;
	listeners[0].drops = 15;
	listeners[0].limit = 8;
	listeners[0].outcomes[OUTCOME_ACCEPTED] = 15;
	listeners[0].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 15;
	known[0].service = (struct sizing_service){.known = true, .concurrent = 2};
	known[0].backlog = (struct sizing_backlog){.known = true,
						   .backlog = 23,
						   .clients = 30,
						   .served = 6,
						   .served_then = 7,
						   .sooner = 1};
	cr_expect(is_said("backlog-binds") || is_said("limit-binds"));
	listeners[0].causes[CAUSE_CLIENT_LEFT] = 9;
	cr_expect_not(is_said("backlog-binds") || is_said("limit-binds"));
	cr_expect(is_said("clients-gone"));
	/* Five more are. */
	known[0].backlog.served_then = 11;
	known[0].backlog.sooner = 5;
	cr_expect(is_said("backlog-binds") || is_said("limit-binds"));
}

Test(advisor, one_wait_in_thousands_takes_no_workers)
{
	saturate();
	listeners[0].attempts = 3934;
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 1;
	cr_expect_eq(ask(), 0);
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 30;
	cr_expect(is_said("accept-rate"));
}
