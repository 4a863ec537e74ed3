/*
 * Interface for the question of --fail-on drops: did a listener's queue drop
 * anything, and could that be observed at all?
 */
#ifndef REPORT_EXPLAIN_DROPS_H
#define REPORT_EXPLAIN_DROPS_H

#include "report/attempt/report.h"

/*
 * Fills drops_seen and drops_unobserved of a report whose causes, listeners and ledger are there.
 * events_missing: there were no samples and counters, or not all of them can be read.
 */
void drops_judge(struct report *report, bool events_missing);

#endif
