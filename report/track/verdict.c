/*
 * The verdict of one attempt. The kernel's rules that it rests on are in
 * docs/kernel.md; which packet was dropped, and why, was decided when its
 * queue was settled (settle.c) and stands in the marks.
 */
#include "report/track/verdict.h"

#include "report/attempt/entry.h"

/* A SYN or SYN-ACK younger than this when observation ended may still be answered. */
#define STILL_UNDER_WAY_NS NS_PER_SEC

static int64_t difference(int64_t from_ns, int64_t to_ns)
{
	if (from_ns == TIME_UNKNOWN || to_ns == TIME_UNKNOWN)
		return -1;
	return to_ns - from_ns;
}

/* Each of its SYN-ACKs was rejected before it left this host. */
static bool is_never_answered(const struct open_attempt *open)
{
	return open_saw(open, SEEN_REJECTED) && !open_is_acknowledged(open) &&
	       open->synack_ns == TIME_UNKNOWN;
}

static void copy_packets(const struct open_attempt *open, struct attempt *out)
{
	out->client = flow_source(&open->flow);
	out->server = flow_destination(&open->flow);
	out->entered_ns = TIME_UNKNOWN;
	out->began_before = open_knows(open, KNOWN_BEFORE);
	out->isn = open->isn;
	out->server_isn = open->server_isn;
	out->syn_ns = open->syn_ns;
	out->synack_ns = open->synack_ns;
	out->ack_ns = open->ack_ns;
	out->end_ns = open->end_ns;
	out->syns = open->syns;
	out->synacks = open->synacks;
	/* One that was not seen. */
	out->synacks -= open->synacks && (open_saw(open, SEEN_UNSEEN_SYNACK) ||
					  (out->began_before && open->synack_ns == TIME_UNKNOWN));
	out->answer_unseen = !open->synacks && open_saw(open, SEEN_UNSEEN_SYNACK);
	if (is_never_answered(open))
		out->synacks = 0;
	out->syn_copies = open->syn_copies;
	out->synack_copies = open->synack_copies;
	out->role = open->role;
	out->answered_in_front = open->front != FRONT_NONE;
	out->syn_to_synack_ns = difference(open->syn_ns, open->synack_ns);
	out->synack_to_ack_ns = difference(open->last_synack_ns, open->ack_ns);
	if (open->ack_ns == TIME_UNKNOWN)
		out->synack_to_ack_ns = -1;
	/* A client that sends its SYN again has not seen the SYN-ACKs before it. */
	out->connect_ns = difference(open->syn_ns, open->synack_ns != TIME_UNKNOWN &&
							   open->last_syn_ns > open->synack_ns &&
							   open->last_synack_ns > open->last_syn_ns
						       ? open->last_synack_ns
						       : open->synack_ns);
}

static void add_mark(struct attempt *out, int64_t time_ns, enum mark_kind kind)
{
	if (time_ns == TIME_UNKNOWN)
		return;
	out->marks[out->marks_count++] = (struct mark){
	    .time_ns = time_ns,
	    .kind = kind,
	    .depth = MARK_DEPTH_UNKNOWN,
	};
}

static void copy_details(const struct open_attempt *open, struct details *details,
			 struct attempt *out)
{
	const struct detail *d = details ? details_at(details, open->detail) : NULL;

	out->accept_ns = out->accept_after_ns = out->accept_before_ns = TIME_UNKNOWN;
	out->fork_ns = out->first_byte_ns = out->reply_ns = TIME_UNKNOWN;
	out->close_ns = out->exit_ns = TIME_UNKNOWN;
	out->accept_pid = out->child_pid = 0;
	out->child_inferred = false;
	out->marks_count = out->marks_lost = 0;
	if (!d) {
		/* A plain handshake: its packets are its times. */
		add_mark(out, open->syn_ns, MARK_SYN);
		add_mark(out, open->synack_ns, MARK_SYN_ACK);
		add_mark(out, open->ack_ns, MARK_ACK);
		return;
	}
	for (uint32_t m = d->first_mark; m != DETAIL_NONE;) {
		const struct detail_mark *mark = details_mark(details, m);

		out->marks[out->marks_count++] = mark->mark;
		m = mark->next;
	}
	out->marks_lost = d->marks_lost;
	out->accept_ns = d->accept_ns;
	out->accept_after_ns = d->accept_after_ns;
	out->accept_before_ns = d->accept_before_ns;
	out->fork_ns = d->fork_ns;
	out->first_byte_ns = d->first_byte_ns;
	out->reply_ns = d->reply_ns;
	if (d->queued_before_ns != TIME_UNKNOWN) {
		/* Its final ACK was not seen. */
		out->entered_ns = d->queued_before_ns;
		out->ack_ns = TIME_UNKNOWN;
		out->synack_to_ack_ns = -1;
	}
	out->close_ns = d->close_ns;
	out->exit_ns = d->exit_ns;
	out->accept_pid = d->accept_pid;
	out->child_pid = d->child_pid;
	out->child_inferred = d->child_inferred;
	if (out->end_ns == TIME_UNKNOWN)
		out->end_ns = d->close_ns;
}

