/*
 * Which open attempts a segment or an ICMP error belongs to. What a RST or an error ends is
 * here too, since it can be several; all other segments go to handshake.c.
 */
#include "report/track/numbers.h"
#include "report/track/parts.h"

/* As COPY_NS of capture/copies.h. */
#define COPY_TRANSLATED_NS (500 * NS_PER_MS)

static void count_copy(uint8_t *counter)
{
	if (*counter < UINT8_MAX)
		++*counter;
}

static bool fits(struct tracker *t, const struct open_attempt *a, const struct segment *s,
		 bool from_client)
{
	if (s->flags & TCP_FLAG_RST)
		return numbers_reset(a, t->details, s, from_client);
	return from_client ? numbers_of_client(a, t->details, s, NULL)
			   : numbers_of_server(a, t->details, s);
}

/*
 * The attempt that a segment without SYN belongs to: of those of its 4-tuple the
 * one that began last. *from_client says which side sent it. *others is true where
 * there are more of them.
 */
static struct open_attempt *find_youngest(struct tracker *t, const struct segment *s, uint32_t hash,
					  bool *from_client, bool *others)
{
	struct open_attempt *best = NULL;

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a)) {
		bool forward = flow_equal(&a->flow, &s->flow);

		if (!forward && !flow_is_reverse(&a->flow, &s->flow))
			continue;
		*others = best != NULL;
		if (best && best->syn_ns > a->syn_ns)
			continue;
		best = a;
		*from_client = forward;
	}
	return best;
}

/*
 * Where a SYN with another ISN came later, and the segment's numbers are not of that
 * attempt but of one before it that still lives, it belongs to that one. *youngest is the
 * last that began, whether it is that or not.
 */
static struct open_attempt *find(struct tracker *t, const struct segment *s, uint32_t hash,
				 bool *from_client, struct open_attempt **youngest_out)
{
	bool others = false;
	struct open_attempt *youngest = find_youngest(t, s, hash, from_client, &others);
	struct open_attempt *best = NULL;

	*youngest_out = youngest;
	if (!others || fits(t, youngest, s, *from_client))
		return youngest;
	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if ((!best || best->syn_ns < a->syn_ns) && !open_is_closed(a) &&
		    flow_equal(&a->flow, &youngest->flow) && fits(t, a, s, *from_client))
			best = a;
	return best ? best : youngest;
}

/* See SEEN_REJECTED. */
static bool is_of_output_rule(struct tracker *t, const struct segment *s,
			      const struct open_attempt *a, bool from_client)
{
	return from_client && s->loopback && a->role == ROLE_INBOUND && a->device >> 1 &&
	       a->device >> 1 != s->device && a->front == FRONT_NONE &&
	       !ways_is_own(&t->ways, &s->flow.saddr);
}

/* True when the RST counts: also when another one ended it before. */
static bool take_reset(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	bool from_client = flow_equal(&a->flow, &event->segment.flow);

	if (is_of_output_rule(t, &event->segment, a, from_client)) {
		a->events |= SEEN_REJECTED;
		if (open_saw(a, SEEN_NO_ANSWER) && !open_is_acknowledged(a))
			handshake_rejected(t, event, a);
	}
	if (open_was_reset(a))
		return true;
	a->events |= from_client ? SEEN_RST_CLIENT : SEEN_RST_SERVER;
	if (!from_client)
		a->events &= ~(unsigned)SEEN_NO_ANSWER;
	/* Of a live run it decides what became of the attempt: its time is needed then. */
	if (t->options.queues && a->synacks)
		details_open(t->details, a);
	tracker_mark_if_detailed(t, a, event, event->segment.frame,
				 from_client ? MARK_RST_CLIENT : MARK_RST_SERVER);
	if (!from_client && (event->segment.flags & TCP_FLAG_ACK) && open_is_acknowledged(a))
		a->events |= SEEN_RST_UNASKED;
	/* A client that has got no answer tries again. */
	if (!open_saw(a, SEEN_REJECTED) || open_is_acknowledged(a))
		tracker_set_end(a, &event->segment, from_client, event->time_ns);
	return true;
}

/*
 * What a closed socket of the client answers with a RST without ACK is data: bare ACKs it
 * takes, and a connection that waits sends no data. A request's SYN-ACK has it answer with
 * the number behind its SYN.
 */
static bool answers_data(const struct open_attempt *a, const struct segment *s)
{
	return open_has_child(a) && open_saw(a, SEEN_FIN_CLIENT) && !(s->flags & TCP_FLAG_ACK) &&
	       s->seq != a->isn + 1;
}

/* The other side sent a SYN too (RFC 9293 section 3.5): the SYN-ACK of each is with the other's. */
static bool is_simultaneous(const struct tracker *t, const struct flow *flow, uint32_t hash)
{
	struct flow reverse = flow_reverse(flow);
	bool forward = false, back = false;

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a)) {
		forward |= flow_equal(&a->flow, flow);
		back |= flow_equal(&a->flow, &reverse);
	}
	return forward && back;
}

