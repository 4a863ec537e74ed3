/*
 * First in, first out: what a depth says of those that have entered.
 */
#include "report/queue/entry/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"

/*
 * Told of a little before it is in the queue: later than this only where a machine stands still. Of
 * two that were told of within that time it is not known which was in the queue first.
 */
#define IN_QUEUE_NS NS_PER_MS

void waiting_release(struct queue_waiting *waiting)
{
	free(waiting->list);
	*waiting = (struct queue_waiting){.observer = waiting->observer};
}

void waiting_clear(struct queue_waiting *waiting)
{
	waiting->first = waiting->count = 0;
}

void waiting_give_up(struct queue_waiting *waiting)
{
	waiting_release(waiting);
	waiting->off = true;
}

static bool make_room(struct queue_waiting *w)
{
	struct waiter *bigger;

	if (w->first + w->count < w->room)
		return true;
	if (w->first > w->room / 2) {
		memmove(w->list, w->list + w->first, w->count * sizeof(*w->list));
		w->first = 0;
		return true;
	}
	if (w->count >= WAITING_MAX)
		return false;
	bigger = array_grow(w->list, &w->room, sizeof(*bigger), 64, ARRAY_UNBOUNDED);
	if (!bigger)
		return false;
	w->list = bigger;
	return true;
}

void waiting_add(struct queue_waiting *waiting, const struct open_attempt *attempt, uint32_t index,
		 int64_t entered_ns)
{
	struct waiter *last;

	if (waiting->off)
		return;
	if (!make_room(waiting)) {
		waiting_give_up(waiting);
		return;
	}
	last = &waiting->list[waiting->first + waiting->count++];
	*last = (struct waiter){
	    .entered_ns = entered_ns,
	    .waiting_ns = entered_ns,
	    .index = index,
	    .isn = attempt->isn,
	};
}

void waiting_doubt(struct queue_waiting *waiting, int64_t entered_ns)
{
	if (entered_ns > waiting->unlisted_ns)
		waiting->unlisted_ns = entered_ns;
}

/*
 * Who came before the first of the list leaves before it. Somebody who came later and is not
 * in the list may have the place of one that has left.
 */
static bool is_complete(const struct queue_waiting *w)
{
	return w->list[w->first].entered_ns > w->unlisted_ns + IN_QUEUE_NS;
}

static void bound_accept(struct detail *d, int64_t after_ns, int64_t before_ns)
{
	if (!d || d->exact)
		return;
	d->served = true;
	if (d->accept_before_ns == TIME_UNKNOWN || before_ns < d->accept_before_ns)
		d->accept_before_ns = before_ns;
	if (after_ns < d->waiting_ns)
		after_ns = d->waiting_ns;
	if (after_ns > d->accept_after_ns && after_ns <= d->accept_before_ns)
		d->accept_after_ns = after_ns;
}

static void accept_seen(const struct queue_waiting *waiting, const struct waiter *waiter,
			int64_t before_ns, struct table *table, struct details *details)
{
	struct open_attempt *a = table_at(table, waiter->index);
	int64_t after_ns =
	    waiter->waiting_ns > waiting->still_ns ? waiter->waiting_ns : waiting->still_ns;
	bool accepted_before;

	if (!a || !open_is_used(a) || a->isn != waiter->isn)
		return;
	accepted_before = open_is_accepted(a);
	open_move(a, MOVE_ACCEPTED_SEEN);
	bound_accept(details_open(details, a), after_ns, before_ns);
	if (waiting->observer && waiting->observer->accepted && !accepted_before &&
	    open_is_accepted(a))
		waiting->observer->accepted(waiting->observer->context, a, before_ns);
}

void waiting_observe(struct queue_waiting *waiting, uint32_t depth, int64_t from_ns, int64_t to_ns,
		     struct table *table, struct details *details)
{
	size_t in = 0;

	if (waiting->off)
		return;
	/* Nobody has left: a queue with as many as ever entered and were not seen to leave. */
	if (waiting->count && depth == waiting->count && is_complete(waiting))
		waiting->still_ns = from_ns;
	while (in < waiting->count &&
	       waiting->list[waiting->first + in].entered_ns + IN_QUEUE_NS <= from_ns)
		in++;
	/*
	 * So many have left. Those who may have come behind one that is still there stay in the
	 * list.
	 */
	for (size_t left = in > depth ? in - depth : 0; left; left--) {
		const struct waiter *first = &waiting->list[waiting->first];

		if (left < waiting->count &&
		    first[left].entered_ns - first->entered_ns < IN_QUEUE_NS)
			break;
		accept_seen(waiting, first, to_ns, table, details);
		waiting->first++;
		waiting->count--;
	}
}