static void add_cause(struct attempt *out, enum cause cause, enum confidence confidence,
		      uint32_t packets)
{
	for (uint32_t i = 0; i < out->causes_count; i++) {
		struct attempt_cause *c = &out->causes[i];

		if (c->cause != cause)
			continue;
		c->packets += packets;
		if (confidence > c->confidence)
			c->confidence = confidence; /* as weak as its weakest packet */
		return;
	}
	if (out->causes_count < ATTEMPT_CAUSES_MAX)
		out->causes[out->causes_count++] = (struct attempt_cause){
		    .cause = cause,
		    .confidence = confidence,
		    .packets = packets,
		};
}

/* Each wait is twice as long as the one before it at the most. */
int64_t verdict_next_syn_ns(const struct attempt *out)
{
	int64_t before_ns = TIME_UNKNOWN, last_ns = TIME_UNKNOWN;

	for (uint32_t i = 0; i < out->marks_count; i++)
		if (out->marks[i].kind == MARK_SYN) {
			before_ns = last_ns;
			last_ns = out->marks[i].time_ns;
		}
	if (before_ns == TIME_UNKNOWN)
		return STILL_UNDER_WAY_NS;
	return 2 * (last_ns - before_ns) + STILL_UNDER_WAY_NS / 2;
}

static enum outcome decide_unfinished(const struct open_attempt *open,
				      const struct verdict_context *context,
				      const struct attempt *out)
{
	bool answered = open->synacks && !is_never_answered(open);
	int64_t last = answered || !open->syns ? open->touched_ns : open->last_syn_ns;

	if (context->ended &&
	    (context->now_ns - last < STILL_UNDER_WAY_NS ||
	     (context->live && !answered && context->now_ns - last < verdict_next_syn_ns(out))))
		return OUTCOME_OPEN;
	/* Of its client's own socket alone is known that it tries. */
	if (!open->syns && !open->synacks)
		return OUTCOME_OPEN;
	/* How long it waits after the one SYN that was seen depends on how many came before. */
	if (context->ended && open_knows(open, KNOWN_BEFORE) && !answered && open->syns == 1)
		return OUTCOME_OPEN;
	return answered ? OUTCOME_HALF_OPEN : OUTCOME_UNANSWERED;
}

/* A later handshake came out of the queue, so this one was not in. */
static bool is_overtaken(const struct open_attempt *open, const struct verdict_context *context,
			 const struct attempt *out)
{
	int64_t entered_ns = out->entered_ns != TIME_UNKNOWN ? out->entered_ns : out->ack_ns;

	/* It waited when it was listed; when it had entered is known only about. */
	if (open_knows(open, KNOWN_BEFORE) && open->touched_ns > entered_ns)
		entered_ns = open->touched_ns;
	return entered_ns != TIME_UNKNOWN && context->accepted_ns != TIME_UNKNOWN &&
	       entered_ns + NS_PER_MS < context->accepted_ns;
}

/* It was in the accept queue: not only by the rebuilt depth. */
static bool is_seen_queued(const struct open_attempt *open)
{
	return open_is_queued(open) &&
	       (open_saw(open, SEEN_ENTRY) || open_basis(open) == BASIS_LOOKUP);
}

/* Its own socket spoke or took data, or nothing says that it did not come to be. */
static bool has_joined(const struct open_attempt *open)
{
	return open_saw(open, SEEN_JOIN) && !open_knows(open, KNOWN_ACK_DROPPED) &&
	       (!open_saw(open, SEEN_RST_SERVER) || open_saw(open, SEEN_SERVER));
}

