/*
 * Interface for the worst attempts: a bounded heap of those that cost their
 * clients most.
 */
#ifndef REPORT_MEASURE_WORST_H
#define REPORT_MEASURE_WORST_H

#include <stddef.h>

#include "report/attempt/attempt.h"

#define WORST_MAX 100

struct worst {
	size_t count;
	struct attempt *attempts; /* a heap, the least bad first, until worst_sort() */
	int64_t scores[WORST_MAX];
};

int worst_init(struct worst *worst) __attribute__((warn_unused_result));
void worst_release(struct worst *worst);
void worst_offer(struct worst *worst, const struct attempt *attempt);

/* Worst first; nothing may be offered afterwards. */
void worst_sort(struct worst *worst);

/*
 * What the attempt cost its client, in ns: the time that it lost in connecting
 * and in the accept queue; failures cost more than any delay.
 */
int64_t worst_score(const struct attempt *attempt);

#endif
