#include "report/explain/drops.h"

#include <criterion/criterion.h>
#include <string.h>

#define OVERFLOWS 0
#define DROPS	  1
#define SOCKET	  2

static struct report report;
static struct report_listener listener;
static struct ledger_row rows[3];

/* A quiet run in which everything was observed. */
static void observe(void)
{
	memset(&report, 0, sizeof(report));
	memset(&listener, 0, sizeof(listener));
	memset(rows, 0, sizeof(rows));
	listener.samples = 3;
	rows[OVERFLOWS].counter = "ListenOverflows";
	rows[DROPS].counter = "ListenDrops";
	rows[SOCKET].counter = "sk_drops 127.0.0.1:80";
	for (int i = 0; i < 3; i++)
		rows[i].observed_known = true;
	report.kind = REPORT_RECORDING;
	report.ledger = rows;
	report.ledger_count = 3;
	report.listeners = &listener;
	report.listeners_count = 1;
}

TestSuite(drops, .init = observe);

static void count(int64_t overflows, int64_t socket)
{
	rows[OVERFLOWS].observed = rows[OVERFLOWS].unexplained = overflows;
	rows[DROPS].observed = rows[DROPS].unexplained = overflows;
	rows[SOCKET].observed = rows[SOCKET].unexplained = listener.sk_drops = socket;
}

Test(drops, nothing_moved)
{
	drops_judge(&report, false);
	cr_expect_not(report.drops_seen);
	cr_expect_null(report.drops_unobserved);
	cr_expect_eq(report_drops(&report, &listener), 0);
}

Test(drops, a_verdict_is_enough)
{
	report.cause_packets[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 1;
	report.kind = REPORT_PCAP;
	drops_judge(&report, true);
	cr_expect(report.drops_seen);
	cr_expect_null(report.drops_unobserved);
}

Test(drops, what_is_no_drop_is_none)
{
	report.cause_packets[CAUSE_SYN_COOKIE] = 1;
	drops_judge(&report, false);
	cr_expect_not(report.drops_seen);
}

Test(drops, a_capture_alone_does_not_know)
{
	report.kind = REPORT_PCAP;
	report.ledger_count = report.listeners_count = 0;
	drops_judge(&report, false);
	cr_expect_not(report.drops_seen);
	cr_expect_not_null(report.drops_unobserved);
}

Test(drops, without_packets_it_is_not_known)
{
	report.packets_missing = true;
	listener.sk_drops = 2;
	drops_judge(&report, false);
	cr_expect_not_null(report.drops_unobserved);
	cr_expect_eq(report_drops(&report, &listener), -1);
}

Test(drops, without_samples_it_is_not_known)
{
	listener.samples = 0;
	listener.sk_drops = -1;
	report.ledger_count = 0;
	drops_judge(&report, false);
	cr_expect_not_null(report.drops_unobserved);
	cr_expect_eq(report_drops(&report, &listener), -1);
}

Test(drops, samples_that_cannot_be_read_are_missed)
{
	drops_judge(&report, true);
	cr_expect_not_null(report.drops_unobserved);
}

Test(drops, counters_prove_them_without_packets)
{
	report.packets_missing = true;
	count(4, 4);
	drops_judge(&report, false);
	cr_expect(report.drops_seen);
	cr_expect_null(report.drops_unobserved);
}

Test(drops, another_listeners_overflows_are_not_these)
{
	count(4, 0);
	drops_judge(&report, false);
	cr_expect_not(report.drops_seen);
	/* Its socket dropped something, but fewer than overflowed: they can all be another's. */
	count(4, 3);
	drops_judge(&report, false);
	cr_expect_not(report.drops_seen);
}

Test(drops, what_was_only_forwarded_is_not_known)
{
	report.listeners_count = 0;
	report.attempts = report.roles[ROLE_FORWARDED] = 30;
	drops_judge(&report, false);
	cr_expect_not(report.drops_seen);
	cr_expect_not_null(report.drops_unobserved);
	report.roles[ROLE_FORWARDED] = 0;
	report.roles[ROLE_OUTBOUND] = 30; /* the load generator is here, too */
	drops_judge(&report, false);
	cr_expect_not_null(report.drops_unobserved);
}

Test(drops, of_a_published_port_they_are_the_containers)
{
	struct recording_meta meta = {.targets_count = 1};

	/* The listener is docker-proxy's: NAT leads past it. */
	report.meta = &meta;
	report.meta_known = true;
	report.attempts = report.roles[ROLE_FORWARDED] = 30;
	drops_judge(&report, false);
	cr_expect_null(report.drops_unobserved);
	report.led_away = 1;
	drops_judge(&report, false);
	cr_expect_not(report.drops_seen);
	cr_expect_not_null(report.drops_unobserved);
}

Test(drops, clients_that_came_by_another_interface_are_not_known)
{
	listener.limit = 4;
	listener.sampled_peak = 5;
	listener.sk_drops = 46;
	cr_expect_eq(report_drops(&report, &listener), -1);
	cr_expect_eq(report_full_ns(&listener), -1);
	listener.attempts = 1;
	cr_expect_eq(report_drops(&report, &listener), 0);
	cr_expect_eq(report_full_ns(&listener), 0);
}
