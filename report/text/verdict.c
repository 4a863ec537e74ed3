/*
 * What became of one attempt and why, as sentences an engineer can act on. Each
 * says what was seen, with its time and depth; what is not exact says so.
 */
#include "report/text/text.h"

#include <inttypes.h>

#include "report/attempt/words.h"

static const struct report_listener *listener_of(const struct text *text, const struct attempt *a)
{
	const struct report *report = text->report;

	return a->listener >= 0 && (size_t)a->listener < report->listeners_count
		   ? &report->listeners[a->listener]
		   : NULL;
}

static bool find_drop(const struct attempt *a)
{
	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		if (a->marks[i].dropped)
			return true;
	return false;
}

/* What the words mean is explained once, below the list. */
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

/* A drop belongs to the SYN, or to what the client sent once it believed itself connected. */
static bool is_syn(const struct mark *mark)
{
	return mark->kind == MARK_SYN;
}

/* Why the kernel dropped a packet that no queue refused. */
static const char *other_reason(enum cause cause)
{
	switch ((int)cause) {
	case CAUSE_NO_ROUTE:
		return "no route back to the client";
	case CAUSE_DISCARDED_BEFORE_QUEUE:
		return "by the listener, before any queue: a socket filter, a cgroup filter or an "
		       "IPsec policy";
	case CAUSE_MD5_MISMATCH:
		return "TCP-MD5 or TCP-AO signature missing, wrong or unexpected";
	case CAUSE_TTL_TOO_SMALL:
		return "TTL below the listener's minimum (IP_MINTTL)";
	case CAUSE_RP_FILTER:
		return "rp_filter, because the route back to the client uses another interface";
	case CAUSE_ANSWER_STOPPED:
		return "it was answered before, and that SYN-ACK did not get out";
	case CAUSE_UNANSWERED_NO_COUNTER:
		return "it did not reach TCP, as no counter moved";
	default:
		return "reason unknown";
	}
}

/* Why a packet was dropped, after the colon; the limit is explained once. */
static void add_reason(const struct text *text, const struct report_listener *listener,
		       const struct mark *mark, bool again, struct sentence *sentence)
{
	bool queue = !mark->cause_known || mark->cause == CAUSE_ACCEPT_QUEUE_FULL_SYN ||
		     mark->cause == CAUSE_ACCEPT_QUEUE_FULL_ACK ||
		     mark->cause == CAUSE_COOKIE_ACK_DROPPED;

	if (queue && mark->depth != MARK_DEPTH_UNKNOWN) {
		sentence_add(sentence, "accept queue at %" PRIu32 " of %" PRIu64, mark->depth,
			     (uint64_t)mark->limit + 1);
		if (!again) {
			sentence_add(sentence, " (");
			text_limit(text, listener, mark->limit, sentence);
			sentence_add(sentence, ")");
		}
	} else if (mark->cause_known && mark->cause == CAUSE_SYN_QUEUE_FULL) {
		sentence_add(sentence, "SYN queue full and tcp_syncookies is off");
	} else if (mark->cause_known && mark->cause == CAUSE_MAX_SYN_BACKLOG_RESERVE) {
		sentence_add(sentence, "the last quarter of tcp_max_syn_backlog is reserved for "
				       "known peers (tcp_syncookies is off)");
	} else if (queue && mark->cause_known) {
		sentence_add(sentence, "accept queue full");
	} else if (mark->cause_known) {
		sentence_add(sentence, "%s", other_reason(mark->cause));
	} else if (mark->time_ns < text->report->start_ns) {
		sentence_add(sentence, "before this report begins");
	} else {
		sentence_add(sentence, "reason unknown");
	}
	if (mark->cause_known)
		sentence_add(sentence, "%s",
			     confidence_remark(text, mark->cause, mark->confidence));
}