/*
 * A RST ends every handshake of its 4-tuple that is not finished: both of a
 * simultaneous open (RFC 9293 section 3.5), and tries with another ISN. The
 * queue is told once: a client's RST meets the request that awaits its number.
 */
static void on_reset(struct tracker *t, const struct event *event, uint32_t hash,
		     struct open_attempt *chosen)
{
	const struct segment *s = &event->segment;
	const struct flow *flow = &s->flow;
	struct flow reverse = flow_reverse(flow);
	struct open_attempt *met = chosen;
	struct queue_packet packet;
	bool ended, taken = false, simultaneous = is_simultaneous(t, flow, hash);

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if (open_awaits_ack(a) && s->seq == a->isn + 1 && flow_equal(&a->flow, flow))
			met = a;
	ended = met->end_ns != TIME_UNKNOWN;
	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if ((a == chosen || !open_is_acknowledged(a)) &&
		    (flow_equal(&a->flow, flow) || flow_equal(&a->flow, &reverse)) &&
		    (numbers_reset(a, t->details, s, flow_equal(&a->flow, flow)) ||
		     (simultaneous && flow_equal(&a->flow, flow) && !a->synacks &&
		      (int32_t)(s->seq - a->isn) >= 0)))
			taken = take_reset(t, event, a) || taken;
	if (!t->options.queues)
		return;
	if (flow_equal(&met->flow, flow) && answers_data(met, s))
		tracker_server_spoke(t, met, event);
	packet = tracker_packet(t, met, event);
	if (flow_equal(&met->flow, flow))
		queues_client_reset(t->options.queues, &packet, s);
	else if (taken)
		queues_server_reset(t->options.queues, &packet, s, ended);
	if (taken && open_saw(met, SEEN_RST_QUEUED))
		tracker_await_ghost(t, met);
	else if (taken)
		tracker_await_sample(t, met);
}

/*
 * What the capture has before the segment that it answers, now that this is here. Apart
 * from what each packet goes through, which needs no room for them.
 */
static __attribute__((noinline)) void replay(struct tracker *t, const struct event *answered,
					     uint32_t hash,
					     bool (*take)(struct early *early, uint32_t hash,
							  const struct event *answered,
							  struct early_segments *out))
{
	struct event event = {.kind = EVENT_SEGMENT, .source = answered->source};
	struct early_segments early;

	if (!take(t->early, hash, answered, &early))
		return;
	if (early.stray)
		t->other_segments -= early.count;
	for (uint32_t i = 0; i < early.count; i++) {
		event.time_ns = early.time_ns[i];
		event.segment = early.segments[i];
		tracker_on_segment(t, &event);
	}
}

/*
 * Of a simultaneous open (RFC 9293 section 3.5): a is the attempt of one side, and
 * the segment, of a's server, acknowledges the SYN-ACK of the other side's attempt.
 */
static void answer_other_half(struct tracker *t, const struct event *event, uint32_t hash,
			      const struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	for (struct open_attempt *o = table_first(t->table, hash); o; o = table_next(t->table, o)) {
		if (o == a || !open_awaits_ack(o) || s->ack != o->server_isn + 1 ||
		    !flow_equal(&o->flow, &s->flow))
			continue;
		handshake_client_segment(t, event, o);
		return;
	}
}

/* It goes out again: no transparent listener has taken it. */
static void pass_on(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	struct queue_packet packet = tracker_packet(t, a, event);

	queues_give_back(t->options.queues, &packet);
	a->role = ROLE_FORWARDED;
	a->transparent = false;
}

static void syn_moved(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	struct queue_packet packet = tracker_packet(t, a, event);

	queues_syn_moved(t->options.queues, &packet, &event->segment);
}

/* A packet on its way from one device to another is one packet: it is counted, and no more. */
static void on_copy(struct tracker *t, const struct event *event, uint8_t flags, uint32_t hash)
{
	const struct segment *s = &event->segment;
	struct open_attempt *a;

	if (flags == TCP_FLAG_SYN) {
		for (a = table_first(t->table, hash); a; a = table_next(t->table, a))
			if (a->isn == s->seq && flow_equal(&a->flow, &s->flow)) {
				if (a->transparent && s->outgoing && !a->synacks)
					pass_on(t, event, a);
				if (t->options.queues && !s->outgoing && a->role == ROLE_INBOUND)
					syn_moved(t, event, a);
				count_copy(&a->syn_copies);
				return;
			}
	} else if (flags == (TCP_FLAG_SYN | TCP_FLAG_ACK)) {
		a = handshake_find(t, s, hash);
		if (a)
			count_copy(&a->synack_copies);
	}
}

/*
 * The same packet on another device, where NAT has changed its addresses or ports before
 * or behind it: capture/ cannot know. Only where it is passed on are there two.
 */
