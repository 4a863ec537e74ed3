/*
 * The worst attempts of the live view's window, a line each.
 */
#include "report/watch/parts.h"

#include <inttypes.h>
#include <string.h>

/* What is too long loses its beginning, by whole parts of the address: the port tells more. */
void view_put_tail(const struct text *text, const char *address, unsigned width)
{
	const char *tail = address;
	unsigned length = (unsigned)strlen(address);

	if (length > width) {
		tail = address + length - (width - 1);
		while (*tail && *tail != ':' && *tail != '.' && *tail != '[')
			tail++;
		fputs(text->utf8 ? "\u2026" : "~", text->out);
		width--;
	}
	text_cell(text, tail, -(int)width);
}

/* Columns before the listener's and the reason, and what a reason takes that says it all. */
#define FIXED_COLUMNS	  58
#define CLIENT_COLUMNS	  22
#define HANDSHAKE_COLUMNS 47 /* as far as it goes with that, and not with the wait */
#define LISTENER_COLUMNS  22
#define REASONS_COLUMNS	  40

/* "3.2 s", and a plus where it goes on. */
static void put_span(const struct text *text, int64_t ns, bool goes_on, int width)
{
	char value[TEXT_VALUE_SIZE], field[TEXT_VALUE_SIZE + 2];

	snprintf(field, sizeof(field), "%s%s", ns < 0 ? "-" : text_duration(text, ns, value),
		 goes_on ? "+" : " ");
	text_cell(text, field, width);
}

static void put_handshake(const struct text *text, const struct attempt *a, int64_t to_ns)
{
	bool goes_on =
	    !a->number && (a->outcome == OUTCOME_OPEN || a->outcome == OUTCOME_HALF_OPEN ||
			   a->outcome == OUTCOME_UNANSWERED);

	if (a->syn_ns == TIME_UNKNOWN)
		put_span(text, -1, false, 10); /* it was under way when observation began */
	else if (a->ack_ns != TIME_UNKNOWN)
		put_span(text, a->ack_ns - a->syn_ns, false, 10);
	else
		put_span(text, goes_on ? to_ns - a->syn_ns : -1, goes_on, 10);
}

static void put_wait(const struct text *text, const struct attempt *a, int64_t to_ns)
{
	bool goes_on = !a->number && a->outcome == OUTCOME_WAITING;

	if (goes_on && a->ack_ns != TIME_UNKNOWN)
		put_span(text, to_ns - a->ack_ns, true, 10);
	else
		put_span(text, a->accept_wait_ns, false, 10);
}

/* A cause that is no drop, short: the report has the sentences. */
static const char *brief(enum cause cause)
{
	switch (cause) {
	case CAUSE_SYN_COOKIE:
		return "SYN cookie";
	case CAUSE_NO_LISTENER:
		return "no listener";
	case CAUSE_UNANSWERED_NO_COUNTER:
		return "no answer, no counter moved";
	case CAUSE_NO_ROUTE:
		return "no route back";
	case CAUSE_EXISTING_CONNECTION:
		return "old connection of the same port";
	case CAUSE_DISCARDED_BEFORE_QUEUE:
		return "discarded before any queue";
	case CAUSE_MD5_MISMATCH:
		return "TCP-MD5 mismatch";
	case CAUSE_TTL_TOO_SMALL:
		return "TTL too small";
	case CAUSE_RP_FILTER:
		return "rp_filter";
	case CAUSE_DEFER_ACCEPT:
		return "TCP_DEFER_ACCEPT";
	case CAUSE_CLIENT_RESET:
		return "reset by the client";
	case CAUSE_SERVER_RESET:
		return "reset by the server";
	case CAUSE_SLOW_ACCEPT:
		return "slow accept()";
	case CAUSE_SYNACK_UNACKNOWLEDGED:
		return "SYN-ACK never acknowledged";
	case CAUSE_CLIENT_LEFT:
		return "client left before accept()";
	case CAUSE_CLOSED_UNSERVED:
		return "closed at once, nothing sent";
	case CAUSE_SERVER_FULL:
		return "server has too many connections";
	case CAUSE_SERVER_NOT_READY:
		return "server not ready";
	case CAUSE_LISTENER_CLOSED:
		return "listener closed";
	case CAUSE_RESET_IN_FRONT:
		return "reset in front of the listener";
	case CAUSE_ANSWER_STOPPED:
		return "SYN-ACK stopped on its way out";
	case CAUSE_ACCEPT_QUEUE_FULL_SYN:
	case CAUSE_ACCEPT_QUEUE_FULL_ACK:
	case CAUSE_SYN_QUEUE_FULL:
	case CAUSE_MAX_SYN_BACKLOG_RESERVE:
	case CAUSE_COOKIE_ACK_DROPPED:
	case CAUSE_COUNT:
		break;
	}
	return cause_name(cause);
}

