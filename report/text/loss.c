/*
 * What is missing from the report: everything that was lost, skipped, late or
 * had no room, each with its number; and what is not known, and why.
 */
#include "report/text/text.h"

#include <inttypes.h>

static const char *loss_words(enum loss_kind kind)
{
	switch (kind) {
	case LOSS_PACKETS_KERNEL:
		return "packets that the kernel dropped, since the capture's ring was full";
	case LOSS_PACKETS_INTERFACE:
		return "packets that the interface or its driver dropped";
	case LOSS_SAMPLES_LATE:
		return "samples later than twice their interval";
	case LOSS_NETLINK:
		return "sock_diag answers lost or interrupted";
	case LOSS_PROC_EVENTS:
		return "fork and exit events lost by the proc connector";
	case LOSS_SERVER_EVENTS:
		return "events of the server lost, since its channel was full";
	case LOSS_BPF_EVENTS:
		return "accept() events lost, since the BPF ring was full";
	case LOSS_LOOKUPS:
		return "connections not looked up, since too many waited";
	case LOSS_RECORDING:
		return "events that could not be written";
	case LOSS_PACKETS_BACKLOG:
		return "packets dropped in the host's receive backlog (netdev_max_backlog), unseen "
		       "by all";
	case LOSS_KIND_COUNT:
		break;
	}
	return "unknown losses";
}

static const char *skip_words(enum skip_reason reason)
{
	switch (reason) {
	case SKIP_NOT_IP:
		return "no IP";
	case SKIP_NOT_TCP:
		return "no TCP";
	case SKIP_TRUNCATED:
		return "cut before the end of the TCP header";
	case SKIP_MALFORMED:
		return "malformed";
	case SKIP_FRAGMENT:
		return "fragments without a TCP header";
	case SKIP_FRAGMENT_TABLE:
		return "fragments that the table had no room for";
	case SKIP_ENCAPSULATION:
		return "encapsulated in a way that is not opened";
	case SKIP_ENCRYPTED:
		return "encrypted";
	case SKIP_LINK_TYPE:
		return "of an unknown link type";
	case SKIP_OUTGOING_COPY:
		return "second copies on the loopback";
	case SKIP_REASON_COUNT:
		break;
	}
	return "skipped for an unknown reason";
}

static void put_number(const struct text *text, uint64_t number, const char *words)
{
	char count[TEXT_VALUE_SIZE], prefix[TEXT_VALUE_SIZE + 8];

	snprintf(prefix, sizeof(prefix), "%10s  ", text_count((int64_t)number, count));
	text_paragraph(text, prefix, 12, words);
}

/* Frames without a segment are no loss as such: what stands in a capture besides TCP. */
static void put_skipped(const struct text *text)
{
	const struct report *report = text->report;
	char count[TEXT_VALUE_SIZE], total[TEXT_VALUE_SIZE];
	struct sentence sentence;
	uint64_t skipped = 0;

	sentence_clear(&sentence);
	for (int i = 0; i < SKIP_REASON_COUNT; i++) {
		if (!report->skipped[i])
			continue;
		sentence_add(&sentence, "%s%s %s", skipped ? ", " : "",
			     text_count((int64_t)report->skipped[i], count), skip_words(i));
		skipped += report->skipped[i];
	}
	if (skipped) {
		struct sentence whole;

		sentence_clear(&whole);
		sentence_add(&whole, "of %s frames gave no segment: %s",
			     text_count((int64_t)report->packets, total), sentence.text);
		put_number(text, skipped, whole.text);
	}
	if (report->other_segments)
		put_number(text, report->other_segments,
			   "segments of connections that began before the observation");
}

void text_put_losses(const struct text *text)
{
	const struct report *report = text->report;
	uint64_t lost = report->late_events;

	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		lost += report->losses[i];
	for (size_t i = 0; i < report->overflows_count; i++)
		lost += report->overflows[i].count;
	/* Packets that capture dropped are told as a loss of their kind, when it is told. */
	if (report->packets_dropped && !report->losses[LOSS_PACKETS_KERNEL])
		lost += report->packets_dropped;
	text_heading(text, "Losses");
	if (!lost)
		text_paragraph(text, "", 0,
			       report->kind == REPORT_PCAP
				   ? "None that the capture file tells of."
				   : "None: no packet, sample or event was lost.");
	text_begin_colour(text, TEXT_YELLOW);
	if (report->packets_dropped && !report->losses[LOSS_PACKETS_KERNEL])
		put_number(text, report->packets_dropped, loss_words(LOSS_PACKETS_KERNEL));
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		if (report->losses[i])
			put_number(text, report->losses[i], loss_words(i));
	if (report->late_events)
		put_number(text, report->late_events,
			   "events that came after their time had been told");
	for (size_t i = 0; i < report->overflows_count; i++) {
		char table[128], bound[TEXT_VALUE_SIZE];
		struct sentence sentence;

		if (!report->overflows[i].count)
			continue;
		sentence_clear(&sentence);
		sentence_add(&sentence, "had no room in the table of %s (bound %s)",
			     text_safe(text, report->overflows[i].table, table, sizeof(table)),
			     text_count((int64_t)report->overflows[i].bound, bound));
		put_number(text, report->overflows[i].count, sentence.text);
	}
	text_end_colour(text, TEXT_YELLOW);
	put_skipped(text);
}

void text_put_notes(const struct text *text)
{
	const struct report *report = text->report;
	char note[sizeof(((struct sentence *)NULL)->text)];

	if (!report->notes_count)
		return;
	text_heading(text, "What is not known, and why");
	for (size_t i = 0; i < report->notes_count; i++)
		text_paragraph(text, text_bullet(text), 2,
			       text_safe(text, report->notes[i], note, sizeof(note)));
}
