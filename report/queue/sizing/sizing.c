/*
 * What is kept of each attempt.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"

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

/*
 * Its SYNs found the SYN queue full, and it never showed that it would have finished: a flood's do
 * not.
 */
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

/* When it was over, as its packets have it: the first FIN. */
static int64_t end_of(const struct attempt *a)
{
	if (a->exit_ns != TIME_UNKNOWN)
		return a->exit_ns;
	return a->close_ns != TIME_UNKNOWN ? a->close_ns : a->end_ns;
}

/*
 * Until when the server worked on it. A client that closes before it was answered keeps its worker
 * all the same, until the server answers (which that client resets), closes or resets.
 */
static int64_t served_until(const struct attempt *a)
{
	int64_t end_ns = end_of(a);

	if (a->exit_ns != TIME_UNKNOWN || a->close_ns != TIME_UNKNOWN || end_ns == TIME_UNKNOWN)
		return end_ns;
	for (uint32_t i = 0; i < a->marks_count; i++) {
		const struct mark *mark = &a->marks[i];
		bool server_works =
		    mark->kind == MARK_SERVER_DATA || mark->kind == MARK_FIN_SERVER ||
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
	    .service_ns = turned_away ? -1 : service_of(attempt, accept_ns, served_until(attempt)),
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

void sizing_sort(struct sizing *sizing)
{
	qsort(sizing->clients, sizing->count, sizeof(*sizing->clients), by_arrival);
}