static bool same_drop(const struct mark *a, const struct mark *b)
{
	return b->dropped && is_syn(a) == is_syn(b) && a->cause_known == b->cause_known &&
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
 * "SYN at 12.004 s", "3 SYNs, the first at 0.004 s,", "final ACK at 1.034 s and 8 segments after
 * it"
 */
static void add_dropped(const struct text *text, const struct mark *first, uint32_t count,
			struct sentence *sentence)
{
	char time[TEXT_VALUE_SIZE];

	text_when(text, first->time_ns, time);
	if (is_syn(first) && count > 1)
		sentence_add(sentence, "%" PRIu32 " SYNs dropped, the first at %s: ", count, time);
	else if (count > 1)
		sentence_add(sentence, "%s at %s and %" PRIu32 " segment%s after it dropped: ",
			     first->kind == MARK_ACK ? "final ACK" : "data", time, count - 1,
			     count == 2 ? "" : "s");
	else
		sentence_add(sentence, "%s at %s dropped: ",
			     is_syn(first)	       ? "SYN"
			     : first->kind == MARK_ACK ? "final ACK"
						       : "data",
			     time);
}

/* The drops of SYNs, or those after the handshake. Returns how many packets were dropped. */
static uint32_t add_drops(const struct text *text, const struct attempt *a, bool syns,
			  unsigned told, struct sentence *sentence)
{
	bool again = sentence->used > 0 || (told & TEXT_TOLD_LIMIT);
	uint32_t drops = 0;

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++) {
		const struct mark *first = &a->marks[i];
		uint32_t same = 1;

		if (!first->dropped || is_syn(first) != syns || first_of_sort(a, i) != i)
			continue;
		for (uint32_t j = i + 1; j < a->marks_count && j < ATTEMPT_MARKS_MAX; j++)
			same += same_drop(first, &a->marks[j]);
		sentence_add(sentence, "%s", sentence->used ? "; " : "");
		add_dropped(text, first, same, sentence);
		add_reason(text, listener_of(text, a), first, again, sentence);
		again = true;
		drops += same;
	}
	return drops;
}

/* Nothing speaks against it that this SYN was answered. */
static bool may_be_answered(const struct mark *syn)
{
	return !syn->dropped && (!syn->cause_known || syn->cause == CAUSE_SYN_COOKIE);
}

/* The SYN that was answered is the first one that was not dropped. False: there is none. */
static bool add_retry(const struct text *text, const struct attempt *a, struct sentence *sentence)
{
	const struct mark *first = NULL, *taken = NULL;
	char delay[TEXT_VALUE_SIZE];
	uint32_t dropped = 0;

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX && !taken; i++) {
		if (!is_syn(&a->marks[i]))
			continue;
		if (!first)
			first = &a->marks[i];
		if (a->marks[i].dropped)
			dropped++;
		else if (dropped && may_be_answered(&a->marks[i]))
			taken = &a->marks[i];
	}
	if (!taken || a->outcome == OUTCOME_UNANSWERED || a->outcome == OUTCOME_OPEN)
		return false;
	sentence_add(sentence, "; a SYN retransmitted after %s got through",
		     text_duration(text, clock_since(taken->time_ns, first->time_ns), delay));
	return true;
}

/* join: what stands between the drops and this: "; " or nothing. */
static void add_accepted(const struct text *text, const struct attempt *a, const char *join,
			 uint32_t ack_drops, struct sentence *sentence)
{
	char wait[TEXT_VALUE_SIZE], time[TEXT_VALUE_SIZE], other[TEXT_VALUE_SIZE];
	const char *most = a->accept_ns == TIME_UNKNOWN ? "at most " : "";
	bool in_front = attempt_find_cause(a, CAUSE_RESET_IN_FRONT);

	sentence_add(sentence, "%saccepted", join);
	if (a->accept_ns != TIME_UNKNOWN)
		sentence_add(sentence, " at %s", text_when(text, a->accept_ns, time));
	else if (a->accept_before_ns != TIME_UNKNOWN && a->accept_after_ns != TIME_UNKNOWN)
		sentence_add(sentence, " between %s and %s",
			     text_when(text, a->accept_after_ns, time),
			     text_when(text, a->accept_before_ns, other));
	else if (a->accept_before_ns != TIME_UNKNOWN)
		sentence_add(sentence, " before %s", text_when(text, a->accept_before_ns, time));
	/* Whose ACK was dropped was not in the queue all that time. */
	if (ack_drops && a->accept_wait_ns != -1)
		sentence_add(sentence, ", %s%s after its final ACK", most,
			     text_duration(text, a->accept_wait_ns, wait));
	if (a->queue_wait_ns != -1)
		sentence_add(sentence, "%s %s%s in the accept queue",
			     ack_drops ? ", of which" : " after", most,
			     text_duration(text, a->queue_wait_ns, wait));
	if (a->child_pid)
		sentence_add(sentence, ", served by process %" PRId32, a->child_pid);
	else if (a->accept_pid)
		sentence_add(sentence, ", by process %" PRId32, a->accept_pid);
	if (a->ghost)
		sentence_add(sentence,
			     "; %s had reset it while it waited, so the first read fails with "
			     "ECONNRESET",
			     in_front ? "a firewall rule of this host" : "the client");
	else if (in_front)
		sentence_add(sentence, "; %s", cause_words(CAUSE_RESET_IN_FRONT, -1));
	else if (a->client_left_ns != TIME_UNKNOWN)
		sentence_add(sentence, "; the client had left at %s: the server's work was wasted",
			     text_when(text, a->client_left_ns, time));
	if (attempt_find_cause(a, CAUSE_CLOSED_UNSERVED))
		sentence_add(sentence, "; closed by the server at once with nothing sent");
	if (attempt_find_cause(a, CAUSE_SERVER_FULL))
		sentence_add(sentence, "; %s", cause_words(CAUSE_SERVER_FULL, -1));
	if (attempt_find_cause(a, CAUSE_SERVER_NOT_READY))
		sentence_add(sentence, "; %s", cause_words(CAUSE_SERVER_NOT_READY, -1));
}

