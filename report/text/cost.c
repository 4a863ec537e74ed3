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

/* From when to when a client pays: packets alone do not show accept(). */
static void add_span(const struct text *text, struct sentence *sentence)
{
	sentence_add(sentence, " %s",
		     text->report->kind == REPORT_PCAP ? "for connect()"
						       : "from the first SYN to accept()");
}

static void put_sentence(const struct text *text, const struct cost *cost,
			 struct sentence *sentence)
{
	struct latency_summary spared = histogram_summary(&cost->spared);
	char median[TEXT_VALUE_SIZE];

	if (spared.count == 1)
		sentence_add(sentence, "; the other needed %s",
			     text_duration(text, spared.max, median));
	else if (spared.count)
		sentence_add(sentence, "; the others needed %s (median)",
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
			     cost->never == 1 ? "client" : "clients", "got through");
	put_sentence(text, cost, &sentence);
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
	put_sentence(text, cost, &sentence);
}

void text_put_cost(const struct text *text, const struct cost *cost)
{
	if (cost->hit.count || cost->never)
		put_hit(text, cost);
	if (cost->again.count)
		put_again(text, cost);
}
