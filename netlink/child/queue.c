/*
 * Decides which child to look at next. See the header for the theory.
 */
#include "netlink/child/queue.h"

#include <errno.h>
#include <stdlib.h>

#include "event/array.h"
#include "netlink/child/fifo.h"
#include "netlink/child/heap.h"
#include "netlink/diag/message.h"

/* Looks in one round, whatever they find, and looks that find a child still waiting in a FIFO. */
#define LOOKS_MAX	  512
#define LOOKS_WAITING_MAX 64
#define LOOKS_LATE_MAX	  64

/* How long before a look a full queue may have dropped the final ACK. */
#define FULL_MEMORY_NS NS_PER_SEC

/* A request socket lives 63 s with default sysctls, and a client's data is resent for as long. */
#define LATE_GIVE_UP_NS	 (130 * NS_PER_SEC)
#define LATE_INTERVAL_NS (5 * NS_PER_MS)

#define LATE_MAX 8192

struct queue {
	uint64_t key;
	int64_t full_ns; /* monotonic; TIME_UNKNOWN: never seen full */
	struct child_fifo fifo;
};

struct child_queues {
	struct queue *queues;
	size_t count;
	size_t capacity;
	size_t turn; /* the queue that is first in this round */
	struct child_ring fresh;
	struct child_ring pool;
	struct child_heap late;
	size_t children;
	uint64_t skipped;
	uint32_t round;
	unsigned looks;	  /* in this round */
	int64_t known_ns; /* see child_queues_know() */
};

enum child_status child_status(const struct child *child)
{
	if (child_accepted(child))
		return CHILD_ACCEPTED;
	switch (child->state) {
	case DIAG_ESTABLISHED:
	case DIAG_CLOSE_WAIT:
		return CHILD_WAITING;
	case DIAG_SYN_RECV:
	case DIAG_NEW_SYN_RECV:
		return CHILD_HALF_OPEN;
	default:
		return CHILD_GONE;
	}
}

struct child_queues *child_queues_new(void)
{
	struct child_queues *q = calloc(1, sizeof(*q));

	if (q)
		q->known_ns = TIME_UNKNOWN;
	return q;
}

void child_queues_free(struct child_queues *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->count; i++)
		child_fifo_release(&q->queues[i].fifo);
	child_ring_release(&q->fresh);
	child_ring_release(&q->pool);
	child_heap_release(&q->late);
	free(q->queues);
	free(q);
}

size_t child_queues_count(const struct child_queues *q)
{
	return q->children;
}

uint64_t child_queues_skipped(const struct child_queues *q)
{
	return q->skipped;
}

static struct queue *find_queue(struct child_queues *q, uint64_t key)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->queues[i].key == key)
			return &q->queues[i];
	return NULL;
}

static struct queue *get_queue(struct child_queues *q, uint64_t key)
{
	struct queue *queue = find_queue(q, key);

	if (queue)
		return queue;
	if (q->count == q->capacity) {
		queue = array_grow(q->queues, &q->capacity, sizeof(*queue), 8, ARRAY_UNBOUNDED);
		if (!queue)
			return NULL;
		q->queues = queue;
	}
	queue = &q->queues[q->count++];
	*queue = (struct queue){.key = key, .full_ns = TIME_UNKNOWN};
	child_fifo_init(&queue->fifo);
	return queue;
}

/* The entry has left whatever held it; it is counted once, here or in push. */
static void forget(struct child_queues *q)
{
	q->children--;
}

static void keep(struct child_queues *q, struct child_ring *ring, const struct child_entry *entry)
{
	if (ring && child_ring_append(ring, entry) == 0)
		return;
	q->skipped++;
	forget(q);
}

void child_queues_push(struct child_queues *q, uint64_t key, const struct flow *flow,
		       int64_t acked_ns, int64_t now_ns)
{
	struct child_entry entry = {
	    .flow = *flow,
	    .key = key,
	    .acked_ns = acked_ns,
	    .seen_ns = TIME_UNKNOWN,
	    .pushed_ns = now_ns,
	    .waiting_ns = TIME_UNKNOWN,
	    .told = CHILD_WAITING,
	    .round = q->round,
	};

	if (q->children >= CHILDREN_MAX) {
		q->skipped++;
		return;
	}
	q->children++;
	keep(q, &q->fresh, &entry);
}

void child_queues_full(struct child_queues *q, uint64_t key, int64_t now_ns)
{
	struct queue *queue = get_queue(q, key);

	if (queue)
		queue->full_ns = now_ns;
}

