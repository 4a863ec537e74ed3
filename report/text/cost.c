/*
 * What dropped packets cost the clients, in one or two sentences.
 */
#include "report/text/text.h"

#include <inttypes.h>

#include "report/measure/cost.h"

/* "1 client needed 1.02 s", "48 clients needed 1.85 s (median) to 14.3 s (max)" */
static void add_needed(const struct text *text, const struct latency_summary *needed,
		       struct sentence *sentence)
{
	char count[TEXT_VALUE_SIZE], median[TEXT_VALUE_SIZE], max[TEXT_VALUE_SIZE];

	if (needed->count == 1)
		sentence_add(sentence, "1 client needed %s", text_duration(text, needed->max, max));
	else
		sentence_add(sentence, "%s clients needed %s (median) to %s (max)",
			     text_count((int64_t)needed->count, count),
			     text_duration(text, needed->p50, median),
			     text_duration(text, needed->max, max));
}

/* From when to when a client pays: where nothing shows accept(), to the final ACK. */
static void add_span(const struct text *text, struct sentence *sentence)
{
	sentence_add(sentence, " %s",
		     text->report->outcomes[OUTCOME_ACCEPTED] ? "from the first SYN to accept()"
							      : "for connect()");
}

/* others: those to compare with are told in it. */
static void put_sentence(const struct text *text, const struct cost *cost, bool others,
			 struct sentence *sentence)
{
	struct latency_summary spared = histogram_summary(&cost->spared);
	char count[TEXT_VALUE_SIZE], median[TEXT_VALUE_SIZE];

	if (others && spared.count == 1)
		sentence_add(sentence, "; 1 other needed %s",
			     text_duration(text, spared.max, median));
	else if (others && spared.count)
		sentence_add(sentence, "; %s others needed %s (median)",
			     text_count((int64_t)spared.count, count),
			     text_duration(text, spared.p50, median));
	sentence_add(sentence, ".");
	text_paragraph(text, "", 0, sentence->text);
}

static void put_hit(const struct text *text, const struct cost *cost)
{
	struct latency_summary hit = histogram_summary(&cost->hit);
	char count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence, "Cost: ");
	if (hit.count) {
		add_needed(text, &hit, &sentence);
		add_span(text, &sentence);
	}
	if (cost->never)
		sentence_add(&sentence, "%s%s %s never %s", hit.count ? "; " : "",
			     text_count((int64_t)cost->never, count),
			     cost->never == 1 ? "attempt" : "attempts", "got through");
	put_sentence(text, cost, true, &sentence);
}

static void put_again(const struct text *text, const struct cost *cost)
{
	struct latency_summary again = histogram_summary(&cost->again);
	struct sentence sentence;

	sentence_clear(&sentence);
	add_needed(text, &again, &sentence);
	add_span(text, &sentence);
	sentence_add(&sentence, " because %s SYN was retransmitted",
		     again.count == 1 ? "its" : "their");
	put_sentence(text, cost, !cost->hit.count && !cost->never, &sentence);
}

/* They got through as far as their clients know, and nobody has served them. */
static void put_waiting(const struct text *text, const struct cost *cost)
{
	char count[TEXT_VALUE_SIZE], longest[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence, "%s connection%s still waited for accept() at the end",
		     text_count((int64_t)cost->waiting, count), cost->waiting == 1 ? "" : "s");
	if (cost->waiting_since_ns != TIME_UNKNOWN)
		sentence_add(&sentence, ", %s %s", cost->waiting == 1 ? "for" : "the longest for",
			     text_duration(text,
					   clock_since(text->report->end_ns, cost->waiting_since_ns),
					   longest));
	sentence_add(&sentence, ".");
	text_paragraph(text, "", 0, sentence.text);
}

void text_put_cost(const struct text *text, const struct cost *cost)
{
	if (cost->hit.count || cost->never)
		put_hit(text, cost);
	if (cost->again.count)
		put_again(text, cost);
	if (cost->waiting)
		put_waiting(text, cost);
}
