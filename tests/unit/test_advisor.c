#include "report/explain/advisor.h"

#include <criterion/criterion.h>
#include <string.h>

static struct report report;
static struct report_listener listeners[2];
static struct advisor_listener known[2];
static struct ledger_row rows[3];
static struct recording_meta meta;
static struct advisor *advisor;
static const struct advice *advice;

/* Two listeners, one port asked for, and a counter that another listener moved. */
static void observe(void)
{
	memset(&report, 0, sizeof(report));
	memset(listeners, 0, sizeof(listeners));
	memset(known, 0, sizeof(known));
	memset(rows, 0, sizeof(rows));
	memset(&meta, 0, sizeof(meta));
	for (int i = 0; i < 2; i++) {
		listeners[i].local.port = (uint16_t)(80 + i);
		known[i].listener = &listeners[i];
	}
	rows[0] =
	    (struct ledger_row){.counter = "ListenDrops", .observed_known = true, .observed = 4};
	rows[0].unexplained = 4;
	rows[1] = (struct ledger_row){.counter = "sk_drops 0.0.0.0:80", .observed_known = true};
	rows[2] = (struct ledger_row){.counter = "sk_drops 0.0.0.0:81", .observed_known = true};
	strcpy(meta.interface, "lo");
	meta.targets_count = 2;
	report.meta = &meta;
	report.meta_known = true;
	report.ledger = rows;
	report.ledger_count = 3;
	report.listeners = listeners;
	report.listeners_count = 2;
	advisor = advisor_new();
}

static void forget(void)
{
	advisor_free(advisor);
}

TestSuite(advisor, .init = observe, .fini = forget);

static size_t ask(void)
{
	return advisor_run(advisor, &report, known, 2, &advice);
}

Test(advisor, a_healthy_listener_is_left_alone)
{
	cr_expect_eq(ask(), 0);
}

Test(advisor, health_checks_that_close_at_once_are_no_impatient_clients)
{
	listeners[0].attempts = listeners[0].outcomes[OUTCOME_ACCEPTED] = 10;
	listeners[0].causes[CAUSE_CLIENT_LEFT] = 3;
	cr_expect_eq(ask(), 0);
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 3;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "clients-gone");
}

Test(advisor, its_own_unexplained_drops_are_told)
{
	rows[2].observed = rows[2].unexplained = 4;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "unexplained");
	cr_expect_not_null(strstr(advice[0].text, "without a port and on interface any"));
}

/* What a counter moved is no wrong verdict where there are none; and a full queue is seen all the
 * same. */
Test(advisor, without_packets_they_are_what_is_missing)
{
	report.packets_missing = true;
	rows[2].observed = rows[2].unexplained = 4;
	listeners[1].attempts = listeners[1].outcomes[OUTCOME_ACCEPTED] = report.attempts = 3;
	cr_expect_eq(ask(), 0);
	listeners[1].full_ns = 3 * NS_PER_SEC;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "packets-missing");
	cr_expect_not_null(strstr(advice[0].text, ":81: its accept queue was full for 3.000 s"));
}

Test(advisor, more_rights_bring_no_lost_packets_back)
{
	report.packets_missing = true;
	listeners[1].full_ns = 3 * NS_PER_SEC;
	meta.sources[SOURCE_CAPTURE].on = true;
	cr_expect_eq(ask(), 0);
}

Test(advisor, a_doubted_verdict_is_told)
{
	report.cause_doubted[CAUSE_SYN_COOKIE] = true;
	report.causes[CAUSE_SYN_COOKIE] = 1;
	cr_expect_eq(ask(), 1);
}

Test(advisor, never_the_option_that_is_in_use)
{
	rows[2].unexplained = 4;
	strcpy(meta.interface, "any");
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "without a port"));
	cr_expect_null(strstr(advice[0].text, "interface any"));
}

Test(advisor, nor_any_when_all_are)
{
	strcpy(meta.interface, "any");
	meta.targets_count = 0;
	cr_assert_eq(ask(), 1);
	cr_expect_null(strstr(advice[0].text, "record"));
}

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

static size_t count_said(const char *rule)
{
	size_t count, said = 0;

	forget();
	advisor = advisor_new();
	count = ask();
	for (size_t i = 0; i < count; i++)
		said += strcmp(advice[i].rule, rule) == 0;
	return said;
}

static bool is_said(const char *rule)
{
	return count_said(rule) > 0;
}

/* One of two SO_REUSEPORT siblings was full for full_ns, and nobody left its queue for untaken_ns.
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

/* Twelve were open, and nine closed at once. */
static void turn_away(uint64_t at_limit)
{
	listeners[1].attempts = 21;
	listeners[1].causes[CAUSE_CLOSED_UNSERVED] = 9;
	known[1].places = (struct sizing_places){.open = 12, .at_limit = at_limit};
	known[1].children =
	    (struct sizing_children){.known = true, .services = 40, .children = 14, .places = 17};
}

Test(advisor, who_is_closed_at_a_limit_needs_a_higher_one)
{
	turn_away(8);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "application-limit");
	cr_expect_eq(advice[0].clients, 9);
	cr_expect_not_null(strstr(advice[0].text, "most likely"));
	cr_expect_not_null(strstr(advice[0].text, "17 at a time would have been enough"));
}