void child_queues_disband(struct child_queues *q, uint64_t key)
{
	struct queue *queue = find_queue(q, key);

	if (!queue)
		return;
	while (queue->fifo.ring.count) {
		struct child_entry *entry = child_fifo_at(&queue->fifo, 0);

		child_fifo_take_proof(&queue->fifo, entry, q->known_ns);
		keep(q, &q->pool, entry);
		child_fifo_remove(&queue->fifo, 0);
	}
}

void child_queues_know(struct child_queues *q, int64_t time_ns)
{
	q->known_ns = time_ns;
}

static bool was_full(struct child_queues *q, const struct child_entry *entry)
{
	const struct queue *queue = find_queue(q, entry->key);

	return queue && queue->full_ns != TIME_UNKNOWN &&
	       queue->full_ns >= entry->pushed_ns - FULL_MEMORY_NS;
}

/* Ever more rarely: an eighth of its age from now. */
static void late_keep(struct child_queues *q, struct child_entry *entry, int64_t now_ns)
{
	int64_t age_ns = now_ns - entry->pushed_ns;

	entry->due_ns = now_ns + (age_ns / 8 > LATE_INTERVAL_NS ? age_ns / 8 : LATE_INTERVAL_NS);
	if (age_ns <= LATE_GIVE_UP_NS) {
		if (child_heap_insert(&q->late, entry, LATE_MAX) == 0)
			return;
		q->skipped++;
	}
	forget(q);
}

/* Looks the entry up. A child that waits has its proof renewed. */
static int look(struct child_queues *q, const struct child_queues_owner *owner,
		struct child_entry *entry, struct event *event, enum child_status *status)
{
	int result = owner->look(owner->context, &entry->flow, event);

	if (result)
		return result;
	q->looks++;
	entry->round = q->round;
	event->child.waiting_ns = entry->waiting_ns;
	*status = child_status(&event->child);
	if (*status == CHILD_WAITING) {
		entry->waiting_ns = event->child.before_ns;
		if (entry->seen_ns == TIME_UNKNOWN)
			entry->seen_ns = event->time_ns;
	}
	return 0;
}

/* What is neither waiting nor accepted, by a first or a later look. The entry is in no ring. */
static void settle_no_child(struct child_queues *q, struct child_entry *entry,
			    enum child_status status, bool may_come, int64_t now_ns)
{
	entry->told = (uint8_t)status;
	if (may_come)
		late_keep(q, entry, now_ns);
	else
		forget(q);
}

static int round_fresh(struct child_queues *q, const struct child_queues_owner *owner,
		       int64_t now_ns)
{
	while (q->fresh.count && q->looks < LOOKS_MAX) {
		struct child_entry entry = *child_ring_at(&q->fresh, 0);
		enum child_status status;
		struct event event;
		struct queue *queue;
		int result = look(q, owner, &entry, &event, &status);

		if (result)
			return result;
		child_ring_remove(&q->fresh, 0);
		if (status == CHILD_WAITING) {
			queue = entry.key ? get_queue(q, entry.key) : NULL;
			keep(q, queue ? &queue->fifo.ring : &q->pool, &entry);
			if (!was_full(q, &entry))
				continue;
			/* Who found room is worth telling where many did not. */
			result = owner->tell(owner->context, &event);
			if (result)
				return result;
			continue;
		}
		if (status == CHILD_ACCEPTED)
			forget(q);
		else
			settle_no_child(q, &entry, status,
					status == CHILD_HALF_OPEN || was_full(q, &entry), now_ns);
		result = owner->tell(owner->context, &event);
		if (result)
			return result;
	}
	return 0;
}

/*
 * Looks at the i-th of the FIFO, unless it was in this round, and takes it out if it waits no
 * more.
 */
static int look_in_fifo(struct child_queues *q, const struct child_queues_owner *owner,
			struct queue *queue, size_t i, unsigned *waiting, bool *waits,
			int64_t now_ns)
{
	struct child_entry *entry = child_fifo_at(&queue->fifo, i), gone;
	enum child_status status;
	struct event event;
	int result;

	*waits = true;
	if (entry->round == q->round)
		return 0;
	child_fifo_take_proof(&queue->fifo, entry, q->known_ns);
	result = look(q, owner, entry, &event, &status);
	if (result)
		return result;
	*waits = status == CHILD_WAITING;
	if (*waits) {
		--*waiting;
		return 0;
	}
	gone = *entry;
	child_fifo_remove(&queue->fifo, i);
	if (status == CHILD_HALF_OPEN) /* another handshake of the same 4-tuple */
		settle_no_child(q, &gone, status, true, now_ns);
	else
		forget(q);
	return owner->tell(owner->context, &event);
}

static bool may_look(const struct child_queues *q, unsigned waiting)
{
	return q->looks < LOOKS_MAX && waiting > 0;
}

