/*
 * The worst attempts of the last seconds.
 *
 * Theory of operation. Finished attempts are offered as they come; each interval
 * remembers its worst few, and an interval that is too old is forgotten as a
 * whole. Attempts under way are looked through when a snapshot is asked for: a
 * guess from the record alone picks the candidates, and only these get a verdict.
 */
#include "report/watch/recent.h"

#include <stdlib.h>
#include <string.h>

#include "report/attempt/detail.h"
#include "report/attempt/table.h"

/* Candidates among the open attempts: more than are shown, since the guess is rough. */
#define CANDIDATES_MAX (2 * SNAPSHOT_WORST_MAX)

struct slot {
	size_t count;
	int64_t costs[SNAPSHOT_WORST_MAX]; /* the highest first */
	struct attempt attempts[SNAPSHOT_WORST_MAX];
};

struct candidates {
	int64_t since_ns;
	int64_t now_ns;
	size_t count;
	int64_t costs[CANDIDATES_MAX]; /* the highest first */
	const struct open_attempt *open[CANDIDATES_MAX];
};

struct recent {
	unsigned slots_count;
	unsigned current;
	struct slot worst; /* the answer */
	struct slot slots[];
};

struct recent *recent_new(unsigned slots)
{
	struct recent *recent = calloc(1, sizeof(*recent) + slots * sizeof(recent->slots[0]));

	if (recent)
		recent->slots_count = slots;
	return recent;
}

void recent_free(struct recent *recent)
{
	free(recent);
}

/* What a failure counts as, beside the time that it took. */
static int64_t penalty_ns(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_ZOMBIE:
		return 60 * NS_PER_SEC;
	case OUTCOME_RESET:
	case OUTCOME_UNANSWERED:
		return 30 * NS_PER_SEC;
	case OUTCOME_REFUSED:
	case OUTCOME_UNREACHABLE:
	case OUTCOME_ABORTED:
		return NS_PER_SEC;
	case OUTCOME_ACCEPTED:
	case OUTCOME_ESTABLISHED:
	case OUTCOME_WAITING:
	case OUTCOME_HALF_OPEN:
	case OUTCOME_OPEN:
	case OUTCOME_JOINED:
	case OUTCOME_COUNT:
		break;
	}
	return 0;
}

/* When something of this attempt was last seen. */
static int64_t last_ns(const struct attempt *a)
{
	const int64_t times[] = {a->syn_ns,   a->synack_ns,	   a->ack_ns,	     a->accept_ns,
				 a->fork_ns,  a->accept_before_ns, a->first_byte_ns, a->reply_ns,
				 a->close_ns, a->exit_ns,	   a->end_ns};
	int64_t last = TIME_UNKNOWN;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		last = times[i] > last ? times[i] : last;
	for (uint32_t i = 0; i < a->marks_count; i++)
		last = a->marks[i].time_ns > last ? a->marks[i].time_ns : last;
	return last;
}

int64_t recent_cost(const struct attempt *attempt, int64_t now_ns)
{
	const struct attempt *a = attempt;
	int64_t until_ns = a->number ? last_ns(a) : now_ns; /* a finished one waits no more */
	int64_t begun_ns = a->syn_ns != TIME_UNKNOWN ? a->syn_ns : a->ack_ns;
	int64_t cost;

	if (begun_ns == TIME_UNKNOWN)
		cost = 0; /* it was under way when observation began */
	else if (a->ack_ns == TIME_UNKNOWN)
		cost = (a->end_ns != TIME_UNKNOWN ? a->end_ns : until_ns) - begun_ns;
	else if (a->accept_wait_ns >= 0)
		cost = a->ack_ns - begun_ns + a->accept_wait_ns;
	else if (a->outcome == OUTCOME_WAITING || a->outcome == OUTCOME_ZOMBIE)
		cost = until_ns - begun_ns;
	else
		cost = a->ack_ns - begun_ns;
	return (cost > 0 ? cost : 0) + penalty_ns(a->outcome);
}

/* The place of this cost in a list of the highest, or max when it has none. */
static size_t place(const int64_t *costs, size_t count, size_t max, int64_t cost)
{
	size_t i = count;

	while (i && costs[i - 1] < cost)
		i--;
	return i < max ? i : max;
}

