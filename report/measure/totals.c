/*
 * Totals over finished attempts.
 */
#include "report/measure/totals.h"

#include <string.h>

void totals_add(struct totals *totals, const struct attempt *attempt)
{
	bool inbound = totals_is_inbound(attempt);

	totals->attempts++;
	totals->began_before += attempt->began_before;
	totals->inbound += inbound;
	totals->unanswered_elsewhere += attempt->role == ROLE_INBOUND && attempt->listener < 0 &&
					attempt->outcome == OUTCOME_UNANSWERED;
	totals->roles[attempt->role]++;
	totals->outcomes[attempt->outcome]++;
	totals->inbound_outcomes[attempt->outcome] += inbound;
	for (uint32_t i = 0; i < attempt->causes_count; i++) {
		totals->causes[attempt->causes[i].cause]++;
		totals->inbound_causes[attempt->causes[i].cause] += inbound;
		totals->cause_packets[attempt->causes[i].cause] += attempt->causes[i].packets;
	}
}

void totals_put(const struct totals *totals, struct report *report)
{
	report->attempts = totals->attempts;
	report->began_before = totals->began_before;
	report->inbound = totals->inbound;
	report->unanswered_elsewhere = totals->unanswered_elsewhere;
	memcpy(report->roles, totals->roles, sizeof(report->roles));
	memcpy(report->outcomes, totals->outcomes, sizeof(report->outcomes));
	memcpy(report->inbound_outcomes, totals->inbound_outcomes,
	       sizeof(report->inbound_outcomes));
	memcpy(report->causes, totals->causes, sizeof(report->causes));
	memcpy(report->inbound_causes, totals->inbound_causes, sizeof(report->inbound_causes));
	memcpy(report->cause_packets, totals->cause_packets, sizeof(report->cause_packets));
}
