/*
 * The head of the text report: what was observed, and the answer in plain words:
 * what became of the attempts, which queue was full against which limit, what it
 * cost the clients, and what would have avoided it.
 */
#include "report/text/text.h"

#include <inttypes.h>

#include "report/attempt/words.h"
#include "report/sink/daytime.h"

/*
 * How many listeners and causes the answer tells of; the tables have them all. Each cause of
 * drops is told: their packets add up to the drops above them.
 */
#define ANSWER_LISTENERS 1
#define ANSWER_CAUSES	 3

/* "2023-11-14 23:13:20 UTC+01:00": all times of day on the page are of this zone. */
static void add_date(const struct text *text, struct sentence *sentence)
{
	char date[DAYTIME_TEXT_SIZE], zone[DAYTIME_TEXT_SIZE];

	sentence_add(sentence, ", from %s %s",
		     daytime_date(text->report->start_ns, text->utc_offset_s, date),
		     daytime_zone(text->utc_offset_s, zone));
}

void text_put_title(const struct text *text)
{
	const struct report *report = text->report;
	char name[RECORDING_TEXT_SIZE], kernel[HOST_KERNEL_SIZE], value[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence,
		     "synscope %s: ", text_safe(text, report->version, value, sizeof(value)));
	switch (report->kind) {
	case REPORT_RECORDING:
	case REPORT_LIVE:
		/* The same words for both: a recording reported later is the same report. */
		if (report->path)
			sentence_add(&sentence, "recording %s",
				     text_safe(text, report->path, name, sizeof(name)));
		else
			sentence_add(&sentence, "observed live");
		break;
	case REPORT_PCAP:
		sentence_add(&sentence, "capture %s",
			     text_safe(text, report->path, name, sizeof(name)));
		break;
	}
	if (report->start_ns != TIME_UNKNOWN && report->end_ns != TIME_UNKNOWN)
		sentence_add(
		    &sentence, ", %s",
		    text_duration(text, clock_since(report->end_ns, report->start_ns), value));
	if (report->meta_known && report->meta && report->meta->interface[0])
		sentence_add(&sentence, " on %s",
			     text_safe(text, report->meta->interface, name, sizeof(name)));
	if (report->start_ns != TIME_UNKNOWN)
		add_date(text, &sentence);
	if (report->host_known && report->host.kernel[0])
		sentence_add(&sentence, ", Linux %s",
			     text_safe(text, report->host.kernel, kernel, sizeof(kernel)));
	text_begin_colour(text, TEXT_DIM);
	text_paragraph(text, "", 0, sentence.text);
	text_end_colour(text, TEXT_DIM);
}

/* Names that do not speak for themselves have their meaning beside them. */
static void add_outcome(const struct report *report, enum outcome outcome,
			struct sentence *sentence)
{
	sentence_add(sentence, "%s", outcome_name(outcome));
	if (outcome == OUTCOME_ZOMBIE || outcome == OUTCOME_UNREACHABLE ||
	    outcome == OUTCOME_OPEN ||
	    (outcome == OUTCOME_ESTABLISHED && report->kind != REPORT_PCAP))
		sentence_add(sentence, " (%s)", outcome_words(outcome));
}