static void insert(struct slot *slot, const struct attempt *attempt, int64_t cost)
{
	size_t i = place(slot->costs, slot->count, SNAPSHOT_WORST_MAX, cost), moved;

	if (i == SNAPSHOT_WORST_MAX)
		return;
	if (slot->count < SNAPSHOT_WORST_MAX)
		slot->count++;
	moved = slot->count - 1 - i;
	memmove(&slot->costs[i + 1], &slot->costs[i], moved * sizeof(slot->costs[0]));
	memmove(&slot->attempts[i + 1], &slot->attempts[i], moved * sizeof(slot->attempts[0]));
	slot->costs[i] = cost;
	slot->attempts[i] = *attempt;
}

void recent_offer(struct recent *recent, const struct attempt *attempt, int64_t since_ns)
{
	/* A handshake that was given up comes here when its time-out is over, a minute late. */
	if (last_ns(attempt) > since_ns)
		insert(&recent->slots[recent->current], attempt, recent_cost(attempt, 0));
}

void recent_turn(struct recent *recent)
{
	recent->current = (recent->current + 1) % recent->slots_count;
	recent->slots[recent->current].count = 0;
}

/* Of one that was under way when observation began the SYN is not known. */
static int64_t begun_ns(const struct open_attempt *a)
{
	if (a->syn_ns != TIME_UNKNOWN)
		return a->syn_ns;
	return a->ack_ns != TIME_UNKNOWN ? a->ack_ns : a->touched_ns;
}

/* Its client, or its request's timer, may still be at it: they wait twice as long each time. */
static bool retries(const struct open_attempt *a, int64_t now_ns)
{
	return !open_is_acknowledged(a) && !open_has_failed(a) &&
	       now_ns - a->touched_ns <= NS_PER_SEC + 2 * (a->touched_ns - begun_ns(a));
}

static bool waits(const struct open_attempt *a)
{
	return (open_is_queued(a) || open_knows(a, KNOWN_ACK_DROPPED)) && !open_is_accepted(a) &&
	       !open_was_reset(a);
}

/* About what recent_cost() will be. */
static int64_t guess(const struct open_attempt *a, const struct detail *d, int64_t now_ns)
{
	int64_t cost;

	if (!open_is_acknowledged(a)) {
		if (open_has_failed(a))
			return a->touched_ns - begun_ns(a) + penalty_ns(OUTCOME_REFUSED);
		return now_ns - begun_ns(a);
	}
	if (open_knows(a, KNOWN_ACK_DROPPED))
		return now_ns - begun_ns(a) + penalty_ns(OUTCOME_ZOMBIE);
	if (waits(a))
		return now_ns - begun_ns(a);
	cost = a->ack_ns - begun_ns(a);
	if (d && d->served && d->accept_before_ns > a->ack_ns)
		cost += d->accept_before_ns - a->ack_ns;
	if (!open_is_accepted(a) && open_has_failed(a))
		cost += penalty_ns(OUTCOME_RESET);
	return cost;
}

static void consider(void *context, const struct open_attempt *open, const struct detail *detail)
{
	struct candidates *c = context;
	int64_t cost;
	size_t i, moved;

	if (open->touched_ns <= c->since_ns && !waits(open) && !retries(open, c->now_ns))
		return;
	cost = guess(open, detail, c->now_ns);
	i = place(c->costs, c->count, CANDIDATES_MAX, cost);
	if (i == CANDIDATES_MAX)
		return;
	if (c->count < CANDIDATES_MAX)
		c->count++;
	moved = c->count - 1 - i;
	memmove(&c->costs[i + 1], &c->costs[i], moved * sizeof(c->costs[0]));
	memmove(&c->open[i + 1], &c->open[i], moved * sizeof(c->open[0]));
	c->costs[i] = cost;
	c->open[i] = open;
}

size_t recent_worst(struct recent *recent, struct tracker *tracker, const struct filter *filter,
		    int64_t since_ns, int64_t now_ns, const struct attempt **out)
{
	struct candidates candidates = {.since_ns = since_ns, .now_ns = now_ns};
	struct attempt attempt;

	recent->worst.count = 0;
	for (unsigned s = 0; s < recent->slots_count; s++) {
		const struct slot *slot = &recent->slots[s];

		for (size_t i = 0; i < slot->count; i++)
			insert(&recent->worst, &slot->attempts[i], slot->costs[i]);
	}
	tracker_each_open(tracker, consider, &candidates);
	for (size_t i = 0; i < candidates.count; i++) {
		tracker_look(tracker, candidates.open[i], now_ns, &attempt);
		if (!filter || filter_matches(filter, &attempt))
			insert(&recent->worst, &attempt, recent_cost(&attempt, now_ns));
	}
	*out = recent->worst.attempts;
	return recent->worst.count;
}
