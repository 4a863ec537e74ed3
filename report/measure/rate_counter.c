/*
 * Counting what happens when it happens.
 */
#include "report/measure/rate_counter.h"

#include <string.h>

void rate_counter_init(struct rate_counter *counter, struct rates *rates, unsigned slots)
{
	*counter = (struct rate_counter){.rates = rates, .slots = slots};
}

void rate_counter_release(struct rate_counter *counter)
{
	window_free(counter->handshake);
	window_free(counter->accept_wait);
	counter->handshake = counter->accept_wait = NULL;
}

static void see_latency(const struct rate_counter *counter, struct window **window, int64_t value)
{
	if (!counter->slots || value == -1)
		return;
	if (!*window)
		*window = window_new(counter->slots);
	if (*window)
		window_add(*window, value);
}

void rate_counter_syn(struct rate_counter *counter, int64_t time_ns, bool first)
{
	counter->counts.attempts += first;
	counter->counts.syns++;
	if (counter->rates)
		rates_at(counter->rates, time_ns)->syns++;
}

void rate_counter_handshake(struct rate_counter *counter, int64_t time_ns, int64_t latency_ns)
{
	counter->counts.handshakes++;
	if (counter->rates)
		rates_at(counter->rates, time_ns)->handshakes++;
	see_latency(counter, &counter->handshake, latency_ns);
}

void rate_counter_accept(struct rate_counter *counter, int64_t time_ns, int64_t wait_ns)
{
	counter->counts.accepts++;
	if (counter->rates)
		rates_at(counter->rates, time_ns)->accepts++;
	see_latency(counter, &counter->accept_wait, wait_ns);
}

void rate_counter_drop(struct rate_counter *counter, int64_t time_ns, enum cause cause)
{
	counter->counts.drops[cause]++;
	if (counter->rates)
		rates_at(counter->rates, time_ns)->drops[cause]++;
}

void rate_counter_take_back_drop(struct rate_counter *counter, int64_t time_ns, enum cause cause)
{
	uint32_t *drops;

	counter->counts.drops[cause]--;
	if (!counter->rates)
		return;
	drops = &rates_at(counter->rates, time_ns)->drops[cause];
	if (*drops)
		--*drops;
}

void rate_counter_turn(struct rate_counter *counter)
{
	counter->turned = counter->counts;
	if (counter->handshake)
		window_turn(counter->handshake);
	if (counter->accept_wait)
		window_turn(counter->accept_wait);
}

struct rate_counts rate_counter_since_turn(const struct rate_counter *counter)
{
	struct rate_counts since = counter->counts;
	const struct rate_counts *before = &counter->turned;

	since.attempts -= before->attempts;
	since.syns -= before->syns;
	since.handshakes -= before->handshakes;
	since.accepts -= before->accepts;
	for (int c = 0; c < CAUSE_COUNT; c++)
		since.drops[c] -= before->drops[c];
	return since;
}

void rate_counts_add(struct rate_counts *sum, const struct rate_counts *counts)
{
	sum->attempts += counts->attempts;
	sum->syns += counts->syns;
	sum->handshakes += counts->handshakes;
	sum->accepts += counts->accepts;
	for (int c = 0; c < CAUSE_COUNT; c++)
		sum->drops[c] += counts->drops[c];
}

int64_t rate_counts_drops(const struct rate_counts *counts)
{
	int64_t drops = 0;

	for (int c = 0; c < CAUSE_COUNT; c++)
		drops += counts->drops[c];
	return drops;
}
