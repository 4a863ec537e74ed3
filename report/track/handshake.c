/*
 * What the segments of a handshake do to its attempt, and what its listener's queue
 * is told of them (queues.h). Does not say what is dropped, nor why. Which attempt a
 * segment belongs to, and RSTs, are in segments.c.
 */
#include "report/track/numbers.h"
#include "report/track/parts.h"

/* Packets so close together may be at work on two processors at once. */
#define BESIDE_NS (50 * NS_PER_US)

/* Marks a packet of an attempt that is not, or no longer, a plain handshake. */
void tracker_mark(struct tracker *t, struct open_attempt *a, const struct event *event,
		  uint64_t frame, enum mark_kind kind)
{
	struct mark m = {
	    .time_ns = event->time_ns,
	    .frame = frame,
	    .kind = kind,
	    .depth = MARK_DEPTH_UNKNOWN,
	};

	if (details_open(t->details, a))
		details_mark_add(t->details, a->detail, &m);
}

void tracker_mark_if_detailed(struct tracker *t, struct open_attempt *a, const struct event *event,
			      uint64_t frame, enum mark_kind kind)
{
	if (a->detail != TABLE_NONE)
		tracker_mark(t, a, event, frame, kind);
}

static void count_up(uint16_t *counter)
{
	if (*counter < UINT16_MAX)
		++*counter;
}

/* What this host sends as a client, or passes on, meets no listener of its own. */
static bool is_to_listener(const struct open_attempt *a)
{
	return a->role != ROLE_OUTBOUND && a->role != ROLE_FORWARDED;
}

void tracker_other_segment(struct tracker *t, const struct event *event)
{
	enum role role = ways_role(&t->ways, &event->segment.flow);

	if (role != ROLE_FORWARDED)
		queues_other_segment(t->options.queues, event->time_ns, &event->segment,
				     role != ROLE_OUTBOUND);
}

static void on_front_syn(struct tracker *t, const struct event *event, struct open_attempt *a);

void handshake_syn(struct tracker *t, const struct event *event, uint32_t hash)
{
	const struct segment *s = &event->segment;
	struct open_attempt *a = NULL;
	bool challenged = false;

	for (struct open_attempt *o = table_first(t->table, hash); o; o = table_next(t->table, o)) {
		if (!flow_equal(&o->flow, &s->flow))
			continue;
		if (o->isn == s->seq)
			a = o;
		else if (open_has_request(o))
			challenged = true;
	}
	if (a && (a->front == FRONT_ANSWERED || a->front == FRONT_CONNECTS)) {
		if (s->loopback)
			on_front_syn(t, event, a);
		else
			count_up(&a->syns);
		return;
	}
	if (a) {
		/* A copy or a retransmission. */
		a->idle = false;
		tracker_meet_address(t, a);
		tracker_mark(t, a, event, s->frame, MARK_SYN);
		count_up(&a->syns);
		a->last_syn_ns = event->time_ns;
		if (a->syn_ns == TIME_UNKNOWN) /* of one that began before: the first seen */
			a->syn_ns = event->time_ns;
		if (event->time_ns > a->touched_ns)
			a->touched_ns = event->time_ns;
	} else {
		a = tracker_begin(t, event, hash);
		if (!a)
			return;
	}
	a->look = LOOK_NONE;
	a->events &= ~(unsigned)SEEN_CHALLENGE;
	a->events |=
	    SEEN_NO_ANSWER | (s->payload ? SEEN_SYN_DATA : 0) | (challenged ? SEEN_CHALLENGE : 0);
	if (t->options.queues && is_to_listener(a)) {
		struct queue_packet packet = tracker_packet(t, a, event);

		queues_syn(t->options.queues, &packet, s);
	} else if (t->options.queues && a->role == ROLE_OUTBOUND && a->syns > 1) {
		queues_own_syn_again(t->options.queues, event->time_ns);
	}
	rate_counter_syn(tracker_rate_counter(t, a), event->time_ns, a->syns == 1);
}

/* A SYN-ACK belongs to the attempt whose SYN, or SYN with data, it acknowledges. */
struct open_attempt *handshake_find(struct tracker *t, const struct segment *s, uint32_t hash)
{
	struct open_attempt *a;

