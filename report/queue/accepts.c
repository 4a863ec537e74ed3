/*
 * What shows that a connection was in its accept queue, or left it: accept(), lookups
 * of its socket, what it says.
 */
#include "report/queue/parts.h"

/* The youngest that was accepted, by when it entered where that is known. */
static void note_accepted(struct queue *q, const struct queue_packet *packet)
{
	const struct open_attempt *a = packet->attempt;
	const struct detail *d = details_at(packet->details, a->detail);
	int64_t time_ns = d && d->entered_ns != TIME_UNKNOWN ? d->entered_ns : a->ack_ns;

	if (time_ns > q->last_accepted_ack_ns)
		q->last_accepted_ack_ns = time_ns;
}

void queues_ack_answered(struct queues *queues, const struct queue_packet *packet)
{
	struct queue *q = queues_of(queues, packet->attempt);
	struct arrival *a = q ? queue_newest(q, packet->index, packet->attempt->isn) : NULL;

	for (; a; a = queue_earlier(q, a)) {
		if (!a->wants_place || a->kind == ARRIVAL_SETTLED)
			continue;
		a->answered = true;
		return;
	}
}

void queues_server_alive(struct queues *queues, const struct queue_packet *packet)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	queue_lookup(q, ARRIVAL_LOOKUP, packet->time_ns + CAPTURE_LEAD_NS, packet->time_ns, a,
		     packet->index, FOUND_CHILD, 0);
	arrival = queue_find(q, ARRIVAL_REFUSED, packet->index, a->isn);
	if (open_knows(a, KNOWN_ACK_DROPPED)) {
		/* A socket answers: the ACK that was thought dropped had entered. */
		if (arrival) {
			arrival->kind = ARRIVAL_ENTER;
			arrival->proven = true;
			queue_correct_depth(q, 1);
		}
		open_move(a, MOVE_ALIVE);
		return;
	}
	arrival = queue_find(q, ARRIVAL_ENTER, packet->index, a->isn);
	if (arrival)
		arrival->proven = true;
}

void queues_accept(struct queues *queues, const struct queue_packet *packet, int64_t from_ns)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	q->accept_exact = q->accept_visible = true;
	if (open_is_accepted(a))
		return;
	if (!open_is_queued(a)) {
		/* Its final ACK was thought dropped, or was not captured. */
		arrival = queue_find(q, ARRIVAL_REFUSED, packet->index, a->isn);
		if (arrival) {
			arrival->kind = ARRIVAL_ENTER;
			q->now.depth++;
		} else {
			queue_prove_entered(q, a, packet->details);
		}
	}
	arrival = queue_find(q, ARRIVAL_ENTER, packet->index, a->isn);
	if (arrival)
		arrival->proven = true;
	arrival = queue_arrive(q, ARRIVAL_LEAVE, packet->time_ns, a, packet->index);
	if (arrival)
		arrival->from_ns = from_ns;
	if (q->now.depth > 0)
		q->now.depth--;
	note_accepted(q, packet);
}

/* States of include/net/tcp_states.h that a lookup can meet. */
enum { TCP_STATE_NONE = 0, TCP_STATE_SYN_RECV = 3, TCP_STATE_NEW_SYN_RECV = 12 };

bool queues_accept_sampled(const struct queues *queues, const struct open_attempt *attempt)
{
	const struct queue *q = queues_of(queues, attempt);

	return q && q->accept_visible && !q->accept_exact;
}

/* No request gives up sooner: its timer starts at one second. */
#define REQUEST_LIFE_NS (900 * NS_PER_MS)

/* A lookup found no child of this attempt: a request, or nothing. */
static void find_no_child(struct queue *q, const struct queue_packet *packet,
			  const struct child *child, bool none)
{
	struct open_attempt *a = packet->attempt;
	bool young = a->last_synack_ns != TIME_UNKNOWN &&
		     packet->time_ns - a->last_synack_ns < REQUEST_LIFE_NS;
	enum found found = !none ? FOUND_REQUEST : (young ? FOUND_NOTHING : FOUND_EXPIRED);

	/* Gone says little of a connection that lived, or that a RST or FIN ended. */
	if (none && (a->end_ns != TIME_UNKNOWN || open_saw(a, SEEN_SERVER) || open_is_accepted(a) ||
		     (open_has_child(a) && open_basis(a) == BASIS_LOOKUP)))
		return;
	if (!none && open_saw(a, SEEN_ENTRY))
		return; /* its child, which the same softirq has yet to make ESTABLISHED */
	if (none && !child->listener && !open_is_acknowledged(a))
		return; /* its listener has other addresses, or is gone as well */
	if (queue_lookup(q, ARRIVAL_LOOKUP, child->before_ns, packet->time_ns, a, packet->index,
			 found, 0) == FOUND_DOUBT)
		return; /* it has sent something since */
	if (!none)
		queue_prove_cookie(q, a, packet->index, packet->details, false);
	else if (q->host->tcp_syncookies == 1 && young && !open_saw(a, SEEN_SYNACK_AFTER_ACK))
		queue_prove_cookie(q, a, packet->index, packet->details, true);
	if (!open_is_acknowledged(a))
		return;
	open_move(a, MOVE_LOOKUP_NO_CHILD);
	if (open_knows(a, KNOWN_DEFERRED))
		return;
	if (open_is_queued(a) && !none)
		q->now.half_open++;
	queue_prove_refused(q, a, packet->index, packet->details, MOVE_LOOKUP_REFUSED);
}