static void add_unanswered(const struct text *text, const struct attempt *a,
			   struct sentence *sentence)
{
	const struct attempt_cause *silent = attempt_find_cause(a, CAUSE_UNANSWERED_NO_COUNTER);
	const struct attempt_cause *old = attempt_find_cause(a, CAUSE_EXISTING_CONNECTION);
	const struct attempt_cause *stopped = attempt_find_cause(a, CAUSE_ANSWER_STOPPED);

	if (sentence->used)
		sentence_add(sentence, "unanswered");
	else if (a->syns == 1)
		sentence_add(sentence, "unanswered SYN");
	else
		sentence_add(sentence, "%" PRIu32 " unanswered SYNs", a->syns);
	if (old)
		sentence_add(sentence, "; %s%s", cause_words(CAUSE_EXISTING_CONNECTION, -1),
			     confidence_remark(text, old->cause, old->confidence));
	if (stopped)
		sentence_add(sentence, "; %s%s", cause_words(CAUSE_ANSWER_STOPPED, -1),
			     confidence_remark(text, stopped->cause, stopped->confidence));
	if (attempt_find_cause(a, CAUSE_RESET_IN_FRONT))
		sentence_add(sentence, "; the kernel answered, but a firewall rule of this host "
				       "rejected the SYN-ACK with a reset (an output chain)");
	if (silent && silent->confidence == CONFIDENCE_INFERRED)
		sentence_add(sentence, "; probably lost before it reached TCP: a firewall, "
				       "rp_filter or the network (inferred)");
	else if (silent)
		sentence_add(sentence,
			     "; no counter moved: a firewall, rp_filter or the network, not a "
			     "queue%s",
			     confidence_remark(text, silent->cause, silent->confidence));
}

static void add_reset(const struct text *text, const struct attempt *a, struct sentence *sentence)
{
	const struct attempt_cause *client = attempt_find_cause(a, CAUSE_CLIENT_RESET);
	const struct attempt_cause *cause =
	    client ? client : attempt_find_cause(a, CAUSE_SERVER_RESET);
	const struct attempt_cause *closed = attempt_find_cause(a, CAUSE_LISTENER_CLOSED);
	char time[TEXT_VALUE_SIZE];

	if (attempt_find_cause(a, CAUSE_RESET_IN_FRONT)) {
		sentence_add(sentence, "%s", cause_words(CAUSE_RESET_IN_FRONT, -1));
		if (a->end_ns != TIME_UNKNOWN)
			sentence_add(sentence, ", at %s", text_when(text, a->end_ns, time));
		return;
	}
	if (!cause)
		cause = closed;
	sentence_add(sentence, "reset%s by %s",
		     cause && cause == closed ? " when the listener closed while it waited," : "",
		     client  ? "the client"
		     : cause ? "the server"
			     : "one side");
	if (report_aborts(text->report) && attempt_find_cause(a, CAUSE_SERVER_RESET) &&
	    attempt_find_cause(a, CAUSE_ACCEPT_QUEUE_FULL_ACK))
		sentence_add(sentence, " (tcp_abort_on_overflow)");
	if (a->end_ns != TIME_UNKNOWN)
		sentence_add(sentence, " at %s", text_when(text, a->end_ns, time));
	if (client && a->ack_ns != TIME_UNKNOWN)
		sentence_add(sentence, ", and no accept() of it was seen: if it still waited, "
				       "accept() returns it anyway, and the first read fails with "
				       "ECONNRESET");
	if (cause)
		sentence_add(sentence, "%s",
			     confidence_remark(text, cause->cause, cause->confidence));
}

