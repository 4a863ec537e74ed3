/*
 * The beam search: frontier by frontier, from arrival to arrival. beam.h has the theory.
 */
#include "report/queue/search/beam.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"
#include "report/queue/arrival.h"
#include "report/queue/search/hypothesis.h"
#include "report/queue/search/backtrace.h"
#include "report/queue/search/placements.h"
#include "report/queue/search/arrival_context.h"

/*
 * Arrivals and samples times the width of the beam, some 10 ms: recording must not stand still.
 * The beam is narrower where more arrived, and there is no search where it would be too narrow.
 */
#define EXPANSIONS_MAX (1u << 16)
#define BEAM_WIDTH_MIN 4

/* The hypotheses that are alive between two arrivals. */
struct frontier {
	struct hypothesis *hypotheses;
	uint32_t *rows; /* of each hypothesis: where the attempts stand, see placements.h */
	size_t count;
};

struct search {
	struct queue *queue;
	size_t arrivals;
	size_t samples;
	struct arrival_context *contexts;
	uint32_t slots;
	struct placements placements;
	struct observation *observations; /* of each sample */
	uint32_t *earliest;		  /* before which arrival it can have looked */
	uint32_t *latest;
	uint32_t *reported; /* of each arrival: see hypothesis_leave_cost(); NULL: none is */
	size_t width;	    /* of the beam */
	struct frontier now;
	struct frontier next;
	uint32_t *visited; /* a hash of the states in next: their numbers there */
	size_t visited_mask;
	size_t transitions_most; /* that one hypothesis can have at once */
	size_t room;		 /* of a frontier */
	struct step *steps;
	size_t steps_count;
	size_t steps_room;
	bool failed;
};

static uint64_t hash_placement(uint32_t slot, uint8_t place)
{
	uint64_t x = ((uint64_t)slot << 8 | place) * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return x ^ x >> 32;
}

static void bound_samples(struct search *s)
{
	size_t low = 0, high = 0;

	for (size_t k = 0; k < s->samples; k++) {
		const struct queue_sample *sample = &s->queue->samples.pending[k];

		while (low < s->arrivals &&
		       arrival_order(&s->queue->arrivals.list[low], sample) == ARRIVED_BEFORE)
			low++;
		while (high < s->arrivals &&
		       s->queue->arrivals.list[high].time_ns <= sample->time_ns)
			high++;
		if (high < low)
			high = low;
		s->earliest[k] = (uint32_t)low;
		s->latest[k] = (uint32_t)high;
	}
}

/* What arrived up to so many arrivals before a sample looked, and may not have been worked on. */
static void allow_early(const struct search *s, size_t sample)
{
	int64_t from_ns = s->queue->samples.pending[sample].before_ns - CAPTURE_LEAD_MAX_NS;
	struct observation *observed = &s->observations[sample];

	for (uint32_t i = s->earliest[sample]; i-- > 0;) {
		const struct arrival *a = &s->queue->arrivals.list[i];

		if (a->time_ns <= from_ns)
			return;
		observed->early_entries += a->wants_place;
		observed->early_drops += arrival_drops_most(a);
	}
}

/* The first arrival that may have been worked on at time_ns or later. */
static uint32_t first_by(const struct search *s, int64_t time_ns)
{
	uint32_t low = 0, high = (uint32_t)s->arrivals;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->queue->arrivals.list[middle].time_ns + CAPTURE_LEAD_NS < time_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * For each arrival the accepts that are reported after it and had begun by then: any of them may
 * have returned already. Each counts from its beginning on until its report.
 */
static bool count_reported(struct search *s)
{
	uint32_t count = 0;

	if (!s->queue->accept_exact)
		return true;
	s->reported = calloc(s->arrivals + 1, sizeof(*s->reported));
	if (!s->reported)
		return false;
	for (uint32_t i = 0; i < s->arrivals; i++) {
		const struct arrival *a = &s->queue->arrivals.list[i];
		uint32_t from = a->kind == ARRIVAL_LEAVE ? first_by(s, a->from_ns) : i;

		if (from < i) {
			s->reported[from]++;
			s->reported[i]--; /* modulo 2^32: the sums are right */
		}
	}
	for (uint32_t i = 0; i < s->arrivals; i++)
		s->reported[i] = count += s->reported[i];
	return true;
}

static void make_observations(struct search *s)
{
	for (size_t k = 0; k < s->samples; k++) {
		const struct queue_sample *sample = &s->queue->samples.pending[k];

		s->observations[k] = (struct observation){
		    .depth = sample->depth,
		    .drops = (int64_t)(uint32_t)(sample->drops - s->queue->sk_drops.group_first),
		};
		for (uint32_t i = s->earliest[k]; i < s->latest[k] && !s->observations[k].torn; i++)
			s->observations[k].torn = s->queue->arrivals.list[i].wants_place;
		allow_early(s, k);
	}
}

/* How many samples at most can have looked at one gap, or later: a hypothesis may rest there. */
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
		struct step *bigger =
		    array_grow(s->steps, &s->steps_room, sizeof(*bigger), 1024, ARRAY_UNBOUNDED);

		if (!bigger) {
			s->failed = true;
			return STEP_NONE;
		}
		s->steps = bigger;
	}
	s->steps[s->steps_count] = *step;
	return (uint32_t)s->steps_count++;
}

