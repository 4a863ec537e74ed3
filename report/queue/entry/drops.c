/*
 * What the kernel tells of drops, against the segments that were seen. A drop is told some
 * microseconds after its segment was captured: of the attempt's segments it is the last before
 * it that can have been dropped there and is not taken for another's.
 */
#include "report/queue/entry/drops.h"

#include "report/queue/parts.h"

/* One clock was shifted to the other: the drop may look so much older than its segment. */
#define SHIFT_NS (20 * NS_PER_US)

static bool is_of_syn(enum drop_place place)
{
	return place == DROP_SYN_ACCEPT_QUEUE || place == DROP_SYN_QUEUE || place == DROP_SYN_OTHER;
}

static bool can_be(const struct arrival *a, enum drop_place place)
{
	if (a->dropped_at)
		return false;
	return is_of_syn(place)
		   ? a->kind == ARRIVAL_SYN && !a->answered
		   : a->wants_place && a->kind != ARRIVAL_SETTLED && a->told != TOLD_ENTERED;
}

void queues_drop(struct queues *queues, const struct queue_packet *packet,
		 const struct queue_drop *drop)
{
	struct queue *q = queues_of(queues, packet->attempt), *member;
	struct arrival *a;

	if (!q)
		return;
	q = q->leader;
	for (a = queue_newest(q, packet->index, packet->attempt->isn); a; a = queue_earlier(q, a))
		if (a->time_ns <= packet->time_ns + SHIFT_NS && can_be(a, drop->place))
			break;
	if (!a)
		return;
	member = drop->listener ? listening_by_cookie(&queues->listening, drop->listener) : NULL;
	a->dropped_at = (uint8_t)(1 + drop->place);
	a->kept = false;
	a->dropper = member && member->leader == q && q->grouped ? member : NULL;
	if (!is_of_syn(drop->place)) {
		/* It was known not to have entered, and now it is known why. */
		if (drop->place == DROP_ACK_ACCEPT_QUEUE && a->told == TOLD_REFUSED)
			a->kind = ARRIVAL_REFUSED;
		return;
	}
	a->told_depth = drop->depth;
	/* It is read when the call has ended: accept() may have made room since. */
	if (drop->place == DROP_SYN_ACCEPT_QUEUE && a->told_depth <= drop->limit)
		a->told_depth = drop->limit + 1;
}
