/*
 * Interface for series: the steps of a depth over time in bounded memory. When
 * the bound is reached, time is cut into equal intervals, twice as long as often
 * as it takes, and the steps within one are folded into one point with their
 * minimum and maximum: a long run is as fine at its beginning as at its end.
 */
#ifndef REPORT_MEASURE_SERIES_H
#define REPORT_MEASURE_SERIES_H

#include <stdbool.h>
#include <stdint.h>

#include "report/attempt/report.h"

#define SERIES_POINTS_MAX 8192

/* All zero is empty. */
struct series {
	size_t count;
	size_t room;
	uint64_t merged;
	struct depth_point *points;
	uint32_t depth;	 /* now */
	bool settling;	 /* points[count] is ready: the depth after the last point's interval */
	int64_t step_ns; /* of the intervals; 0: every step is a point */
};

void series_release(struct series *series);

/* The depth is this from time_ns on. Unchanged depths add no point. */
void series_add(struct series *series, int64_t time_ns, uint32_t depth);

struct depth_series series_view(const struct series *series);

#endif