static enum outcome decide_handshaken(const struct open_attempt *open,
				      const struct verdict_context *context,
				      const struct attempt *out)
{
	if (open_is_accepted(open))
		return OUTCOME_ACCEPTED;
	if (has_joined(open))
		return OUTCOME_JOINED;
	if (!context->accept_visible)
		return OUTCOME_ESTABLISHED;
	if (open_saw(open, SEEN_RST_SERVER))
		return OUTCOME_RESET;
	/* First in, first out: who entered later was accepted. */
	if (is_seen_queued(open) && is_overtaken(open, context, out))
		return OUTCOME_ACCEPTED;
	if (open_saw(open, SEEN_RST_CLIENT))
		return OUTCOME_RESET;
	if (open->moved_by == MOVE_LISTENER_CLOSED && context->listener_closed)
		return OUTCOME_RESET;
	if (open_knows(open, KNOWN_ACK_DROPPED) || is_overtaken(open, context, out) ||
	    (open_knows(open, KNOWN_DISLIKED) && !open_has_child(open)))
		return OUTCOME_ZOMBIE;
	if (open_is_queued(open) && context->ended)
		return OUTCOME_WAITING;
	return OUTCOME_ESTABLISHED;
}

static enum outcome decide_outcome(const struct open_attempt *open,
				   const struct verdict_context *context, const struct attempt *out)
{
	if (open_is_accepted(open) || open_is_acknowledged(open))
		return decide_handshaken(open, context, out);
	/* Its handshake was with something in front of the listener. */
	if (open->front && open->ack_ns != TIME_UNKNOWN)
		return OUTCOME_ZOMBIE;
	if (open_saw(open, SEEN_RST_CLIENT) && !open_saw(open, SEEN_REJECTED))
		return OUTCOME_ABORTED;
	if (open_saw(open, SEEN_RST_SERVER))
		return open->synacks ? OUTCOME_RESET : OUTCOME_REFUSED;
	if (open_saw(open, SEEN_ICMP) && !open->synacks)
		return OUTCOME_UNREACHABLE;
	return decide_unfinished(open, context, out);
}

/* In the accept queue at the least: a look before accept() may be long ago. -1 unknown. */
static int64_t least_wait(const struct attempt *out)
{
	if (out->accept_ns != TIME_UNKNOWN)
		return out->queue_wait_ns;
	return out->queue_wait_ns < 0 ? -1 : difference(out->entered_ns, out->accept_after_ns);
}

/*
 * It was in a queue of its listener when that closed. A connection in the accept queue is reset
 * then, whether or not that was captured; who has none meets the close only with its next packet,
 * which a RST answers.
 */
static bool is_closed_on(const struct open_attempt *open, const struct verdict_context *context)
{
	if (open->moved_by != MOVE_LISTENER_CLOSED && open->moved_by != MOVE_LISTENER_GONE)
		return false;
	if (open_saw(open, SEEN_RST_SERVER))
		return context->reset_by_close;
	return open->moved_by == MOVE_LISTENER_CLOSED && context->listener_closed;
}

/*
 * When its client had left, if that was before accept(): a FIN alone may be half of a close,
 * and where accept() is bounded by an interval about it, nobody knows.
 */
static int64_t find_left(const struct open_attempt *open, const struct attempt *out)
{
	int64_t left_ns = open->end_ns;

	if (!open_is_acknowledged(open) || !open_saw(open, SEEN_CLIENT_ENDED) ||
	    open_saw(open, SEEN_HALF_CLOSED | SEEN_REJECTED))
		return TIME_UNKNOWN;
	if (out->outcome == OUTCOME_WAITING || out->outcome == OUTCOME_RESET)
		return left_ns;
	if (out->outcome != OUTCOME_ACCEPTED)
		return TIME_UNKNOWN;
	if (out->accept_ns != TIME_UNKNOWN)
		return out->accept_ns > left_ns ? left_ns : TIME_UNKNOWN;
	return out->accept_after_ns >= left_ns ? left_ns : TIME_UNKNOWN;
}

/* accept(), then the server's FIN or RST within so little, with nothing sent. */
#define AT_ONCE_NS (100 * NS_PER_MS)

/* A server that closes its listener with it ends: it had no time for that client. */
static bool is_closed_unserved(const struct open_attempt *open,
			       const struct verdict_context *context, const struct attempt *out)
{
	int64_t since_ns = out->accept_ns;

	if (since_ns == TIME_UNKNOWN)
		since_ns = out->accept_after_ns;
	if (since_ns == TIME_UNKNOWN)
		since_ns = out->entered_ns;
	return open_saw(open, SEEN_CLOSED_EMPTY) && since_ns != TIME_UNKNOWN &&
	       open->end_ns - since_ns < AT_ONCE_NS && !context->ended_by_close;
}

