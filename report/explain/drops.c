/*
 * Whether a queue dropped anything. The verdicts say so where packets and samples were
 * seen. That nothing was dropped takes both too: without packets the counters can
 * prove drops, not whose they were, and packets alone prove none.
 */
#include "report/explain/drops.h"

#include <string.h>

static const struct ledger_row *find_row(const struct report *report, const char *counter)
{
	for (size_t i = 0; i < report->ledger_count; i++)
		if (report->ledger[i].observed_known &&
		    strcmp(report->ledger[i].counter, counter) == 0)
			return &report->ledger[i];
	return NULL;
}

static bool judged(const struct report *report)
{
	for (int c = 0; c < CAUSE_COUNT; c++)
		if (report->cause_packets[c] && cause_is_drop((enum cause)c))
			return true;
	return false;
}

/* By how much the sockets' own counters moved for reasons that no packet shows. */
static int64_t unexplained_of_sockets(const struct report *report)
{
	int64_t sum = 0;

	for (size_t i = 0; i < report->ledger_count; i++) {
		const struct ledger_row *row = &report->ledger[i];

		if (row->observed_known && row->unexplained > 0 &&
		    strncmp(row->counter, "sk_drops ", 9) == 0)
			sum += row->unexplained;
	}
	return sum;
}

static bool unexplained_overflows(const struct report *report)
{
	const struct ledger_row *overflows = find_row(report, "ListenOverflows");

	return overflows && overflows->unexplained > 0;
}

/*
 * Overflows that no packet shows, and that the listeners' own counters have room for: what seems to
 * be discarded before any queue may be of these.
 */
static bool counted(const struct report *report)
{
	const struct ledger_row *overflows = find_row(report, "ListenOverflows");

	return overflows && overflows->unexplained > 0 &&
	       unexplained_of_sockets(report) +
		       (int64_t)report->cause_packets[CAUSE_DISCARDED_BEFORE_QUEUE] >=
		   overflows->unexplained;
}

static bool sampled(const struct report *report)
{
	if (find_row(report, "ListenDrops"))
		return true;
	for (size_t i = 0; i < report->listeners_count; i++)
		if (report->listeners[i].sk_drops >= 0)
			return true;
	return false;
}

/*
 * What was asked for is another host's, or a container's that has a network namespace of its own.
 */
static bool is_elsewhere(const struct report *report)
{
	bool asked = report->meta_known && report->meta->targets_count;

	if (asked && report->led_away)
		return true;
	return !report->listeners_count &&
	       report->roles[ROLE_FORWARDED] + report->roles[ROLE_OUTBOUND];
}

void drops_judge(struct report *report, bool events_missing)
{
	report->drops_seen = judged(report) || counted(report);
	report->drops_unobserved = NULL;
	if (report->drops_seen)
		return;
	if (report->kind == REPORT_PCAP)
		report->drops_unobserved =
		    "a capture alone shows neither the queues nor the kernel's counters";
	else if (report->packets_missing)
		report->drops_unobserved =
		    "packets were not captured, or are missing from the recording";
	else if (!report->listeners_count && unexplained_overflows(report))
		report->drops_unobserved =
		    "no listener of these ports was found, and the kernel counted drops of "
		    "others in this network namespace";
	else if (!report->listeners_count && !report->attempts && !report->without_packets &&
		 report->meta_known && report->meta->targets_count)
		report->drops_unobserved = "nothing listened on the ports that were asked for, and "
					   "nobody tried to connect "
					   "to them";
	else if (is_elsewhere(report))
		report->drops_unobserved =
		    "connections went to servers in other network namespaces or on other hosts, "
		    "whose "
		    "queues are visible only there (of a container on this host: record --netns)";
	else if (events_missing || !sampled(report))
		report->drops_unobserved =
		    "the listeners and the kernel's counters were not sampled, or their samples "
		    "are missing from the recording";
}
