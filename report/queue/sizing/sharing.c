/*
 * Whether workers wait for one another: for something that they share, of which more of them get
 * no more. Two signs of it. How many are at work when a connection is accepted says nothing of how
 * long it will be held, unless they do: those that were accepted while few were are compared with
 * those while nearly the most were. And where they take turns, one of those at work ends in each
 * of the times that the quickest took, no sooner.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>

#include "event/times.h"

/* Two thirds of the most are few; this near to the most is nearly the most. */
#define FEW_PERCENT  67
#define MANY_PERCENT 90
#define FEW_MIN	     2
#define MANY_MIN     5
/* So much longer, in percent. */
#define LONGER_PERCENT 140
/* Shorter differences are of waking up, and of how accept() is seen. */
#define LONGER_MIN_NS (10 * NS_PER_MS)
/* Each half is compared with each of the other: bounded. */
#define COMPARED_MAX 2048
/* Of the rank-sum statistic, squared, in tenths: about one in a hundred is so by chance. */
#define UNLIKELY_TENTHS 53

/* The quickest, but for a few; and so many of the ends come after one of its times, in percent. */
#define QUICK_PERCENT 10
#define TURNS_PERCENT 80
#define TURNS_MIN     8
#define TURN_FROM     90
#define TURN_TO	      140

struct holding {
	int64_t accept_ns;
	int64_t held_ns;
};

static int by_accept(const void *x, const void *y)
{
	const struct holding *a = x, *b = y;

	return a->accept_ns < b->accept_ns ? -1 : a->accept_ns > b->accept_ns;
}

/* Until when it was held; TIME_UNKNOWN: not known, or it took no worker. */
static int64_t end_of(const struct sizing_client *c)
{
	if (c->accept_ns == TIME_UNKNOWN || c->turned_away)
		return TIME_UNKNOWN;
	return c->service_ns >= 0 ? c->accept_ns + c->service_ns : TIME_UNKNOWN;
}

/* How often one that was accepted beside many was held longer than one beside few, by ranks. */
static bool is_unlikely(const int64_t *few, uint64_t m, const int64_t *many, uint64_t n)
{
	uint64_t longer = 0, at_most = m * n;

	for (uint64_t i = 0; i < m; i++)
		longer += n - times_until(many, n, few[i]);
	if (2 * longer <= at_most)
		return false;
	/* U - mn/2 against its deviation, sqrt(mn(m + n + 1)/12) */
	return (2 * longer - at_most) * (2 * longer - at_most) / at_most * 30 >=
	       UNLIKELY_TENTHS * (m + n + 1);
}

/* Sorted by accept. levels: how many were at work, with each. */
static uint64_t find_levels(const struct holding *holdings, const int64_t *ends, size_t count,
			    uint64_t *levels)
{
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++) {
		size_t over = times_until(ends, count, holdings[i].accept_ns);

		levels[i] = i + 1 > over ? i + 1 - over : 1;
		most = levels[i] > most ? levels[i] : most;
	}
	return most;
}

static bool is_longer(int64_t ns, int64_t than_ns)
{
	return ns - than_ns >= LONGER_MIN_NS && ns / LONGER_PERCENT >= than_ns / 100;
}