	for (a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if (numbers_answer_syn(a, s) && flow_is_reverse(&a->flow, &s->flow))
			return a;
	return NULL;
}

/* The client may acknowledge any of them: the last is not always the one that it had. */
static void keep_isn(struct tracker *t, struct open_attempt *a)
{
	struct detail *d = details_open(t->details, a);

	if (!d)
		return;
	if (d->other_isns_count < DETAIL_ISNS_MAX)
		d->other_isns_count++;
	for (uint32_t i = d->other_isns_count - 1; i > 0; i--)
		d->other_isns[i] = d->other_isns[i - 1];
	d->other_isns[0] = a->server_isn;
}

static void take_syn_ack(struct tracker *t, const struct event *event, struct open_attempt *a,
			 bool seen)
{
	const struct segment *s = &event->segment;

	a->idle = false;
	a->events &= ~(unsigned)SEEN_NO_ANSWER;
	if (s->ack - a->isn > 1)
		a->events |= SEEN_FASTOPEN;
	if (!seen) {
		a->events |= SEEN_UNSEEN_SYNACK;
	} else if (a->synacks) {
		tracker_mark(t, a, event, s->frame, MARK_SYN_ACK);
	} else {
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_SYN_ACK);
		a->synack_ns = event->time_ns;
	}
	count_up(&a->synacks);
	if (s->options & SEGMENT_MP_JOIN)
		a->events |= SEEN_JOIN;
	open_move(a, MOVE_SYNACK);
	if (open_is_acknowledged(a)) {
		a->events |= SEEN_SYNACK_AFTER_ACK;
	} else {
		if (a->synacks > 1 && a->server_isn != s->seq)
			keep_isn(t, a);
		a->last_synack_ns = seen ? event->time_ns : TIME_UNKNOWN;
		a->server_isn = s->seq;
	}
	if (s->flags & TCP_FLAG_FIN)
		a->events |= SEEN_FIN_SERVER;
	if (event->time_ns > a->touched_ns)
		a->touched_ns = event->time_ns;
	if (t->options.queues) {
		struct queue_packet packet = tracker_packet(t, a, event);

		if (seen)
			queues_syn_ack(t->options.queues, &packet, s);
		else
			queues_unseen_syn_ack(t->options.queues, &packet, s);
	}
}

/* It stands in the capture behind the ACK that answers it. */
static bool is_found_late(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	if (open_saw(a, SEEN_UNSEEN_SYNACK) && !a->synacks) {
		a->events &= ~(unsigned)SEEN_UNSEEN_SYNACK;
		t->unseen_syn_acks--;
		return false;
	}
	if (!open_saw(a, SEEN_UNSEEN_SYNACK) || event->segment.seq != a->server_isn ||
	    event->time_ns > a->ack_ns)
		return false;
	a->events &= ~(unsigned)SEEN_UNSEEN_SYNACK;
	a->synack_ns = a->last_synack_ns = event->time_ns;
	tracker_mark_if_detailed(t, a, event, event->segment.frame, MARK_SYN_ACK);
	t->unseen_syn_acks--;
	return true;
}

/* See enum open_front. */
static bool is_of_front(const struct tracker *t, const struct open_attempt *a,
			const struct segment *syn_ack)
{
	return t->options.queues && is_to_listener(a) && syn_ack->window == 0 &&
	       (a->front || !a->synacks) && a->front <= FRONT_ANSWERED;
}

/*
 * A SYN-ACK of this host, from an address that it does not have: TPROXY led the SYN to a socket
 * of it. One that passes through comes in before it goes out.
 */
static bool is_of_transparent(const struct tracker *t, const struct open_attempt *a,
			      const struct segment *syn_ack)
{
	return t->options.all_interfaces && a->role == ROLE_FORWARDED && syn_ack->outgoing &&
	       !a->synacks && !a->syn_copies && syn_ack->window != 0 &&
	       !nat_find(&t->nat, &a->flow); /* known to be led elsewhere */
}

/* It is not the listener's SYN-ACK, nor was the SYN for the listener. */
static void take_front_answer(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	struct queue_packet packet = tracker_packet(t, a, event);

	queues_withdraw_syn(t->options.queues, &packet);
	a->idle = false;
	a->events &= ~(unsigned)SEEN_NO_ANSWER;
	if (a->front == FRONT_NONE) {
		tracker_mark_if_detailed(t, a, event, event->segment.frame, MARK_SYN_ACK);
		t->fronted++;
		a->front = FRONT_ANSWERED;
		a->synack_ns = a->last_synack_ns = event->time_ns;
		a->server_isn = event->segment.seq;
	} else {
		tracker_mark(t, a, event, event->segment.frame, MARK_SYN_ACK);
	}
	count_up(&a->synacks);
	if (event->time_ns > a->touched_ns)
		a->touched_ns = event->time_ns;
}

