/*
 * Replays arrivals. The backlog: every client joins the queue at its first SYN
 * and leaves it at its measured accept(), at most SIZING_ACCEPT_LAG_NS later. The
 * accepts of clients that were dropped first came after their retry; in the
 * replay the queue is served in order, so that the k-th accept() takes the k-th
 * client, whoever it was in truth.
 */
#include "report/queue/sizing.h"

#include <stdlib.h>
#include <string.h>

void sizing_release(struct sizing *sizing)
{
	free(sizing->clients);
	*sizing = (struct sizing){0};
}

static bool comes_to_no_queue(enum cause cause)
{
	return cause == CAUSE_NO_ROUTE || cause == CAUSE_RP_FILTER || cause == CAUSE_MD5_MISMATCH ||
	       cause == CAUSE_TTL_TOO_SMALL || cause == CAUSE_DISCARDED_BEFORE_QUEUE ||
	       cause == CAUSE_EXISTING_CONNECTION;
}

static bool belongs(const struct attempt *a)
{
	if (a->outcome == OUTCOME_JOINED)
		return false; /* it needs no place */
	/* Nor do those whose packets never came to the queue, but for one who came after all. */
	for (uint32_t i = 0; i < a->causes_count; i++)
		if (comes_to_no_queue(a->causes[i].cause) && a->outcome != OUTCOME_ACCEPTED)
			return false;
	for (uint32_t i = 0; i < a->causes_count; i++)
		if (cause_is_drop(a->causes[i].cause))
			return true;
	return a->outcome == OUTCOME_ACCEPTED || a->outcome == OUTCOME_WAITING ||
	       a->outcome == OUTCOME_ZOMBIE || a->outcome == OUTCOME_ESTABLISHED;
}

static int64_t end_of(const struct attempt *a)
{
	if (a->exit_ns != TIME_UNKNOWN)
		return a->exit_ns;
	return a->close_ns != TIME_UNKNOWN ? a->close_ns : a->end_ns;
}

void sizing_add(struct sizing *sizing, const struct attempt *attempt)
{
	int64_t accept_ns =
	    attempt->accept_ns != TIME_UNKNOWN ? attempt->accept_ns : attempt->accept_before_ns;
	int64_t end_ns = end_of(attempt);

	if (!belongs(attempt))
		return;
	if (sizing->count == sizing->room) {
		size_t room = sizing->room ? sizing->room * 2 : 256;
		struct sizing_client *bigger = NULL;

		if (room <= SIZING_MAX)
			bigger = realloc(sizing->clients, room * sizeof(*bigger));
		if (!bigger) {
			sizing->left_out++;
			return;
		}
		sizing->clients = bigger;
		sizing->room = room;
	}
	sizing->clients[sizing->count++] = (struct sizing_client){
	    .arrival_ns = attempt->syn_ns != TIME_UNKNOWN ? attempt->syn_ns : attempt->entered_ns,
	    .entered_ns = attempt->entered_ns,
	    .accept_ns = accept_ns,
	    .left_ns = attempt->client_left_ns,
	    .service_ns = accept_ns != TIME_UNKNOWN && end_ns > accept_ns ? end_ns - accept_ns : -1,
	};
}

static int by_arrival(const void *x, const void *y)
{
	const struct sizing_client *a = x, *b = y;

	return a->arrival_ns < b->arrival_ns ? -1 : a->arrival_ns > b->arrival_ns;
}

static int by_value(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return a < b ? -1 : a > b;
}

/* The known values of one member, sorted. The caller frees them; NULL when there are none. */
static int64_t *sorted(const struct sizing *sizing, bool services, size_t *count)
{
	int64_t *values = malloc((sizing->count + 1) * sizeof(*values));

	*count = 0;
	if (!values)
		return NULL;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (services ? c->service_ns >= 0 : c->accept_ns != TIME_UNKNOWN)
			values[(*count)++] = services ? c->service_ns : c->accept_ns;
	}
	qsort(values, *count, sizeof(*values), by_value);
	return values;
}

struct sizing_backlog sizing_backlog(struct sizing *sizing)
{
	struct sizing_backlog answer = {.clients = sizing->count};
	size_t accepts_count, accepted = 0;
	int64_t *accepts;