/* What was not seen is no proof that nobody came: what else tells of that is said with it. */
static void put_nothing(const struct text *text)
{
	const struct report *report = text->report;
	const struct recording_meta *meta = report->meta_known ? report->meta : NULL;
	char count[TEXT_VALUE_SIZE], name[RECORDING_TEXT_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	if (report->left_out) {
		text_paragraph(text, "", 0,
			       "No connection attempt to this host matches the filter.");
		return;
	}
	if (report->packets)
		sentence_add(&sentence, "No connection attempt %swas seen in %s packet%s",
			     report->attempts ? "to this host " : "",
			     text_count((int64_t)report->packets, count),
			     report->packets == 1 ? "" : "s");
	else if (report->packets_missing)
		sentence_add(&sentence, "Connection attempts were not observed: there are no "
					"captured packets");
	else
		sentence_add(&sentence, "No connection attempt was seen: %s%s%s",
			     report->kind == REPORT_PCAP ? "the capture has no packets"
							 : "no packet was captured",
			     meta && meta->interface[0] ? " on interface " : "",
			     meta ? text_safe(text, meta->interface, name, sizeof(name)) : "");
	if (report->kind == REPORT_PCAP && report->stray_syn_acks)
		sentence_add(&sentence, "; the clients' direction is missing");
	if (report->passive_opens > 0)
		sentence_add(&sentence,
			     "; the kernel counted %s incoming connection%s in this network "
			     "namespace, on all ports (PassiveOpens)",
			     text_count(report->passive_opens, count),
			     report->passive_opens == 1 ? "" : "s");
	sentence_add(&sentence, ".");
	text_begin_colour(text, TEXT_BOLD);
	text_paragraph(text, "", 0, sentence.text);
	text_end_colour(text, TEXT_BOLD);
}

static void put_outcomes(const struct text *text)
{
	const struct report *report = text->report;
	char count[TEXT_VALUE_SIZE];
	struct sentence sentence;
	bool first = true;

	sentence_clear(&sentence);
	if (!report->inbound) {
		put_nothing(text);
		return;
	}
	sentence_add(&sentence,
		     "%s connection attempt%s:", text_count((int64_t)report->inbound, count),
		     report->inbound == 1 ? "" : "s");
	for (int i = 0; i < OUTCOME_COUNT; i++) {
		if (!report->inbound_outcomes[i])
			continue;
		sentence_add(&sentence, "%s %s ", first ? "" : ",",
			     text_count((int64_t)report->inbound_outcomes[i], count));
		add_outcome(report, i, &sentence);
		first = false;
	}
	sentence_add(&sentence, ".");
	/* They are known from the sockets. */
	if (!report->packets && report->packets_missing)
		sentence_add(&sentence, " Only those that waited for accept() were observed: there "
					"are no captured packets.");
	if (report->kind == REPORT_PCAP && report->unseen_syn_acks)
		sentence_add(&sentence,
			     " %s of the clients acknowledged an answer that is not in "
			     "the file: the server's direction is missing.",
			     text_count((int64_t)report->unseen_syn_acks, count));
	text_begin_colour(text, TEXT_BOLD);
	text_paragraph(text, "", 0, sentence.text);
	text_end_colour(text, TEXT_BOLD);
}

/* Said first: whatever follows is of the packets that are left. */
static void put_lost(const struct text *text)
{
	const struct report *report = text->report;
	char lost[TEXT_VALUE_SIZE], kept[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!report->packets_dropped)
		return;
	sentence_clear(&sentence);
	sentence_add(
	    &sentence,
	    "The capture lost %s packet%s (%s were captured): attempts can be missing, and "
	    "the others incomplete.",
	    text_count((int64_t)report->packets_dropped, lost),
	    report->packets_dropped == 1 ? "" : "s", text_count((int64_t)report->packets, kept));
	text_begin_colour(text, TEXT_RED);
	text_paragraph(text, "", 0, sentence.text);
	text_end_colour(text, TEXT_RED);
}

/* Those of so many calls of listen() are named. */
#define LIMITS_TOLD 4

/* ". Its accept queue held 11, then 3, then 21 (limits 10, 2, 20: listen() was called again)" */
static void add_limits(const struct report_listener *l, struct sentence *sentence)
{
	size_t told = l->limits_count < LIMITS_TOLD ? l->limits_count : LIMITS_TOLD;
	const char *rest = told < l->limits_count ? ", ..." : "";

	for (size_t i = 0; i < told; i++)
		sentence_add(sentence, "%s%" PRId64, i ? ", then " : ". Its accept queue held ",
			     (int64_t)l->limits[i].limit + 1);
	for (size_t i = 0; i < told; i++)
		sentence_add(sentence, "%s%" PRId64, i ? ", " : " (limits ",
			     (int64_t)l->limits[i].limit);
	sentence_add(sentence, "%s: listen() was called again)", rest);
}

/* One listener that dropped something: which queue, against which limit, for how long. */
static void put_full_queue(const struct text *text, const struct report_listener *listener)
{
	char address[ENDPOINT_TEXT_SIZE], count[TEXT_VALUE_SIZE], value[TEXT_VALUE_SIZE];
	struct sentence sentence;

	report_listener_format(listener, address);
	sentence_clear(&sentence);
	sentence_add(&sentence, "%s dropped %s packet%s", address,
		     text_count((int64_t)listener->drops, count), listener->drops == 1 ? "" : "s");
	if (listener->limit >= 0) {
		bool full = listener->episodes_count > 0;
		uint64_t times = listener->episodes_count + listener->episodes_lost;

		if (listener->limits_count > 1) {
			add_limits(listener, &sentence);
		} else {
			sentence_add(&sentence, ". Its accept queue holds %" PRId64 " (",
				     listener->capacity);
			text_limit(text, listener, (uint32_t)listener->limit, &sentence);
			sentence_add(&sentence, ")");
		}
		if (full)
			sentence_add(&sentence, " and was full %s time%s, %s in total",
				     text_count((int64_t)times, count), times == 1 ? "" : "s",
				     text_duration(text, listener->full_ns, value));
	}
	sentence_add(&sentence, ".");
	text_begin_colour(text, TEXT_RED);
	text_paragraph(text, "", 0, sentence.text);
	text_end_colour(text, TEXT_RED);
}

static bool is_among(const size_t *list, size_t count, size_t value)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == value)
			return true;
	return false;
}