static bool is_translated_copy(const struct tracker *t, const struct event *event)
{
	const struct segment *s = &event->segment;
	bool ack = s->flags & TCP_FLAG_ACK;
	struct flow flow = ack ? flow_reverse(&s->flow) : s->flow;

	if (!(s->flags & TCP_FLAG_SYN) || !nat_find(&t->nat, &flow))
		return false;
	for (struct open_attempt *a = table_first(t->table, table_hash(t->table, &s->flow)); a;
	     a = table_next(t->table, a)) {
		if (!ack && a->isn == s->seq && flow_equal(&a->flow, &s->flow))
			return a->device != tracker_device(s) &&
			       event->time_ns - a->last_syn_ns <= COPY_TRANSLATED_NS;
		if (ack && a->role == ROLE_FORWARDED && a->synacks && a->server_isn == s->seq &&
		    flow_is_reverse(&a->flow, &s->flow))
			return event->time_ns - a->last_synack_ns <= COPY_TRANSLATED_NS;
	}
	return false;
}

static void on_segment(struct tracker *t, const struct event *event)
{
	const struct segment *s = &event->segment;
	const uint8_t flags =
	    s->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN);
	/* A SYN-ACK may have FIN: it says that nothing follows (RFC 9293 section 3.10.7.3). */
	const bool syn_ack = (flags & (uint8_t)~TCP_FLAG_FIN) == (TCP_FLAG_SYN | TCP_FLAG_ACK);
	uint32_t hash = table_hash(t->table, &s->flow);
	struct open_attempt *a, *youngest;
	bool from_client = false;

	if (s->copy) {
		on_copy(t, event, flags, hash);
		return;
	}
	if (t->unnumbered)
		tracker_number(t, event, hash);
	if (flags == TCP_FLAG_SYN) {
		handshake_syn(t, event, hash);
		if (!early_is_empty(t->early))
			replay(t, event, hash, early_take_syn);
		return;
	}
	if (syn_ack) {
		a = handshake_find(t, s, hash);
		if (a) {
			handshake_syn_ack(t, event, a);
			if (!early_is_empty(t->early))
				replay(t, event, hash, early_take_syn_ack);
			return;
		}
	}
	a = find(t, s, hash, &from_client, &youngest);
	/* An earlier connection may have had these addresses. */
	if (!a || syn_ack) {
		t->other_segments++;
		t->stray_syn_acks += syn_ack;
		early_stray(t->early, hash, event);
	}
	if (!a) {
		if (t->options.queues)
			tracker_other_segment(t, event);
		return;
	}
	a->idle = false;
	if (flags & TCP_FLAG_RST) {
		on_reset(t, event, hash, a);
	} else if (from_client) {
		handshake_client_segment(t, event, a);
		if (!a->synacks && (flags & TCP_FLAG_ACK))
			early_ack(t->early, hash, event);
	} else if (!(flags & TCP_FLAG_SYN)) {
		handshake_server_segment(t, event, a);
		/* It may answer the later SYN: with the numbers of the connection in its way. */
		if (a != youngest && !youngest->synacks && !s->payload)
			handshake_server_segment(t, event, youngest);
		if (flags & TCP_FLAG_ACK)
			answer_other_half(t, event, hash, a);
	}
}

void tracker_on_segment(struct tracker *t, const struct event *event)
{
	struct event translated;

	if (!t->nat.count) {
		on_segment(t, event);
		return;
	}
	translated = *event;
	(void)nat_apply(&t->nat, &translated.segment.flow);
	translated.segment.copy |= is_translated_copy(t, &translated);
	on_segment(t, &translated);
}

/* Those that tcp_v4_err() and tcp_v6_err() end a request for. */
static bool ends_request(const struct icmp_error *icmp)
{
	if (icmp->ipv6)
		return (icmp->type == 1 && (icmp->code == 1 || icmp->code >= 4)) ||
		       (icmp->type == 4);
	if (icmp->type == 3)
		return icmp->code <= 1;
	return (icmp->type == 11 && icmp->code == 0) || icmp->type == 12;
}

void tracker_on_icmp(struct tracker *t, const struct event *event)
{
	const struct icmp_error *icmp = &event->icmp;
	struct open_attempt *a = tracker_find(t, &icmp->flow);

	if (!a) {
		/* About a SYN-ACK? */
		struct flow reverse = flow_reverse(&icmp->flow);

		a = tracker_find(t, &reverse);
		if (!a || !a->synacks || a->server_isn != icmp->seq ||
		    open_saw(a, SEEN_CLIENT_ACK | SEEN_ICMP))
			return;
		a->events |= SEEN_ICMP;
		tracker_mark(t, a, event, icmp->frame, MARK_ICMP);
		if (t->options.queues && ends_request(icmp)) {
			struct queue_packet packet = tracker_packet(t, a, event);

			packet.frame = icmp->frame;
			queues_request_error(t->options.queues, &packet);
		}
		return;
	}
	if (a->isn != icmp->seq || a->synacks)
		return;
	a->events |= SEEN_ICMP;
	a->events &= ~(unsigned)SEEN_NO_ANSWER;
	tracker_mark(t, a, event, icmp->frame, MARK_ICMP);
	a->touched_ns = event->time_ns;
}
