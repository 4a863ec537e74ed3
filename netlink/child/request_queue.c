/*
 * Decides which request to look at next. See the header.
 */
#include "netlink/child/request_queue.h"

/* Looks in one round. */
#define FRESH_MAX    128
#define FOLLOWED_MAX 16

/* A request socket lives 63 s with default sysctls. */
#define GIVE_UP_NS (130 * NS_PER_SEC)

void request_queue_release(struct request_queue *q)
{
	child_ring_release(&q->fresh);
	child_ring_release(&q->followed);
}

size_t request_queue_count(const struct request_queue *q)
{
	return q->fresh.count + q->followed.count;
}

static void keep(struct request_queue *q, struct child_ring *ring, const struct child_entry *entry)
{
	if (request_queue_count(q) >= REQUESTS_MAX || child_ring_append(ring, entry))
		q->skipped++;
}

void request_queue_push(struct request_queue *q, const struct flow *flow, int64_t now_ns, bool once)
{
	keep(q, &q->fresh,
	     &(struct child_entry){
		 .flow = *flow,
		 .pushed_ns = now_ns,
		 .waiting_ns = TIME_UNKNOWN,
		 .told = CHILD_WAITING,
		 .once = once,
	     });
}

static int look(struct request_queue *q, struct child_ring *ring,
		const struct child_queues_owner *owner, int64_t now_ns)
{
	struct child_entry entry = *child_ring_at(ring, 0);
	enum child_status status;
	struct event event;
	int result = owner->look(owner->context, &entry.flow, &event);

	if (result)
		return result;
	child_ring_remove(ring, 0);
	status = child_status(&event.child);
	event.child.waiting_ns = entry.waiting_ns;
	if (entry.once)
		return owner->tell(owner->context, &event);
	if (status == CHILD_WAITING || status == CHILD_ACCEPTED)
		return 0;
	if (entry.told != status)
		result = owner->tell(owner->context, &event);
	if (status == CHILD_HALF_OPEN && now_ns - entry.pushed_ns < GIVE_UP_NS) {
		entry.told = (uint8_t)status;
		entry.waiting_ns = event.child.before_ns;
		keep(q, &q->followed, &entry);
	}
	return result;
}

int request_queue_round(struct request_queue *q, const struct child_queues_owner *owner,
			int64_t now_ns)
{
	size_t followed = q->followed.count;

	for (int n = 0; n < FRESH_MAX && q->fresh.count; n++) {
		int result = look(q, &q->fresh, owner, now_ns);

		if (result)
			return result;
	}
	for (size_t n = 0; n < FOLLOWED_MAX && n < followed; n++) {
		int result = look(q, &q->followed, owner, now_ns);

		if (result)
			return result;
	}
	return 0;
}