static void compare(const struct holding *holdings, const uint64_t *levels, size_t count,
		    uint64_t most, struct sizing_sharing *answer)
{
	int64_t *few = malloc((COMPARED_MAX + 1) * sizeof(*few));
	int64_t *many = malloc((COMPARED_MAX + 1) * sizeof(*many));
	uint64_t m = 0, n = 0;

	for (size_t i = 0; few && many && i < count; i++) {
		/* Over before accept() was noticed: it is not known how long it was held. */
		if (holdings[i].held_ns <= 0)
			continue;
		if (levels[i] * 100 <= most * FEW_PERCENT && m < COMPARED_MAX) {
			few[m++] = holdings[i].held_ns;
			answer->few = levels[i] > answer->few ? levels[i] : answer->few;
		} else if (levels[i] * 100 >= most * MANY_PERCENT && n < COMPARED_MAX) {
			many[n++] = holdings[i].held_ns;
			if (!answer->many || levels[i] < answer->many)
				answer->many = levels[i];
		}
	}
	if (m && n) {
		qsort(few, m, sizeof(*few), times_compare);
		qsort(many, n, sizeof(*many), times_compare);
		answer->few_p50_ns = few[m / 2];
		answer->many_p50_ns = many[n / 2];
		answer->alike = !is_longer(answer->many_p50_ns, answer->few_p50_ns);
		answer->longer =
		    m >= FEW_MIN && n >= MANY_MIN && !answer->alike && is_unlikely(few, m, many, n);
	}
	free(few);
	free(many);
}

static int64_t find_quick(const struct holding *holdings, size_t count)
{
	int64_t *held = malloc((count + 1) * sizeof(*held)), quick_ns = 0;
	size_t known = 0;

	for (size_t i = 0; held && i < count; i++)
		if (holdings[i].held_ns > 0)
			held[known++] = holdings[i].held_ns;
	if (known) {
		qsort(held, known, sizeof(*held), times_compare);
		quick_ns = held[known * QUICK_PERCENT / 100];
	}
	free(held);
	return quick_ns;
}

/* Sorted by accept. Between one end and the next, where others were at work all the time. */
static void find_turns(const struct holding *holdings, const int64_t *ends, size_t count,
		       struct sizing_sharing *answer)
{
	/* Who closes one only when it has the next has not both at work. */
	int64_t quick_ns = find_quick(holdings, count), lag_ns = quick_ns / 2;
	size_t before = 0, by_then = 0;
	uint64_t gaps = 0, turns = 0;

	for (size_t i = 1; i < count; i++) {
		int64_t gap_ns = ends[i] - ends[i - 1];

		while (before < count && holdings[before].accept_ns + lag_ns <= ends[i - 1])
			before++;
		while (by_then < count && holdings[by_then].accept_ns + lag_ns <= ends[i])
			by_then++;
		if (before < i + 1 || by_then < i + 2)
			continue;
		gaps++;
		turns += gap_ns * 100 >= quick_ns * TURN_FROM && gap_ns * 100 <= quick_ns * TURN_TO;
	}
	if (quick_ns >= LONGER_MIN_NS && gaps >= TURNS_MIN && turns * 100 >= gaps * TURNS_PERCENT)
		answer->turn_ns = quick_ns;
}

struct sizing_sharing sizing_sharing(const struct sizing *sizing)
{
	struct sizing_sharing answer = {0};
	struct holding *holdings = malloc((sizing->count + 1) * sizeof(*holdings));
	int64_t *ends = malloc((sizing->count + 1) * sizeof(*ends));
	uint64_t *levels = malloc((sizing->count + 1) * sizeof(*levels));
	size_t count = 0;
	uint64_t most;

	if (!holdings || !ends || !levels)
		goto out;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t end_ns = end_of(c);

		/* One without an end may have had it where nothing was recorded. */
		if (end_ns == TIME_UNKNOWN)
			continue;
		/*
		 * Who sends nothing waits for its client, not for another worker; a server may give
		 * one up sooner whose client has left.
		 */
		holdings[count] = (struct holding){
		    .accept_ns = c->accept_ns,
		    .held_ns = c->silent || sizing_had_left(c) ? -1 : c->service_ns};
		ends[count++] = end_ns;
	}
	qsort(holdings, count, sizeof(*holdings), by_accept);
	qsort(ends, count, sizeof(*ends), times_compare);
	most = find_levels(holdings, ends, count, levels);
	if (most > 1) {
		compare(holdings, levels, count, most, &answer);
		find_turns(holdings, ends, count, &answer);
	}
out:
	free(holdings);
	free(ends);
	free(levels);
	return answer;
}