/* What sockets of one address dropped, once: which of them did is not known. */
static size_t put_group_drops(const struct text *text)
{
	const struct report *report = text->report;
	char address[ENDPOINT_TEXT_SIZE], count[TEXT_VALUE_SIZE];
	struct sentence sentence;
	size_t told = 0;

	for (size_t i = 0; i < report->listeners_count; i++) {
		const struct report_listener *l = &report->listeners[i];
		bool again = false;

		for (size_t k = 0; k < i && !again; k++)
			again = report->listeners[k].group_drops &&
				report_same_place(&report->listeners[k], l);
		if (!l->group_drops || again)
			continue;
		report_listener_format(l, address);
		sentence_clear(&sentence);
		sentence_add(&sentence,
			     "%s: which of its SO_REUSEPORT sockets dropped %s packet%s is not "
			     "known.",
			     address, text_count((int64_t)l->group_drops, count),
			     l->group_drops == 1 ? "" : "s");
		text_begin_colour(text, TEXT_RED);
		text_paragraph(text, "", 0, sentence.text);
		text_end_colour(text, TEXT_RED);
		told++;
	}
	return told;
}

/* The listeners with the most drops, worst first. Returns how many dropped something. */
static size_t put_full_queues(const struct text *text)
{
	const struct report *report = text->report;
	size_t told[ANSWER_LISTENERS], told_count = 0, all = 0;

	for (size_t i = 0; i < report->listeners_count; i++)
		all += report->listeners[i].drops > 0;
	while (told_count < all && told_count < ANSWER_LISTENERS) {
		const struct report_listener *worst = NULL;

		for (size_t i = 0; i < report->listeners_count; i++) {
			const struct report_listener *listener = &report->listeners[i];

			if (listener->drops && !is_among(told, told_count, i) &&
			    (!worst || listener->drops > worst->drops))
				worst = listener;
		}
		told[told_count++] = (size_t)(worst - report->listeners);
		put_full_queue(text, worst);
	}
	if (all > told_count)
		fprintf(text->out, "%zu more listener%s dropped packets: see the table.\n",
			all - told_count, all - told_count == 1 ? "" : "s");
	return all + put_group_drops(text);
}

/* The causes by the number of attempts that have them. */
static void put_causes(const struct text *text)
{
	const struct report *report = text->report;
	bool told[CAUSE_COUNT] = {false};
	char count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	for (int n = 0;; n++) {
		int best = -1;

		for (int i = 0; i < CAUSE_COUNT; i++)
			if (!told[i] && report->inbound_causes[i] &&
			    (n < ANSWER_CAUSES || text->full || cause_is_drop(i)) &&
			    (best < 0 || report->inbound_causes[i] > report->inbound_causes[best]))
				best = i;
		if (best < 0)
			break;
		told[best] = true;
		sentence_clear(&sentence);
		sentence_add(
		    &sentence, "%s: %s attempt%s",
		    cause_words(best, report->host_known ? report->host.tcp_syncookies : -1),
		    text_count((int64_t)report->inbound_causes[best], count),
		    report->inbound_causes[best] == 1 ? "" : "s");
		if (cause_is_drop(best))
			sentence_add(&sentence, ", %s packet%s",
				     text_count((int64_t)report->cause_packets[best], count),
				     report->cause_packets[best] == 1 ? "" : "s");
		if (best == CAUSE_ACCEPT_QUEUE_FULL_ACK && report_aborts(report))
			sentence_add(&sentence, "; tcp_abort_on_overflow reset %s of these clients",
				     text_count((int64_t)report->reset_by_full_queue, count));
		sentence_add(&sentence, ".");
		text_paragraph(text, text_bullet(text), 2, sentence.text);
	}
}