Test(advisor, who_is_closed_at_any_time_is_refused_for_another_reason)
{
	turn_away(6);
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "closed-unserved");
}

Test(advisor, a_server_that_speaks_first_does_not_wait_for_data)
{
	listeners[1].attempts = listeners[1].causes[CAUSE_DEFER_ACCEPT] = 20;
	cr_expect_eq(ask(), 0);
	known[1].greeted_late = 20;
	cr_expect(is_said("defer-accept"));
	cr_expect_eq(advice[0].clients, 20);
	cr_expect_not_null(strstr(advice[0].text, "the server speaks first"));
}

Test(advisor, who_was_killed_refused_nobody)
{
	turn_away(0);
	known[1].ended = (struct sizing_ended){.clients = 12,
					       .unserved = 9,
					       .processes = 1,
					       .pid = 77,
					       .signal = 9,
					       .after_ns = 46 * NS_PER_MS};
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "owner-killed");
	cr_expect_eq(advice[0].clients, 12);
	cr_expect_not_null(strstr(advice[0].text, "process 77 ended (signal 9) 46.0 ms after"));
	cr_expect_not_null(strstr(advice[0].text, "OOM killer"));
	/* Others were refused besides. */
	known[1].ended.unserved = 4;
	known[1].ended.processes = 3;
	known[1].ended.signal = 11;
	cr_expect(is_said("closed-unserved"));
	cr_expect_str_eq(advice[0].rule, "owner-killed");
	cr_expect_not_null(strstr(advice[0].text, "3 of its processes ended"));
	cr_expect_not_null(strstr(advice[0].text, "crashed"));
	cr_expect_eq(advice[1].clients, 5);
}

Test(advisor, whether_a_server_refuses_is_not_known_where_its_end_would_not_be)
{
	turn_away(0);
	cr_expect(is_said("closed-unserved"));
	cr_expect_not_null(strstr(advice[0].text, "is not known"));
	meta.sources[SOURCE_PROC].on = true;
	listeners[1].pids_count = 1;
	cr_expect(is_said("closed-unserved"));
	cr_expect_null(strstr(advice[0].text, "is not known"));
}

Test(advisor, a_server_that_says_that_it_is_full_is)
{
	turn_away(0);
	listeners[1].causes[CAUSE_CLOSED_UNSERVED] = 0;
	listeners[1].causes[CAUSE_SERVER_FULL] = 9;
	listeners[1].refusal = REFUSAL_SSH;
	cr_assert_geq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "application-limit");
	cr_expect_not_null(strstr(advice[0].text, "\"Exceeded MaxStartups\""));
	cr_expect_null(strstr(advice[0].text, "most likely"));
}

Test(advisor, a_server_that_is_not_ready_is_at_no_limit)
{
	turn_away(0);
	listeners[1].causes[CAUSE_CLOSED_UNSERVED] = 0;
	listeners[1].causes[CAUSE_SERVER_NOT_READY] = 9;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "server-not-ready");
	cr_expect_eq(advice[0].clients, 9);
	cr_expect_not_null(strstr(advice[0].text, "No limit was reached"));
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

Test(advisor, what_came_for_another_s_address_met_no_listener)
{
	report.not_here = 6;
	meta.sources[SOURCE_SAMPLER].on = true;
	cr_expect(is_said("address-not-here"));
	cr_expect_eq(advice[0].clients, 6);
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

/* One that accepted ended at 4 s, a child of it has the listener still; the recording ends at 12 s.
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

Test(advisor, clients_that_no_queue_saw_have_a_rule_of_their_own)
{
	static const enum cause causes[] = {CAUSE_NO_ROUTE,
					    CAUSE_RP_FILTER,
					    CAUSE_MD5_MISMATCH,
					    CAUSE_TTL_TOO_SMALL,
					    CAUSE_DISCARDED_BEFORE_QUEUE,
					    CAUSE_EXISTING_CONNECTION,
					    CAUSE_LISTENER_CLOSED};

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		report.inbound_causes[causes[i]] = 7 + i;
		report.cause_packets[causes[i]] = 20;
	}
	report.cause_doubted[CAUSE_NO_ROUTE] = true;
	/* The most clients first; what is doubted is left out. */
	cr_assert_eq(ask(), 6);
	cr_expect_str_eq(advice[0].rule, "listener-closed");
	cr_expect_str_eq(advice[5].rule, "rp-filter");
	cr_expect_eq(advice[5].clients, 8);
	cr_expect_str_eq(advice[5].evidence[0], "8 attempts, 20 packets");
	for (size_t i = 0; i < 6; i++)
		cr_expect(strstr(advice[i].text, "queue"), "%s", advice[i].rule);
}

