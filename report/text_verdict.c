/*
 * What became of one attempt and why, as sentences an engineer can act on. Each
 * says what was seen, with its time and depth; what is not exact says so.
 */
#include "report/text.h"

#include <inttypes.h>

static const struct report_listener *listener_of(const struct text *text, const struct attempt *a)
{
	const struct report *report = text->report;

	return a->listener >= 0 && (size_t)a->listener < report->listeners_count
		   ? &report->listeners[a->listener]
		   : NULL;
}

static const struct attempt_cause *find_cause(const struct attempt *a, enum cause cause)
{
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (a->causes[i].cause == cause)
			return &a->causes[i];
	return NULL;
}

/* What the words mean is told once, below the list. */
static const char *confidence_remark(const struct text *text, enum cause cause,
				     enum confidence confidence)
{
	switch (report_confidence(text->report, cause, confidence)) {
	case CONFIDENCE_EXACT:
		return "";
	case CONFIDENCE_BOUNDED:
		return " (bounded)";
	case CONFIDENCE_INFERRED:
		return " (inferred)";
	case CONFIDENCE_COUNT:
		break;
	}
	return "";
}

static const char *packet_word(enum mark_kind kind)
{
	switch (kind) {
	case MARK_SYN:
		return "SYN";
	case MARK_SYN_ACK:
		return "SYN-ACK";
	case MARK_ACK:
		return "final ACK";
	case MARK_DATA:
	case MARK_SERVER_DATA:
		return "data";
	case MARK_RST_CLIENT:
	case MARK_RST_SERVER:
		return "RST";
	case MARK_FIN_CLIENT:
	case MARK_FIN_SERVER:
		return "FIN";
	case MARK_ICMP:
		return "ICMP error";
	case MARK_KIND_COUNT:
		break;
	}
	return "packet";
}

/* Why a packet was dropped, after the colon. */
static void add_reason(const struct text *text, const struct report_listener *listener,
		       const struct mark *mark, struct sentence *sentence)
{
	bool queue = !mark->cause_known || mark->cause == CAUSE_ACCEPT_QUEUE_FULL_SYN ||
		     mark->cause == CAUSE_ACCEPT_QUEUE_FULL_ACK ||
		     mark->cause == CAUSE_COOKIE_ACK_DROPPED;

	if (queue && mark->depth != MARK_DEPTH_UNKNOWN) {
		sentence_add(sentence, "accept queue held %" PRIu32 " of %" PRIu64 " (",
			     mark->depth, (uint64_t)mark->limit + 1);
		text_limit(text, listener, mark->limit, sentence);
		sentence_add(sentence, ")");
	} else if (mark->cause_known && mark->cause == CAUSE_SYN_QUEUE_FULL) {
		sentence_add(sentence, "the SYN queue was full and tcp_syncookies is off");
	} else if (mark->cause_known && mark->cause == CAUSE_MAX_SYN_BACKLOG_RESERVE) {
		sentence_add(sentence, "three quarters of tcp_max_syn_backlog were in use and the "
				       "peer not proven (tcp_syncookies is off)");
	} else if (queue && mark->cause_known) {
		sentence_add(sentence, "the accept queue was full");
	} else {
		sentence_add(sentence, "the kernel gave no reason");
	}
	if (mark->cause_known)
		sentence_add(sentence, "%s",
			     confidence_remark(text, mark->cause, mark->confidence));
}

static bool same_drop(const struct mark *a, const struct mark *b)
{
	return b->dropped && a->kind == b->kind && a->cause_known == b->cause_known &&
	       (!a->cause_known || a->cause == b->cause);
}

/* The index of the first drop of the same sort. */
static uint32_t first_of_sort(const struct attempt *a, uint32_t index)
{
	for (uint32_t i = 0; i < index; i++)
		if (a->marks[i].dropped && same_drop(&a->marks[i], &a->marks[index]))
			return i;
	return index;
}

/*
 * "SYN at 12.004 s dropped: ..."; those of one sort together: "3 SYNs dropped,
 * the first at 0.004 s: ...". Returns the number of drops.
 */