void queues_child(struct queues *queues, const struct queue_packet *packet,
		  const struct child *child)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	q->accept_visible = true;
	if (child->state == TCP_STATE_SYN_RECV || child->state == TCP_STATE_NEW_SYN_RECV ||
	    child->state == TCP_STATE_NONE) {
		find_no_child(q, packet, child, child->state == TCP_STATE_NONE);
		return;
	}
	queue_lookup(q, ARRIVAL_LOOKUP, child->before_ns, packet->time_ns, a, packet->index,
		     FOUND_CHILD, 0);
	if (open_knows(a, KNOWN_ACK_DROPPED)) {
		arrival = queue_find(q, ARRIVAL_REFUSED, packet->index, a->isn);
		if (arrival) {
			arrival->kind = ARRIVAL_ENTER;
			queue_correct_depth(q, 1);
		} else {
			queue_prove_entered(q, a, packet->details);
		}
		open_move(a, MOVE_LOOKUP_CHILD);
	}
	arrival = queue_find(q, ARRIVAL_ENTER, packet->index, a->isn);
	if (arrival)
		arrival->proven = true;
	open_move(a, MOVE_CHILD);
	if (!child_accepted(child))
		return;
	open_move(a, MOVE_ACCEPTED_SEEN);
	note_accepted(q, packet);
}

/* Handshakes so close together may have entered in the other order. */
#define ORDER_NS NS_PER_MS

bool queues_has_left(const struct queues *queues, const struct open_attempt *a)
{
	const struct queue *q = queues_of(queues, a);

	/* A bare ACK that is deferred enters no queue. */
	return q && !q->grouped &&
	       (q->defers_s == 0 || open_saw(a, SEEN_ENTRY | SEEN_CLIENT_DATA)) &&
	       (q->stillness.empty_ns > a->end_ns + ORDER_NS ||
		q->last_accepted_ack_ns > open_entry_ns(a) + ORDER_NS);
}

int64_t queues_still_waiting_ns(const struct queues *queues, const struct open_attempt *a,
				int64_t waiting_ns)
{
	const struct queue *q = queues_of(queues, a);
	const struct stillness *s = q && !q->grouped ? &q->stillness : NULL;

	/* Who was there when it began, or came later, is there while nobody leaves. */
	if (s && s->since_ns != TIME_UNKNOWN && s->until_ns > waiting_ns &&
	    (open_entry_ns(a) > s->since_ns || waiting_ns >= s->since_ns))
		return s->until_ns;
	return waiting_ns;
}

void queues_accepted_before(struct queues *queues, struct open_attempt *a)
{
	struct queue *q = queues_of(queues, a);

	open_move(a, MOVE_ACCEPTED_SEEN);
	if (q && a->ack_ns > q->last_accepted_ack_ns)
		q->last_accepted_ack_ns = a->ack_ns;
}

void queues_observe_accepts(struct queues *queues, const struct accept_observer *observer)
{
	queues->accept_observer = *observer;
}

static bool owns(const struct queue *q, int32_t pid)
{
	for (unsigned i = 0; i < q->listener.pids_count; i++)
		if (q->listener.pids[i] == pid)
			return true;
	return false;
}

bool queues_owns(const struct queues *queues, uint32_t listener, int32_t pid)
{
	const struct queue *leader;

	if (listener >= queues->listening.count)
		return false;
	leader = queues->listening.queues[listener]->leader;
	if (!leader->grouped)
		return owns(leader, pid);
	for (size_t i = 0; i < queues->listening.count; i++)
		if (queues->listening.queues[i]->leader == leader &&
		    owns(queues->listening.queues[i], pid))
			return true;
	return false;
}
