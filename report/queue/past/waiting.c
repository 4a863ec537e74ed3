/*
 * What was in the queues of a listener when observation began. The first sample counts those
 * in the accept queue, the first count of requests the half-open ones.
 */
#include "report/queue/parts.h"

void queues_waiting(struct queues *queues, const struct queue_packet *packet, uint64_t cookie)
{
	struct open_attempt *a = packet->attempt;
	struct endpoint destination = flow_destination(&a->flow);
	struct queue *q = cookie ? listening_by_cookie(&queues->listening, cookie) : NULL;

	if (!q)
		q = listening_for(&queues->listening, &destination);
	if (!q)
		return;
	a->listener = (uint16_t)q->leader->index;
	q->leader->sums.attempts++;
}

int64_t queues_observed_ns(const struct queues *queues)
{
	return queues->window.from_ns;
}
