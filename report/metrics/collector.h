/*
 * Interface for the collector: takes the numbers of a live run, about once a second, out of what
 * the queues and the ledger know anyway. The reporter owns one, when metrics will be asked for.
 */
#ifndef REPORT_METRICS_COLLECTOR_H
#define REPORT_METRICS_COLLECTOR_H

#include <stdint.h>

#include "event/recording/recording.h"
#include "report/attempt/report.h"
#include "report/explain/ledger.h"
#include "report/metrics/metrics.h"
#include "report/queue/queues.h"

struct collector;

/* NULL when out of memory. */
struct collector *collector_new(void);
void collector_free(struct collector *collector);

/* What the reporter has. */
struct collector_input {
	struct queues *queues; /* may be NULL */
	const struct ledger *ledger;
	const struct recording_meta *meta;
	const uint64_t *outcomes; /* OUTCOME_COUNT, of all attempts: filters are for reports */
	const uint64_t *losses;	  /* LOSS_KIND_COUNT */
	uint64_t open;
	bool last; /* observation has ended: what was held back is told */
};

/*
 * Later evidence can take back a drop: it is told when it has stood for so many collections. What
 * explains a counter may come later still.
 */
#define COLLECTOR_HOLD	   3
#define COLLECTOR_PATIENCE 30

/* Fills out at now_ns, which may go backwards. 0 or -ENOMEM. */

int collector_collect(struct collector *collector, const struct collector_input *input,
		      int64_t now_ns, struct metrics *out) __attribute__((warn_unused_result));

#endif
