/*
 * The search for the likeliest history, and what it settles.
 */
#include "report/histories.h"

#include <stdlib.h>
#include <string.h>

#include "report/arrival.h"
#include "report/history.h"

#define NONE UINT32_MAX
/* Steps that a search may take: fewer histories are followed where more arrived. */
#define STEPS_MAX     (1u << 20)
#define HISTORIES_MIN 16

struct step {
	uint32_t previous;
	uint32_t at;	  /* arrival, or sample counted from the number of arrivals */
	int32_t requests; /* after it */
	struct history_move move;
};

/* One arrival's attempt, among those of the search. */
struct visit {
	uint32_t slot; /* NONE: it has no attempt */
	uint32_t arrival;
	uint32_t index;
	uint32_t isn;
	bool first;
	bool last;
	uint8_t place; /* first: where it stands */
	uint8_t ahead; /* enum found: what the next look at its attempt says of this arrival */
};

struct generation {
	struct history *histories;
	uint8_t *places; /* of each history, by slot */
	size_t count;
};

struct search {
	struct queue *queue;
	size_t arrivals;
	size_t samples;
	struct visit *visits;
	uint32_t slots;
	uint32_t *earliest; /* of each sample: before which arrival it can have looked */
	uint32_t *latest;
	size_t beam;
	struct generation now;
	struct generation next;
	uint32_t *same; /* hash of next */
	size_t same_mask;
	struct step *steps;
	size_t steps_count;
	size_t steps_room;
	bool failed;
};

