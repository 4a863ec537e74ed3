/*
 * Interface for the filter of attempts: which of them a report is about. Those of one kind
 * are alternatives (this listener or that one), the kinds hold together.
 */
#ifndef REPORT_ATTEMPT_FILTER_H
#define REPORT_ATTEMPT_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/attempt/attempt.h"
#include "report/attempt/network.h"

#define FILTER_LISTENERS_MAX 32
#define FILTER_CLIENTS_MAX   16
#define FILTER_TEXT_SIZE     4096

/* All zero: every attempt. */
struct filter {
	size_t listeners_count;
	struct endpoint listeners[FILTER_LISTENERS_MAX]; /* 0.0.0.0: any of IPv4; ::, any */
	size_t clients_count;
	struct network clients[FILTER_CLIENTS_MAX];
	uint32_t outcomes; /* a bit each; 0: any */
	uint32_t causes;   /* at least one of them; 0: any */
	bool timed;
	int64_t slower_than_ns;
};

/* Whether it leaves anything out. */
bool filter_is_set(const struct filter *filter);

bool filter_matches(const struct filter *filter, const struct attempt *attempt);

/*
 * How long its client waited: from the first SYN until accept() returned the connection (at
 * most); until the final ACK where accept() was not observed; of an attempt that was not served,
 * to the last packet or look that shows it so. -1: its first SYN was not seen.
 */
int64_t filter_duration(const struct attempt *attempt);

/* As on the command line: "--listener 80 --outcome zombie,reset". Returns out. */
const char *filter_format(const struct filter *filter, char out[FILTER_TEXT_SIZE]);

#endif
