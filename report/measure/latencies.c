/*
 * The latencies of one listener.
 */
#include "report/measure/latencies.h"

#include <stdlib.h>

void latencies_of(const struct attempt *a, int64_t out[LATENCY_COUNT])
{
	out[LATENCY_SYN_TO_SYNACK] = a->syn_to_synack_ns;
	out[LATENCY_SYNACK_TO_ACK] = a->synack_to_ack_ns;
	out[LATENCY_CONNECT] = a->connect_ns;
	out[LATENCY_ACCEPT_WAIT] = a->accept_wait_ns;
	out[LATENCY_ACCEPT_TO_FORK] = a->accept_to_fork_ns;
}

static struct histogram *make(unsigned *histograms)
{
	struct histogram *histogram;

	if (*histograms == LATENCIES_HISTOGRAMS_MAX)
		return NULL;
	histogram = malloc(sizeof(*histogram));
	if (!histogram)
		return NULL;
	histogram_init(histogram);
	++*histograms;
	return histogram;
}

void latencies_add(struct latencies *latencies, unsigned *histograms, const struct attempt *attempt)
{
	int64_t values[LATENCY_COUNT];

	latencies_of(attempt, values);
	for (int i = 0; i < LATENCY_COUNT; i++) {
		if (values[i] < 0)
			continue;
		if (!latencies->of[i])
			latencies->of[i] = make(histograms);
		if (latencies->of[i])
			histogram_add(latencies->of[i], values[i]);
		else
			latencies->lost++;
	}
}

void latencies_summary(const struct latencies *latencies, struct latency_summary out[LATENCY_COUNT])
{
	for (int i = 0; i < LATENCY_COUNT; i++)
		out[i] = latencies->of[i] ? histogram_summary(latencies->of[i])
					  : (struct latency_summary){0};
}

void latencies_release(struct latencies *latencies)
{
	for (int i = 0; i < LATENCY_COUNT; i++)
		free(latencies->of[i]);
}