static uint64_t mix(uint32_t slot, uint8_t place)
{
	uint64_t x = ((uint64_t)slot << 8 | place) * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static int by_attempt(const void *x, const void *y)
{
	const struct visit *a = x, *b = y;

	if (a->index != b->index)
		return a->index < b->index ? -1 : 1;
	if (a->isn != b->isn)
		return a->isn < b->isn ? -1 : 1;
	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static int by_arrival(const void *x, const void *y)
{
	const struct visit *a = x, *b = y;

	return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static bool same_attempt(const struct visit *a, const struct visit *b)
{
	return a->index == b->index && a->isn == b->isn && a->index != TABLE_NONE;
}

static uint8_t settled_place(const struct arrival *a, struct table *table)
{
	const struct open_attempt *open = arrival_attempt(a, table);

	if (!open)
		return 0;
	return (uint8_t)((open->flags & OPEN_WAS_ENTERED ? PLACE_ENTERED : 0) |
			 (open->flags & OPEN_WAS_REQUEST ? PLACE_REQUEST : 0) |
			 (open->flags & OPEN_WAS_COOKIE ? PLACE_COOKIE : 0));
}

/* A slot for each attempt while arrivals of it are to come. */
static bool give_slots(struct search *s, struct table *table)
{
	uint32_t *slots = malloc(s->arrivals * 2 * sizeof(*slots)), *free_slots;
	size_t free_count = 0;

	if (!slots)
		return false;
	free_slots = slots + s->arrivals;
	for (uint32_t i = 0; i < s->arrivals; i++)
		s->visits[i] = (struct visit){
		    .arrival = i,
		    .index = s->queue->arrivals[i].index,
		    .isn = s->queue->arrivals[i].isn,
		};
	qsort(s->visits, s->arrivals, sizeof(*s->visits), by_attempt);
	for (size_t i = 0, group = 0; i < s->arrivals; i++) {
		struct visit *v = &s->visits[i];

		v->first = i == 0 || !same_attempt(v, v - 1);
		v->last = i + 1 == s->arrivals || !same_attempt(v, v + 1);
		group += v->first;
		v->slot = v->index == TABLE_NONE ? NONE : (uint32_t)(group - 1);
		if (v->first)
			v->place = settled_place(&s->queue->arrivals[v->arrival], table);
	}
	qsort(s->visits, s->arrivals, sizeof(*s->visits), by_arrival);
	for (size_t i = 0; i < s->arrivals; i++) {
		struct visit *v = &s->visits[i];
		uint32_t group = v->slot;

		if (group == NONE)
			continue;
		if (v->first)
			slots[group] = free_count ? free_slots[--free_count] : s->slots++;
		v->slot = slots[group];
		if (v->last)
			free_slots[free_count++] = v->slot;
	}
	free(slots);
	return true;
}

/*
 * What a look finds is known before the packets that led to it are judged: a wrong judgement
 * is dear at once, and not when it has crowded out the right ones. Of several segments that
 * can have made a child, the last one alone bears it.
 */
static bool look_ahead(struct search *s)
{
	uint8_t *next = calloc(s->slots + 1, 1);

	if (!next)
		return false;
	for (size_t i = s->arrivals; i-- > 0;) {
		const struct arrival *a = &s->queue->arrivals[i];
		struct visit *v = &s->visits[i];

		if (v->slot == NONE)
			continue;
		if (a->kind == ARRIVAL_LOOK && a->found != FOUND_DOUBT)
			next[v->slot] = a->found;
		v->ahead = next[v->slot];
		if (a->kind == ARRIVAL_LOOK || (a->kind == ARRIVAL_SYN && v->ahead == FOUND_CHILD))
			v->ahead = FOUND_DOUBT;
		if (v->first)
			next[v->slot] = FOUND_DOUBT;
		else if (a->wants_place && next[v->slot] == FOUND_CHILD)
			next[v->slot] = FOUND_DOUBT;
	}
	free(next);
	return true;
}

static void place_samples(struct search *s)
{
	size_t low = 0, high = 0;

	for (size_t k = 0; k < s->samples; k++) {
		const struct queue_sample *sample = &s->queue->pending[k];

		while (low < s->arrivals &&
		       arrival_order(&s->queue->arrivals[low], sample) == ARRIVED_BEFORE)
			low++;
		while (high < s->arrivals && s->queue->arrivals[high].time_ns <= sample->time_ns)
			high++;
		if (high < low)
			high = low;
		s->earliest[k] = (uint32_t)low;
		s->latest[k] = (uint32_t)high;
	}
}

/* How many samples at most can have looked at one gap, or later: a history may rest there. */
static size_t most_open(const struct search *s)
{
	size_t most = 0;

	for (size_t k = 0, first = 0; k < s->samples; k++) {
		while (s->latest[first] <= s->earliest[k] && first < k)
			first++;
		if (k + 1 - first > most)
			most = k + 1 - first;
	}
	return most;
}

static uint32_t add_step(struct search *s, const struct step *step)
{
	if (s->steps_count == s->steps_room) {
		size_t room = s->steps_room ? 2 * s->steps_room : 1024;
		struct step *bigger = realloc(s->steps, room * sizeof(*bigger));

		if (!bigger) {
			s->failed = true;
			return NONE;
		}
		s->steps = bigger;
		s->steps_room = room;
	}
	s->steps[s->steps_count] = *step;
	return (uint32_t)s->steps_count++;
}

static bool same_state(const struct history *a, const struct history *b)
{
	return a->depth == b->depth && a->requests == b->requests && a->drops == b->drops &&
	       a->samples == b->samples && a->places == b->places;
}

/* The place in next for this history: NULL when a cheaper one of the same state is there. */
static struct history *place_for(struct search *s, const struct history *h)
{
	uint64_t key = h->places ^ (uint64_t)(uint32_t)h->depth << 40 ^
		       (uint64_t)(uint32_t)h->requests << 20 ^ (uint64_t)h->drops ^
		       (uint64_t)h->samples << 52;

	for (size_t i = (key * 0x9e3779b97f4a7c15u >> 32) & s->same_mask;;
	     i = (i + 1) & s->same_mask) {
		if (s->same[i] == NONE) {
			s->same[i] = (uint32_t)s->next.count++;
			return &s->next.histories[s->same[i]];
		}
		if (same_state(&s->next.histories[s->same[i]], h))
			return s->next.histories[s->same[i]].cost <= h->cost
				   ? NULL
				   : &s->next.histories[s->same[i]];
	}
}

/* step NULL: nothing happens, it is taken over. */
static void emit(struct search *s, const struct history *h, const uint8_t *places,
		 const struct visit *visit, const struct step *step)
{
	struct history *to = place_for(s, h);
	uint8_t *row;

	if (!to)
		return;
	*to = *h;
	if (step)
		to->step = add_step(s, step);
	row = s->next.places + (size_t)(to - s->next.histories) * s->slots;
	memcpy(row, places, s->slots);
	if (visit && visit->slot != NONE)
		row[visit->slot] = step->move.place;
}

static void begin_generation(struct search *s)
{
	s->next.count = 0;
	memset(s->same, 0xff, (s->same_mask + 1) * sizeof(*s->same));
}

/* Only the cheapest go on. */
static void end_generation(struct search *s)
{
	struct generation done = s->now;
	uint32_t histogram[256] = {0}, least = UINT32_MAX, bound = 0;
	size_t kept = 0;

	s->now = s->next;
	s->next = done;
	if (s->now.count <= s->beam)
		return;
	for (size_t i = 0; i < s->now.count; i++)
		if (s->now.histories[i].cost < least)
			least = s->now.histories[i].cost;
	for (size_t i = 0; i < s->now.count; i++) {
		uint32_t over = s->now.histories[i].cost - least;

		histogram[over > 255 ? 255 : over]++;
	}
	for (size_t sum = histogram[0]; bound < 255 && sum + histogram[bound + 1] <= s->beam;)
		sum += histogram[++bound];
	for (size_t i = 0; i < s->now.count && kept < s->beam; i++) {
		if (s->now.histories[i].cost - least > bound)
			continue;
		s->now.histories[kept] = s->now.histories[i];
		memmove(s->now.places + kept * s->slots, s->now.places + i * s->slots, s->slots);
		kept++;
	}
	s->now.count = kept;
}

static void look(struct search *s, const struct history *from, const uint8_t *places, uint32_t gap)
{
	struct history h = *from;

	for (;;) {
		const struct queue_sample *sample = &s->queue->pending[h.samples];
		struct step step = {.previous = h.step};

		if (h.samples == s->samples || s->latest[h.samples] > gap)
			emit(s, &h, places, NULL, NULL);
		if (h.samples == s->samples || s->earliest[h.samples] > gap)
			return;
		h.cost += history_sampled(
		    &h, sample->depth,
		    sample->drops_known ? (int64_t)(uint32_t)(sample->drops - s->queue->group_first)
					: h.drops,
		    &step.move.leaves);
		step.at = (uint32_t)(s->arrivals + h.samples);
		step.requests = h.requests;
		h.samples++;
		h.step = add_step(s, &step);
	}
}

static void take_samples(struct search *s, uint32_t gap)
{
	bool due = false;

	for (size_t i = 0; i < s->now.count && !due; i++) {
		uint32_t k = s->now.histories[i].samples;

		due = k < s->samples && s->earliest[k] <= gap;
	}
	if (!due)
		return;
	begin_generation(s);
	for (size_t i = 0; i < s->now.count; i++)
		look(s, &s->now.histories[i], s->now.places + i * s->slots, gap);
	end_generation(s);
}

static void take_arrival(struct search *s, uint32_t at)
{
	const struct visit *v = &s->visits[at];

	begin_generation(s);
	for (size_t i = 0; i < s->now.count; i++) {
		const struct history *h = &s->now.histories[i];
		const uint8_t *places = s->now.places + i * s->slots;
		uint8_t place = v->first || v->slot == NONE ? v->place : places[v->slot];
		struct history_move moves[HISTORY_MOVES_MAX];
		unsigned n = history_moves(s->queue, h, &s->queue->arrivals[at], place, moves);

		for (unsigned m = 0; m < n; m++) {
			struct history then = *h;
			struct step step = {.previous = h->step, .at = at, .move = moves[m]};

			then.depth += moves[m].depth - (int32_t)moves[m].leaves;
			then.requests += moves[m].requests;
			then.drops += moves[m].drops;
			then.cost +=
			    moves[m].cost + history_look_cost((enum found)v->ahead, moves[m].place);
			if (v->slot != NONE && !v->first)
				then.places ^= mix(v->slot, place);
			if (v->slot != NONE && !v->last)
				then.places ^= mix(v->slot, moves[m].place);
			step.requests = then.requests;
			emit(s, &then, places, v, &step);
		}
	}
	end_generation(s);
}

static void release(struct search *s)
{
	free(s->visits);
	free(s->earliest);
	free(s->now.histories);
	free(s->now.places);
	free(s->next.histories);
	free(s->next.places);
	free(s->same);
	free(s->steps);
}

static bool prepare(struct search *s, struct table *table)
{
	size_t room, rests;

	s->visits = calloc(s->arrivals + 1, sizeof(*s->visits));
	s->earliest = calloc(2 * s->samples + 1, sizeof(*s->earliest));
	if (!s->visits || !s->earliest || !give_slots(s, table) || !look_ahead(s))
		return false;
	s->latest = s->earliest + s->samples;
	place_samples(s);
	rests = most_open(s) + 1;
	s->beam = STEPS_MAX / (s->arrivals + s->samples + 1);
	s->beam = s->beam > HISTORIES_MAX ? HISTORIES_MAX
					  : (s->beam < HISTORIES_MIN ? HISTORIES_MIN : s->beam);
	room = s->beam * (HISTORY_MOVES_MAX > rests ? HISTORY_MOVES_MAX : rests);
	for (s->same_mask = 1; s->same_mask < 2 * room;)
		s->same_mask *= 2;
	s->same = malloc(s->same_mask * sizeof(*s->same));
	s->same_mask--;
	s->now.histories = malloc(room * sizeof(*s->now.histories));
	s->next.histories = malloc(room * sizeof(*s->next.histories));
	s->now.places = malloc(room * s->slots + 1);
	s->next.places = malloc(room * s->slots + 1);
	return s->same && s->now.histories && s->next.histories && s->now.places && s->next.places;
}

static uint32_t cheapest(const struct search *s)
{
	size_t best = 0;

	for (size_t i = 1; i < s->now.count; i++)
		if (s->now.histories[i].cost < s->now.histories[best].cost)
			best = i;
	return s->now.histories[best].step;
}

/* The steps that led to this one, in their order; returns the first. previous is the next then. */
static uint32_t turn_chain(struct search *s, uint32_t step)
{
	uint32_t after = NONE;

	while (step != NONE) {
		uint32_t before = s->steps[step].previous;

		s->steps[step].previous = after;
		after = step;
		step = before;
	}
	return after;
}

static void judge_now(struct search *s, const struct step *step, struct table *table)
{
	struct arrival *a = &s->queue->arrivals[step->at];
	struct open_attempt *open = arrival_attempt(a, table);
	uint8_t place = step->move.place;

	if (a->kind == ARRIVAL_LOOK || a->kind == ARRIVAL_COUNT)
		return;
	a->cookie = step->move.cookie;
	if (a->wants_place)
		a->kind = step->move.kind;
	if (!open || !s->visits[step->at].last)
		return;
	if (place & (PLACE_COOKIE | PLACE_REQUEST))
		open->flags &= ~(uint32_t)OPEN_COOKIE;
	if (place & PLACE_COOKIE)
		open->flags |= OPEN_COOKIE;
	if (open->flags & (OPEN_ACCEPTED | OPEN_SERVER_ALIVE | OPEN_RST_SERVER | OPEN_FASTOPEN))
		return;
	if ((place & PLACE_ENTERED) && !(open->flags & OPEN_ENTERED)) {
		open->flags |= OPEN_ENTERED | OPEN_QUEUED;
		open->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
	} else if (!(place & PLACE_ENTERED) && (open->flags & OPEN_ENTERED)) {
		open->flags |= OPEN_ACK_DROPPED;
		open->flags &= ~(uint32_t)(OPEN_ENTERED | OPEN_QUEUED);
	}
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
}

static void settle_sample(struct queue *q, const struct queue_sample *sample)
{
	if (q->base != (int64_t)sample->depth)
		queue_step(q, sample->time_ns, (int64_t)sample->depth - q->base);
	if (sample->drops_known)
		q->drops_settled = (int64_t)(uint32_t)(sample->drops - q->group_first);
}

/* Those that were looked for after they were refused, and not found: no doubt is left of them. */
static void prove_refused(struct search *s)
{
	for (size_t i = 0; i < s->arrivals; i++)
		if (s->queue->arrivals[i].wants_place)
			s->queue->arrivals[i].proven = false;
	for (size_t i = s->arrivals; i-- > 0;) {
		const struct arrival *a = &s->queue->arrivals[i];

		if (a->kind != ARRIVAL_LOOK || a->found == FOUND_DOUBT || a->found == FOUND_CHILD)
			continue; /* says nothing against it */
		for (size_t j = i; j-- > 0;) {
			struct arrival *b = &s->queue->arrivals[j];

			if (b->index == a->index && b->isn == a->isn && b->kind == ARRIVAL_REFUSED)
				b->proven = true;
		}
	}
}

static void settle(struct search *s, size_t count, struct table *table, struct details *details)
{
	struct queue *q = s->queue;
	uint32_t first = turn_chain(s, cheapest(s));
	int64_t requests = q->requests;

	for (uint32_t i = first; i != NONE; i = s->steps[i].previous) {
		if (s->steps[i].at < s->arrivals)
			judge_now(s, &s->steps[i], table);
		requests = s->steps[i].requests;
	}
	q->half_open = requests < 0 ? 0 : requests;
	prove_refused(s);
	for (uint32_t i = first; i != NONE; i = s->steps[i].previous) {
		const struct step *step = &s->steps[i];

		if (step->at < s->arrivals) {
			settle_arrival(q, step, table, details);
			continue;
		}
		settle_sample(q, &q->pending[step->at - s->arrivals]);
		if (step->at - s->arrivals + 1 == count)
			break;
	}
}

bool histories_needed(const struct queue *queue)
{
	int64_t most = queue->base, requests = queue->requests;
	bool any = false;

	if (!queue->limit_known || queue->siblings != 1 || queue->accept_exact || !queue->synced ||
	    !queue->group_settled)
		return false;
	for (size_t k = 0; k < queue->pending_count; k++)
		if ((int64_t)queue->pending[k].depth > most)
			most = queue->pending[k].depth;
	for (size_t i = 0; i < queue->arrivals_count; i++) {
		const struct arrival *a = &queue->arrivals[i];

		most += a->wants_place;
		requests += a->kind == ARRIVAL_SYN;
		any |= a->wants_place || a->kind == ARRIVAL_SYN;
	}
	return any &&
	       (most > (int64_t)queue->listener.limit || requests > (int64_t)queue->listener.limit);
}

bool histories_settle(struct queue *queue, size_t count, struct table *table,
		      struct details *details)
{
	struct search s = {
	    .queue = queue,
	    .arrivals = queue->arrivals_count,
	    .samples = queue->pending_count,
	};
	bool done = false;

	if (!prepare(&s, table))
		goto out;
	s.now.count = 1;
	s.now.histories[0] = (struct history){
	    .depth = (int32_t)queue->base,
	    .requests = (int32_t)queue->requests,
	    .drops = queue->drops_settled,
	    .step = NONE,
	};
	memset(s.now.places, 0, s.slots);
	for (uint32_t i = 0; i < s.arrivals && !s.failed; i++) {
		take_samples(&s, i);
		take_arrival(&s, i);
	}
	take_samples(&s, (uint32_t)s.arrivals);
	if (s.failed || s.now.count == 0)
		goto out;
	settle(&s, count, table, details);
	done = true;
out:
	release(&s);
	return done;
}
