/*
 * What dropped packets cost the clients: added up as attempts end, then said in
 * one or two sentences.
 */
#include "report/text.h"

#include <inttypes.h>
#include <stdlib.h>

#include "report/histogram.h"

struct text_cost {
	uint64_t hit;	       /* attempts that lost a packet to a queue */
	uint64_t never;	       /* of these: never connected, or only in the client's belief */
	struct histogram wait; /* of the others: from the first SYN to being connected */
};

struct text_cost *text_cost_new(void)
{
	struct text_cost *cost = calloc(1, sizeof(*cost));

	if (cost)
		histogram_init(&cost->wait);
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

void text_cost_add(struct text_cost *cost, const struct attempt *a)
{
	if (!was_hit(a))
		return;
	cost->hit++;
	if (a->connect_ns == -1 || a->outcome == OUTCOME_ZOMBIE)
		cost->never++;
	else
		histogram_add(&cost->wait, a->connect_ns);
}

void text_put_cost(const struct text *text, const struct text_cost *cost)
{
	struct latency_summary wait = histogram_summary(&cost->wait);
	char count[TEXT_VALUE_SIZE], median[TEXT_VALUE_SIZE], max[TEXT_VALUE_SIZE];
	struct sentence sentence;

	if (!cost->hit)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "What it cost: ");
	if (wait.count == 1)
		sentence_add(&sentence, "one client waited %s until it was connected",
			     text_duration(text, wait.max, max));
	else if (wait.count)
		sentence_add(&sentence,
			     "%s clients waited %s (median) to %s (longest) until they were "
			     "connected",
			     text_count((int64_t)wait.count, count),
			     text_duration(text, wait.p50, median),
			     text_duration(text, wait.max, max));
	if (cost->never)
		sentence_add(&sentence, "%s%s %s", wait.count ? ", and " : "",
			     text_count((int64_t)cost->never, count),
			     cost->never == 1 ? "client never was" : "clients never were");
	if (cost->never && !wait.count)
		sentence_add(&sentence, " connected");
	if (text->report->latency[LATENCY_CONNECT].count)
		sentence_add(
		    &sentence, " (over all clients the median is %s)",
		    text_duration(text, text->report->latency[LATENCY_CONNECT].p50, median));
	sentence_add(&sentence, ".");
	text_paragraph(text, "", 0, sentence.text);
}