/* What was dropped first, then the rest. */
static void add_reason(const struct attempt *a, bool reasons, struct sentence *sentence)
{
	int64_t drops[CAUSE_COUNT] = {0};
	bool several;

	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (cause_is_drop(a->causes[i].cause))
			drops[a->causes[i].cause] = a->causes[i].packets;
	several = view_add_drops(sentence, drops, NULL, reasons);
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++) {
		if (cause_is_drop(a->causes[i].cause))
			continue;
		sentence_add(sentence, "%s%s", several ? "; " : "", brief(a->causes[i].cause));
		several = true;
	}
	if (a->child_pid)
		sentence_add(sentence, "%sserved by process %" PRId32, several ? "; " : "",
			     a->child_pid);
}

static enum text_colour colour_of(enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_ZOMBIE:
	case OUTCOME_RESET:
	case OUTCOME_UNANSWERED:
	case OUTCOME_REFUSED:
	case OUTCOME_UNREACHABLE:
		return TEXT_RED;
	case OUTCOME_WAITING:
	case OUTCOME_HALF_OPEN:
	case OUTCOME_ABORTED:
	case OUTCOME_OPEN:
		return TEXT_YELLOW;
	case OUTCOME_ACCEPTED:
	case OUTCOME_ESTABLISHED:
	case OUTCOME_JOINED:
	case OUTCOME_COUNT:
		break;
	}
	return TEXT_PLAIN;
}

static void put_attempt(const struct text *text, const struct attempt *a, int64_t to_ns,
			bool listeners)
{
	enum text_colour colour = colour_of(a->outcome);
	char address[ENDPOINT_TEXT_SIZE], count[TEXT_VALUE_SIZE];
	unsigned used = FIXED_COLUMNS + (listeners ? LISTENER_COLUMNS : 0);
	struct text rest = *text;
	struct sentence sentence;

	endpoint_format(&a->client, address, sizeof(address));
	view_put_tail(text, address, CLIENT_COLUMNS - 1);
	fputc(' ', text->out);
	if (listeners) {
		endpoint_format(&a->server, address, sizeof(address));
		view_put_tail(text, address, LISTENER_COLUMNS - 1);
		fputc(' ', text->out);
	}
	text_begin_colour(text, colour);
	text_cell(text, outcome_name(a->outcome), -11);
	text_end_colour(text, colour);
	text_cell(text, text_count(a->syns, count), 4);
	if (text->columns >= HANDSHAKE_COLUMNS)
		put_handshake(text, a, to_ns);
	if (used > text->columns) {
		fputc('\n', text->out);
		return;
	}
	put_wait(text, a, to_ns);
	fputc(' ', text->out);
	sentence_clear(&sentence);
	rest.columns -= used;
	add_reason(a, rest.columns >= REASONS_COLUMNS, &sentence);
	view_put_cut(&rest, TEXT_PLAIN, sentence.text);
}

size_t view_worst_rows(const struct snapshot *snapshot)
{
	return snapshot->worst_count ? snapshot->worst_count + 2 : 1;
}

void view_put_worst(const struct text *text, const struct snapshot *snapshot, size_t rows)
{
	bool listeners = text->columns >= FIXED_COLUMNS + LISTENER_COLUMNS + REASONS_COLUMNS;
	int64_t seconds = (snapshot->window_ns + NS_PER_SEC / 2) / NS_PER_SEC;
	char words[FILTER_TEXT_SIZE];
	struct sentence sentence;

	if (!rows)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "%s the last ",
		     snapshot->worst_count ? "The worst attempts of" : "No connection attempt in");
	if (seconds > 1)
		sentence_add(&sentence, "%" PRId64 " seconds", seconds);
	else
		sentence_add(&sentence, "second");
	if (snapshot->filter)
		sentence_add(&sentence, " with %s", filter_format(snapshot->filter, words));
	sentence_add(&sentence, "%s", snapshot->worst_count ? " (+: still in progress)" : ".");
	view_put_cut(text, TEXT_BOLD, sentence.text);
	if (!snapshot->worst_count || rows < 3)
		return;
	sentence_clear(&sentence);
	sentence_add(&sentence, "%-22s", "client");
	if (listeners)
		sentence_add(&sentence, "%-*s", LISTENER_COLUMNS, "listener");
	sentence_add(&sentence, "%-11sSYNs", "outcome");
	if (text->columns >= HANDSHAKE_COLUMNS)
		sentence_add(&sentence, " handshake");
	if (text->columns >= FIXED_COLUMNS)
		sentence_add(&sentence, "  in queue  dropped; why");
	view_put_cut(text, TEXT_DIM, sentence.text);
	for (size_t i = 0; i < snapshot->worst_count && i + 2 < rows; i++)
		put_attempt(text, &snapshot->worst[i], snapshot->to_ns, listeners);
}