/* Time that a client loses without anything being dropped. */
static void put_wait(const struct text *text)
{
	const struct latency_summary *wait = &text->report->latency[LATENCY_ACCEPT_WAIT];
	char count[TEXT_VALUE_SIZE], median[TEXT_VALUE_SIZE], max[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!wait->count)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence,
		     "%s connection%s waited %s (median) to %s (max) for accept() after the final "
		     "ACK.",
		     text_count((int64_t)wait->count, count), wait->count == 1 ? "" : "s",
		     text_duration(text, wait->p50, median), text_duration(text, wait->max, max));
	text_paragraph(text, "", 0, sentence.text);
}

/* How much of a queue was needed, where it was needed: it did what it is there for. */
static void add_deepest(const struct report *report, struct sentence *sentence)
{
	const struct report_listener *deepest = NULL;
	char address[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < report->listeners_count; i++) {
		const struct report_listener *l = &report->listeners[i];

		if (l->capacity >= 0 && l->queue_peak >= 2 &&
		    (!deepest || l->queue_peak > deepest->queue_peak))
			deepest = l;
	}
	if (!deepest)
		return;
	report_listener_format(deepest, address);
	sentence_add(sentence,
		     " At most %" PRId64
		     " connections waited at %s; its accept queue holds %" PRId64 ".",
		     deepest->queue_peak, address, deepest->capacity);
}

/* Where no verdict names a listener: that none dropped anything, or why that is not known. */
static void put_drops(const struct text *text)
{
	const struct report *report = text->report;
	struct sentence sentence;

	sentence_clear(&sentence);
	if (report->drops_unobserved) {
		sentence_add(&sentence, "Whether a queue dropped packets was not observed: %s.",
			     report->drops_unobserved);
		text_paragraph(text, "", 0, sentence.text);
	} else if (report->drops_seen) {
		text_begin_colour(text, TEXT_RED);
		text_paragraph(
		    text, "", 0,
		    report->packets_missing
			? "The kernel counted drops of these listeners (ListenOverflows and "
			  "sk_drops): see the ledger."
			: "The kernel counted drops of these listeners that no captured packet "
			  "explains: see the ledger.");
		text_end_colour(text, TEXT_RED);
	} else {
		sentence_add(&sentence, "No listener's queue dropped anything.");
		add_deepest(report, &sentence);
		text_begin_colour(text, TEXT_GREEN);
		text_paragraph(text, "", 0, sentence.text);
		text_end_colour(text, TEXT_GREEN);
	}
}

void text_put_answer(const struct text *text, const struct cost *cost)
{
	const struct report *report = text->report;
	char advice[4096];
	size_t full;

	fputc('\n', text->out);
	put_outcomes(text);
	put_lost(text);
	full = put_full_queues(text);
	put_causes(text);
	text_put_ways(text);
	if (report->kind == REPORT_PCAP)
		text_paragraph(
		    text, "", 0,
		    "A capture alone does not show accept(), queue depths, or whether and "
		    "why a queue dropped packets; a recording (synscope record) does.");
	else if (!full)
		put_drops(text);
	text_put_cost(text, cost);
	put_wait(text);
	if (report->advice_count) {
		struct sentence sentence;

		sentence_clear(&sentence);
		sentence_add(&sentence, "What to do: %s",
			     text_safe(text, report->advice[0].text, advice, sizeof(advice)));
		text_paragraph(text, "", 0, sentence.text);
	}
}
