/*
 * What ends a handshake, or belongs to none: RSTs of either side, ICMP errors, flags
 * without sense.
 */
#include "report/queue/parts.h"

void queues_client_reset(struct queues *queues, const struct queue_packet *packet,
			 const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	if (open_is_queued(a) && !open_saw(a, SEEN_RST_QUEUED)) {
		a->events |= SEEN_RST_QUEUED;
		return;
	}
	if (!open_has_request(a) || segment->seq != a->isn + 1) {
		arrival = queue_arrive(q, ARRIVAL_STRAY, packet->time_ns, a, packet->index);
		if (!arrival)
			return;
		/* Of a socket that lived nobody knows when it was gone. */
		arrival->proven = !open_has_child(a) && a->synacks;
		arrival->exact = a->synacks && segment->seq == a->isn + 1;
		return;
	}
	open_move(a, MOVE_REQUEST_RESET);
	arrival = queue_arrive(q, ARRIVAL_RST, packet->time_ns, a, packet->index);
	if (arrival)
		arrival->exact = true;
	if (q->now.half_open > 0)
		q->now.half_open--;
}

void queues_request_error(struct queues *queues, const struct queue_packet *packet)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);

	if (!q || !open_has_request(a))
		return;
	queue_arrive(q, ARRIVAL_ICMP, packet->time_ns, a, packet->index);
	if (q->now.half_open > 0)
		q->now.half_open--;
}

/* How long a listener remembers that it sent cookies: TCP_SYNCOOKIE_VALID, two minutes. */
#define COOKIE_VALID_NS (120 * NS_PER_SEC)

static void bad_cookie(struct queue *q, int64_t time_ns)
{
	if (q->last_cookie_ns != TIME_UNKNOWN && time_ns - q->last_cookie_ns <= COOKIE_VALID_NS)
		queue_tally(q, TALLY_COOKIE_BAD, time_ns, 1);
}

void queues_other_segment(struct queues *queues, int64_t time_ns, const struct segment *segment,
			  bool inbound)
{
	static const struct open_attempt nobody = {.listener = LISTENER_NONE};
	struct endpoint source = flow_source(&segment->flow);
	struct endpoint destination = flow_destination(&segment->flow);
	bool ack = segment->flags & TCP_FLAG_ACK, rst = segment->flags & TCP_FLAG_RST;
	struct queue *q = inbound ? listening_for(&queues->listening, &destination) : NULL;

	/* tcp_rcv_state_process() of a listener drops what has RST, or neither ACK nor SYN alone.
	 */
	if (q && (rst || !ack)) {
		queue_arrive(q, ARRIVAL_STRAY, time_ns, &nobody, TABLE_NONE);
		return;
	}
	/* A RST without ACK answers an ACK: one that met the listener, and was no cookie. */
	q = listening_for(&queues->listening, &source);
	if (q && rst && !ack)
		bad_cookie(q, time_ns);
}

/* The kernel's answer to a segment leaves within this time of it. */
#define ANSWER_NS NS_PER_MS

/*
 * A RST without ACK answers a segment. Met by a request on a full queue, under
 * tcp_abort_on_overflow, that segment was a final ACK refused; otherwise it met
 * neither a request nor a valid cookie: whatever it was, the queue had no part.
 */
static void answer_with_reset(struct queue *q, const struct queue_packet *packet,
			      struct arrival *arrival)
{
	struct open_attempt *a = packet->attempt;

	if (arrival->kind == ARRIVAL_ENTER)
		q->now.depth--;
	if (q->host->tcp_abort_on_overflow == 1 && !open_knows(a, KNOWN_COOKIE)) {
		if (arrival->kind == ARRIVAL_REFUSED && q->now.half_open > 0)
			q->now.half_open--;
		arrival->kind = ARRIVAL_REFUSED;
		arrival->proven = arrival->aborted = true;
		open_move(a, MOVE_ABORT);
		return;
	}
	open_move(a, MOVE_NOT_VALID);
	if (arrival->kind == ARRIVAL_ENTER && !open_knows(a, KNOWN_COOKIE))
		q->now.half_open++;
	arrival->kind = ARRIVAL_SETTLED;
	arrival->wants_place = false;
	bad_cookie(q, packet->time_ns);
}

void queues_server_reset(struct queues *queues, const struct queue_packet *packet,
			 const struct segment *segment, bool ended)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	bool answer = !(segment->flags & TCP_FLAG_ACK);
	struct arrival *arrival;

	if (!q)
		return;
	arrival = queue_find(q, ARRIVAL_SYN, packet->index, a->isn);
	if (arrival)
		arrival->answered = true; /* refused, not dropped */
	/* Unasked, only a socket resets: its final ACK had made one. */
	if (!answer && open_is_acknowledged(a) && open_knows(a, KNOWN_ACK_DROPPED) &&
	    segment->seq == a->server_isn + 1)
		queues_server_alive(queues, packet);
	arrival = queue_find(q, open_is_queued(a) ? ARRIVAL_ENTER : ARRIVAL_REFUSED, packet->index,
			     a->isn);
	if (arrival && answer && !arrival->proven &&
	    packet->time_ns - arrival->time_ns < ANSWER_NS) {
		answer_with_reset(q, packet, arrival);
	} else if (answer && (ended || !open_is_acknowledged(a))) {
		bad_cookie(q, packet->time_ns);
	} else if (open_is_queued(a)) {
		/* The listener closed on its queue. */
		queue_arrive(q, ARRIVAL_LEAVE, packet->time_ns, a, packet->index);
		open_move(a, MOVE_LISTENER_CLOSED);
		q->now.depth--;
	}
}
