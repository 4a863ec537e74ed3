/*
 * How fast the TSV sink prints: nanoseconds a line, for attempts as a busy
 * server's recording has them (every column known) and as a capture alone has
 * them (accept and fork not known).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "report/sink/sink.h"

#define ATTEMPTS 1024
#define LINES	 2000000

static struct attempt attempts[ATTEMPTS];

static void fill(struct attempt *a, int i, bool packets_alone)
{
	uint8_t client[4] = {10, (uint8_t)(i >> 6), (uint8_t)(i * 7), (uint8_t)(i * 31)};
	static const uint8_t server[4] = {192, 0, 2, 10};

	memset(a, 0, sizeof(*a));
	a->client = (struct endpoint){address_from_ipv4(client), (uint16_t)(32768 + i * 27)};
	a->server = (struct endpoint){address_from_ipv4(server), 8080};
	a->isn = (uint32_t)i * 2654435761u;
	a->syns = a->synacks = 1;
	a->syn_ns = 1700000000123456789 + i * INT64_C(17345);
	a->syn_to_synack_ns = 31234 + i;
	a->synack_to_ack_ns = 21234 + i;
	a->connect_ns = a->syn_to_synack_ns;
	a->synack_ns = a->syn_ns + a->syn_to_synack_ns;
	a->ack_ns = a->synack_ns + a->synack_to_ack_ns;
	a->end_ns = a->ack_ns + 100000000;
	a->accept_after_ns = a->accept_before_ns = TIME_UNKNOWN;
	if (packets_alone) {
		a->accept_ns = a->fork_ns = TIME_UNKNOWN;
		a->accept_wait_ns = a->accept_to_fork_ns = -1;
		a->outcome = OUTCOME_ESTABLISHED;
		return;
	}
	a->accept_wait_ns = 1234567 + i;
	a->accept_to_fork_ns = 81234 + i;
	a->accept_ns = a->ack_ns + a->accept_wait_ns;
	a->fork_ns = a->accept_ns + a->accept_to_fork_ns;
	a->child_pid = 10000 + i;
	a->outcome = OUTCOME_ACCEPTED;
	a->causes_count = i % 8 == 0;
	a->causes[0].cause = CAUSE_ACCEPT_QUEUE_FULL_SYN;
}

static int run(const char *what, bool packets_alone)
{
	static const struct sink_style style;
	static const struct report report;
	struct sink *sink;
	int64_t start_ns, ns;
	int result = 0;
	FILE *out = fopen("/dev/null", "we");

	if (!out)
		return -1;
	sink = sink_format_find("tsv")->new (out, &style);
	if (!sink) {
		fclose(out);
		return -1;
	}
	for (int i = 0; i < ATTEMPTS; i++)
		fill(&attempts[i], i, packets_alone);
	start_ns = clock_monotonic_ns();
	for (int i = 0; i < LINES && !result; i++)
		result = sink->ops->attempt(sink, &attempts[i % ATTEMPTS]);
	if (!result)
		result = sink->ops->finish(sink, &report);
	ns = clock_monotonic_ns() - start_ns;
	printf("tsv, %s: %.0f ns a line\n", what, (double)ns / LINES);
	sink_free(sink);
	fclose(out);
	return result;
}

int main(void)
{
	return run("packets alone", true) || run("every column", false) ? 1 : 0;
}