void handshake_syn_ack(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	t->seen_syn_acks++;
	if (is_of_transparent(t, a, &event->segment))
		a->role = ROLE_INBOUND;
	if (is_of_front(t, a, &event->segment))
		take_front_answer(t, event, a);
	else if (!is_found_late(t, event, a))
		take_syn_ack(t, event, a, true);
}

/* A SYN-ACK to the sender of this event, of which nothing but that is known. */
static __attribute__((noinline)) void take_unseen_syn_ack(struct tracker *t,
							  const struct event *event,
							  struct open_attempt *a, uint32_t seq)
{
	struct event answer = {
	    .kind = EVENT_SEGMENT, .source = event->source, .time_ns = event->time_ns};

	answer.segment = (struct segment){.flow = flow_reverse(&event->segment.flow),
					  .seq = seq,
					  .ack = a->isn + 1,
					  .flags = TCP_FLAG_SYN | TCP_FLAG_ACK};
	take_syn_ack(t, &answer, a, false);
}

/*
 * What a client sends with the number after its SYN and with ACK it sends in ESTABLISHED: its
 * SYN was answered, though the capture does not have the SYN-ACK, as where that leaves by
 * another interface. A file may have it further behind, see early.h, and is told as it is: that
 * it has none is counted alone.
 */
static void infer_syn_ack(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	if (a->synacks || s->seq != a->isn + 1 || open_has_failed(a))
		return;
	if (!t->options.queues) {
		t->unseen_syn_acks += !open_saw(a, SEEN_UNSEEN_SYNACK);
		a->events |= SEEN_UNSEEN_SYNACK;
		return;
	}
	t->unseen_syn_acks++;
	take_unseen_syn_ack(t, event, a, s->ack - 1);
}

void handshake_rejected(struct tracker *t, const struct event *rst, struct open_attempt *a)
{
	take_unseen_syn_ack(t, rst, a, 0);
}

/* Its SYN to the listener: the client's own, and its ACK, were not for that. */
static void on_front_syn(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	struct queue_packet packet = tracker_packet(t, a, event);

	a->front = FRONT_CONNECTS;
	a->events &= ~(unsigned)SEEN_CLIENT_ACK;
	a->events |= SEEN_NO_ANSWER;
	tracker_mark(t, a, event, event->segment.frame, MARK_SYN);
	queues_syn(t->options.queues, &packet, &event->segment);
}

/* Its ACK to the listener, whose number alone is not that of the connection as captured. */
static void on_front_ack(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	uint32_t server_isn = a->server_isn;
	const struct segment *s = &event->segment;
	struct queue_packet packet;

	take_unseen_syn_ack(t, event, a, s->ack - 1);
	a->front = FRONT_CONNECTED;
	a->server_isn = server_isn;
	a->events |= SEEN_CLIENT_ACK;
	a->ack_ns = a->touched_ns = event->time_ns;
	tracker_mark_if_detailed(t, a, event, s->frame, MARK_ACK);
	rate_counter_handshake(tracker_rate_counter(t, a), a->ack_ns,
			       a->syn_ns != TIME_UNKNOWN ? a->ack_ns - a->syn_ns : -1);
	packet = tracker_packet(t, a, event);
	queues_front_ack(t->options.queues, &packet, s);
}

/* What the client sends before the listener has heard of it. */
static void on_fronted_client(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	if (!(s->flags & TCP_FLAG_ACK))
		return;
	if (s->loopback && a->front == FRONT_CONNECTS && s->seq == a->isn + 1) {
		on_front_ack(t, event, a);
		return;
	}
	if (a->ack_ns == TIME_UNKNOWN && s->ack == a->server_isn + 1) {
		a->ack_ns = a->touched_ns = event->time_ns;
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_ACK);
	}
	if (s->payload && !open_saw(a, SEEN_CLIENT_DATA)) {
		struct detail *d = details_at(t->details, a->detail);

		if (d)
			d->asked_ns = event->time_ns;
		a->events |= SEEN_CLIENT_DATA;
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_DATA);
	}
}

/* The first FIN or RST is the end of the attempt's connection. */
void tracker_set_end(struct open_attempt *a, const struct segment *s, bool from_client,
		     int64_t time_ns)
{
	if (a->end_ns == TIME_UNKNOWN) {
		a->end_ns = time_ns;
		if (from_client)
			a->events |= SEEN_CLIENT_ENDED;
		else if (open_is_acknowledged(a) && (s->flags & TCP_FLAG_ACK) && !s->payload &&
			 !a->guessed && s->seq == a->server_isn + 1) {
			a->events |= SEEN_CLOSED_EMPTY;
			/*
			 * Data that were not read make close() send a RST (RFC 2525 section 2.17).
			 */
			if ((s->flags & TCP_FLAG_RST) || s->ack == a->isn + 1)
				a->unread = 1;
		}
	}
	a->touched_ns = time_ns > a->touched_ns ? time_ns : a->touched_ns;
}

