/*
 * Totals over finished attempts.
 */
#include "report/measure/totals.h"

#include <string.h>

/* Its SYN was answered: what moved no counter was what followed, the final ACK and data. */
static void add_stopped(struct totals *totals, const struct attempt *attempt)
{
	const struct attempt_cause *silent =
	    attempt_find_cause(attempt, CAUSE_UNANSWERED_NO_COUNTER);
	uint64_t syns = 0;

	if (!silent || !attempt->synacks)
		return;
	for (uint32_t i = 0; i < attempt->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		syns += attempt->marks[i].kind == MARK_SYN && attempt->marks[i].cause_known &&
			attempt->marks[i].cause == CAUSE_UNANSWERED_NO_COUNTER;
	/* An earlier SYN of it was. */
	if (syns >= silent->packets)
		return;
	totals->acks_stopped++;
	totals->acks_stopped_packets += silent->packets - syns;
}

/* A retransmission; nobody's copy of a packet comes so late. */
#define SYN_AGAIN_NS (500 * NS_PER_MS)

/* What a queue or a firewall of this host did is told by its cause. */
static bool is_stopped_here(const struct attempt *attempt)
{
	for (uint32_t i = 0; i < attempt->causes_count; i++)
		switch ((unsigned)attempt->causes[i].cause) {
		case CAUSE_SYN_COOKIE:
		case CAUSE_SLOW_ACCEPT:
		case CAUSE_SYNACK_UNACKNOWLEDGED:
		case CAUSE_CLIENT_LEFT:
		case CAUSE_CLOSED_UNSERVED:
		case CAUSE_SERVER_FULL:
		case CAUSE_SERVER_NOT_READY:
			break;
		default:
			return true;
		}
	return false;
}

/* A client that has got the SYN-ACK does not send its SYN again. */
static bool has_lost_synack(const struct attempt *attempt)
{
	int64_t answered_ns = TIME_UNKNOWN;

	if (!totals_is_inbound(attempt) || attempt->answered_in_front || is_stopped_here(attempt))
		return false;
	for (uint32_t i = 0; i < attempt->marks_count && i < ATTEMPT_MARKS_MAX; i++) {
		const struct mark *mark = &attempt->marks[i];

		if (mark->kind == MARK_SYN_ACK && answered_ns == TIME_UNKNOWN)
			answered_ns = mark->time_ns;
		else if (mark->kind == MARK_SYN && answered_ns != TIME_UNKNOWN &&
			 clock_since(mark->time_ns, answered_ns) >= SYN_AGAIN_NS)
			return true;
	}
	return false;
}

/* Under tcp_abort_on_overflow the kernel resets who finds the accept queue full. */
static bool is_reset_by_full_queue(const struct attempt *attempt)
{
	return attempt->outcome == OUTCOME_RESET &&
	       attempt_find_cause(attempt, CAUSE_SERVER_RESET) &&
	       attempt_find_cause(attempt, CAUSE_ACCEPT_QUEUE_FULL_ACK);
}

void totals_add(struct totals *totals, const struct attempt *attempt)
{
	bool inbound = totals_is_inbound(attempt);

	totals->attempts++;
	totals->began_before += attempt->began_before;
	totals->inbound += inbound;
	totals->unanswered_elsewhere += attempt->role == ROLE_INBOUND && attempt->listener < 0 &&
					attempt->outcome == OUTCOME_UNANSWERED;
	totals->not_here += attempt->not_here;
	totals->reset_by_full_queue += is_reset_by_full_queue(attempt);
	add_stopped(totals, attempt);
	totals->synacks_lost += has_lost_synack(attempt);
	totals->roles[attempt->role]++;
	totals->led_away += !inbound && attempt->destination.port;
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
	report->not_here = totals->not_here;
	report->reset_by_full_queue = totals->reset_by_full_queue;
	report->acks_stopped = totals->acks_stopped;
	report->acks_stopped_packets = totals->acks_stopped_packets;
	report->synacks_lost = totals->synacks_lost;
	report->led_away = totals->led_away;
	memcpy(report->roles, totals->roles, sizeof(report->roles));
	memcpy(report->outcomes, totals->outcomes, sizeof(report->outcomes));
	memcpy(report->inbound_outcomes, totals->inbound_outcomes,
	       sizeof(report->inbound_outcomes));
	memcpy(report->causes, totals->causes, sizeof(report->causes));
	memcpy(report->inbound_causes, totals->inbound_causes, sizeof(report->inbound_causes));
	memcpy(report->cause_packets, totals->cause_packets, sizeof(report->cause_packets));
}