static bool is_same_state(const struct hypothesis *a, const struct hypothesis *b)
{
	return a->depth == b->depth && a->requests == b->requests &&
	       a->unattributed == b->unattributed && a->drops == b->drops &&
	       a->samples == b->samples && a->retractable == b->retractable &&
	       a->ahead == b->ahead && a->entries == b->entries &&
	       a->placement_hash == b->placement_hash;
}

/* Where in next this hypothesis belongs; NULL when a cheaper one is in that state already. */
static struct hypothesis *merge(struct search *s, const struct hypothesis *h)
{
	uint64_t key = h->placement_hash ^ (uint64_t)(uint32_t)h->depth << 40 ^
		       (uint64_t)(uint32_t)h->requests << 20 ^ (uint64_t)h->drops ^
		       (uint64_t)h->samples << 52 ^ (uint64_t)h->retractable << 32 ^
		       (uint64_t)h->ahead << 58;

	for (size_t i = (key * 0x9e3779b97f4a7c15u >> 32) & s->visited_mask;;
	     i = (i + 1) & s->visited_mask) {
		if (s->visited[i] == STEP_NONE) {
			if (s->next.count == s->room) {
				s->failed = true;
				return NULL;
			}
			s->visited[i] = (uint32_t)s->next.count++;
			return &s->next.hypotheses[s->visited[i]];
		}
		if (is_same_state(&s->next.hypotheses[s->visited[i]], h))
			return s->next.hypotheses[s->visited[i]].cost <= h->cost
				   ? NULL
				   : &s->next.hypotheses[s->visited[i]];
	}
}

static uint32_t *row_of(const struct search *s, const struct frontier *g, size_t hypothesis)
{
	return g->rows + hypothesis * s->placements.row_words;
}

/* Into the next frontier. step NULL: nothing happened, it stays as it is. */
static void extend(struct search *s, const struct hypothesis *h, const uint32_t *row,
		   const struct arrival_context *context, const struct step *step)
{
	struct hypothesis *to = merge(s, h);
	uint32_t *to_row;

	if (!to)
		return;
	*to = *h;
	if (step)
		to->step = add_step(s, step);
	to_row = row_of(s, &s->next, (size_t)(to - s->next.hypotheses));
	memcpy(to_row, row, s->placements.row_words * sizeof(*row));
	if (context && context->slot != NO_SLOT && !context->last &&
	    !placements_set(&s->placements, to_row, context->slot, step->transition.place))
		s->failed = true;
}

static void begin_frontier(struct search *s)
{
	size_t most = s->now.count * s->transitions_most;

	/* No more of the hash than these can fill: mostly it is one hypothesis. */
	for (s->visited_mask = 15; s->visited_mask < 2 * most;)
		s->visited_mask = 2 * s->visited_mask + 1;
	s->next.count = 0;
	memset(s->visited, 0xff, (s->visited_mask + 1) * sizeof(*s->visited));
}

/* The next frontier is the current one; only the cheapest of it go on. */
static void prune(struct search *s)
{
	struct frontier done = s->now;
	uint32_t histogram[256] = {0}, least = UINT32_MAX, bound = 0;
	size_t kept = 0;

	s->now = s->next;
	s->next = done;
	if (s->now.count <= s->width)
		return;
	for (size_t i = 0; i < s->now.count; i++)
		if (s->now.hypotheses[i].cost < least)
			least = s->now.hypotheses[i].cost;
	for (size_t i = 0; i < s->now.count; i++) {
		uint32_t over = s->now.hypotheses[i].cost - least;

		histogram[over > 255 ? 255 : over]++;
	}
	for (size_t sum = histogram[0]; bound < 255 && sum + histogram[bound + 1] <= s->width;)
		sum += histogram[++bound];
	for (size_t i = 0; i < s->now.count && kept < s->width; i++) {
		if (s->now.hypotheses[i].cost - least > bound)
			continue;
		s->now.hypotheses[kept] = s->now.hypotheses[i];
		memmove(row_of(s, &s->now, kept), row_of(s, &s->now, i),
			s->placements.row_words * sizeof(*s->now.rows));
		kept++;
	}
	s->now.count = kept;
}