static void hear(struct tracker *t, const struct event *event, struct open_attempt *a,
		 bool from_server)
{
	struct queue_packet packet;

	if (!t->options.queues)
		return;
	packet = tracker_packet(t, a, event);
	queues_hear(t->options.queues, &packet, &event->segment, from_server);
}

/* The client has sent data, and nothing shows that anybody has read, or even received them. */
static bool is_unheard(const struct open_attempt *a)
{
	return open_saw(a, SEEN_CLIENT_DATA) && !open_saw(a, SEEN_SERVER) && !open_is_accepted(a);
}

/* The final ACK may not have been taken: then what follows stands for it. */
static bool may_be_final_again(const struct tracker *t, const struct open_attempt *a)
{
	if (open_saw(a, SEEN_SERVER))
		return false;
	return open_saw(a, SEEN_SYNACK_AFTER_ACK) || open_knows(a, KNOWN_ACK_DROPPED) ||
	       (open_knows(a, KNOWN_DEFERRED) && !open_has_child(a)) ||
	       (t->options.queues &&
		(open_has_request(a) || queues_doubt_entry(t->options.queues, a)));
}

/* A bare ACK after data, of a handshake that the data have finished: queues_ack_beside_data(). */
static bool may_be_beside_data(const struct open_attempt *a)
{
	return open_is_acknowledged(a) && open_saw(a, SEEN_CLIENT_DATA) &&
	       !open_knows(a, KNOWN_DEFERRED) && !open_saw(a, SEEN_SERVER);
}

/*
 * A bare ACK, of a SYN-ACK that came again, stands between the client's data and this copy
 * of them: that only the data were not heard does not say that the ACK was not.
 */
static bool has_acked_since(struct tracker *t, const struct open_attempt *a)
{
	const struct detail *d = details_at(t->details, a->detail);
	const struct detail_mark *last =
	    d && d->last_mark != DETAIL_NONE ? details_mark(t->details, d->last_mark) : NULL;

	return last && last->mark.kind == MARK_ACK && last->mark.time_ns != a->ack_ns;
}

void handshake_client_segment(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	if (!(s->flags & TCP_FLAG_ACK)) {
		if (t->options.queues && !open_has_child(a))
			tracker_other_segment(t, event);
		return;
	}
	if (a->front == FRONT_ANSWERED || a->front == FRONT_CONNECTS) {
		on_fronted_client(t, event, a);
		return;
	}
	infer_syn_ack(t, event, a);
	if (open_is_acknowledged(a))
		hear(t, event, a, false);
	if (open_awaits_ack(a)) {
		if (!numbers_of_client(a, t->details, s, &a->server_isn))
			return; /* of something else */
		a->events |= SEEN_CLIENT_ACK;
		a->ack_ns = event->time_ns;
		a->touched_ns = event->time_ns;
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_ACK);
		rate_counter_handshake(tracker_rate_counter(t, a), a->ack_ns,
				       a->syn_ns != TIME_UNKNOWN ? a->ack_ns - a->syn_ns : -1);
		if (open_saw(a, SEEN_FASTOPEN) && (int32_t)(s->ack - a->server_isn) > 1)
			tracker_server_spoke(t, a, event);
	} else if (a->synacks && (int32_t)(s->ack - a->server_isn) > 1) {
		tracker_server_spoke(t, a, event);
	} else if (t->options.queues && s->payload && s->seq == a->isn + 1 && is_unheard(a) &&
		   !has_acked_since(t, a)) {
		struct queue_packet packet = tracker_packet(t, a, event);

		queues_unheard(t->options.queues, &packet);
	}
	if (a->synacks && (int32_t)(s->ack - a->server_isn) > 1 &&
	    details_at(t->details, a->detail))
		details_at(t->details, a->detail)->heard = true;
	if (open_saw(a, SEEN_FIN_CLIENT) &&
	    (int32_t)(s->ack - a->server_isn) > (open_saw(a, SEEN_FIN_SERVER) ? 2 : 1))
		a->events |= SEEN_HALF_CLOSED;
	if (event->time_ns != a->ack_ns && may_be_final_again(t, a)) {
		a->events |= s->payload ? SEEN_CLIENT_DATA : 0;
		tracker_mark(t, a, event, s->frame, s->payload ? MARK_DATA : MARK_ACK);
		if (event->time_ns > a->touched_ns)
			a->touched_ns = event->time_ns;
	}
	if (t->options.queues && !s->payload && s->seq == a->isn + 1 && may_be_beside_data(a) &&
	    event->time_ns - a->ack_ns < BESIDE_NS) {
		struct queue_packet packet = tracker_packet(t, a, event);

		queues_ack_beside_data(t->options.queues, &packet);
	}
	if (s->payload && !open_saw(a, SEEN_CLIENT_DATA)) {
		struct detail *d = details_at(t->details, a->detail);

		if (d)
			d->asked_ns = event->time_ns;
		a->events |= SEEN_CLIENT_DATA;
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_DATA);
	}
	if (t->options.queues && open_is_acknowledged(a)) {
		struct queue_packet packet = tracker_packet(t, a, event);

		queues_client_ack(t->options.queues, &packet, s);
	}
	if ((s->flags & TCP_FLAG_FIN) && !open_saw(a, SEEN_FIN_CLIENT)) {
		a->events |= SEEN_FIN_CLIENT;
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_FIN_CLIENT);
		tracker_set_end(a, s, true, event->time_ns);
	}
}