static uint32_t add_drops(const struct text *text, const struct attempt *a,
			  struct sentence *sentence)
{
	uint32_t drops = 0;
	char time[TEXT_VALUE_SIZE];

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++) {
		const struct mark *first = &a->marks[i];
		const char *word = packet_word(first->kind);
		uint32_t same = 1;

		if (!first->dropped || first_of_sort(a, i) != i)
			continue;
		for (uint32_t j = i + 1; j < a->marks_count && j < ATTEMPT_MARKS_MAX; j++)
			same += same_drop(first, &a->marks[j]);
		text_time(text, first->time_ns, time);
		if (same == 1)
			sentence_add(sentence, "%s%s at %s dropped: ", drops ? "; " : "", word,
				     time);
		else
			sentence_add(sentence, "%s%" PRIu32 " %ss dropped, the first at %s: ",
				     drops ? "; " : "", same, word, time);
		add_reason(text, listener_of(text, a), first, sentence);
		drops += same;
	}
	return drops;
}

/* The SYN that was answered is the first one that was not dropped. */
static void add_retry(const struct text *text, const struct attempt *a, struct sentence *sentence)
{
	const struct mark *first = NULL, *taken = NULL;
	char delay[TEXT_VALUE_SIZE];
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX && !taken; i++) {
		if (a->marks[i].kind != MARK_SYN)
			continue;
		if (!first)
			first = &a->marks[i];
		if (a->marks[i].dropped)
			dropped++;
		else if (dropped)
			taken = &a->marks[i];
	}
	if (!taken)
		return;
	sentence_add(sentence, "; the client retried%s after %s",
		     dropped > 1 ? " until a SYN was taken," : "",
		     text_duration(text, text_since(taken->time_ns, first->time_ns), delay));
}

static void add_accepted(const struct text *text, const struct attempt *a, bool drops,
			 struct sentence *sentence)
{
	char wait[TEXT_VALUE_SIZE], time[TEXT_VALUE_SIZE], other[TEXT_VALUE_SIZE];

	sentence_add(sentence, "%s", drops ? " and was accepted" : "accepted");
	if (a->accept_ns != TIME_UNKNOWN)
		sentence_add(sentence, " at %s", text_time(text, a->accept_ns, time));
	else if (a->accept_before_ns != TIME_UNKNOWN && a->accept_after_ns != TIME_UNKNOWN)
		sentence_add(sentence, " between %s and %s",
			     text_time(text, a->accept_after_ns, time),
			     text_time(text, a->accept_before_ns, other));
	else if (a->accept_before_ns != TIME_UNKNOWN)
		sentence_add(sentence, " before %s", text_time(text, a->accept_before_ns, time));
	if (a->accept_wait_ns != -1)
		sentence_add(sentence, " after %s%s in the accept queue",
			     a->accept_ns == TIME_UNKNOWN ? "at most " : "",
			     text_duration(text, a->accept_wait_ns, wait));
	if (a->child_pid)
		sentence_add(sentence, ", served by process %" PRId32, a->child_pid);
	else if (a->accept_pid)
		sentence_add(sentence, ", by process %" PRId32, a->accept_pid);
	if (a->ghost)
		sentence_add(sentence, "; its client had reset it meanwhile, so the first read "
				       "fails with ECONNRESET");
}

static void add_unanswered(const struct text *text, const struct attempt *a, bool drops,
			   struct sentence *sentence)
{
	const struct attempt_cause *silent = find_cause(a, CAUSE_UNANSWERED_NO_COUNTER);

	sentence_add(sentence, "%s", drops ? "; the client never had an answer" : "");
	if (!drops)
		sentence_add(sentence, "no answer to %s%" PRIu32 " SYN%s",
			     a->syns == 1 ? "its " : "any of ", a->syns, a->syns == 1 ? "" : "s");
	if (silent)
		sentence_add(sentence,
			     "; no counter of the listener moved: a firewall, rp_filter or the "
			     "network took it, the queue is innocent%s",
			     confidence_remark(text, silent->cause, silent->confidence));
}

