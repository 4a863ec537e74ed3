/*
 * What is missing from the report: everything that was lost, skipped, late or
 * had no room, each with its number; and what is not known, and why.
 */
#include "report/text/text.h"

#include <inttypes.h>

#include "report/attempt/words.h"

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
			   "segments of connections whose SYN was not captured");
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
