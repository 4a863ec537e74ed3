/*
 * How the server took connections: how often, how many at a time, and for how long.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>

#include "event/times.h"

static int by_accept(const void *x, const void *y)
{
	const struct sizing_client *a = x, *b = y;

	/* Those that were never accepted stand last. */
	if ((a->accept_ns == TIME_UNKNOWN) != (b->accept_ns == TIME_UNKNOWN))
		return a->accept_ns == TIME_UNKNOWN ? 1 : -1;
	return a->accept_ns < b->accept_ns ? -1 : a->accept_ns > b->accept_ns;
}

/* Since when somebody waits and nobody has been accepted, until end_ns; 0: nobody waits. */
static int64_t time_since_accept(const struct sizing *sizing, size_t accepted, int64_t end_ns)
{
	int64_t first_ns = INT64_MAX;

	if (end_ns == TIME_UNKNOWN)
		return 0;
	for (size_t i = accepted; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (c->waits && c->entered_ns != TIME_UNKNOWN && c->entered_ns < first_ns)
			first_ns = c->entered_ns;
	}
	if (accepted && sizing->clients[accepted - 1].accept_ns > first_ns)
		first_ns = sizing->clients[accepted - 1].accept_ns;
	return first_ns < end_ns ? end_ns - first_ns : 0;
}

/* Between one accept() and the next whose client was waiting by then. Sorted by accept. */
static void measure_gaps(const struct sizing *sizing, size_t accepted, int64_t end_ns,
			 struct sizing_service *answer)
{
	int64_t *gaps = malloc((accepted + 2) * sizeof(*gaps)), sum_ns = 0, longest_ns = 0;
	int64_t since_ns = time_since_accept(sizing, accepted, end_ns);
	size_t count = 0;

	if (!gaps)
		return;
	for (size_t i = 0; i + 1 < accepted; i++) {
		const struct sizing_client *a = &sizing->clients[i], *b = a + 1;
		int64_t entered_ns = sizing_entered_ns(b);
		int64_t alone_ns = b->accept_ns - entered_ns;

		if (entered_ns > a->accept_ns) {
			/* It found the queue empty: its wait is the server's alone. */
			if (alone_ns > longest_ns)
				longest_ns = alone_ns;
			/* But at a limit it waits for the end of another connection like any. */
			if (!answer->saturated || alone_ns < SIZING_NOTICED_NS)
				continue;
		}
		gaps[count] =
		    b->accept_ns - (entered_ns > a->accept_ns ? entered_ns : a->accept_ns);
		sum_ns += gaps[count++];
	}
	/*
	 * The next one takes longer than it has lasted: it counts where it is a long one already.
	 */
	if (since_ns >= SIZING_NOTICED_NS && since_ns * (int64_t)count >= sum_ns) {
		gaps[count] = since_ns;
		sum_ns += gaps[count++];
	}
	answer->since_ns = since_ns;
	qsort(gaps, count, sizeof(*gaps), times_compare);
	if (count) {
		answer->known = true;
		answer->gap_ns = sum_ns / (int64_t)count;
		answer->longest_ns = gaps[count - 1] > longest_ns ? gaps[count - 1] : longest_ns;
		answer->median_ns = gaps[count / 2];
	}
	free(gaps);
}

/* Shorter waits are those of a server that is woken up. */
#define WAITED_NS (10 * NS_PER_MS)
/* Of those that waited so many are accepted at the limit, and this near to it is at it. */
#define SATURATED_PERCENT 80
#define AT_LIMIT_PERCENT  90
#define SATURATED_MIN	  5

static int64_t wait_of(const struct sizing_client *c)
{
	return c->accept_ns - sizing_entered_ns(c);
}

bool sizing_had_left(const struct sizing_client *c)
{
	return c->left_ns != TIME_UNKNOWN && c->accept_ns != TIME_UNKNOWN &&
	       c->left_ns <= c->accept_ns;
}

/* So many accepts later the process that made one is not looked for any more. */
#define WORKERS_MAX 1024