static void observe(struct search *s, const struct hypothesis *from, const uint32_t *row,
		    uint32_t gap)
{
	struct hypothesis h = *from;

	for (;;) {
		struct observation observed;
		struct step step = {.previous = h.step};
		int64_t drops = h.drops;

		if (h.samples == s->samples || s->latest[h.samples] > gap)
			extend(s, &h, row, NULL, NULL);
		if (h.samples == s->samples || s->earliest[h.samples] > gap)
			return;
		observed = s->observations[h.samples];
		observed.reports = s->reported != NULL;
		observed.reported = s->reported ? s->reported[gap] : 0;
		if (!s->queue->samples.pending[h.samples].drops_known)
			observed.drops = h.drops;
		h.cost += hypothesis_observe(&h, &observed, &step.transition.leaves);
		step.drops = h.drops;
		step.off = h.drops != drops;
		step.at = (uint32_t)(s->arrivals + h.samples);
		step.requests = h.requests;
		h.samples++;
		h.step = add_step(s, &step);
	}
}

static void take_observations(struct search *s, uint32_t gap)
{
	bool due = false;

	for (size_t i = 0; i < s->now.count && !due; i++) {
		uint32_t k = s->now.hypotheses[i].samples;

		due = k < s->samples && s->earliest[k] <= gap;
	}
	if (!due)
		return;
	begin_frontier(s);
	for (size_t i = 0; i < s->now.count; i++)
		observe(s, &s->now.hypotheses[i], row_of(s, &s->now, i), gap);
	prune(s);
}

static bool is_report(const struct search *s, uint32_t at)
{
	return s->queue->arrivals.list[at].kind == ARRIVAL_LEAVE;
}

static void take_arrival(struct search *s, uint32_t at)
{
	const struct arrival_context *context = &s->contexts[at];

	begin_frontier(s);
	for (size_t i = 0; i < s->now.count; i++) {
		const struct hypothesis *h = &s->now.hypotheses[i];
		const uint32_t *row = row_of(s, &s->now, i);
		uint8_t place = context->first || context->slot == NO_SLOT
				    ? context->place
				    : placements_get(&s->placements, row, context->slot);
		struct transition transitions[TRANSITIONS_MAX];
		unsigned n = hypothesis_transitions(s->queue, h, &s->queue->arrivals.list[at],
						    place, context->concurrent, transitions);

		for (unsigned m = 0; m < n; m++) {
			struct hypothesis then = *h;
			struct step step = {
			    .previous = h->step, .at = at, .transition = transitions[m]};

			if (s->reported) {
				if ((transitions[m].place & ~place) & PLACE_ENTERED) {
					then.cost += hypothesis_order_cost(h, context->precede);
					then.entries += context->reported;
				}
				then.cost += hypothesis_leave_cost(h, transitions[m].leaves,
								   s->reported[at]);
				then.ahead += transitions[m].leaves;
				then.ahead -= is_report(s, at) && then.ahead;
			}
			then.depth += transitions[m].depth - (int32_t)transitions[m].leaves;
			then.requests += transitions[m].requests;
			then.unattributed += transitions[m].unattributed;
			then.drops += transitions[m].drops;
			then.cost += transitions[m].cost +
				     hypothesis_lookup_cost((enum found)context->lookahead,
							    transitions[m].place);
			if (context->slot != NO_SLOT && !context->first)
				then.placement_hash ^= hash_placement(context->slot, place);
			if (context->slot != NO_SLOT && !context->last)
				then.placement_hash ^=
				    hash_placement(context->slot, transitions[m].place);
			step.requests = then.requests;
			step.unattributed = then.unattributed;
			extend(s, &then, row, context, &step);
		}
	}
	prune(s);
}

static void release(struct search *s)
{
	free(s->contexts);
	free(s->observations);
	free(s->earliest);
	free(s->reported);
	free(s->now.hypotheses);
	free(s->now.rows);
	free(s->next.hypotheses);
	free(s->next.rows);
	placements_release(&s->placements);
	free(s->visited);
	free(s->steps);
}

