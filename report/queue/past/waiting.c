/*
 * What was in the queues of a listener when observation began. The first sample counts those
 * in the accept queue, the first count of requests the half-open ones.
 */
#include "report/queue/parts.h"

void queues_waiting(struct queues *queues, const struct queue_packet *packet, uint64_t cookie)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = cookie ? listening_by_cookie(&queues->listening, cookie) : NULL;

	if (!q)
		q = queues_reached_by(queues, a);
	if (!q)
		return;
	a->listener = (uint16_t)q->leader->index;
	q->leader->sums.attempts++;
}

bool queues_adopt(struct queues *queues, const struct queue_packet *packet, uint64_t cookie)
{
	struct open_attempt *a = packet->attempt;
	struct queue *known = listening_by_cookie(&queues->listening, cookie);
	struct queue *q = queues_reached_by(queues, a);

	if (!q || !known || known->leader != q)
		return false;
	a->listener = (uint16_t)q->index;
	q->sums.attempts++;
	if (open_was_reset(a))
		return true;
	if (open_is_acknowledged(a)) {
		open_move(a, MOVE_ENTER);
		a->settled = PLACE_ENTERED;
	} else {
		a->settled = PLACE_REQUEST;
		q->now.half_open++;
	}
	return true;
}

int64_t queues_observed_ns(const struct queues *queues)
{
	return queues->window.from_ns;
}
