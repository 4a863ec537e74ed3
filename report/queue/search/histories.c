/*
 * The search for the likeliest history, and what it settles.
 */
#include "report/queue/search/histories.h"

#include <stdlib.h>
#include <string.h>

#include "report/queue/arrival.h"
#include "report/queue/search/history.h"
#include "report/queue/search/path.h"
#include "report/queue/search/standings.h"
#include "report/queue/search/visits.h"

/*
 * Steps that a search may take, some 10 ms: who records must not stand still meanwhile.
 * Fewer histories are followed where more arrived, and none at all where too few would be.
 */
#define STEPS_MAX     (1u << 16)
#define HISTORIES_MIN 4

struct generation {
	struct history *histories;
	uint32_t *rows; /* of each history: where the attempts stand, see standings.h */
	size_t count;
};

struct search {
	struct queue *queue;
	size_t arrivals;
	size_t samples;
	struct visit *visits;
	uint32_t slots;
	struct standings standings;
	struct history_sample *shown; /* by each sample */
	uint32_t *earliest;	      /* before which arrival it can have looked */
	uint32_t *latest;
	size_t beam;
	struct generation now;
	struct generation next;
	uint32_t *same; /* hash of next */
	size_t same_mask;
	size_t moves_most; /* that one history can have at once */
	size_t room;	   /* of a generation */
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

/* What arrived up to so many arrivals before a sample looked, and may not have been worked on. */
static void show_early(const struct search *s, size_t sample)
{
	int64_t from_ns = s->queue->pending[sample].before_ns - STAMP_LEAD_MAX_NS;
	struct history_sample *shown = &s->shown[sample];

	for (uint32_t i = s->earliest[sample]; i-- > 0;) {
		const struct arrival *a = &s->queue->arrivals[i];

		if (a->time_ns <= from_ns)
			return;
		shown->early_entries += a->wants_place;
		shown->early_drops += arrival_drops_most(a);
	}
}

static void show_samples(struct search *s)
{
	for (size_t k = 0; k < s->samples; k++) {
		const struct queue_sample *sample = &s->queue->pending[k];

		s->shown[k] = (struct history_sample){
		    .depth = sample->depth,
		    .drops = (int64_t)(uint32_t)(sample->drops - s->queue->group_first),
		};
		for (uint32_t i = s->earliest[k]; i < s->latest[k] && !s->shown[k].torn; i++)
			s->shown[k].torn = s->queue->arrivals[i].wants_place;
		show_early(s, k);
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
			return STEP_NONE;
		}
		s->steps = bigger;
		s->steps_room = room;
	}
	s->steps[s->steps_count] = *step;
	return (uint32_t)s->steps_count++;
}

static bool same_state(const struct history *a, const struct history *b)
{
	return a->depth == b->depth && a->requests == b->requests && a->unnamed == b->unnamed &&
	       a->drops == b->drops && a->samples == b->samples && a->regret == b->regret &&
	       a->places == b->places;
}

/* The place in next for this history: NULL when a cheaper one of the same state is there. */
static struct history *place_for(struct search *s, const struct history *h)
{
	uint64_t key = h->places ^ (uint64_t)(uint32_t)h->depth << 40 ^
		       (uint64_t)(uint32_t)h->requests << 20 ^ (uint64_t)h->drops ^
		       (uint64_t)h->samples << 52 ^ (uint64_t)h->regret << 32;

	for (size_t i = (key * 0x9e3779b97f4a7c15u >> 32) & s->same_mask;;
	     i = (i + 1) & s->same_mask) {
		if (s->same[i] == STEP_NONE) {
			if (s->next.count == s->room) {
				s->failed = true;
				return NULL;
			}
			s->same[i] = (uint32_t)s->next.count++;
			return &s->next.histories[s->same[i]];
		}
		if (same_state(&s->next.histories[s->same[i]], h))
			return s->next.histories[s->same[i]].cost <= h->cost
				   ? NULL
				   : &s->next.histories[s->same[i]];
	}
}

static uint32_t *row_of(const struct search *s, const struct generation *g, size_t history)
{
	return g->rows + history * s->standings.row_words;
}

/* step NULL: nothing happens, it is taken over. */
static void emit(struct search *s, const struct history *h, const uint32_t *row,
		 const struct visit *visit, const struct step *step)
{
	struct history *to = place_for(s, h);
	uint32_t *to_row;

	if (!to)
		return;
	*to = *h;
	if (step)
		to->step = add_step(s, step);
	to_row = row_of(s, &s->next, (size_t)(to - s->next.histories));
	memcpy(to_row, row, s->standings.row_words * sizeof(*row));
	if (visit && visit->slot != VISIT_NO_SLOT && !visit->last &&
	    !standings_set(&s->standings, to_row, visit->slot, step->move.place))
		s->failed = true;
}

static void begin_generation(struct search *s)
{
	size_t most = s->now.count * s->moves_most;

	/* No more of the hash than these can fill: mostly it is one history. */
	for (s->same_mask = 15; s->same_mask < 2 * most;)
		s->same_mask = 2 * s->same_mask + 1;
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
		memmove(row_of(s, &s->now, kept), row_of(s, &s->now, i),
			s->standings.row_words * sizeof(*s->now.rows));
		kept++;
	}
	s->now.count = kept;
}