static void add_zombie(const struct attempt *a, unsigned told, struct sentence *sentence)
{
	sentence_add(sentence, "zombie: only the client believes it is connected");
	if (told & TEXT_TOLD_ZOMBIE)
		return;
	if (attempt_find_cause(a, CAUSE_COOKIE_ACK_DROPPED))
		sentence_add(sentence,
			     "; after a SYN cookie the SYN-ACK is not retransmitted and "
			     "tcp_abort_on_overflow has no effect: only data from the client can "
			     "complete the connection");
	else if (attempt_find_cause(a, CAUSE_ACCEPT_QUEUE_FULL_ACK))
		sentence_add(sentence, "; the kernel retransmits the SYN-ACK and gives up silently "
				       "unless the queue gets room");
	else
		sentence_add(sentence, "; the kernel retransmits the SYN-ACK and gives up silently "
				       "unless an ACK of the client reaches it");
}

static void add_refused(const struct text *text, const struct attempt *a, struct sentence *sentence)
{
	const struct attempt_cause *nobody = attempt_find_cause(a, CAUSE_NO_LISTENER);
	const struct attempt_cause *somebody = attempt_find_cause(a, CAUSE_SERVER_RESET);
	const struct attempt_cause *cause = nobody ? nobody : somebody;

	if (!cause)
		cause = somebody = attempt_find_cause(a, CAUSE_RESET_IN_FRONT);
	sentence_add(sentence, "refused: a RST answered the SYN%s",
		     nobody	? "; no listener on the port"
		     : somebody ? " although there was a listener: something in front of it sent "
				  "the RST"
				: "");
	if (cause)
		sentence_add(sentence, "%s",
			     confidence_remark(text, cause->cause, cause->confidence));
}

/* The outcomes in which the client did not get through. */
static void add_failure(const struct text *text, const struct attempt *a, unsigned told,
			struct sentence *sentence)
{
	char value[TEXT_VALUE_SIZE];

	switch (a->outcome) {
	case OUTCOME_WAITING:
		sentence_add(sentence, "waiting in the accept queue when observation ended");
		if (a->accept_wait_ns != -1)
			sentence_add(sentence, ", after %s",
				     text_duration(text, a->accept_wait_ns, value));
		break;
	case OUTCOME_REFUSED:
		add_refused(text, a, sentence);
		break;
	case OUTCOME_UNREACHABLE:
		sentence_add(sentence, "unreachable: an ICMP error answered the SYN");
		break;
	case OUTCOME_UNANSWERED:
		add_unanswered(text, a, sentence);
		break;
	case OUTCOME_HALF_OPEN:
		sentence_add(sentence, "half-open: %" PRIu32 " SYN-ACK%s sent, never acknowledged",
			     a->synacks, a->synacks == 1 ? "" : "s");
		break;
	case OUTCOME_ABORTED:
		sentence_add(sentence, "aborted: reset by the client before its final ACK");
		break;
	case OUTCOME_RESET:
		add_reset(text, a, sentence);
		break;
	case OUTCOME_ZOMBIE:
		add_zombie(a, told, sentence);
		break;
	case OUTCOME_OPEN:
		sentence_add(sentence, "handshake unfinished when observation ended");
		break;
	case OUTCOME_ACCEPTED:
	case OUTCOME_ESTABLISHED:
	case OUTCOME_JOINED:
	case OUTCOME_COUNT:
		break;
	}
}

static void add_outcome(const struct text *text, const struct attempt *a, const char *join,
			uint32_t ack_drops, unsigned told, struct sentence *sentence)
{
	char value[TEXT_VALUE_SIZE];

	if (a->answer_unseen && (a->outcome == OUTCOME_UNANSWERED || a->outcome == OUTCOME_OPEN)) {
		sentence_add(sentence,
			     "%sthe client acknowledged a SYN-ACK that is not in the file",
			     sentence->used ? "; " : "");
		return;
	}
	switch (a->outcome) {
	case OUTCOME_ACCEPTED:
		add_accepted(text, a, join, ack_drops, sentence);
		return;
	case OUTCOME_ESTABLISHED:
		sentence_add(sentence, "%sestablished", join);
		if (a->connect_ns != -1)
			sentence_add(sentence, ", %s after its first SYN",
				     text_duration(text, a->connect_ns, value));
		if (text->report->kind != REPORT_PCAP) /* of packets alone it goes without saying */
			sentence_add(sentence, " (accept() not observed)");
		return;
	case OUTCOME_JOINED:
		sentence_add(sentence, "%s%s", join, outcome_words(OUTCOME_JOINED));
		return;
	case OUTCOME_WAITING:
	case OUTCOME_REFUSED:
	case OUTCOME_UNREACHABLE:
	case OUTCOME_UNANSWERED:
	case OUTCOME_HALF_OPEN:
	case OUTCOME_ABORTED:
	case OUTCOME_RESET:
	case OUTCOME_ZOMBIE:
	case OUTCOME_OPEN:
	case OUTCOME_COUNT:
		break;
	}
	sentence_add(sentence, "%s", sentence->used ? "; " : "");
	add_failure(text, a, told, sentence);
}

