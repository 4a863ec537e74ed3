/*
 * Counting what happens when it happens.
 */
#include "report/measure/pulse.h"

#include <string.h>

void pulse_init(struct pulse *pulse, struct rates *rates, unsigned slots)
{
	*pulse = (struct pulse){.rates = rates, .slots = slots};
}

void pulse_release(struct pulse *pulse)
{
	window_free(pulse->handshake);
	window_free(pulse->accept_wait);
	pulse->handshake = pulse->accept_wait = NULL;
}

static void see_latency(const struct pulse *pulse, struct window **window, int64_t value)
{
	if (!pulse->slots || value == -1)
		return;
	if (!*window)
		*window = window_new(pulse->slots);
	if (*window)
		window_add(*window, value);
}

void pulse_syn(struct pulse *pulse, int64_t time_ns, bool first)
{
	pulse->counts.attempts += first;
	pulse->counts.syns++;
	if (pulse->rates)
		rates_at(pulse->rates, time_ns)->syns++;
}

void pulse_handshake(struct pulse *pulse, int64_t time_ns, int64_t latency_ns)
{
	pulse->counts.handshakes++;
	if (pulse->rates)
		rates_at(pulse->rates, time_ns)->handshakes++;
	see_latency(pulse, &pulse->handshake, latency_ns);
}

void pulse_accept(struct pulse *pulse, int64_t time_ns, int64_t wait_ns)
{
	pulse->counts.accepts++;
	if (pulse->rates)
		rates_at(pulse->rates, time_ns)->accepts++;
	see_latency(pulse, &pulse->accept_wait, wait_ns);
}

void pulse_drop(struct pulse *pulse, int64_t time_ns, enum cause cause)
{
	pulse->counts.drops[cause]++;
	if (pulse->rates)
		rates_at(pulse->rates, time_ns)->drops[cause]++;
}

void pulse_take_back_drop(struct pulse *pulse, int64_t time_ns, enum cause cause)
{
	uint32_t *drops;

	pulse->counts.drops[cause]--;
	if (!pulse->rates)
		return;
	drops = &rates_at(pulse->rates, time_ns)->drops[cause];
	if (*drops)
		--*drops;
}

void pulse_turn(struct pulse *pulse)
{
	pulse->turned = pulse->counts;
	if (pulse->handshake)
		window_turn(pulse->handshake);
	if (pulse->accept_wait)
		window_turn(pulse->accept_wait);
}

struct pulse_counts pulse_since_turn(const struct pulse *pulse)
{
	struct pulse_counts since = pulse->counts;
	const struct pulse_counts *before = &pulse->turned;

	since.attempts -= before->attempts;
	since.syns -= before->syns;
	since.handshakes -= before->handshakes;
	since.accepts -= before->accepts;
	for (int c = 0; c < CAUSE_COUNT; c++)
		since.drops[c] -= before->drops[c];
	return since;
}

void pulse_counts_add(struct pulse_counts *sum, const struct pulse_counts *counts)
{
	sum->attempts += counts->attempts;
	sum->syns += counts->syns;
	sum->handshakes += counts->handshakes;
	sum->accepts += counts->accepts;
	for (int c = 0; c < CAUSE_COUNT; c++)
		sum->drops[c] += counts->drops[c];
}

int64_t pulse_counts_drops(const struct pulse_counts *counts)
{
	int64_t drops = 0;

	for (int c = 0; c < CAUSE_COUNT; c++)
		drops += counts->drops[c];
	return drops;
}
