/*
 * Interface for the advisor: rules over a finished report -> advice, each with
 * the numbers that it rests on.
 */
#ifndef REPORT_EXPLAIN_ADVISOR_H
#define REPORT_EXPLAIN_ADVISOR_H

#include <stddef.h>

#include "report/attempt/report.h"
#include "report/queue/sizing/sizing.h"

/* What the rules know of one listener beyond the report. */
struct advisor_listener {
	const struct report_listener *listener;
	struct sizing_backlog backlog;
	struct sizing_children children;
	struct sizing_service service;
	struct sizing_away away; /* for STALL_BLOCKED_NS or more, and much longer than mostly */
	struct sizing_overload overload;
	struct sizing_places places;
	struct sizing_sharing sharing;
	struct sizing_ended ended;
	uint64_t accepts;      /* calls of accept() that returned a connection */
	uint64_t greeted_late; /* clients that TCP_DEFER_ACCEPT kept from a server's greeting */
	uint64_t left_out;     /* clients beyond the replay's bound */
};

struct advisor;

/* NULL when out of memory. */
struct advisor *advisor_new(void);
void advisor_free(struct advisor *advisor);

/*
 * Applies every rule. The report's totals, listeners and ledger must be filled;
 * *out lives until advisor_free(). Returns the number of advices.
 */
size_t advisor_run(struct advisor *advisor, const struct report *report,
		   const struct advisor_listener *listeners, size_t listeners_count,
		   const struct advice **out);

#endif
