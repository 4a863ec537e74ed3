/*
 * Whether the times in which nobody called accept(), though connections waited, are why clients
 * were dropped or waited: those that came in such a time, or waited for the most part in one. A
 * queue that was full before explains the others, and may be what made the server wait.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>

struct interval {
	int64_t from_ns;
	int64_t to_ns;
};

static int by_to(const void *x, const void *y)
{
	const struct interval *a = x, *b = y;

	return a->to_ns < b->to_ns ? -1 : a->to_ns > b->to_ns;
}

/* From an accept(), or the entry of the next client, to its accept(): in order, apart. */
static size_t find_times(const struct sizing *sizing, const struct sizing_service *service,
			 int64_t least_ns, int64_t end_ns, struct interval *times)
{
	size_t count = 0, kept = 0;
	int64_t before_ns = INT64_MIN;

	for (size_t i = 0; i < sizing->count; i++)
		if (sizing->clients[i].accept_ns != TIME_UNKNOWN)
			times[count++] = (struct interval){sizing_entered_ns(&sizing->clients[i]),
							   sizing->clients[i].accept_ns};
	qsort(times, count, sizeof(*times), by_to);
	if (service->since_ns && end_ns != TIME_UNKNOWN)
		times[count++] = (struct interval){clock_since(end_ns, service->since_ns), end_ns};
	for (size_t i = 0; i < count; i++) {
		struct interval one = times[i];

		if (one.from_ns < before_ns)
			one.from_ns = before_ns;
		before_ns = one.to_ns;
		if (clock_since(one.to_ns, one.from_ns) >= least_ns)
			times[kept++] = one;
	}
	return kept;
}

static int64_t overlap(const struct interval *times, size_t count, int64_t from_ns, int64_t to_ns)
{
	int64_t sum_ns = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t start_ns = times[i].from_ns > from_ns ? times[i].from_ns : from_ns;
		int64_t stop_ns = times[i].to_ns < to_ns ? times[i].to_ns : to_ns;

		if (start_ns <= stop_ns)
			sum_ns += clock_since(stop_ns, start_ns) + (start_ns == stop_ns);
	}
	return sum_ns;
}

struct sizing_away sizing_away(const struct sizing *sizing, const struct sizing_service *service,
			       int64_t least_ns, int64_t end_ns)
{
	struct sizing_away answer = {0};
	struct interval *times = malloc((sizing->count + 1) * sizeof(*times));
	size_t count;

	if (!times)
		return answer;
	count = find_times(sizing, service, least_ns, end_ns, times);
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t to_ns = c->accept_ns != TIME_UNKNOWN ? c->accept_ns : end_ns;
		int64_t wait_ns = clock_since(to_ns, sizing_entered_ns(c));

		if (c->dropped) {
			answer.clients++;
			answer.met += overlap(times, count, c->arrival_ns, c->arrival_ns) > 0;
		} else if ((c->accept_ns != TIME_UNKNOWN || c->waits) &&
			   wait_ns >= SIZING_NOTICED_NS) {
			answer.clients++;
			answer.met +=
			    overlap(times, count, sizing_entered_ns(c), to_ns) >= wait_ns / 2;
		}
	}
	free(times);
	return answer;
}