/*
 * When the process that accepted the i-th took another one, which had been waiting: it may have
 * been at work until then, though the connection was over (a lingering close). TIME_UNKNOWN: it
 * did not. Sorted by accept.
 */
static int64_t taken_next_ns(const struct sizing *sizing, size_t accepted, size_t i)
{
	const struct sizing_client *c = &sizing->clients[i];

	for (size_t j = i + 1; c->pid && j < accepted && j - i <= WORKERS_MAX; j++) {
		const struct sizing_client *next = &sizing->clients[j];

		if (next->pid == c->pid)
			return wait_of(next) >= WAITED_NS && !sizing_had_left(next)
				   ? next->accept_ns
				   : TIME_UNKNOWN;
	}
	return TIME_UNKNOWN;
}

/*
 * When each is over, sorted; late: a little later, for whom the next accept() waited. The caller
 * frees it. NULL when out of memory.
 */
static int64_t *sorted_ends(const struct sizing *sizing, size_t accepted, bool late)
{
	int64_t *ends = malloc((accepted + 1) * sizeof(*ends));

	for (size_t i = 0; ends && i < accepted; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t more_ns = c->service_ns / 2 < WAITED_NS ? c->service_ns / 2 : WAITED_NS;
		int64_t next_ns = late ? taken_next_ns(sizing, accepted, i) : TIME_UNKNOWN;

		/* One whose client had left may be noticed at once: it is not counted. */
		if (c->turned_away || sizing_had_left(c))
			ends[i] = c->accept_ns;
		else if (c->end_ns == TIME_UNKNOWN)
			ends[i] = INT64_MAX;
		else if (c->end_ns <= c->accept_ns) /* over before accept() was noticed */
			ends[i] = c->accept_ns;
		else
			ends[i] = c->end_ns + (late ? more_ns : 0);
		if (ends[i] < next_ns)
			ends[i] = next_ns;
	}
	if (ends)
		qsort(ends, accepted, sizeof(*ends), times_compare);
	return ends;
}

/*
 * How many are between accept() and their end when the i-th is accepted, itself included; over of
 * the ends are over by then.
 */
static uint64_t open_at(const struct sizing *sizing, const int64_t *ends, size_t accepted, size_t i,
			size_t *over)
{
	while (*over < accepted && ends[*over] <= sizing->clients[i].accept_ns)
		(*over)++;
	return i + 1 > *over ? i + 1 - *over : 0;
}

static uint64_t most_at_once(const struct sizing *sizing, size_t accepted)
{
	int64_t *ends = sorted_ends(sizing, accepted, false);
	size_t over = 0;
	uint64_t most = 0;

	for (size_t i = 0; ends && i < accepted; i++) {
		uint64_t open = open_at(sizing, ends, accepted, i, &over);

		most = open > most ? open : most;
	}
	free(ends);
	return most;
}

/* It waited in the queue when observation ended, and had done so for a while. */
static bool waits_at(const struct sizing_client *c, int64_t end_ns)
{
	return end_ns != TIME_UNKNOWN && c->waits && c->entered_ns != TIME_UNKNOWN &&
	       end_ns - c->entered_ns >= WAITED_NS;
}

/* Sorted by accept. most: at once. */
static bool is_saturated(const struct sizing *sizing, size_t accepted, uint64_t most,
			 int64_t end_ns)
{
	int64_t *ends = sorted_ends(sizing, accepted, true);
	uint64_t waited = 0, at_limit = 0, open;
	size_t over = 0;

	for (size_t i = 0; ends && i < accepted; i++) {
		open = open_at(sizing, ends, accepted, i, &over);
		if (wait_of(&sizing->clients[i]) < WAITED_NS ||
		    sizing_had_left(&sizing->clients[i]))
			continue;
		waited++;
		at_limit += open * 100 >= most * AT_LIMIT_PERCENT;
	}
	while (ends && over < accepted && ends[over] <= end_ns)
		over++;
	open = accepted - over;
	for (size_t i = accepted; ends && i < sizing->count; i++)
		if (waits_at(&sizing->clients[i], end_ns)) {
			waited++;
			at_limit += open * 100 >= most * AT_LIMIT_PERCENT;
		}
	free(ends);
	return waited >= SATURATED_MIN && at_limit * 100 >= waited * SATURATED_PERCENT;
}