/*
 * Who accepts a connection, closes it with data unread and then closes its listener sends the
 * same RST as a listener that closes with the connection in its queue: the counters tell, where
 * nobody else did so about then.
 */
static enum confidence closed_confidence(const struct open_attempt *open,
					 const struct verdict_context *context)
{
	if (context->accept_exact)
		return CONFIDENCE_EXACT;
	return open_saw(open, SEEN_RST_SERVER) && open_saw(open, SEEN_CLIENT_DATA) &&
		       !context->reset_unaccepted
		   ? CONFIDENCE_INFERRED
		   : CONFIDENCE_BOUNDED;
}

/* What became of one that accept() returned. */
static void decide_accepted(const struct open_attempt *open, const struct verdict_context *context,
			    struct attempt *out)
{
	if (out->client_left_ns != TIME_UNKNOWN)
		add_cause(out, CAUSE_CLIENT_LEFT,
			  open_saw(open, SEEN_RST_CLIENT) ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED,
			  1);
	if (is_closed_unserved(open, context, out))
		add_cause(out, CAUSE_CLOSED_UNSERVED,
			  out->accept_ns != TIME_UNKNOWN ? CONFIDENCE_EXACT : CONFIDENCE_BOUNDED,
			  1);
}

/*
 * The kernel resets a connection whose final ACK it refuses under tcp_abort_on_overflow, and
 * that it refused this one is certain. Any other RST can be a firewall's.
 */
static bool is_aborted(const struct open_attempt *open, const struct attempt *out)
{
	for (uint32_t i = 0; i < out->marks_count && open->moved_by == MOVE_ABORT; i++)
		if (out->marks[i].cause_known && out->marks[i].confidence == CONFIDENCE_EXACT &&
		    out->marks[i].cause == CAUSE_ACCEPT_QUEUE_FULL_ACK)
			return true;
	return false;
}

/* Who sent the RST that ended it before accept(). */
static void decide_reset(const struct open_attempt *open, const struct verdict_context *context,
			 bool by_close, struct attempt *out)
{
	if (open_saw(open, SEEN_RST_SERVER) && !by_close && !context->reset_in_front)
		add_cause(out, CAUSE_SERVER_RESET,
			  is_aborted(open, out) ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED, 1);
	else if (open_saw(open, SEEN_RST_CLIENT) && !open_saw(open, SEEN_REJECTED))
		add_cause(out, CAUSE_CLIENT_RESET, CONFIDENCE_EXACT, 1);
}

/* A listener that is there refuses nobody: something in front of it did. */
static void decide_refused(const struct verdict_context *context, struct attempt *out)
{
	if (!context->queue_known || context->listener_closed)
		add_cause(out, CAUSE_NO_LISTENER, CONFIDENCE_INFERRED, 1);
	else if (context->reset_in_front)
		add_cause(out, CAUSE_RESET_IN_FRONT, CONFIDENCE_EXACT, 1);
	else
		add_cause(out, CAUSE_SERVER_RESET, CONFIDENCE_INFERRED, 1);
}

/* That nothing answered: the client has acknowledged what was not captured. */
static bool is_refuted(const struct open_attempt *open, const struct mark *mark)
{
	return mark->cause == CAUSE_UNANSWERED_NO_COUNTER && open_saw(open, SEEN_UNSEEN_SYNACK);
}

static void decide_causes(const struct open_attempt *open, const struct verdict_context *context,
			  struct attempt *out)
{
	bool by_close = is_closed_on(open, context) &&
			!(open_saw(open, SEEN_RST_SERVER) && context->reset_in_front);

