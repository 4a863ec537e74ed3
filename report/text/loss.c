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
		return "packets dropped by the kernel: the capture ring was full";
	case LOSS_PACKETS_INTERFACE:
		return "packets dropped by the interface or its driver";
	case LOSS_SAMPLES_LATE:
		return "late samples (more than twice the sample interval)";
	case LOSS_NETLINK:
		return "sock_diag replies lost or interrupted";
	case LOSS_PROC_EVENTS:
		return "fork and exit events lost by the proc connector";
	case LOSS_SERVER_EVENTS:
		return "server events lost: the channel was full";
	case LOSS_BPF_EVENTS:
		return "accept() events lost: the BPF ring was full";
	case LOSS_LOOKUPS:
		return "socket lookups skipped: too many pending";
	case LOSS_RECORDING:
		return "events not written to the recording";
	case LOSS_PACKETS_BACKLOG:
		return "packets dropped in the host's receive backlog (netdev_max_backlog): "
		       "neither captured nor received";
	case LOSS_KIND_COUNT:
		break;
	}
	return "unknown losses";
}

static const char *skip_words(enum skip_reason reason)
{
	switch (reason) {
	case SKIP_NOT_IP:
		return "not IP";
	case SKIP_NOT_TCP:
		return "not TCP";
	case SKIP_TRUNCATED:
		return "cut before the end of the TCP header";
	case SKIP_MALFORMED:
		return "malformed";
	case SKIP_FRAGMENT:
		return "fragments without a TCP header";
	case SKIP_FRAGMENT_TABLE:
		return "fragments dropped: fragment table full";
	case SKIP_ENCAPSULATION:
		return "unknown encapsulation";
	case SKIP_ENCRYPTED:
		return "encrypted";
	case SKIP_LINK_TYPE:
		return "unknown link type";
	case SKIP_OUTGOING_COPY:
		return "second copies on loopback";
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

/* Frames without a TCP segment are not a loss: what is in a capture besides TCP. */
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
		sentence_add(&whole, "of %s frames have no usable TCP segment: %s",
			     text_count((int64_t)report->packets, total), sentence.text);
		put_number(text, skipped, whole.text);
	}
	if (report->other_segments)
		put_number(text, report->other_segments,
			   "segments of connections that were open before the observation");
}

void text_put_losses(const struct text *text)
{
	const struct report *report = text->report;
	uint64_t lost = report->late_events;

	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		lost += report->losses[i];
	for (size_t i = 0; i < report->overflows_count; i++)
		lost += report->overflows[i].count;
	/* Packets that capture dropped are a loss of their kind, where that is recorded. */
	if (report->packets_dropped && !report->losses[LOSS_PACKETS_KERNEL])
		lost += report->packets_dropped;
	text_heading(text, "Losses");
	if (!lost)
		text_paragraph(text, "", 0,
			       report->kind == REPORT_PCAP
				   ? "None recorded in the capture file."
				   : "None: no packet, sample or event was lost.");
	text_begin_colour(text, TEXT_YELLOW);
	if (report->packets_dropped && !report->losses[LOSS_PACKETS_KERNEL])
		put_number(text, report->packets_dropped, loss_words(LOSS_PACKETS_KERNEL));
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		if (report->losses[i])
			put_number(text, report->losses[i], loss_words(i));
	if (report->late_events)
		put_number(text, report->late_events, "events that arrived too late to be used");
	for (size_t i = 0; i < report->overflows_count; i++) {
		char table[128], bound[TEXT_VALUE_SIZE];
		struct sentence sentence;

		if (!report->overflows[i].count)
			continue;
		sentence_clear(&sentence);
		sentence_add(&sentence, "did not fit into the table of %s (bound %s)",
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
	text_heading(text, "What is unknown, and why");
	for (size_t i = 0; i < report->notes_count; i++)
		text_paragraph(text, text_bullet(text), 2,
			       text_safe(text, report->notes[i], note, sizeof(note)));
}
