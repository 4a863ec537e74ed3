/*
 * Interface for series: the steps of a depth over time in bounded memory. When
 * the bound is reached, neighbours are folded into one point with their minimum
 * and maximum.
 */
#ifndef REPORT_SERIES_H
#define REPORT_SERIES_H

#include <stdint.h>

#include "report/report.h"

#define SERIES_POINTS_MAX 8192

struct series {
	size_t count;
	size_t room;
	uint64_t merged;
	struct depth_point *points;
};

void series_release(struct series *series);

/* The depth is this from time_ns on. Unchanged depths add no point. */
void series_add(struct series *series, int64_t time_ns, uint32_t depth);

struct depth_series series_view(const struct series *series);

#endif
