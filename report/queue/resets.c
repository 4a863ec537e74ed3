/*
 * What ends a handshake, or belongs to none: RSTs of either side, ICMP errors, flags
 * without sense.
 */
#include "report/queue/parts.h"
#include "report/queue/reason/reason.h"

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
	if (q->over && !open_has_child(a)) {
		q = queues_reached_by(queues, a);
		if (!q)
			return;
	}
	if (!open_has_request(a) || segment->seq != a->isn + 1) {
		arrival = queue_arrive(q, ARRIVAL_STRAY, packet->time_ns, a, packet->index);
		if (!arrival)
			return;
		/* Of a socket that lived nobody knows when it was gone. */
		arrival->proven = !open_has_child(a) && a->synacks;
		arrival->exact = a->synacks && segment->seq == a->isn + 1;
		arrival->passed_over = (segment->flags & TCP_FLAG_ACK) && !open_has_request(a);
		return;
	}
	open_move(a, MOVE_REQUEST_RESET);
	arrival = queue_arrive(q, ARRIVAL_RST, packet->time_ns, a, packet->index);
	if (arrival)
		arrival->exact = true;
	if (q->now.half_open > 0)
		q->now.half_open--;
}

/* TCP counts a RST when it has sent it, and the capture has it before that. */
#define COUNTED_LATE_NS (50 * NS_PER_MS)

bool queues_sent_no_reset(const struct queues *queues, int64_t time_ns)
{
	const struct budget_time when = {time_ns, time_ns + COUNTED_LATE_NS};
	const struct budget *budget = &queues->reasons.budget;

	return time_ns != TIME_UNKNOWN && budget_is_closed(budget, when) &&
	       budget_moved(budget, BUDGET_OUT_RESETS, when) == 0;
}

bool queues_reset_by_no_close(const struct queues *queues, int64_t time_ns)
{
	const struct budget_time when = {time_ns - CAPTURE_LEAD_MAX_NS, time_ns + COUNTED_LATE_NS};
	const struct budget *budget = &queues->reasons.budget;

	return time_ns != TIME_UNKNOWN && budget_is_closed(budget, when) &&
	       budget_moved(budget, BUDGET_CLOSES_RESET, when) == 0;
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
	if (!q)
		return;
	if (q->last_cookie_ns != TIME_UNKNOWN && time_ns - q->last_cookie_ns <= COOKIE_VALID_NS)
		queue_tally(q, TALLY_COOKIE_BAD, time_ns, 1);
}

void queues_other_segment(struct queues *queues, int64_t time_ns, const struct segment *segment,
			  bool inbound)
{
	static const struct open_attempt nobody = {.listener = LISTENER_NONE};
	struct endpoint source = flow_source(&segment->flow);
	bool ack = segment->flags & TCP_FLAG_ACK, rst = segment->flags & TCP_FLAG_RST;
	struct queue *q = inbound ? queues_reached(queues, segment, NULL) : NULL;

	/*
	 * tcp_rcv_state_process() of a listener drops what has RST, or not SYN alone; but what has
	 * ACK it would answer with a RST, and to a RST that is nothing: it counts no drop.
	 */
	if (q && !ack) {
		queue_arrive(q, ARRIVAL_STRAY, time_ns, &nobody, TABLE_NONE);
		return;
	}
	/* A RST without ACK answers an ACK: one that met the listener, and was no cookie. */
	q = queues_answering(queues, &source);
	if (q && rst && !ack)
		bad_cookie(q, time_ns);
}

/* What a RST without ACK answers: the last that its client sent, which asks for a place. */
static struct arrival *find_answered(struct queue *q, const struct queue_packet *packet)
{
	struct arrival *a = queue_newest(q, packet->index, packet->attempt->isn);

	while (a && !a->wants_place)
		a = queue_earlier(q, a);
	return a && a->kind != ARRIVAL_SETTLED && !a->proven &&
		       packet->time_ns - a->time_ns < CAPTURE_LEAD_MAX_NS
		   ? a
		   : NULL;
}

/*
 * The cookie is a function of the number that the segment has, less one (cookie_v4_check()): it
 * fails where that is not the client's first. A request would have answered what came before.
 */
static bool is_behind_cookie(const struct queue *q, const struct open_attempt *a,
			     const struct arrival *answered)
{
	if (open_knows(a, KNOWN_COOKIE))
		return true;
	return answered->ahead && answered->time_ns != a->ack_ns && q->host->tcp_syncookies != 0 &&
	       q->defers_s == 0;
}

/* What its client sent before was taken to have entered: a connection would not answer so. */
static void refuse_before(struct queue *q, const struct queue_packet *packet,
			  const struct arrival *answered)
{
	struct open_attempt *open = packet->attempt;

	for (struct arrival *a = queue_earlier(q, answered); a; a = queue_earlier(q, a)) {
		if (!a->wants_place || (a->kind != ARRIVAL_ENTER && a->kind != ARRIVAL_AGAIN))
			continue;
		a->kind = ARRIVAL_REFUSED;
		open->known |= KNOWN_ACK_DROPPED;
	}
}

/*
 * A RST without ACK answers a segment. Met by a request on a full queue, under
 * tcp_abort_on_overflow, that segment was a final ACK refused; otherwise it met
 * neither a request nor a valid cookie: whatever it was, the queue had no part.
 */
static void answer_with_reset(struct queue *q, const struct queue_packet *packet,
			      struct arrival *answered)
{
	struct open_attempt *a = packet->attempt;

	if (open_is_queued(a))
		q->now.depth--;
	if (q->host->tcp_abort_on_overflow == 1 && !is_behind_cookie(q, a, answered)) {
		if (answered->kind == ARRIVAL_REFUSED && q->now.half_open > 0)
			q->now.half_open--;
		answered->kind = ARRIVAL_REFUSED;
		answered->proven = answered->aborted = true;
		open_move(a, MOVE_ABORT);
		return;
	}
	if (open_is_queued(a) && !open_knows(a, KNOWN_COOKIE))
		q->now.half_open++;
	open_move(a, MOVE_NOT_VALID);
	refuse_before(q, packet, answered);
	answered->kind = ARRIVAL_SETTLED;
	answered->wants_place = false;
	bad_cookie(q, packet->time_ns);
}

/* Beyond doubt: its socket answered, and not the listener. */
static bool has_entered(struct queue *q, const struct queue_packet *packet)
{
	const struct arrival *entered =
	    queue_find(q, ARRIVAL_ENTER, packet->index, packet->attempt->isn);

	return open_has_child(packet->attempt) &&
	       (!open_is_queued(packet->attempt) || !entered || entered->proven);
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
	arrival = answer && !has_entered(q, packet) ? find_answered(q, packet) : NULL;
	if (arrival) {
		answer_with_reset(q, packet, arrival);
	} else if (answer && q->over && !open_has_child(a)) {
		/* Its request went with its listener: the next one there has answered. */
		bad_cookie(queues_reached_by(queues, a), packet->time_ns);
	} else if (answer && (ended || !open_is_acknowledged(a))) {
		bad_cookie(q, packet->time_ns);
	} else if (open_is_queued(a)) {
		/* The listener closed on its queue. */
		queue_arrive(q, ARRIVAL_LEAVE, packet->time_ns, a, packet->index);
		open_move(a, MOVE_LISTENER_CLOSED);
		q->now.depth--;
	}
}
