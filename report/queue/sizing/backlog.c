/*
 * Replays the arrivals against the measured calls of accept(), with a queue that nobody finds
 * full. Every client joins it at its first SYN; the k-th call takes the k-th client, whoever it
 * was in truth. Where the server had nobody left to take, since the others had been dropped and
 * were to try again or had given up, it goes on as fast as it did while some waited.
 *
 * The kernel keeps the place of a client that has left until accept() returns it. So patience says
 * who would have been served, and nothing of how long the queue would have been.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>

struct call {
	int64_t time_ns;
	int64_t entered_ns; /* the client that it returned */
};

/* The server of the replay. */
struct replay {
	struct call *calls; /* in order of time */
	size_t count;
	size_t next;
	int64_t gap_ns;	    /* between two calls while some wait; 0: not known */
	int64_t idle_ns;    /* it has nothing to do since then; TIME_UNKNOWN: not known to */
	int64_t last_ns;    /* the last call, in the replay */
	int64_t stalled_ns; /* after the last of the measured ones there was none until then */
};

static int by_time(const void *x, const void *y)
{
	const struct call *a = x, *b = y;

	return a->time_ns < b->time_ns ? -1 : a->time_ns > b->time_ns;
}

static int64_t later_of(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Past the end of all time is its end. */
static int64_t after(int64_t ns, int64_t more_ns)
{
	int64_t sum;

	return __builtin_add_overflow(ns, more_ns, &sum) ? INT64_MAX : sum;
}

static bool prepare(const struct sizing *sizing, const struct sizing_service *service,
		    int64_t end_ns, struct replay *r)
{
	*r = (struct replay){.calls = malloc((sizing->count + 1) * sizeof(*r->calls)),
			     .gap_ns = service->known ? service->gap_ns : 0,
			     .idle_ns = TIME_UNKNOWN,
			     .last_ns = INT64_MIN,
			     .stalled_ns = service->since_ns ? end_ns : INT64_MIN};
	for (size_t i = 0; r->calls && i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (c->accept_ns != TIME_UNKNOWN)
			r->calls[r->count++] = (struct call){
			    .time_ns = c->accept_ns,
			    .entered_ns = sizing_entered_ns(c),
			};
	}
	if (r->count)
		qsort(r->calls, r->count, sizeof(*r->calls), by_time);
	return r->count;
}

/* Or the server had something else to do before that client came, since when is not known. */
static bool is_taken_at_once(const struct call *call)
{
	return clock_since(call->time_ns, call->entered_ns) < SIZING_NOTICED_NS;
}

/* When the client that came then is taken; TIME_UNKNOWN: not known to be. In order of arrival. */
static int64_t take(struct replay *r, int64_t arrival_ns)
{
	int64_t ready_ns = r->last_ns == INT64_MIN
			       ? arrival_ns
			       : later_of(arrival_ns, after(r->last_ns, r->gap_ns));

	for (; r->next < r->count; r->next++) {
		const struct call *call = &r->calls[r->next];

		/* In truth it waited for a client then. */
		if (r->idle_ns != TIME_UNKNOWN && r->gap_ns && is_taken_at_once(call) &&
		    later_of(ready_ns, r->idle_ns) < call->entered_ns)
			return r->last_ns = later_of(ready_ns, r->idle_ns);
		if (call->time_ns >= arrival_ns) {
			r->idle_ns = after(call->time_ns, r->gap_ns);
			r->next++;
			return r->last_ns = call->time_ns;
		}
		/* Its client is served by then: it is free. */
		r->idle_ns = call->time_ns;
	}
	if (!r->gap_ns)
		return TIME_UNKNOWN;
	return r->last_ns = later_of(later_of(ready_ns, r->idle_ns), r->stalled_ns);
}

/* So long it would have waited at most: as it did, or half of what is not known. */
static int64_t patience_of(const struct sizing_client *c, int64_t bears_ns)
{
	return c->leaves_ns == INT64_MAX ? later_of(bears_ns, SIZING_PATIENCE_NS)
					 : bears_ns + (c->leaves_ns - bears_ns) / 2;
}

static bool is_served(const struct sizing_client *c)
{
	return c->accept_ns != TIME_UNKNOWN && c->left_ns == TIME_UNKNOWN;
}

static void compare(const struct sizing_client *c, int64_t accept_ns, int64_t end_ns,
		    struct sizing_backlog *b)
{
	int64_t bears_ns = c->waits && c->entered_ns != TIME_UNKNOWN
			       ? later_of(c->bears_ns, clock_since(end_ns, c->arrival_ns))
			       : c->bears_ns;
	int64_t patience_ns = patience_of(c, bears_ns), now_ns = 0, then_ns = INT64_MAX;

	if (accept_ns != TIME_UNKNOWN)
		then_ns = clock_since(accept_ns, c->arrival_ns);
	b->wait_max_ns = later_of(b->wait_max_ns, then_ns);
	b->served_least += then_ns <= bears_ns;
	b->served_most += then_ns != INT64_MAX && then_ns <= c->leaves_ns;
	b->served_then += then_ns <= patience_ns;
	/* Nobody is served later who was not served at all. */
	if (!is_served(c)) {
		b->sooner += then_ns <= patience_ns;
		return;
	}
	b->served++;
	now_ns = clock_since(c->accept_ns, c->arrival_ns);
	b->sooner += now_ns >= SIZING_NOTICED_NS && then_ns <= now_ns - SIZING_NOTICED_NS;
	b->later += then_ns != INT64_MAX && then_ns - SIZING_NOTICED_NS >= now_ns;
}

struct sizing_backlog sizing_backlog(const struct sizing *sizing,
				     const struct sizing_service *service, int64_t end_ns)
{
	struct sizing_backlog answer = {.clients = sizing->count};
	int64_t *taken = malloc((sizing->count + 1) * sizeof(*taken));
	struct replay replay = {0};
	size_t gone = 0;

	if (!taken || !prepare(sizing, service, end_ns, &replay))
		goto out;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		taken[i] = take(&replay, c->arrival_ns);
		compare(c, taken[i], end_ns, &answer);
		while (gone < i && taken[gone] != TIME_UNKNOWN &&
		       after(taken[gone], SIZING_ACCEPT_LAG_NS) <= c->arrival_ns)
			gone++;
		if (i + 1 - gone > answer.depth_peak) {
			answer.depth_peak = i + 1 - gone;
			answer.peak_ns = c->arrival_ns;
		}
	}
	answer.known = true;
	answer.backlog = answer.depth_peak - 1;
out:
	free(replay.calls);
	free(taken);
	return answer;
}
