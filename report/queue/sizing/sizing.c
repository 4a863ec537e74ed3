/*
 * What is kept of each attempt, how the server took connections, and how many children would have
 * kept the wait short: these serve in order, first come, first served.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"
#include "event/times.h"

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

/* Its SYNs found the SYN queue full, and it never showed that it would have finished: a flood's do
 * not. */
static bool is_unfinished(const struct attempt *a)
{
	bool full = false;

	if (a->ack_ns != TIME_UNKNOWN || a->entered_ns != TIME_UNKNOWN)
		return false;
	for (uint32_t i = 0; i < a->causes_count; i++) {
		enum cause cause = a->causes[i].cause;

		full =
		    full || cause == CAUSE_SYN_QUEUE_FULL || cause == CAUSE_MAX_SYN_BACKLOG_RESERVE;
		if (cause == CAUSE_ACCEPT_QUEUE_FULL_SYN)
			return false;
	}
	return full;
}

static bool is_dropped(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->causes_count; i++)
		if (cause_is_drop(a->causes[i].cause))
			return true;
	return false;
}

static bool belongs(const struct attempt *a)
{
	if (a->outcome == OUTCOME_JOINED)
		return false; /* it needs no place */
	if (is_unfinished(a))
		return false;
	/* Nor do those whose packets never came to the queue, but for one who came after all. */
	for (uint32_t i = 0; i < a->causes_count; i++)
		if (comes_to_no_queue(a->causes[i].cause) && a->outcome != OUTCOME_ACCEPTED)
			return false;
	return is_dropped(a) || a->outcome == OUTCOME_ACCEPTED || a->outcome == OUTCOME_WAITING ||
	       a->outcome == OUTCOME_ZOMBIE || a->outcome == OUTCOME_ESTABLISHED;
}

static bool is_turned_away(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->causes_count; i++)
		if (a->causes[i].cause == CAUSE_CLOSED_UNSERVED ||
		    a->causes[i].cause == CAUSE_SERVER_FULL)
			return true;
	return false;
}

/*
 * Until when the server had it. A client that closes before it was answered keeps its worker all
 * the same, until the server answers (which that client resets), closes or resets.
 */
static int64_t end_of(const struct attempt *a)
{
	int64_t end_ns = a->close_ns != TIME_UNKNOWN ? a->close_ns : a->end_ns;

	if (a->exit_ns != TIME_UNKNOWN)
		return a->exit_ns;
	if (a->close_ns != TIME_UNKNOWN || end_ns == TIME_UNKNOWN)
		return end_ns;
	for (uint32_t i = 0; i < a->marks_count; i++) {
		const struct mark *mark = &a->marks[i];
		bool server_works = mark->kind == MARK_SERVER_DATA ||
				    mark->kind == MARK_FIN_SERVER ||
				    mark->kind == MARK_RST_SERVER || mark->kind == MARK_RST_CLIENT;

		if (mark->kind == MARK_FIN_SERVER && mark->time_ns <= end_ns)
			return end_ns;
		if (server_works && mark->time_ns > end_ns)
			end_ns = mark->time_ns;
	}
	return end_ns;
}

/* Over before accept() was noticed is short; of a client that had left nothing is known. */
static int64_t service_of(const struct attempt *a, int64_t accept_ns, int64_t end_ns)
{
	if (accept_ns == TIME_UNKNOWN || end_ns == TIME_UNKNOWN)
		return -1;
	if (end_ns > accept_ns)
		return end_ns - accept_ns;
	return a->client_left_ns == TIME_UNKNOWN ? 0 : -1;
}

/* A client's first SYN is sent again after so long. */
#define FIRST_RETRY_NS NS_PER_SEC
/* No client tries for longer. */
#define RETRIES_MAX_NS (3600 * NS_PER_SEC)

/* How long a dropped client that gave up had tried, and until when it would have tried again. */
static void find_giving_up(const struct attempt *a, struct sizing_client *c)
{
	int64_t last_ns = 0, before_ns = 0;

	for (uint32_t i = 0; i < a->marks_count; i++)
		if (a->marks[i].kind == MARK_SYN) {
			before_ns = last_ns;
			last_ns = clock_since(a->marks[i].time_ns, c->arrival_ns);
		}
	if (last_ns < 0 || last_ns > RETRIES_MAX_NS)
		return;
	c->bears_ns = last_ns;
	c->leaves_ns = clock_since(last_ns, before_ns) * 2;
	if (c->leaves_ns < FIRST_RETRY_NS)
		c->leaves_ns = FIRST_RETRY_NS;
	c->leaves_ns += c->bears_ns;
}

static void find_patience_of(const struct attempt *a, struct sizing_client *c)
{
	c->leaves_ns = INT64_MAX;
	if (c->left_ns != TIME_UNKNOWN)
		c->bears_ns = c->leaves_ns = clock_since(c->left_ns, c->arrival_ns);
	else if (c->accept_ns != TIME_UNKNOWN)
		c->bears_ns = clock_since(c->accept_ns, c->arrival_ns);
	else if (a->outcome == OUTCOME_UNANSWERED || a->outcome == OUTCOME_OPEN)
		find_giving_up(a, c);
	/* It may try still. */
	if (a->outcome == OUTCOME_OPEN)
		c->leaves_ns = INT64_MAX;
}