/*
 * Of its packets the first of which it is not known whether it was among those that were dropped.
 */
static void add_share(const struct text *text, const struct attempt *a, struct sentence *sentence)
{
	char time[TEXT_VALUE_SIZE];

	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++) {
		const struct mark *mark = &a->marks[i];

		if (!mark->among)
			continue;
		sentence_add(sentence,
			     "; a full queue dropped %" PRIu16 " of these %" PRIu16
			     " packets, the one at %s and %d more around that time: which of them "
			     "is not known",
			     mark->among_dropped, mark->among, text_when(text, mark->time_ns, time),
			     mark->among - 1);
		return;
	}
}

/*
 * How many SYN-ACKs went out before its ACK came: where it was not dropped, they or ACKs were lost.
 */
static uint32_t count_lost_synacks(const struct attempt *a)
{
	uint32_t count = 0;

	if (a->ack_ns == TIME_UNKNOWN || a->began_before || find_drop(a) ||
	    attempt_find_cause(a, CAUSE_UNANSWERED_NO_COUNTER) ||
	    attempt_find_cause(a, CAUSE_DEFER_ACCEPT))
		return 0;
	for (uint32_t i = 0; i < a->marks_count && i < ATTEMPT_MARKS_MAX; i++)
		count += a->marks[i].kind == MARK_SYN_ACK && a->marks[i].time_ns < a->ack_ns;
	return count;
}

void text_verdict(const struct text *text, const struct attempt *a, unsigned told,
		  struct sentence *sentence)
{
	uint32_t ack_drops;
	const char *join;
	bool retried;
	const struct attempt_cause *cookie;
	uint32_t synacks = count_lost_synacks(a);

	sentence_clear(sentence);
	(void)add_drops(text, a, true, told, sentence);
	retried = add_retry(text, a, sentence);
	ack_drops = add_drops(text, a, false, told, sentence);
	join = sentence->used ? "; " : "";
	add_outcome(text, a, join, ack_drops, told, sentence);
	/* Dropped ones have been named already; why these were lost is not known. */
	if (!retried && a->syns > 1 && a->outcome != OUTCOME_UNANSWERED && !find_drop(a))
		sentence_add(sentence, "; %" PRIu32 " retransmitted SYN%s", a->syns - 1,
			     a->syns == 2 ? "" : "s");
	if (synacks > 1)
		sentence_add(sentence, "; %" PRIu32 " SYN-ACKs were sent before its ACK came",
			     synacks);
	cookie = attempt_find_cause(a, CAUSE_SYN_COOKIE);
	if (cookie && !attempt_find_cause(a, CAUSE_COOKIE_ACK_DROPPED))
		sentence_add(sentence, "; %s%s",
			     cause_words(CAUSE_SYN_COOKIE, text->report->host_known
							       ? text->report->host.tcp_syncookies
							       : -1),
			     confidence_remark(text, CAUSE_SYN_COOKIE, cookie->confidence));
	if (attempt_find_cause(a, CAUSE_EXISTING_CONNECTION) && a->outcome != OUTCOME_UNANSWERED)
		sentence_add(sentence, "; a SYN was %s",
			     cause_words(CAUSE_EXISTING_CONNECTION, -1));
	if (attempt_find_cause(a, CAUSE_DEFER_ACCEPT))
		sentence_add(sentence, "; %s", cause_words(CAUSE_DEFER_ACCEPT, -1));
	if (attempt_find_cause(a, CAUSE_SLOW_ACCEPT) && !ack_drops)
		sentence_add(sentence, "; slow accept()");
	add_share(text, a, sentence);
	if (a->evicted)
		sentence_add(sentence, "; incomplete: the table of open attempts was full");
	sentence_add(sentence, ".");
}
