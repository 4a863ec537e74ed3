/*
 * Interface for the families: the list of all metrics, with what each means (docs/metrics.md).
 */
#ifndef REPORT_METRICS_FAMILIES_H
#define REPORT_METRICS_FAMILIES_H

#include <stdio.h>

#include "report/metrics/metrics.h"

enum family_type {
	FAMILY_COUNTER, /* its samples end with _total */
	FAMILY_GAUGE,
	FAMILY_HISTOGRAM,
	FAMILY_INFO, /* its samples end with _info, and are 1 */
};

struct family {
	const char *name; /* without synscope_ and the suffix of its type */
	enum family_type type;
	const char *unit; /* that the name ends with; NULL: none */
	const char *help; /* one sentence, without characters to be escaped */
	/*
	 * Writes the samples, if there are any; full is the name of the family, with the suffix but
	 * for histograms.
	 */
	void (*put)(FILE *out, const char *full, const struct metrics *metrics);
};

/* Ends with an entry whose name is NULL. */
extern const struct family metrics_families[];

#endif
