/*
 * What the likeliest history makes of each arrival and each sample.
 */
#include "report/queue/search/path.h"

#include <stdlib.h>

#include "report/queue/arrival.h"

static void judge_now(const struct path *path, struct queue *q, const struct step *step,
		      struct table *table)
{
	struct arrival *a = &q->arrivals[step->at];
	struct open_attempt *open = arrival_attempt(a, table);
	uint8_t place = step->move.place;

	if (a->kind == ARRIVAL_LOOK || a->kind == ARRIVAL_COUNT)
		return;
	a->cookie = step->move.cookie;
	if (a->kind == ARRIVAL_SYN && a->cookie && a->time_ns > q->last_cookie_ns)
		q->last_cookie_ns = a->time_ns;
	if (a->wants_place)
		a->kind = step->move.kind;
	if (!open || !path->visits[step->at].last)
		return;
	if (step->move.cookie)
		open_move(open, MOVE_COOKIE);
	else if ((place & (PLACE_COOKIE | PLACE_REQUEST)) || step->move.kind == ARRIVAL_ENTER)
		open_move(open, MOVE_REQUEST);
	if (open_is_certain(open) || open_saw(open, SEEN_FASTOPEN))
		return;
	if ((place & PLACE_ENTERED) && !open_has_child(open))
		open_move(open, MOVE_ENTERED_AFTER_ALL);
	else if (!(place & PLACE_ENTERED) && open_has_child(open))
		open_move(open, MOVE_REFUSED_AFTER_ALL);
}

static void settle_arrival(struct queue *q, const struct step *step, struct table *table,
			   struct details *details)
{
	struct arrival *a = &q->arrivals[step->at];
	struct drops_view nothing = {.known = true};

	if (step->move.leaves)
		queue_step(q, a->time_ns, -(int64_t)step->move.leaves);
	if (a->kind != ARRIVAL_LOOK && a->kind != ARRIVAL_COUNT)
		a->kind = step->move.kind;
	a->half_open = q->requests < 0 ? 0 : (uint32_t)q->requests;
	a->cookie = step->move.cookie;
	a->dropped = step->move.dropped;
	a->decided = true;
	arrival_settle(q, a, &nothing, table, details);
	q->requests = step->requests;
	q->unnamed = step->unnamed;
}

static void settle_sample(struct queue *q, const struct queue_sample *sample, int64_t drops)
{
	if (q->base != (int64_t)sample->depth)
		queue_step(q, sample->time_ns, (int64_t)sample->depth - q->base);
	if (sample->drops_known)
		q->drops_settled = drops;
}

/* Those that were looked for after they were refused, and not found: no doubt is left of them. */
static void prove_refused(const struct path *path, struct queue *q)
{
	bool *absent = calloc(path->slots + 1, sizeof(*absent));

	if (!absent)
		return;
	for (size_t i = path->arrivals; i-- > 0;) {
		const struct visit *v = &path->visits[i];
		struct arrival *a = &q->arrivals[i];

		if (v->slot == VISIT_NO_SLOT)
			continue;
		if (a->kind == ARRIVAL_LOOK && a->found != FOUND_DOUBT && a->found != FOUND_CHILD)
			absent[v->slot] = true;
		if (a->wants_place)
			a->proven = a->kind == ARRIVAL_REFUSED && absent[v->slot];
		if (v->first)
			absent[v->slot] = false;
	}
	free(absent);
}

void path_settle(const struct path *path, struct queue *q, size_t count, struct table *table,
		 struct details *details)
{
	int64_t requests = q->requests;

	for (uint32_t i = path->first; i != STEP_NONE; i = path->steps[i].previous) {
		if (path->steps[i].at < path->arrivals)
			judge_now(path, q, &path->steps[i], table);
		requests = path->steps[i].requests;
	}
	q->half_open = requests < 0 ? 0 : requests;
	prove_refused(path, q);
	for (uint32_t i = path->first; i != STEP_NONE; i = path->steps[i].previous) {
		const struct step *step = &path->steps[i];

		if (step->at < path->arrivals) {
			settle_arrival(q, step, table, details);
			continue;
		}
		settle_sample(q, &q->pending[step->at - path->arrivals], step->drops);
		if (step->at - path->arrivals + 1 == count)
			break;
	}
}
