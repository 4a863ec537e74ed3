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

Test(advisor, its_own_unexplained_drops_are_told)
{
	rows[2].observed = rows[2].unexplained = 4;
	cr_assert_eq(ask(), 1);
	cr_expect_str_eq(advice[0].rule, "unexplained");
	cr_expect_not_null(strstr(advice[0].text, "without a port and on interface any"));
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
	    (struct sizing_children){.known = true, .children = 3};
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