void sizing_add(struct sizing *sizing, const struct attempt *attempt)
{
	struct sizing_client *client;
	int64_t accept_ns =
	    attempt->accept_ns != TIME_UNKNOWN ? attempt->accept_ns : attempt->accept_before_ns;
	int64_t end_ns = end_of(attempt);
	bool turned_away = is_turned_away(attempt);

	if (!belongs(attempt))
		return;
	if (sizing->count == sizing->room) {
		struct sizing_client *bigger =
		    array_grow(sizing->clients, &sizing->room, sizeof(*bigger), 256, SIZING_MAX);

		if (!bigger) {
			sizing->left_out++;
			return;
		}
		sizing->clients = bigger;
	}
	sizing->greeted_late += attempt->greeted_late;
	client = &sizing->clients[sizing->count++];
	*client = (struct sizing_client){
	    .arrival_ns = attempt->syn_ns != TIME_UNKNOWN ? attempt->syn_ns : attempt->entered_ns,
	    .entered_ns = attempt->entered_ns,
	    .accept_ns = accept_ns,
	    .left_ns = attempt->client_left_ns,
	    .end_ns = end_ns,
	    .service_ns = turned_away ? -1 : service_of(attempt, accept_ns, end_ns),
	    .dropped = is_dropped(attempt),
	    .turned_away = turned_away,
	    .unread = attempt->unread || attempt->refusal,
	    .began_before = attempt->began_before,
	    .waits = attempt->outcome == OUTCOME_WAITING || attempt->outcome == OUTCOME_OPEN,
	    .silent = attempt->silent,
	    .asked = attempt->asked,
	    .unreplied = attempt->unreplied,
	    .unanswered = attempt->unanswered && !attempt->began_before,
	    .answer_wait_ns = attempt->answer_wait_ns,
	    .pid = attempt->accept_pid,
	    .served_pid = attempt->child_pid ? attempt->child_pid : attempt->accept_pid,
	    .address = attempt->client.address,
	};
	find_patience_of(attempt, client);
}

static int by_arrival(const void *x, const void *y)
{
	const struct sizing_client *a = x, *b = y;

	return a->arrival_ns < b->arrival_ns ? -1 : a->arrival_ns > b->arrival_ns;
}

/* Those that are known, sorted. The caller frees them; NULL when there are none. */
static int64_t *sorted_services(const struct sizing *sizing, size_t *count)
{
	int64_t *values = malloc((sizing->count + 1) * sizeof(*values));

	*count = 0;
	if (!values)
		return NULL;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (c->service_ns >= 0)
			values[(*count)++] = c->service_ns;
	}
	qsort(values, *count, sizeof(*values), times_compare);
	return values;
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

/* So many children that no wait is longer. */
static size_t fewest(const struct sizing *sizing, int64_t target_ns, int64_t service_ns,
		     int64_t *free_at)
{
	size_t low = 1, high = sizing->count; /* one each: nobody waits */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (longest_wait(sizing, middle, service_ns, free_at) <= target_ns)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct sizing_children sizing_children(struct sizing *sizing, int64_t target_ns)
{
	struct sizing_children answer = {.clients = sizing->count, .target_ns = target_ns};
	size_t services_count;
	int64_t *services, *free_at;

	services = sorted_services(sizing, &services_count);
	free_at = malloc((sizing->count + 1) * sizeof(*free_at));
	if (!services || !free_at || !services_count)
		goto out;
	answer.services = services_count;
	answer.service_p50_ns = services[services_count / 2];
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_arrival);
	answer.children = fewest(sizing, target_ns, answer.service_p50_ns, free_at);
	answer.wait_max_ns = longest_wait(sizing, answer.children, answer.service_p50_ns, free_at);
	answer.places = fewest(sizing, 0, answer.service_p50_ns, free_at);
	answer.known = true;
out:
	free(services);
	free(free_at);
	return answer;
}

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
	/* The next one takes longer than it has lasted: it counts where it is a long one already.
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

/* When each is over, sorted; late: a little later, for whom the next accept() waited. The caller
 * frees it. NULL when out of memory. */
static int64_t *sorted_ends(const struct sizing *sizing, size_t accepted, bool late)
{
	int64_t *ends = malloc((accepted + 1) * sizeof(*ends));

	for (size_t i = 0; ends && i < accepted; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t more_ns = c->service_ns / 2 < WAITED_NS ? c->service_ns / 2 : WAITED_NS;

		/* Of one whose client had left a server may notice it at once, or when it answers.
		 */
		if (c->turned_away || (sizing_had_left(c) && c->service_ns < 0))
			ends[i] = c->accept_ns;
		else if (c->end_ns == TIME_UNKNOWN)
			ends[i] = INT64_MAX;
		else if (c->service_ns < 0) /* over before accept() was noticed */
			ends[i] = c->accept_ns;
		else
			ends[i] = c->accept_ns + c->service_ns + (late ? more_ns : 0);
		if (late && ends[i] < taken_next_ns(sizing, accepted, i))
			ends[i] = taken_next_ns(sizing, accepted, i);
	}
	if (ends)
		qsort(ends, accepted, sizeof(*ends), times_compare);
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
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_arrival);
	return answer;
}
