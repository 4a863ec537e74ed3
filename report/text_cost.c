/*
 * What dropped packets cost the clients: added up as attempts end, then said in
 * one or two sentences.
 */
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>

#include "report/histogram.h"

struct text_cost {
	uint64_t never; /* attempts that lost a packet to a queue and never got through */
	/* From the first SYN until accept() returned it; where that is not known, connected. */
	struct histogram hit;	 /* those that lost a packet and got through */
	struct histogram spared; /* those that lost none */
};

struct text_cost *text_cost_new(void)
{
	struct text_cost *cost = calloc(1, sizeof(*cost));

	if (cost) {
		histogram_init(&cost->hit);
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

	if (needed != -1)
		histogram_add(hit ? &cost->hit : &cost->spared, needed);
	else
		cost->never += hit;
}

void text_put_cost(const struct text *text, const struct text_cost *cost)
{
	struct latency_summary hit = histogram_summary(&cost->hit);
	struct latency_summary spared = histogram_summary(&cost->spared);
	char count[TEXT_VALUE_SIZE], median[TEXT_VALUE_SIZE], max[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!hit.count && !cost->never)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "What it cost: ");
	if (hit.count == 1)
		sentence_add(&sentence, "one client needed %s to get through",
			     text_duration(text, hit.max, max));
	else if (hit.count)
		sentence_add(
		    &sentence, "%s clients needed %s (median) to %s (longest) to get through",
		    text_count((int64_t)hit.count, count), text_duration(text, hit.p50, median),
		    text_duration(text, hit.max, max));
	if (cost->never)
		sentence_add(&sentence, "%s%s %s never %s", hit.count ? ", and " : "",
			     text_count((int64_t)cost->never, count),
			     cost->never == 1 ? "client" : "clients",
			     hit.count ? "did" : "got through");
	if (spared.count)
		sentence_add(&sentence, "; those that lost nothing needed %s (median)",
			     text_duration(text, spared.p50, median));
	sentence_add(&sentence, ".");
	text_paragraph(text, "", 0, sentence.text);
}
