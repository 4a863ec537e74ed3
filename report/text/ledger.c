/*
 * The ledger: what the kernel counted beside what the verdicts explain, the
 * difference shown even when it is zero; and the advice with its numbers.
 */
#include "report/text/text.h"

#include <inttypes.h>

#define COUNTER_SIZE  128
#define NUMBERS	      (10 + 11 + 13) /* columns of the three */
#define CLASS_COLUMNS 24 /* with less room than this the classes stand below their counter */

static void put_parts(const struct text *text, const struct ledger_row *row, unsigned column)
{
	char class[COUNTER_SIZE], count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	for (size_t i = 0; i < row->parts_count && i < LEDGER_PARTS_MAX; i++)
		if (row->parts[i].count)
			sentence_add(&sentence, "%s%s %s", sentence.used ? "; " : "",
				     text_count((int64_t)row->parts[i].count, count),
				     text_safe(text, row->parts[i].class, class, sizeof(class)));
	if (!sentence.used) {
		if (column < text->columns)
			fputc('\n', text->out);
	} else if (column + CLASS_COLUMNS <= text->columns) {
		fputs("  ", text->out);
		text_paragraph_at(text, column + 2, column + 2, sentence.text);
	} else {
		if (column < text->columns)
			fputc('\n', text->out);
		text_paragraph(text, "    ", 4, sentence.text);
	}
}

/* Where the page is narrower than the table: the counter, and below it the numbers with words. */
static void put_narrow(const struct text *text, const struct ledger_row *row)
{
	char count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence, "%s observed, ",
		     row->observed_known ? text_count(row->observed, count) : "-");
	sentence_add(&sentence, "%s explained, ", text_count(row->explained, count));
	sentence_add(&sentence, "%s unexplained",
		     row->observed_known ? text_count(row->unexplained, count) : "-");
	fputc('\n', text->out);
	text_paragraph(text, "  ", 2, sentence.text);
	put_parts(text, row, text->columns);
}

static void put_row(const struct text *text, const struct ledger_row *row, unsigned width)
{
	enum text_colour colour =
	    row->observed_known && row->unexplained ? TEXT_YELLOW : TEXT_PLAIN;
	char counter[COUNTER_SIZE], count[TEXT_VALUE_SIZE];

	text_begin_colour(text, colour);
	if (width + NUMBERS > text->columns) {
		fputs(text_safe(text, row->counter, counter, sizeof(counter)), text->out);
		put_narrow(text, row);
		text_end_colour(text, colour);
		return;
	}
	text_cell(text, text_safe(text, row->counter, counter, sizeof(counter)), -(int)width);
	text_cell(text, row->observed_known ? text_count(row->observed, count) : "-", 10);
	text_cell(text, text_count(row->explained, count), 11);
	text_cell(text, row->observed_known ? text_count(row->unexplained, count) : "-", 13);
	put_parts(text, row, width + NUMBERS);
	text_end_colour(text, colour);
}

/* Packets were captured a little longer than the counters were read. */
static void add_beside(const struct text *text, struct sentence *sentence)
{
	char count[TEXT_VALUE_SIZE], count_beside[TEXT_VALUE_SIZE];
	uint64_t drops = 0, beside = 0;

	for (size_t i = 0; i < text->report->listeners_count; i++) {
		drops += text->report->listeners[i].drops;
		beside += text->report->listeners[i].drops_beside;
	}
	if (beside)
		sentence_add(sentence,
			     " Of %s dropped packets %s came before the first reading of the "
			     "counters or after the last: they are not compared.",
			     text_count((int64_t)drops, count), text_count((int64_t)beside, count_beside));
}

/* What the totals say: all explained, or that verdicts are in doubt. */
static void put_balance(const struct text *text)
{
	const struct report *report = text->report;
	size_t known = 0, off = 0;
	struct sentence sentence;

	for (size_t i = 0; i < report->ledger_count; i++) {
		known += report->ledger[i].observed_known;
		off += report->ledger[i].observed_known && report->ledger[i].unexplained;
	}
	sentence_clear(&sentence);
	if (!known)
		sentence_add(&sentence, "No counter was read: the verdicts cannot be checked "
					"against the kernel.");
	else if (report->packets_missing && !report->packets)
		sentence_add(&sentence, "Without captured packets there are no verdicts: the "
					"counters stand alone.");
	else if (off)
		sentence_add(&sentence,
			     "%zu of %zu counters moved by more or less than the verdicts explain: "
			     "other traffic in the network namespace, or a wrong verdict.",
			     off, known);
	else
		sentence_add(&sentence, "The verdicts explain every counter.");
	if (known)
		add_beside(text, &sentence);
	text_paragraph(text, "", 0, sentence.text);
}

/* A counter that did not move, as was to be expected, says nothing. */
static bool is_shown(const struct text *text, const struct ledger_row *row)
{
	return text->full || row->explained || (row->observed_known && row->observed);
}

void text_put_ledger(const struct text *text)
{
	const struct report *report = text->report;
	unsigned width = 22;
	bool any = false;

	if (!report->ledger_count)
		return;
	for (size_t i = 0; i < report->ledger_count; i++) {
		char counter[COUNTER_SIZE];
		size_t columns = text_width(
		    text_safe(text, report->ledger[i].counter, counter, sizeof(counter)));

		if (!is_shown(text, &report->ledger[i]))
			continue;
		width = columns > width ? (unsigned)columns : width;
		any = true;
	}
	text_heading(text, "Ledger: the kernel's counters compared with the verdicts");
	text_put_unfiltered(text, "Of all attempts: the kernel's counters cannot be filtered.");
	if (any && width + NUMBERS <= text->columns) {
		text_begin_colour(text, TEXT_DIM);
		text_cell(text, "counter", -(int)width);
		fputs("  observed  explained  unexplained  by class\n", text->out);
		text_end_colour(text, TEXT_DIM);
	}
	for (size_t i = 0; i < report->ledger_count; i++)
		if (is_shown(text, &report->ledger[i]))
			put_row(text, &report->ledger[i], width);
	put_balance(text);
}

void text_put_advice(const struct text *text)
{
	const struct report *report = text->report;
	char part[sizeof(((struct sentence *)NULL)->text)];

	if (!report->advice_count)
		return;
	text_heading(text, "Advice");
	text_put_unfiltered(text, "It rests on all attempts, not on the filtered ones alone.");
	for (size_t i = 0; i < report->advice_count; i++) {
		const struct advice *advice = &report->advice[i];

		text_paragraph(text, text_bullet(text), 2,
			       text_safe(text, advice->text, part, sizeof(part)));
		text_begin_colour(text, TEXT_DIM);
		for (size_t j = 0; j < advice->evidence_count && j < ADVICE_EVIDENCE_MAX; j++)
			text_paragraph(text, j ? "            " : "  evidence: ", 12,
				       text_safe(text, advice->evidence[j], part, sizeof(part)));
		text_end_colour(text, TEXT_DIM);
	}
}