	accepts = sorted(sizing, false, &accepts_count);
	if (!accepts || !sizing->count || !accepts_count) {
		free(accepts);
		return answer;
	}
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_arrival);
	for (size_t i = 0; i < sizing->count; i++) {
		int64_t now_ns = sizing->clients[i].arrival_ns;

		/* In order, and nobody leaves before coming. */
		while (accepted < accepts_count && accepted < i &&
		       accepts[accepted] + SIZING_ACCEPT_LAG_NS <= now_ns)
			accepted++;
		if (i + 1 - accepted > answer.depth_peak) {
			answer.depth_peak = i + 1 - accepted;
			answer.peak_ns = now_ns;
		}
	}
	free(accepts);
	answer.known = true;
	answer.backlog = answer.depth_peak - 1;
	return answer;
}

/* The longest wait with so many children. free_at is a heap of when each is free. */
static int64_t longest_wait(const struct sizing *sizing, size_t children, int64_t service_ns,
			    int64_t *free_at)
{
	int64_t longest = 0;

	for (size_t i = 0; i < children; i++)
		free_at[i] = INT64_MIN;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t start = free_at[0] > c->arrival_ns ? free_at[0] : c->arrival_ns;
		int64_t end = start + (c->service_ns >= 0 ? c->service_ns : service_ns);

		if (start - c->arrival_ns > longest)
			longest = start - c->arrival_ns;
		/* Replace the root and let it sink. */
		for (size_t at = 0;;) {
			size_t child = 2 * at + 1;

			if (child + 1 < children && free_at[child + 1] < free_at[child])
				child++;
			if (child >= children || free_at[child] >= end) {
				free_at[at] = end;
				break;
			}
			free_at[at] = free_at[child];
			at = child;
		}
	}
	return longest;
}

struct sizing_children sizing_children(struct sizing *sizing, int64_t target_ns)
{
	struct sizing_children answer = {.clients = sizing->count, .target_ns = target_ns};
	size_t services_count, low = 1, high;
	int64_t *services, *free_at;

	services = sorted(sizing, true, &services_count);
	free_at = malloc((sizing->count + 1) * sizeof(*free_at));
	if (!services || !free_at || !services_count)
		goto out;
	answer.service_p50_ns = services[services_count / 2];
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_arrival);
	high = sizing->count; /* one each: nobody waits */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (longest_wait(sizing, middle, answer.service_p50_ns, free_at) <= target_ns)
			high = middle;
		else
			low = middle + 1;
	}
	answer.children = low;
	answer.wait_max_ns = longest_wait(sizing, low, answer.service_p50_ns, free_at);
	answer.known = true;
out:
	free(services);
	free(free_at);
	return answer;
}

/* What clients bear where none of them showed it. */
#define PATIENCE_NS (10 * NS_PER_SEC)

static int by_accept(const void *x, const void *y)
{
	const struct sizing_client *a = x, *b = y;

	/* Those that were never accepted stand last. */
	if ((a->accept_ns == TIME_UNKNOWN) != (b->accept_ns == TIME_UNKNOWN))
		return a->accept_ns == TIME_UNKNOWN ? 1 : -1;
	return a->accept_ns < b->accept_ns ? -1 : a->accept_ns > b->accept_ns;
}

/* Between one accept() and the next whose client was waiting by then. Sorted by accept. */
static void measure_gaps(const struct sizing *sizing, size_t accepted,
			 struct sizing_service *answer)
{
	int64_t *gaps = malloc((accepted + 1) * sizeof(*gaps)), sum_ns = 0, longest_ns = 0;
	size_t count = 0;

	if (!gaps)
		return;
	for (size_t i = 0; i + 1 < accepted; i++) {
		const struct sizing_client *a = &sizing->clients[i], *b = a + 1;
		int64_t entered_ns = b->entered_ns != TIME_UNKNOWN ? b->entered_ns : b->arrival_ns;
		int64_t alone_ns = b->accept_ns - entered_ns;

		if (entered_ns > a->accept_ns) {
			/* It found the queue empty: its wait is the server's alone. */
			if (alone_ns > longest_ns)
				longest_ns = alone_ns;
			continue;
		}
		gaps[count] = b->accept_ns - a->accept_ns;
		sum_ns += gaps[count++];
	}
	qsort(gaps, count, sizeof(*gaps), by_value);
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
	return c->accept_ns - (c->entered_ns != TIME_UNKNOWN ? c->entered_ns : c->arrival_ns);
}

