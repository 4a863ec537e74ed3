/*
 * Interface for the ledger: what the kernel's counters say, what the verdicts
 * explain of it, and the rest.
 */
#ifndef REPORT_EXPLAIN_LEDGER_H
#define REPORT_EXPLAIN_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "event/event.h"
#include "report/attempt/report.h"
#include "report/queue/queues.h"

/* The counters of the queues, which always have a row. */
#define LEDGER_COUNTERS 10

struct ledger {
	bool before_known;
	bool after_known;
	struct counters before;
	struct counters after; /* the last reading; of a crash's recording one made on the way */
	size_t rows_count;
	struct ledger_row *rows;
	char (*names)[96]; /* of the listeners' rows */
};

/* Takes an EVENT_COUNTERS. */
void ledger_take(struct ledger *ledger, const struct counters *counters);

/*
 * Makes the rows: one for each counter of the queues, one for each other that a verdict
 * rests on, then one for each listener's sk_drops. 0 or -ENOMEM. The rows live until
 * ledger_release().
 */
int ledger_balance(struct ledger *ledger, const struct queues *queues,
		   const struct report_listener *listeners, size_t listeners_count)
    __attribute__((warn_unused_result));

/* Their rows as they are now, also while observation goes on. */
void ledger_counters(const struct ledger *ledger, const struct queues *queues,
		     struct ledger_row rows[LEDGER_COUNTERS]);
enum counter ledger_counter(int row);

/* How many connections the kernel let in while observed (PassiveOpens); -1 unknown. */
int64_t ledger_passive_opens(const struct ledger *ledger);

/* True when this cause rests on a counter whose change is not explained in full. */
bool ledger_doubts(const struct ledger *ledger, enum cause cause);

void ledger_release(struct ledger *ledger);

#endif