/* Those that came before the first was accepted. Sorted by accept. */
static void measure_first(const struct sizing *sizing, size_t accepted,
			  struct sizing_service *answer)
{
	int64_t first_ns;

	answer->first_ns = -1;
	answer->last_ns = TIME_UNKNOWN;
	if (!accepted)
		return;
	answer->last_ns = sizing->clients[accepted - 1].accept_ns;
	answer->last_pid = sizing->clients[accepted - 1].pid;
	first_ns = sizing->clients[0].accept_ns;
	answer->first_ns = wait_of(&sizing->clients[0]);
	for (size_t i = 0; i < sizing->count; i++)
		answer->first_count += sizing->clients[i].arrival_ns < first_ns;
}

/* So long is slow for anybody. */
#define SLOW_ANSWER_NS NS_PER_SEC

/* Sorted by accept. What is not over counts until end_ns. */
static void measure_holding(const struct sizing *sizing, size_t accepted, int64_t end_ns,
			    struct sizing_service *answer)
{
	int64_t *waits = malloc((accepted + 1) * sizeof(*waits));

	for (size_t i = 0; waits && i < accepted; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t held_ns = c->service_ns;

		if (c->answer_wait_ns >= 0)
			waits[answer->answers++] = c->answer_wait_ns;
		answer->answers_slow += c->answer_wait_ns >= SLOW_ANSWER_NS;
		if (c->turned_away)
			continue;
		/* Nobody waits for its answer, but its worker does not know that. */
		if (sizing_had_left(c)) {
			answer->held_ns += held_ns > 0 ? held_ns : 0;
			continue;
		}
		/* Who is not through may get its reply, or wait for none. */
		answer->asked += c->asked && c->end_ns != TIME_UNKNOWN;
		answer->unreplied += c->unreplied && c->end_ns != TIME_UNKNOWN;
		if (c->end_ns == TIME_UNKNOWN && end_ns > c->accept_ns)
			held_ns = end_ns - c->accept_ns;
		if (held_ns <= 0)
			continue;
		answer->held_ns += held_ns;
		if (c->silent) {
			answer->silent_ns += held_ns;
			answer->silent++;
		}
	}
	if (waits)
		qsort(waits, answer->answers, sizeof(*waits), times_compare);
	if (answer->answers) {
		answer->answer_p50_ns = waits[answer->answers / 2];
		answer->answer_max_ns = waits[answer->answers - 1];
	}
	free(waits);
}

static int64_t find_patience(const struct sizing *sizing)
{
	int64_t patience_ns = SIZING_PATIENCE_NS;

	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (c->left_ns != TIME_UNKNOWN && c->left_ns - c->arrival_ns < patience_ns)
			patience_ns = c->left_ns - c->arrival_ns;
	}
	return patience_ns;
}

struct sizing_service sizing_service(struct sizing *sizing, int64_t end_ns)
{
	struct sizing_service answer = {0};
	size_t accepted = 0;

	if (!sizing->count)
		return answer;
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_accept);
	while (accepted < sizing->count && sizing->clients[accepted].accept_ns != TIME_UNKNOWN)
		accepted++;
	answer.concurrent = most_at_once(sizing, accepted);
	answer.saturated = is_saturated(sizing, accepted, answer.concurrent, end_ns);
	measure_gaps(sizing, accepted, end_ns, &answer);
	measure_first(sizing, accepted, &answer);
	measure_holding(sizing, accepted, end_ns, &answer);
	answer.patience_ns = find_patience(sizing);
	sizing_sort(sizing);
	return answer;
}