	for (uint32_t i = 0; i < out->marks_count; i++)
		if (out->marks[i].cause_known && !is_refuted(open, &out->marks[i]))
			add_cause(out, out->marks[i].cause, out->marks[i].confidence, 1);
	/* Its SYN-ACK was one, and is of before. */
	if (open_knows(open, KNOWN_BEFORE) && open_knows(open, KNOWN_COOKIE) &&
	    !attempt_find_cause(out, CAUSE_SYN_COOKIE))
		add_cause(out, CAUSE_SYN_COOKIE, CONFIDENCE_INFERRED, 0);
	switch (out->outcome) {
	case OUTCOME_REFUSED:
		decide_refused(context, out);
		break;
	case OUTCOME_ABORTED:
		add_cause(out, CAUSE_CLIENT_RESET, CONFIDENCE_EXACT, 1);
		break;
	case OUTCOME_RESET:
		decide_reset(open, context, by_close, out);
		break;
	case OUTCOME_HALF_OPEN:
		/* Who resends it has got no ACK; else that may have come another way. */
		add_cause(out, CAUSE_SYNACK_UNACKNOWLEDGED,
			  open->synacks > 1 ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED,
			  open->synacks);
		break;
	case OUTCOME_ACCEPTED:
		decide_accepted(open, context, out);
		break;
	case OUTCOME_ESTABLISHED:
	case OUTCOME_WAITING:
	case OUTCOME_UNREACHABLE:
	case OUTCOME_UNANSWERED:
	case OUTCOME_ZOMBIE:
	case OUTCOME_OPEN:
	case OUTCOME_JOINED:
	case OUTCOME_COUNT:
		break;
	}
	if (by_close && !open_is_accepted(open) && !open_saw(open, SEEN_RST_CLIENT))
		add_cause(out, CAUSE_LISTENER_CLOSED, closed_confidence(open, context), 1);
	/* Where nobody can see accept(), these words are of one that was accepted. */
	if (out->refusal && open->end_ns != TIME_UNKNOWN)
		add_cause(out,
			  out->refusal == REFUSAL_POSTGRESQL_NOT_READY ? CAUSE_SERVER_NOT_READY
								       : CAUSE_SERVER_FULL,
			  CONFIDENCE_INFERRED, 1);
	if (out->ghost && !open_saw(open, SEEN_REJECTED))
		add_cause(out, CAUSE_CLIENT_RESET, CONFIDENCE_EXACT, 1);
	if (open_saw(open, SEEN_REJECTED) ||
	    (out->outcome != OUTCOME_REFUSED && open_saw(open, SEEN_RST_SERVER) &&
	     context->reset_in_front))
		add_cause(out, CAUSE_RESET_IN_FRONT, CONFIDENCE_EXACT, 1);
	if (least_wait(out) > context->slow_accept_ns)
		add_cause(out, CAUSE_SLOW_ACCEPT,
			  out->accept_ns != TIME_UNKNOWN ? CONFIDENCE_EXACT : CONFIDENCE_BOUNDED,
			  0);
}

static int64_t find_entry(const struct open_attempt *open, int64_t told_ns,
			  const struct attempt *out)
{
	int64_t accepted_ns =
	    out->accept_ns != TIME_UNKNOWN ? out->accept_ns : out->accept_before_ns;
	int64_t entered_ns = open_entry_ns(open);

	if (out->entered_ns != TIME_UNKNOWN)
		return out->entered_ns; /* before observation began */
	if (!open_has_child(open) || open_saw(open, SEEN_JOIN))
		return TIME_UNKNOWN;
	if (told_ns != TIME_UNKNOWN)
		return told_ns;
	for (uint32_t i = 0; i < out->marks_count; i++)
		entered_ns = entry_take(entered_ns, &out->marks[i], i ? &out->marks[i - 1] : NULL,
					accepted_ns);
	return entered_ns;
}

/* That the full queue did not take it is inferred alone: then it can have let its client in. */
static bool may_have_entered(const struct mark *mark)
{
	return (mark->kind == MARK_ACK || mark->kind == MARK_DATA ||
		mark->kind == MARK_FIN_CLIENT) &&
	       mark->cause_known && mark->confidence == CONFIDENCE_INFERRED && !mark->refused;
}

/* Not before this: find_entry() says when it was by the best fit. */
static int64_t find_earliest_entry(const struct open_attempt *open, int64_t told_ns,
				   const struct attempt *out)
{
	int64_t entered_ns = open_entry_ns(open);

	if (told_ns != TIME_UNKNOWN || !open_has_child(open))
		return told_ns;
	for (uint32_t i = 0; i < out->marks_count; i++) {
		const struct mark *mark = &out->marks[i];

		if (may_have_entered(mark))
			return entered_ns != TIME_UNKNOWN ? entered_ns : mark->time_ns;
		entered_ns =
		    entry_take(entered_ns, mark, i ? mark - 1 : NULL, out->accept_before_ns);
	}
	return entered_ns;
}

/* accept() may return before the capture's timestamp of the segment that made it return. */
static int64_t wait_of(int64_t from_ns, const struct attempt *out)
{
	int64_t wait_ns = difference(
	    from_ns, out->accept_ns != TIME_UNKNOWN ? out->accept_ns : out->accept_before_ns);

	return wait_ns < 0 && wait_ns != -1 ? 0 : wait_ns;
}

