#include "report/explain/advisor.h"

#include <criterion/criterion.h>
#include <string.h>

#include "advisor_stage.h"

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

/*
 * What a counter moved is no wrong verdict where there are none; and a full queue is seen all the
 * same.
 */
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

/* Both overflowed, with nothing to size them by; the first served some. */
static void come_and_go(void)
{
	for (int i = 0; i < 2; i++) {
		listeners[i].local.port = 80;
		listeners[i].limit = listeners[i].backlog = 1;
		listeners[i].closed = i == 0;
		listeners[i].attempts = 5;
		listeners[i].drops = listeners[i].causes[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 3;
		listeners[i].outcomes[OUTCOME_ACCEPTED] = 2;
	}
}

Test(advisor, who_came_and_went_is_advised_once)
{
	come_and_go();
	cr_expect_eq(count_said("backlog-binds") + count_said("limit-binds"), 1);
	listeners[0].closed = false;
	cr_expect_eq(count_said("backlog-binds") + count_said("limit-binds"), 1, "the same words");
	listeners[1].local.port = 81;
	cr_expect_eq(count_said("backlog-binds") + count_said("limit-binds"), 2);
}

Test(advisor, a_queue_that_nobody_empties_needs_no_more_room)
{
	come_and_go();
	for (int i = 0; i < 2; i++) {
		listeners[i].outcomes[OUTCOME_ACCEPTED] = 0;
		listeners[i].outcomes[OUTCOME_RESET] = 2;
	}
	cr_expect_eq(count_said("backlog-binds") + count_said("limit-binds"), 0);
	/* Whether anybody accepted is not known. */
	listeners[0].outcomes[OUTCOME_ESTABLISHED] = listeners[1].outcomes[OUTCOME_ESTABLISHED] = 2;
	cr_expect_eq(count_said("backlog-binds") + count_said("limit-binds"), 1);
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

Test(advisor, what_came_for_another_s_address_met_no_listener)
{
	report.not_here = 6;
	meta.sources[SOURCE_SAMPLER].on = true;
	cr_expect(is_said("address-not-here"));
	cr_expect_eq(advice[0].clients, 6);
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
