/*
 * A report for the advisor, of two listeners that are well: what its tests begin from.
 */
#ifndef TESTS_UNIT_ADVISOR_STAGE_H
#define TESTS_UNIT_ADVISOR_STAGE_H

#include <criterion/criterion.h>
#include <string.h>

#include "report/explain/advisor.h"

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

static __attribute__((unused)) size_t ask(void)
{
	return advisor_run(advisor, &report, known, 2, &advice);
}

static __attribute__((unused)) size_t count_said(const char *rule)
{
	size_t count, said = 0;

	forget();
	advisor = advisor_new();
	count = ask();
	for (size_t i = 0; i < count; i++)
		said += strcmp(advice[i].rule, rule) == 0;
	return said;
}

static __attribute__((unused)) bool is_said(const char *rule)
{
	return count_said(rule) > 0;
}

#endif