static bool prepare(struct search *s, struct table *table)
{
	s->width = EXPANSIONS_MAX / (s->arrivals + s->samples + 1);
	if (s->width < BEAM_WIDTH_MIN)
		return false;
	if (s->width > BEAM_WIDTH_MAX)
		s->width = BEAM_WIDTH_MAX;
	s->contexts = arrival_contexts_of(s->queue, table, &s->slots);
	s->earliest = calloc(2 * s->samples + 1, sizeof(*s->earliest));
	s->observations = calloc(s->samples + 1, sizeof(*s->observations));
	if (!s->contexts || !s->earliest || !s->observations || !count_reported(s))
		return false;
	s->latest = s->earliest + s->samples;
	bound_samples(s);
	make_observations(s);
	s->transitions_most = most_open(s) + 1;
	if (s->transitions_most < TRANSITIONS_MAX)
		s->transitions_most = TRANSITIONS_MAX;
	s->room = s->width * s->transitions_most;
	s->visited = malloc((4 * s->room + 16) * sizeof(*s->visited));
	s->now.hypotheses = malloc(s->room * sizeof(*s->now.hypotheses));
	s->next.hypotheses = malloc(s->room * sizeof(*s->next.hypotheses));
	if (!placements_init(&s->placements, s->slots))
		return false;
	s->now.rows = malloc((s->room * s->placements.row_words + 1) * sizeof(*s->now.rows));
	s->next.rows = malloc((s->room * s->placements.row_words + 1) * sizeof(*s->next.rows));
	return s->visited && s->now.hypotheses && s->next.hypotheses && s->now.rows && s->next.rows;
}

static uint32_t cheapest(const struct search *s)
{
	size_t best = 0;

	for (size_t i = 1; i < s->now.count; i++)
		if (s->now.hypotheses[i].cost < s->now.hypotheses[best].cost)
			best = i;
	return s->now.hypotheses[best].step;
}

/* The steps that led to this one, in their order; returns the first. previous is the next then. */
static uint32_t reverse_chain(struct search *s, uint32_t step)
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

bool beam_is_needed(const struct queue *queue)
{
	int64_t most = queue->settled.depth, requests = queue->settled.requests;
	uint32_t lowest = queue->listener.limit, highest;
	bool any = false, told = false;

	if (!queue->limit_known || queue->grouped || !queue->settled.known ||
	    !queue->sk_drops.group_settled)
		return false;
	for (size_t k = 0; k < queue->samples.pending_count; k++)
		if ((int64_t)queue->samples.pending[k].depth > most)
			most = queue->samples.pending[k].depth;
	for (size_t i = 0; i < queue->arrivals.count; i++) {
		const struct arrival *a = &queue->arrivals.list[i];

		most += a->wants_place;
		requests += a->kind == ARRIVAL_SYN;
		any |= a->wants_place || a->kind == ARRIVAL_SYN;
		told |= a->told != TOLD_NOTHING;
	}
	/* With both ends of its stay told, nothing is left to search for. */
	if (!any || (told && queue->accept_exact))
		return false;
	if (queue->limits.count > 1)
		limits_within(&queue->limits, queue->arrivals.list[0].time_ns, INT64_MAX, &lowest,
			      &highest);
	return most > (int64_t)lowest || requests > (int64_t)lowest;
}

bool beam_settle(struct queue *queue, size_t count, struct table *table, struct details *details)
{
	struct search s = {
	    .queue = queue,
	    .arrivals = queue->arrivals.count,
	    .samples = queue->samples.pending_count,
	};
	bool done = false;

	if (!prepare(&s, table))
		goto out;
	s.now.count = 1;
	s.now.hypotheses[0] = (struct hypothesis){
	    .depth = (int32_t)queue->settled.depth,
	    .requests = (int32_t)queue->settled.requests,
	    .unattributed = queue->settled.unattributed,
	    .drops = queue->sk_drops.settled,
	    .ahead = queue->accept_exact ? (uint32_t)queue->settled.owed : 0,
	    .step = STEP_NONE,
	};
	memset(s.now.rows, 0, s.placements.row_words * sizeof(*s.now.rows));
	for (uint32_t i = 0; i < s.arrivals && !s.failed; i++) {
		take_observations(&s, i);
		take_arrival(&s, i);
	}
	take_observations(&s, (uint32_t)s.arrivals);
	if (s.failed || s.now.count == 0)
		goto out;
	backtrace_settle(&(struct backtrace){s.steps, reverse_chain(&s, cheapest(&s)), s.arrivals,
					     s.contexts, s.slots},
			 queue, count, table, details);
	done = true;
out:
	release(&s);
	return done;
}
