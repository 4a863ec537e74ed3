/*
 * What dropped packets cost the clients: added up as attempts end, then said in
 * one or two sentences.
 */
#include "report/text/text.h"

#include <inttypes.h>
#include <stdlib.h>

#include "report/measure/histogram.h"

struct text_cost {
	uint64_t never; /* attempts that lost a packet to a queue and never got through */
	/* From the first SYN until accept() returned it; where that is not known, connected. */
	struct histogram hit;	 /* those that lost a packet and got through */
	struct histogram again;	 /* those that sent their SYN again, and nothing says why */
	struct histogram spared; /* the others */
};

struct text_cost *text_cost_new(void)
{
	struct text_cost *cost = calloc(1, sizeof(*cost));

	if (cost) {
		histogram_init(&cost->hit);
		histogram_init(&cost->again);
		histogram_init(&cost->spared);
	}
	return cost;
}

void text_cost_free(struct text_cost *cost)
{
	free(cost);
}

static bool was_hit(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (cause_is_drop(a->causes[i].cause))
			return true;
	return false;
}

/* -1: it never got through, as far as is known. */
static int64_t time_needed(const struct attempt *a)
{
	int64_t accepted = a->accept_ns != TIME_UNKNOWN ? a->accept_ns : a->accept_before_ns;

	if (a->outcome != OUTCOME_ACCEPTED && a->outcome != OUTCOME_ESTABLISHED)
		return -1;
	if (accepted != TIME_UNKNOWN && a->syn_ns != TIME_UNKNOWN)
		return text_since(accepted, a->syn_ns);
	return a->connect_ns;
}

void text_cost_add(struct text_cost *cost, const struct attempt *a)
{
	int64_t needed = time_needed(a);
	bool hit = was_hit(a);

	if (needed == -1)
		cost->never += hit;
	else
		histogram_add(hit	    ? &cost->hit
			      : a->syns > 1 ? &cost->again
					    : &cost->spared,
			      needed);
}

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

static void put_sentence(const struct text *text, const struct text_cost *cost,
			 struct sentence *sentence)
{
	struct latency_summary spared = histogram_summary(&cost->spared);
	char median[TEXT_VALUE_SIZE];

	if (spared.count)
		sentence_add(sentence, "; the others needed %s (median)",
			     text_duration(text, spared.p50, median));
	sentence_add(sentence, ".");
	text_paragraph(text, "", 0, sentence->text);
}

static void put_hit(const struct text *text, const struct text_cost *cost)
{
	struct latency_summary hit = histogram_summary(&cost->hit);
	char count[TEXT_VALUE_SIZE];
	struct sentence sentence;

	sentence_clear(&sentence);
	sentence_add(&sentence, "Cost: ");
	if (hit.count)
		add_needed(text, &hit, &sentence);
	if (hit.count)
		sentence_add(&sentence, " to get through");
	if (cost->never)
		sentence_add(&sentence, "%s%s %s never %s", hit.count ? "; " : "",
			     text_count((int64_t)cost->never, count),
			     cost->never == 1 ? "client" : "clients",
			     hit.count ? "did" : "got through");
	put_sentence(text, cost, &sentence);
}

static void put_again(const struct text *text, const struct text_cost *cost)
{
	struct latency_summary again = histogram_summary(&cost->again);
	struct sentence sentence;

	sentence_clear(&sentence);
	add_needed(text, &again, &sentence);
	sentence_add(&sentence, " to get through because %s SYN was retransmitted",
		     again.count == 1 ? "its" : "their");
	put_sentence(text, cost, &sentence);
}

void text_put_cost(const struct text *text, const struct text_cost *cost)
{
	if (cost->hit.count || cost->never)
		put_hit(text, cost);
	if (cost->again.count)
		put_again(text, cost);
}
