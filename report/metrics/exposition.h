/*
 * Interface for the exposition: metrics as text, in the format of Prometheus (0.0.4) or in
 * OpenMetrics (1.0). No sample has a time stamp.
 */
#ifndef REPORT_METRICS_EXPOSITION_H
#define REPORT_METRICS_EXPOSITION_H

#include <stdio.h>

#include "report/metrics/metrics.h"

enum exposition {
	EXPOSITION_PROMETHEUS,
	EXPOSITION_OPENMETRICS,
	EXPOSITION_COUNT,
};

/* For Content-Type. */
const char *exposition_type(enum exposition exposition);

/* The one that this Accept header of HTTP asks for; NULL: there is none. */
enum exposition exposition_accepted(const char *accept);

/* Errors stay in out, for ferror(). */
void exposition_put(FILE *out, const struct metrics *metrics, enum exposition exposition);

#endif
