/*
 * What the report covers, where a filter leaves attempts out.
 */
#include "report/attempt/filter.h"

#include "report/text/text.h"

void text_put_filter(const struct text *text)
{
	const struct report *report = text->report;
	char words[FILTER_TEXT_SIZE], count[TEXT_VALUE_SIZE], all[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!report->filter)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "%s: %s of %s connection attempts.",
		     filter_format(report->filter, words),
		     text_count((int64_t)report->attempts, count),
		     text_count((int64_t)(report->attempts + report->left_out), all));
	text_begin_colour(text, TEXT_BOLD);
	text_paragraph(text, "Filter: ", 8, sentence.text);
	text_end_colour(text, TEXT_BOLD);
	text_paragraph(text, "", 0,
		       "The summary, the latencies and the attempts are of those; the queues, the "
		       "listeners, the ledger and the advice are of all.");
}

void text_put_unfiltered(const struct text *text, const char *sentence)
{
	if (text->report->filter)
		text_paragraph(text, "", 0, sentence);
}