/* Before accept() returned it: it takes nobody's time. */
static bool has_left(const struct sizing_client *c)
{
	return c->left_ns != TIME_UNKNOWN && c->left_ns <= c->accept_ns;
}

/* When each is over, sorted; late: a little later, for whom the next accept() waited. The caller
 * frees it. NULL when out of memory. */
static int64_t *sorted_ends(const struct sizing *sizing, size_t accepted, bool late)
{
	int64_t *ends = malloc((accepted + 1) * sizeof(*ends));

	for (size_t i = 0; ends && i < accepted; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t more_ns = c->service_ns / 2 < WAITED_NS ? c->service_ns / 2 : WAITED_NS;

		if (has_left(c))
			ends[i] = c->accept_ns;
		else if (c->service_ns < 0)
			ends[i] = INT64_MAX;
		else
			ends[i] = c->accept_ns + c->service_ns + (late ? more_ns : 0);
	}
	if (ends)
		qsort(ends, accepted, sizeof(*ends), by_value);
	return ends;
}

/* How many are between accept() and their end when the i-th is accepted, itself included; over of
 * the ends are over by then. */
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

/* Sorted by accept. most: at once. */
static bool is_saturated(const struct sizing *sizing, size_t accepted, uint64_t most)
{
	int64_t *ends = sorted_ends(sizing, accepted, true);
	uint64_t waited = 0, at_limit = 0;
	size_t over = 0;

	for (size_t i = 0; ends && i < accepted; i++) {
		uint64_t open = open_at(sizing, ends, accepted, i, &over);

		if (wait_of(&sizing->clients[i]) < WAITED_NS || has_left(&sizing->clients[i]))
			continue;
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
	if (!accepted)
		return;
	first_ns = sizing->clients[0].accept_ns;
	answer->first_ns = wait_of(&sizing->clients[0]);
	for (size_t i = 0; i < sizing->count; i++)
		answer->first_count += sizing->clients[i].arrival_ns < first_ns;
}

static int64_t find_patience(const struct sizing *sizing)
{
	int64_t patience_ns = PATIENCE_NS;

	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (c->left_ns != TIME_UNKNOWN && c->left_ns - c->arrival_ns < patience_ns)
			patience_ns = c->left_ns - c->arrival_ns;
	}
	return patience_ns;
}

/* A difference that somebody would notice. */
#define NOTICED_NS (100 * NS_PER_MS)

static void compare_waits(const struct sizing_client *c, int64_t then_ns,
			  struct sizing_service *answer)
{
	int64_t now_ns = answer->patience_ns;

	if (c->accept_ns != TIME_UNKNOWN && c->left_ns == TIME_UNKNOWN)
		now_ns = c->accept_ns - c->arrival_ns;
	answer->sooner += then_ns + NOTICED_NS <= now_ns;
	answer->later += then_ns >= now_ns + NOTICED_NS;
}

struct sizing_service sizing_service(struct sizing *sizing)
{
	struct sizing_service answer = {0};
	int64_t free_ns = INT64_MIN;
	size_t accepted = 0;

	if (!sizing->count)
		return answer;
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_accept);
	while (accepted < sizing->count && sizing->clients[accepted].accept_ns != TIME_UNKNOWN)
		accepted++;
	measure_gaps(sizing, accepted, &answer);
	answer.concurrent = most_at_once(sizing, accepted);
	answer.saturated = is_saturated(sizing, accepted, answer.concurrent);
	measure_first(sizing, accepted, &answer);
	answer.patience_ns = find_patience(sizing);
	for (size_t i = 0; i < accepted; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		answer.served += c->accept_ns - c->arrival_ns <= answer.patience_ns &&
				 c->left_ns == TIME_UNKNOWN;
	}
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_arrival);
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t start_ns = free_ns > c->arrival_ns ? free_ns : c->arrival_ns;
		int64_t wait_ns = start_ns - c->arrival_ns;

		if (wait_ns > answer.wait_max_ns)
			answer.wait_max_ns = wait_ns;
		answer.served_then += wait_ns <= answer.patience_ns;
		compare_waits(c, wait_ns, &answer);
		free_ns = start_ns + answer.gap_ns;
	}
	return answer;
}