static void look(struct search *s, const struct history *from, const uint32_t *row, uint32_t gap)
{
	struct history h = *from;

	for (;;) {
		struct history_sample shown;
		struct step step = {.previous = h.step};

		if (h.samples == s->samples || s->latest[h.samples] > gap)
			emit(s, &h, row, NULL, NULL);
		if (h.samples == s->samples || s->earliest[h.samples] > gap)
			return;
		shown = s->shown[h.samples];
		if (!s->queue->pending[h.samples].drops_known)
			shown.drops = h.drops;
		h.cost += history_sampled(&h, &shown, &step.move.leaves);
		step.drops = h.drops;
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
		look(s, &s->now.histories[i], row_of(s, &s->now, i), gap);
	end_generation(s);
}

static void take_arrival(struct search *s, uint32_t at)
{
	const struct visit *v = &s->visits[at];

	begin_generation(s);
	for (size_t i = 0; i < s->now.count; i++) {
		const struct history *h = &s->now.histories[i];
		const uint32_t *row = row_of(s, &s->now, i);
		uint8_t place = v->first || v->slot == VISIT_NO_SLOT
				    ? v->place
				    : standings_get(&s->standings, row, v->slot);
		struct history_move moves[HISTORY_MOVES_MAX];
		unsigned n =
		    history_moves(s->queue, h, &s->queue->arrivals[at], place, v->beside, moves);

		for (unsigned m = 0; m < n; m++) {
			struct history then = *h;
			struct step step = {.previous = h->step, .at = at, .move = moves[m]};

			then.depth += moves[m].depth - (int32_t)moves[m].leaves;
			then.requests += moves[m].requests;
			then.unnamed += moves[m].unnamed;
			then.drops += moves[m].drops;
			then.cost +=
			    moves[m].cost + history_look_cost((enum found)v->ahead, moves[m].place);
			if (v->slot != VISIT_NO_SLOT && !v->first)
				then.places ^= mix(v->slot, place);
			if (v->slot != VISIT_NO_SLOT && !v->last)
				then.places ^= mix(v->slot, moves[m].place);
			step.requests = then.requests;
			step.unnamed = then.unnamed;
			emit(s, &then, row, v, &step);
		}
	}
	end_generation(s);
}

static void release(struct search *s)
{
	free(s->visits);
	free(s->shown);
	free(s->earliest);
	free(s->now.histories);
	free(s->now.rows);
	free(s->next.histories);
	free(s->next.rows);
	standings_release(&s->standings);
	free(s->same);
	free(s->steps);
}

static bool prepare(struct search *s, struct table *table)
{
	s->beam = STEPS_MAX / (s->arrivals + s->samples + 1);
	if (s->beam < HISTORIES_MIN)
		return false;
	if (s->beam > HISTORIES_MAX)
		s->beam = HISTORIES_MAX;
	s->visits = visits_of(s->queue, table, &s->slots);
	s->earliest = calloc(2 * s->samples + 1, sizeof(*s->earliest));
	s->shown = calloc(s->samples + 1, sizeof(*s->shown));
	if (!s->visits || !s->earliest || !s->shown)
		return false;
	s->latest = s->earliest + s->samples;
	place_samples(s);
	show_samples(s);
	s->moves_most = most_open(s) + 1;
	if (s->moves_most < HISTORY_MOVES_MAX)
		s->moves_most = HISTORY_MOVES_MAX;
	s->room = s->beam * s->moves_most;
	s->same = malloc((4 * s->room + 16) * sizeof(*s->same));
	s->now.histories = malloc(s->room * sizeof(*s->now.histories));
	s->next.histories = malloc(s->room * sizeof(*s->next.histories));
	if (!standings_init(&s->standings, s->slots))
		return false;
	s->now.rows = malloc((s->room * s->standings.row_words + 1) * sizeof(*s->now.rows));
	s->next.rows = malloc((s->room * s->standings.row_words + 1) * sizeof(*s->next.rows));
	return s->same && s->now.histories && s->next.histories && s->now.rows && s->next.rows;
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
	uint32_t after = STEP_NONE;

	while (step != STEP_NONE) {
		uint32_t before = s->steps[step].previous;

		s->steps[step].previous = after;
		after = step;
		step = before;
	}
	return after;
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
	    .unnamed = queue->unnamed,
	    .drops = queue->drops_settled,
	    .step = STEP_NONE,
	};
	memset(s.now.rows, 0, s.standings.row_words * sizeof(*s.now.rows));
	for (uint32_t i = 0; i < s.arrivals && !s.failed; i++) {
		take_samples(&s, i);
		take_arrival(&s, i);
	}
	take_samples(&s, (uint32_t)s.arrivals);
	if (s.failed || s.now.count == 0)
		goto out;
	path_settle(
	    &(struct path){s.steps, turn_chain(&s, cheapest(&s)), s.arrivals, s.visits, s.slots},
	    queue, count, table, details);
	done = true;
out:
	release(&s);
	return done;
}