/* Refused while nobody listened there, from 10 s to 12 s; the server listens from listens_ns on. */
static void refuse(struct report_peer *absent, uint64_t attempts, int64_t listens_ns)
{
	static struct report_limit limit;

	limit = (struct report_limit){.time_ns = listens_ns, .limit = 128};
	listeners[0].limits = &limit;
	listeners[0].limits_count = 1;
	listeners[0].comm = "server";
	absent->server.port = 80;
	absent->first_ns = 10 * NS_PER_SEC;
	absent->last_ns = 12 * NS_PER_SEC;
	absent->attempts = attempts;
	report.absent = absent;
	report.absent_count = 1;
	report.inbound_causes[CAUSE_NO_LISTENER] = attempts;
	meta.sources[SOURCE_SAMPLER].on = true;
}

Test(advisor, a_server_that_came_later_is_no_wrong_address)
{
	struct report_peer absent = {.role = ROLE_INBOUND};

	refuse(&absent, 5, 13 * NS_PER_SEC);
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "no-listener");
	cr_expect_eq(advice[0].clients, 5);
	cr_expect_not_null(strstr(advice[0].text, "restarted"));
	cr_expect_str_eq(advice[0].evidence[0], "5 attempts refused, from 10.000 s to 12.000 s");
	cr_expect_str_eq(advice[0].evidence[1], "server listened there from 13.000 s on");
}

Test(advisor, those_of_other_ports_are_told_beside)
{
	struct report_peer absent = {.role = ROLE_INBOUND};

	refuse(&absent, 5, 13 * NS_PER_SEC);
	report.inbound_causes[CAUSE_NO_LISTENER] = 7;
	cr_assert_eq(ask(), 2);
	cr_expect_not_null(strstr(advice[1].text, "ss -ltn"));
	cr_expect_str_eq(advice[1].evidence[0], "2 attempts refused, no listener found");
}

Test(advisor, a_server_that_was_there_before_has_ended)
{
	struct report_peer absent = {.role = ROLE_INBOUND};

	refuse(&absent, 5, 9 * NS_PER_SEC);
	listeners[0].closed = true;
	listeners[0].closed_ns = 10 * NS_PER_SEC;
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "had ended"));
	cr_expect_not_null(strstr(advice[0].evidence[1], "listened there"));
}

Test(advisor, a_server_of_the_other_family_did_not_come_there)
{
	struct report_peer absent = {.role = ROLE_INBOUND};

	refuse(&absent, 5, 13 * NS_PER_SEC);
	cr_assert_eq(endpoint_parse("127.0.0.1:80", &absent.server), 0);
	listeners[0].v6only = true;
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "ss -ltn"));
}

Test(advisor, a_server_on_another_address_is_named)
{
	struct report_peer absent = {.role = ROLE_INBOUND};

	refuse(&absent, 5, 9 * NS_PER_SEC);
	report.inbound_causes[CAUSE_NO_LISTENER] = 7;
	cr_assert_eq(endpoint_parse("10.0.0.5:80", &absent.server), 0);
	cr_assert_eq(endpoint_parse("127.0.0.1:80", &listeners[0].local), 0);
	cr_assert_eq(ask(), 2);
	cr_expect_str_eq(advice[0].rule, "no-listener");
	cr_expect_eq(advice[0].clients, 5);
	cr_expect_not_null(strstr(advice[0].text, "10.0.0.5:80: clients were refused with a RST: "
						  "server listens on 127.0.0.1:80 only."));
	cr_expect_not_null(strstr(advice[1].text, "ss -ltn"));
	cr_expect_str_eq(advice[1].evidence[0], "2 attempts refused, no listener found");
}

Test(advisor, a_server_on_another_address_that_came_or_went_meanwhile_is_not)
{
	struct report_peer absent = {.role = ROLE_INBOUND};

	refuse(&absent, 5, 11 * NS_PER_SEC);
	cr_assert_eq(endpoint_parse("10.0.0.5:80", &absent.server), 0);
	cr_assert_eq(endpoint_parse("127.0.0.1:80", &listeners[0].local), 0);
	cr_assert_eq(ask(), 1);
	cr_expect_null(strstr(advice[0].text, "127.0.0.1"));
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

Test(advisor, a_syn_ack_that_no_interface_saw_was_dropped_on_output)
{
	report.inbound_causes[CAUSE_ANSWER_STOPPED] = 3;
	cr_assert_eq(ask(), 1);
	cr_expect_not_null(strstr(advice[0].text, "another interface"));
	forget();
	advisor = advisor_new();
	strcpy(meta.interface, "any");
	report.meta_known = true;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "answer-stopped");
	cr_expect_null(strstr(advice[0].text, "another interface"));
	cr_expect_not_null(strstr(advice[0].text, "output or postrouting chain"));
}

Test(advisor, clients_that_the_kernel_resets_could_try_again)
{
	report.reset_by_full_queue = 14;
	report.host_known = true;
	cr_expect_eq(ask(), 0);
	report.host.tcp_abort_on_overflow = 1;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "abort-resets");
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

Test(advisor, one_wait_in_thousands_takes_no_workers)
{
	saturate();
	listeners[0].attempts = 3934;
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 1;
	cr_expect_eq(ask(), 0);
	listeners[0].causes[CAUSE_SLOW_ACCEPT] = 30;
	cr_expect(is_said("accept-rate"));
}