/* What answers a SYN does so at once; later it may be a probe of a connection that lives. */
#define AT_ONCE_NS (10 * NS_PER_MS)

/* The last SYN met a connection of its 4-tuple, or TIME_WAIT, that answered it. */
static void mark_old_connection(struct tracker *t, struct open_attempt *a, int64_t time_ns)
{
	enum confidence confidence =
	    time_ns - a->last_syn_ns < AT_ONCE_NS ? CONFIDENCE_EXACT : CONFIDENCE_INFERRED;
	const struct detail *d = details_open(t->details, a);

	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(t->details, m)->next) {
		struct mark *syn = &details_mark(t->details, m)->mark;

		if (syn->kind != MARK_SYN || syn->time_ns != a->last_syn_ns)
			continue;
		syn->cause_known = true;
		syn->cause = CAUSE_EXISTING_CONNECTION;
		syn->confidence = confidence;
	}
}

void handshake_server_segment(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	if (!a->synacks) {
		/*
		 * A bare ACK to a SYN: TIME_WAIT or a live connection with this 4-tuple. One of
		 * a request, which handshake_syn() knows of, takes the SYN for no answer: it drops
		 * it.
		 */
		if ((s->flags & TCP_FLAG_ACK) && !(s->flags & TCP_FLAG_FIN) && !s->payload &&
		    open_saw(a, SEEN_NO_ANSWER) && !open_saw(a, SEEN_CHALLENGE)) {
			if (s->ack != a->isn + 1)
				mark_old_connection(t, a, event->time_ns);
			a->events |= SEEN_CHALLENGE;
			a->events &= ~(unsigned)SEEN_NO_ANSWER;
		}
		return;
	}
	if (!open_is_acknowledged(a) && !open_saw(a, SEEN_FASTOPEN))
		return;
	hear(t, event, a, true);
	/* A request says this too, to an ACK that it does not like (tcp_check_req): no proof. */
	if (s->ack == a->isn + 1 && !s->payload && !(s->flags & TCP_FLAG_FIN)) {
		struct queue_packet packet = tracker_packet(t, a, event);

		if (t->options.queues && !open_saw(a, SEEN_SERVER))
			queues_ack_answered(t->options.queues, &packet);
		return;
	}
	if (refusal_fits(s->refusal, s->seq - a->server_isn - 1))
		a->refusal = s->refusal & 7u;
	if (s->payload) {
		struct detail *d = details_at(t->details, a->detail);

		if (d && d->answer_ns == TIME_UNKNOWN)
			d->answer_ns = event->time_ns;
	}
	if (!open_saw(a, SEEN_SERVER)) {
		/* What acknowledges data, or has some, is of a child. */
		a->events |= SEEN_SERVER;
		if (t->options.queues) {
			struct queue_packet packet = tracker_packet(t, a, event);

			queues_server_alive(t->options.queues, &packet);
		}
	}
	/* Mostly a bare ACK of the client's data came before. */
	if (s->payload && !a->spoke) {
		a->spoke = 1;
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_SERVER_DATA);
	}
	if ((s->flags & TCP_FLAG_FIN) && !open_saw(a, SEEN_FIN_SERVER)) {
		a->events |= SEEN_FIN_SERVER;
		tracker_mark_if_detailed(t, a, event, s->frame, MARK_FIN_SERVER);
		tracker_set_end(a, s, false, event->time_ns);
		tracker_server_spoke(t, a, event);
	}
}
