/*
 * Which of several SO_REUSEPORT siblings an attempt is of. The kernel picks one by a hash of
 * the 4-tuple that no packet shows, whether it has room or not; the sibling whose sk_drops moved
 * has dropped it, and the one whose owner accepted it has queued it. Where neither is known it
 * is the group's, and no sibling's. When one leaves or joins, the same hash means another: who
 * dropped one SYN says nothing of the next.
 */
#include "report/queue/parts.h"

/* The member that this process had open, if it had no other. */
static const struct queue *member_of(const struct queues *queues, const struct queue *leader,
				     int32_t pid, int64_t time_ns)
{
	const struct queue *found = NULL;

	for (size_t i = 0; pid && i < queues->listening.count; i++) {
		const struct queue *q = queues->listening.queues[i];

		if (q->leader != leader || !tenures_had(&q->tenures, pid, time_ns))
			continue;
		if (found)
			return NULL;
		found = q;
	}
	return found;
}

/* A listener that joins is found so late at the most. */
#define JOIN_LATE_NS (NS_PER_SEC + 100 * NS_PER_MS)

/* Who gets a SYN of to_ns got one of from_ns, too: nobody is known to have left or joined. */
static bool is_same_group(const struct queues *queues, const struct queue *leader, int64_t from_ns,
			  int64_t to_ns)
{
	for (size_t i = 0; i < queues->listening.count; i++) {
		const struct queue *q = queues->listening.queues[i];

		if (q->leader != leader)
			continue;
		if (q->seen_ns != TIME_UNKNOWN && q->seen_ns >= from_ns &&
		    q->seen_ns - JOIN_LATE_NS <= to_ns)
			return false;
		if (q->closed_ns != TIME_UNKNOWN && q->closed_ns >= from_ns &&
		    q->open_ns <= to_ns + CAPTURE_LEAD_MAX_NS)
			return false;
	}
	return true;
}

/* The one that dropped a SYN of this attempt, or in whose queue it was: also for its last SYN. */
static const struct queue *sibling_of(const struct queues *queues, const struct queue *leader,
				      const struct open_attempt *open, const struct detail *detail)
{
	if (!detail || !detail->sibling)
		return NULL;
	if (detail->sibling_ns < open->last_syn_ns &&
	    !is_same_group(queues, leader, detail->sibling_ns, open->last_syn_ns))
		return NULL;
	return queues->listening.queues[detail->sibling - 1];
}

/* When it closed, TCP may have moved its queue to a sibling, who accepted what was in it. */
static bool has_moved_on(const struct queue *member, const struct attempt *out, int64_t before_ns)
{
	return member->host->tcp_migrate_req == 1 && member->closed &&
	       out->outcome == OUTCOME_ACCEPTED && before_ns > member->open_ns;
}

void queues_assign(const struct queues *queues, const struct open_attempt *open,
		   const struct detail *detail, struct attempt *out)
{
	const struct queue *leader = queues_of(queues, open), *member = NULL;
	int64_t before_ns = out->accept_ns != TIME_UNKNOWN ? out->accept_ns : out->accept_before_ns;
	int32_t pid;

	if (!leader || !leader->leader->grouped)
		return;
	leader = leader->leader;
	member = sibling_of(queues, leader, open, detail);
	if (member && has_moved_on(member, out, before_ns))
		member = NULL;
	if (!member && before_ns != TIME_UNKNOWN)
		member = member_of(queues, leader, out->accept_pid, before_ns);
	out->listener = member ? (int32_t)member->index : -1;
	if (!member || out->accept_pid || out->outcome != OUTCOME_ACCEPTED ||
	    before_ns == TIME_UNKNOWN)
		return;
	pid = tenures_sole(&member->tenures, out->accept_after_ns, before_ns);
	if (pid > 0)
		out->accept_pid = pid;
}

/* What sk_drops of this one counted and no verdict has named. */
static bool has_more(const struct queue *q)
{
	return queue_sk_drops(q) > (int64_t)q->sums.drops;
}

uint64_t queues_group_drops(const struct queues *queues, const struct queue *leader,
			    const struct queue **only)
{
	const struct queue *found = NULL;

	*only = NULL;
	for (size_t i = 0; i < queues->listening.count; i++) {
		const struct queue *q = queues->listening.queues[i];

		if (q->leader != leader || !has_more(q))
			continue;
		if (found)
			return leader->sums.group_drops;
		found = q;
	}
	*only = found;
	return leader->sums.group_drops;
}