/* Those behind the window that finished with the first. */
static int round_turns(struct child_queues *q, const struct child_queues_owner *owner,
		       struct queue *queue, unsigned *waiting, int64_t now_ns)
{
	for (unsigned n = 0; n < CHILD_TURNS && may_look(q, *waiting); n++) {
		size_t i = child_fifo_turn(&queue->fifo, CHILD_WINDOW);
		bool waits;
		int result;

		if (!i)
			return 0;
		result = look_in_fifo(q, owner, queue, i, waiting, &waits, now_ns);
		if (result)
			return result;
	}
	return 0;
}

static int round_fifo(struct child_queues *q, const struct child_queues_owner *owner,
		      struct queue *queue, unsigned *waiting, int64_t now_ns)
{
	size_t i = 0;

	while (i < queue->fifo.ring.count && i < CHILD_WINDOW) {
		bool waits;
		int result;

		if (!may_look(q, *waiting))
			return 0;
		result = look_in_fifo(q, owner, queue, i, waiting, &waits, now_ns);
		if (result)
			return result;
		i += waits;
	}
	child_fifo_prove(&queue->fifo, q->known_ns);
	return round_turns(q, owner, queue, waiting, now_ns);
}

static int round_fifos(struct child_queues *q, const struct child_queues_owner *owner,
		       int64_t now_ns)
{
	unsigned waiting = LOOKS_WAITING_MAX;

	for (size_t n = 0; n < q->count; n++) {
		int result =
		    round_fifo(q, owner, &q->queues[(q->turn + n) % q->count], &waiting, now_ns);

		if (result)
			return result;
	}
	q->turn++;
	for (size_t i = q->count; i-- > 0;) {
		struct queue *queue = &q->queues[i];

		if (queue->fifo.ring.count || (queue->full_ns != TIME_UNKNOWN &&
					       now_ns - queue->full_ns < 2 * FULL_MEMORY_NS))
			continue;
		child_fifo_release(&queue->fifo);
		*queue = q->queues[--q->count];
	}
	return 0;
}

static int round_pool(struct child_queues *q, const struct child_queues_owner *owner,
		      int64_t now_ns, int64_t pool_ns)
{
	int64_t end_ns = clock_monotonic_ns() + pool_ns;
	size_t left = q->pool.count;

	while (left > 0 && q->looks < LOOKS_MAX) {
		struct child_entry entry = *child_ring_at(&q->pool, 0);
		enum child_status status = CHILD_WAITING;
		struct event event;
		int result = 0;

		left--;
		if (entry.round != q->round)
			result = look(q, owner, &entry, &event, &status);
		if (result)
			return result;
		child_ring_remove(&q->pool, 0);
		if (status == CHILD_WAITING) {
			keep(q, &q->pool, &entry);
		} else {
			if (status == CHILD_HALF_OPEN)
				settle_no_child(q, &entry, status, true, now_ns);
			else
				forget(q);
			result = owner->tell(owner->context, &event);
			if (result)
				return result;
		}
		if (clock_monotonic_ns() >= end_ns)
			break;
	}
	return 0;
}

static int round_late(struct child_queues *q, const struct child_queues_owner *owner,
		      int64_t now_ns)
{
	for (int n = 0; n < LOOKS_LATE_MAX && q->late.count && q->late.slots[0].due_ns <= now_ns;
	     n++) {
		struct child_entry entry = child_heap_take(&q->late);
		enum child_status status;
		struct event event;
		bool may_come;
		int result = look(q, owner, &entry, &event, &status);

		if (result) {
			late_keep(q, &entry, now_ns);
			return result;
		}
		/* A request socket that went has no cookie behind it: nothing more can come. */
		may_come = status == CHILD_HALF_OPEN || entry.told != CHILD_HALF_OPEN;
		if (status != entry.told)
			result = owner->tell(owner->context, &event);
		if (status == CHILD_WAITING)
			keep(q, &q->pool, &entry);
		else if (status == CHILD_ACCEPTED)
			forget(q);
		else
			settle_no_child(q, &entry, status, may_come, now_ns);
		if (result)
			return result;
	}
	return 0;
}

int child_queues_round(struct child_queues *q, const struct child_queues_owner *owner,
		       int64_t now_ns, int64_t pool_ns)
{
	int result;

	q->round++;
	q->looks = 0;
	result = round_fresh(q, owner, now_ns);
	if (!result)
		result = round_fifos(q, owner, now_ns);
	if (!result)
		result = round_pool(q, owner, now_ns, pool_ns);
	if (!result)
		result = round_late(q, owner, now_ns);
	return result;
}
