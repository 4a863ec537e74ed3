/*
 * Which of several SO_REUSEPORT siblings an attempt is of. The kernel picks one by a hash of
 * the 4-tuple that no packet shows, whether it has room or not; the sibling whose sk_drops moved
 * has dropped it, and the one whose owner accepted it has queued it. Where neither is known it
 * is the group's, and no sibling's.
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

void queues_assign(const struct queues *queues, const struct open_attempt *open,
		   const struct detail *detail, struct attempt *out)
{
	const struct queue *leader = queues_of(queues, open), *member = NULL;
	int64_t before_ns = out->accept_ns != TIME_UNKNOWN ? out->accept_ns : out->accept_before_ns;
	int32_t pid;

	if (!leader || !leader->leader->grouped)
		return;
	leader = leader->leader;
	if (detail && detail->sibling)
		member = queues->listening.queues[detail->sibling - 1];
	else if (before_ns != TIME_UNKNOWN)
		member = member_of(queues, leader, out->accept_pid, before_ns);
	out->listener = member ? (int32_t)member->index : -1;
	if (!member || out->accept_pid || out->outcome != OUTCOME_ACCEPTED ||
	    before_ns == TIME_UNKNOWN)
		return;
	pid = tenures_sole(&member->tenures, out->accept_after_ns, before_ns);
	if (pid > 0)
		out->accept_pid = pid;
}

void queues_group_drops(struct queue **queues, size_t count, const struct queue *leader)
{
	struct queue *only = NULL;
	uint64_t drops = 0;

	for (size_t i = 0; i < count; i++) {
		struct queue *q = queues[i];

		if (q->leader != leader)
			continue;
		drops += q->sums.drops;
		if (q->sk_drops.last == q->sk_drops.first)
			continue;
		if (only)
			return;
		only = q;
	}
	if (!only)
		return;
	for (size_t i = 0; i < count; i++)
		if (queues[i]->leader == leader)
			queues[i]->sums.drops = queues[i] == only ? drops : 0;
}
