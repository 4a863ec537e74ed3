/*
 * Interface for totals: how many attempts there were of each kind.
 */
#ifndef REPORT_MEASURE_TOTALS_H
#define REPORT_MEASURE_TOTALS_H

#include "report/attempt/attempt.h"
#include "report/attempt/report.h"

/* The members of struct report, which says what they mean. */
struct totals {
	uint64_t attempts;
	uint64_t began_before;
	uint64_t inbound;
	uint64_t not_here;
	uint64_t unanswered_elsewhere;
	uint64_t reset_by_full_queue;
	uint64_t acks_stopped; /* see struct report */
	uint64_t acks_stopped_packets;
	uint64_t synacks_lost;
	uint64_t roles[ROLE_COUNT];
	uint64_t led_away;
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t inbound_outcomes[OUTCOME_COUNT];
	uint64_t causes[CAUSE_COUNT];
	uint64_t inbound_causes[CAUSE_COUNT];
	uint64_t cause_packets[CAUSE_COUNT];
};

/* Inbound, or of an unknown role: it may have met a listener here. */
static inline bool totals_is_inbound(const struct attempt *attempt)
{
	return attempt->role != ROLE_OUTBOUND && attempt->role != ROLE_FORWARDED;
}

void totals_add(struct totals *totals, const struct attempt *attempt);

void totals_put(const struct totals *totals, struct report *report);

#endif