static void add_reset(const struct text *text, const struct attempt *a, struct sentence *sentence)
{
	const struct attempt_cause *client = find_cause(a, CAUSE_CLIENT_RESET);
	const struct attempt_cause *cause = client ? client : find_cause(a, CAUSE_SERVER_RESET);
	char time[TEXT_VALUE_SIZE];

	sentence_add(sentence, "reset by %s",
		     client  ? "the client"
		     : cause ? "the server"
			     : "one side");
	if (a->end_ns != TIME_UNKNOWN)
		sentence_add(sentence, " at %s", text_time(text, a->end_ns, time));
	if (client && a->ack_ns != TIME_UNKNOWN)
		sentence_add(sentence, " while it waited in the accept queue; accept() will return "
				       "it all the same, and the first read fails");
	if (cause)
		sentence_add(sentence, "%s",
			     confidence_remark(text, cause->cause, cause->confidence));
}

static void add_zombie(const struct attempt *a, struct sentence *sentence)
{
	sentence_add(sentence, "the client believes that it is connected, the server does not");
	if (find_cause(a, CAUSE_COOKIE_ACK_DROPPED))
		sentence_add(sentence,
			     "; after a SYN cookie no SYN-ACK is sent again and "
			     "tcp_abort_on_overflow does not help: only the client's next data can "
			     "save it");
	else
		sentence_add(sentence, "; the kernel sends its SYN-ACK again and gives up in "
				       "silence unless the queue gets room");
}

static void add_outcome(const struct text *text, const struct attempt *a, bool drops,
			struct sentence *sentence)
{
	const char *join = drops ? "; " : "";
	char value[TEXT_VALUE_SIZE];

	switch (a->outcome) {
	case OUTCOME_ACCEPTED:
		add_accepted(text, a, drops, sentence);
		break;
	case OUTCOME_ESTABLISHED:
		sentence_add(sentence, "%s", drops ? " and was connected" : "connected");
		if (a->connect_ns != -1)
			sentence_add(sentence, ", %s after its first SYN",
				     text_duration(text, a->connect_ns, value));
		sentence_add(sentence, " (whether accept() returned it is not known)");
		break;
	case OUTCOME_WAITING:
		sentence_add(sentence, "%sstill in the accept queue when observation ended", join);
		if (a->accept_wait_ns != -1)
			sentence_add(sentence, ", after %s",
				     text_duration(text, a->accept_wait_ns, value));
		break;
	case OUTCOME_REFUSED:
		sentence_add(sentence, "%srefused: a RST answered the SYN%s", join,
			     find_cause(a, CAUSE_NO_LISTENER) ? ", nothing listened there" : "");
		break;
	case OUTCOME_UNREACHABLE:
		sentence_add(sentence, "%san ICMP error answered the SYN", join);
		break;
	case OUTCOME_UNANSWERED:
		add_unanswered(text, a, drops, sentence);
		break;
	case OUTCOME_HALF_OPEN:
		sentence_add(sentence, "%s%" PRIu32 " SYN-ACK%s sent, never acknowledged", join,
			     a->synacks, a->synacks == 1 ? "" : "s");
		break;
	case OUTCOME_ABORTED:
		sentence_add(sentence, "%sreset by the client before its final ACK", join);
		break;
	case OUTCOME_RESET:
		sentence_add(sentence, "%s", join);
		add_reset(text, a, sentence);
		break;
	case OUTCOME_ZOMBIE:
		sentence_add(sentence, "%s", join);
		add_zombie(a, sentence);
		break;
	case OUTCOME_OPEN:
		sentence_add(sentence, "%sstill under way when observation ended", join);
		break;
	case OUTCOME_COUNT:
		break;
	}
}

void text_verdict(const struct text *text, const struct attempt *a, struct sentence *sentence)
{
	uint32_t drops;

	sentence_clear(sentence);
	drops = add_drops(text, a, sentence);
	add_retry(text, a, sentence);
	add_outcome(text, a, drops > 0, sentence);
	if (find_cause(a, CAUSE_SYN_COOKIE) && !find_cause(a, CAUSE_COOKIE_ACK_DROPPED))
		sentence_add(sentence,
			     "; its SYN was answered by a cookie, since the SYN queue was "
			     "full");
	if (find_cause(a, CAUSE_DEFER_ACCEPT))
		sentence_add(sentence,
			     "; TCP_DEFER_ACCEPT put off its bare ACK on purpose: no loss");
	if (find_cause(a, CAUSE_SLOW_ACCEPT))
		sentence_add(sentence, "; accept() was called late");
	if (a->evicted)
		sentence_add(sentence, "; the table of open attempts was full: this is what was "
				       "known by then");
	sentence_add(sentence, ".");
}