/* Known to have waited still when its client reset it: not just before. */
static bool is_ghost(const struct open_attempt *open, const struct attempt *out)
{
	int64_t after_ns = out->accept_ns != TIME_UNKNOWN ? out->accept_ns : out->accept_after_ns;

	return open_saw(open, SEEN_RST_QUEUED) && open_is_accepted(open) &&
	       after_ns >= open->end_ns;
}

/* Only where the client speaks first: else it is not the server that lets the other wait. */
/* A retransmitted SYN-ACK let it in, a second and more later. */
#define DEFERRED_NS (500 * NS_PER_MS)

static bool is_greeted_late(const struct open_attempt *open, const struct detail *d,
			    const struct attempt *out)
{
	return d && d->answer_ns != TIME_UNKNOWN && out->outcome == OUTCOME_ACCEPTED &&
	       (d->asked_ns == TIME_UNKNOWN ? !open_saw(open, SEEN_CLIENT_DATA)
					    : d->asked_ns > d->answer_ns) &&
	       attempt_find_cause(out, CAUSE_DEFER_ACCEPT) && out->entered_ns != TIME_UNKNOWN &&
	       out->ack_ns != TIME_UNKNOWN && out->entered_ns - out->ack_ns >= DEFERRED_NS;
}

static int64_t answer_wait(const struct open_attempt *open, const struct detail *d,
			   const struct attempt *out)
{
	int64_t from_ns = out->accept_ns != TIME_UNKNOWN ? out->accept_ns : out->accept_before_ns;

	if (!d || d->answer_ns == TIME_UNKNOWN || from_ns == TIME_UNKNOWN || out->began_before ||
	    !open_saw(open, SEEN_CLIENT_DATA) || d->asked_ns > d->answer_ns)
		return -1;
	if (d->asked_ns > from_ns)
		from_ns = d->asked_ns;
	return d->answer_ns > from_ns ? d->answer_ns - from_ns : 0;
}

void verdict_attempt(const struct open_attempt *open, struct details *details,
		     const struct verdict_context *context, struct attempt *out)
{
	const struct detail *d;
	int64_t earliest_ns;

	copy_packets(open, out);
	copy_details(open, details, out);
	d = details ? details_at(details, open->detail) : NULL;
	out->entered_ns = find_entry(open, d ? d->entered_ns : TIME_UNKNOWN, out);
	/* What was known of its accept() at first did not know that its final ACK was dropped. */
	earliest_ns = find_earliest_entry(open, d ? d->entered_ns : TIME_UNKNOWN, out);
	if (out->accept_after_ns != TIME_UNKNOWN && out->accept_after_ns < earliest_ns &&
	    earliest_ns <= out->accept_before_ns)
		out->accept_after_ns = earliest_ns;
	/* A final ACK that nobody captured came just before its connection entered. */
	out->accept_wait_ns = wait_of(
	    out->ack_ns != TIME_UNKNOWN || !out->began_before ? out->ack_ns : out->entered_ns, out);
	out->queue_wait_ns = wait_of(out->entered_ns, out);
	out->accept_to_fork_ns = difference(out->accept_ns, out->fork_ns);
	out->listener = open->listener == LISTENER_NONE ? -1 : (int32_t)open->listener;
	out->ghost = is_ghost(open, out);
	out->evicted = context->evicted;
	out->refusal = (enum refusal)open->refusal;
	out->unread = open->unread;
	out->unanswered = open_is_accepted(open) && open_saw(open, SEEN_CLOSED_EMPTY);
	out->silent = open_is_accepted(open) && !out->began_before &&
		      !open_saw(open, SEEN_CLIENT_DATA | SEEN_SYN_DATA);
	out->greeted_late = is_greeted_late(open, d, out);
	out->answer_wait_ns = answer_wait(open, d, out);
	out->asked = open_is_accepted(open) && !out->began_before && d &&
		     open_saw(open, SEEN_CLIENT_DATA | SEEN_SYN_DATA);
	out->unreplied = out->asked && !d->heard && !open_saw(open, SEEN_FIN_SERVER);
	out->causes_count = 0;
	out->outcome = decide_outcome(open, context, out);
	if (!out->accept_pid && out->outcome == OUTCOME_ACCEPTED)
		out->accept_pid = context->owner_pid;
	out->client_left_ns = find_left(open, out);
	decide_causes(open, context, out);
}
