/*
 * Interface for the comparison of the server's models under the same load.
 */
#ifndef CMD_COMPARISON_H
#define CMD_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "report/attempt/report.h"

#define COMPARISON_MAX 4

struct comparison_row {
	const char *model;
	uint64_t attempts;
	uint64_t accepted;
	uint64_t dropped; /* packets dropped by the queues */
	int64_t queue_peak;
	int64_t capacity;
	int64_t full_ns;
	struct latency_summary connect;
	struct latency_summary accept_wait;
	int64_t total_ns; /* first SYN to last event */
};

struct comparison {
	size_t count;
	struct comparison_row rows[COMPARISON_MAX];
};

void comparison_add(struct comparison *comparison, const char *model, const struct report *report);
void comparison_print_text(const struct comparison *comparison, FILE *out);
void comparison_print_json(const struct comparison *comparison, FILE *out);
bool comparison_drops_seen(const struct comparison *comparison);

#endif
