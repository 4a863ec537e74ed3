/*
 * The tracker. It follows each handshake by its packets, tells the queue of its
 * listener what arrives and leaves (queue.h), and hands finished attempts to
 * the verdict (verdict.h) and on.
 *
 * Theory of operation. An attempt is a 4-tuple and the client's ISN; repeated
 * SYNs belong to it. It is finished a while after the packet that ended it
 * (LINGER_ENDED_NS: copies and late retransmissions still belong to it), or
 * when no packet of its handshake came for longer than any retransmission
 * timer (LINGER_SILENT_NS), unless it is known to wait in an accept queue. A
 * hand sweeps over the table, a few records at a time, so that time-outs cost
 * no list and no timer. What it finds over, it finishes in its next round, and a
 * round takes ROUND_EVENTS at least: stamps of some captures jump, and a record
 * whose packets still come must not be given up for what another's stamp says.
 */
#include "report/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/detail.h"
#include "report/early.h"
#include "report/queues.h"
#include "report/serving.h"
#include "report/table.h"
#include "report/verdict.h"

#define LINGER_ENDED_NS (2 * NS_PER_SEC)
/* In a capture alone nothing but copies can follow the end of an established connection. */
#define LINGER_CLOSED_NS (20 * NS_PER_MS)
#define LINGER_SILENT_NS (75 * NS_PER_SEC)
/* How often the queues are told that time goes on. */
#define AGE_NS (10 * NS_PER_MS)
/*
 * Records that the hand passes at each SYN, and at each other event but packets: a
 * table only grows with SYNs, so that they pay for keeping it small.
 */
#define SWEEP_STEP   4
#define ROUND_EVENTS 4096
/* SYN-ACKs acknowledge the data of a Fast Open SYN too. */
#define SYN_DATA_MAX 65535u
/* A wait in the accept queue that deserves a name. */
#define SLOW_ACCEPT_NS (100 * NS_PER_MS)

struct tracker {
	struct tracker_options options;
	struct table *table;
	struct details *details;
	struct serving *serving;
	struct early *early;
	int64_t now_ns;
	int64_t aged_ns;
	uint32_t hand;
	uint32_t round_events; /* since the hand began its round */
	uint32_t open_peak;
	uint64_t begun;
	uint64_t finished;
	uint64_t other_segments;
	struct pulse elsewhere; /* of attempts whose listener is not known */
	int error;		/* of a sink, met where no error can be returned */
	struct attempt scratch;
};

int tracker_new(const struct tracker_options *options, struct tracker **out)
{
	struct tracker *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->now_ns = TIME_UNKNOWN;
	pulse_init(&t->elsewhere, options->rates, options->live_slots);
	rc = table_new(options->max_open, &t->table);
	if (rc)
		goto free_tracker;
	rc = details_new(&t->details);
	if (rc)
		goto free_table;
	rc = serving_new(t->table, t->details, t->options.queues, &t->serving);
	if (rc)
		goto free_details;
	rc = early_new(&t->early);
	if (rc)
		goto free_serving;
	*out = t;
	return 0;
free_serving:
	serving_free(t->serving);
free_details:
	details_free(t->details);
free_table:
	table_free(t->table);
free_tracker:
	free(t);
	return rc;
}

void tracker_free(struct tracker *tracker)
{
	if (!tracker)
		return;
	pulse_release(&tracker->elsewhere);
	early_free(tracker->early);
	serving_free(tracker->serving);
	table_free(tracker->table);
	details_free(tracker->details);
	free(tracker);
}

static void give_verdict(const struct tracker *t, const struct open_attempt *a,
			 struct verdict_context *context, struct attempt *out)
{
	context->slow_accept_ns = SLOW_ACCEPT_NS;
	if (t->options.queues)
		queues_context(t->options.queues, a, context);
	verdict_attempt(a, t->details, context, out);
}

/* Hands the attempt on. The record stays the caller's to remove. */
static void finish(struct tracker *t, struct open_attempt *a, bool ended, bool evicted)
{
	struct verdict_context context = {.now_ns = t->now_ns, .ended = ended, .evicted = evicted};
	int rc;

	give_verdict(t, a, &context, &t->scratch);
	t->scratch.number = ++t->finished;
	rc = t->options.finished(t->options.context, &t->scratch);
	if (rc && !t->error)
		t->error = rc;
	if (t->options.queues)
		queues_finished(t->options.queues, a, &t->scratch);
	details_remove(t->details, a->detail);
	a->detail = TABLE_NONE;
}

static void evicted(void *context, struct open_attempt *a, bool was_evicted)
{
	finish(context, a, false, was_evicted);
}

/* Both FINs, or a RST. */
static bool is_closed(const struct open_attempt *a)
{
	const uint32_t fins = OPEN_FIN_CLIENT | OPEN_FIN_SERVER;

	return (a->flags & (OPEN_RST_CLIENT | OPEN_RST_SERVER)) || (a->flags & fins) == fins;
}

static bool is_over(const struct tracker *t, const struct open_attempt *a)
{
	int64_t idle = t->now_ns - a->touched_ns;

	if (a->flags & OPEN_QUEUED)
		return false;
	if (a->end_ns != TIME_UNKNOWN) {
		bool closed = !t->options.queues && (a->flags & OPEN_CLIENT_ACK) && is_closed(a);

		return idle > (closed ? LINGER_CLOSED_NS : LINGER_ENDED_NS);
	}
	return idle > LINGER_SILENT_NS;
}

static void sweep(struct tracker *t)
{
	uint32_t high = table_high(t->table);

	for (int i = 0; i < SWEEP_STEP && high; i++) {
		struct open_attempt *a;

		if (t->hand >= high) {
			if (t->round_events < ROUND_EVENTS)
				return;
			t->hand = 0;
			t->round_events = 0;
		}
		a = table_at(t->table, t->hand++);
		if (!(a->flags & OPEN_USED) || !is_over(t, a))
			continue;
		if (a->flags & OPEN_IDLE) {
			finish(t, a, false, false);
			table_remove(t->table, a);
		} else {
			a->flags |= OPEN_IDLE;
		}
	}
}

/* Marks a packet of an attempt that is not, or no longer, a plain handshake. */
static void mark(struct tracker *t, struct open_attempt *a, const struct event *event,
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

static void mark_if_detailed(struct tracker *t, struct open_attempt *a, const struct event *event,
			     uint64_t frame, enum mark_kind kind)
{
	if (a->detail != TABLE_NONE)
		mark(t, a, event, frame, kind);
}

static void count_up(uint16_t *counter)
{
	if (*counter < UINT16_MAX)
		++*counter;
}

static struct queue_packet packet_of(struct tracker *t, struct open_attempt *a,
				     const struct event *event)
{
	return (struct queue_packet){
	    .time_ns = event->time_ns,
	    .frame = event->segment.frame,
	    .attempt = a,
	    .index = table_index(t->table, a),
	    .details = t->details,
	};
}

static struct pulse *pulse_of(struct tracker *t, const struct open_attempt *a)
{
	struct pulse *pulse = t->options.queues ? queues_pulse(t->options.queues, a) : NULL;

	return pulse ? pulse : &t->elsewhere;
}

/* After an event that may have told of its accept(). */
static void count_accept(struct tracker *t, const struct open_attempt *a, uint32_t flags_before,
			 int64_t time_ns)
{
	int64_t wait_ns = -1;

	if (!(a->flags & ~flags_before & OPEN_ACCEPTED))
		return;
	serving_accepted(t->serving, a);
	if (a->ack_ns != TIME_UNKNOWN)
		wait_ns = time_ns > a->ack_ns ? time_ns - a->ack_ns : 0;
	pulse_accept(pulse_of(t, a), time_ns, wait_ns);
}

static void on_syn(struct tracker *t, const struct event *event, uint32_t hash)
{
	const uint32_t no_request =
	    OPEN_ENTERED | OPEN_ACCEPTED | OPEN_COOKIE | OPEN_REQUEST_RESET | OPEN_ABORTED;
	const struct segment *s = &event->segment;
	struct open_attempt *a = NULL;
	bool challenged = false;

	for (struct open_attempt *o = table_first(t->table, hash); o; o = table_next(t->table, o)) {
		if (!flow_equal(&o->flow, &s->flow))
			continue;
		if (o->isn == s->seq)
			a = o;
		else if (o->synacks && !(o->flags & no_request))
			challenged = true;
	}
	if (a) {
		/* A copy or a retransmission. */
		a->flags &= ~(uint32_t)OPEN_IDLE;
		mark(t, a, event, s->frame, MARK_SYN);
		count_up(&a->syns);
		a->last_syn_ns = event->time_ns;
		if (event->time_ns > a->touched_ns)
			a->touched_ns = event->time_ns;
	} else {
		a = table_add(t->table, &s->flow, hash, evicted, t);
		if (!a)
			return;
		a->isn = s->seq;
		a->syns = 1;
		a->syn_ns = a->last_syn_ns = a->touched_ns = event->time_ns;
		t->begun++;
		if (table_count(t->table) > t->open_peak)
			t->open_peak = table_count(t->table);
	}
	a->flags |= OPEN_SYN_PENDING;
	a->flags &= ~(uint32_t)OPEN_CHALLENGED;
	if (challenged)
		a->flags |= OPEN_CHALLENGED;
	if (t->options.queues) {
		struct queue_packet packet = packet_of(t, a, event);

		queues_syn(t->options.queues, &packet, s);
	}
	pulse_syn(pulse_of(t, a), event->time_ns, a->syns == 1);
}

/* A SYN-ACK belongs to the attempt whose SYN, or SYN with data, it acknowledges. */
static struct open_attempt *find_for_syn_ack(struct tracker *t, const struct segment *s,
					     uint32_t hash)
{
	struct open_attempt *a;

	for (a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if (s->ack - a->isn - 1 <= SYN_DATA_MAX && flow_is_reverse(&a->flow, &s->flow))
			return a;
	return NULL;
}

static void on_syn_ack(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	a->flags &= ~(uint32_t)(OPEN_SYN_PENDING | OPEN_IDLE);
	if (s->ack - a->isn > 1)
		a->flags |= OPEN_FASTOPEN;
	if (a->synacks) {
		mark(t, a, event, s->frame, MARK_SYN_ACK);
	} else {
		mark_if_detailed(t, a, event, s->frame, MARK_SYN_ACK);
		a->synack_ns = event->time_ns;
	}
	count_up(&a->synacks);
	if (a->flags & OPEN_CLIENT_ACK) {
		a->flags |= OPEN_SYNACK_AFTER_ACK;
	} else {
		a->last_synack_ns = event->time_ns;
		a->server_isn = s->seq;
	}
	if (event->time_ns > a->touched_ns)
		a->touched_ns = event->time_ns;
	if (t->options.queues) {
		struct queue_packet packet = packet_of(t, a, event);

		queues_syn_ack(t->options.queues, &packet, s);
	}
}

/* The first FIN or RST is the end of the attempt's connection. */
static void set_end(struct open_attempt *a, int64_t time_ns)
{
	if (a->end_ns == TIME_UNKNOWN)
		a->end_ns = time_ns;
	a->touched_ns = time_ns > a->touched_ns ? time_ns : a->touched_ns;
}

/* accept() returned it in (after_ns, before_ns], or what is known of it already is closer. */
static void bound_accept(struct tracker *t, struct open_attempt *a, int64_t after_ns,
			 int64_t before_ns)
{
	struct detail *d = details_open(t->details, a);

	if (!d || d->exact)
		return;
	d->served = true;
	if (after_ns < a->ack_ns)
		after_ns = a->ack_ns;
	if (d->accept_before_ns == TIME_UNKNOWN || before_ns < d->accept_before_ns)
		d->accept_before_ns = before_ns;
	if (after_ns > d->accept_after_ns && after_ns <= d->accept_before_ns)
		d->accept_after_ns = after_ns;
}

static void take_child(struct tracker *t, const struct event *event, struct open_attempt *a,
		       const struct child *child)
{
	uint32_t flags_before = a->flags;
	struct queue_packet packet;

	/* By a FIN it may be known already; the last proof that it waited is news then. */
	if (child_accepted(child))
		bound_accept(t, a, child->waiting_ns, event->time_ns);
	packet = packet_of(t, a, event);
	packet.frame = 0;
	queues_child(t->options.queues, &packet, child);
	count_accept(t, a, flags_before, event->time_ns);
}

/* Only who has accepted it can send data, or close it: what a listener closes on is reset. */
static void server_spoke(struct tracker *t, struct open_attempt *a, const struct event *event)
{
	if (!t->options.queues || (a->flags & (OPEN_ACCEPTED | OPEN_FASTOPEN)) ||
	    !queues_accept_sampled(t->options.queues, a))
		return;
	take_child(t, event, a,
		   &(struct child){
		       .flow = a->flow,
		       .before_ns = event->time_ns,
		       .waiting_ns = TIME_UNKNOWN,
		       .state = 4, /* FIN_WAIT1 */
		   });
}

static void on_client_segment(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	if (!(s->flags & TCP_FLAG_ACK)) {
		if (t->options.queues && !(a->flags & (OPEN_ENTERED | OPEN_ACCEPTED)))
			queues_other_segment(t->options.queues, event->time_ns, s);
		return;
	}
	if (a->synacks && !(a->flags & (OPEN_CLIENT_ACK | OPEN_REQUEST_RESET))) {
		if ((int32_t)(s->ack - a->server_isn) <= 0)
			return; /* acknowledges something else */
		a->flags |= OPEN_CLIENT_ACK;
		a->ack_ns = event->time_ns;
		a->touched_ns = event->time_ns;
		mark_if_detailed(t, a, event, s->frame, MARK_ACK);
		pulse_handshake(pulse_of(t, a), a->ack_ns, a->ack_ns - a->syn_ns);
	} else if (a->synacks && (int32_t)(s->ack - a->server_isn) > 1) {
		server_spoke(t, a, event);
	} else if (t->options.queues && s->payload && s->seq == a->isn + 1 &&
		   (a->flags & OPEN_CLIENT_DATA) &&
		   !(a->flags & (OPEN_SERVER_ALIVE | OPEN_ACCEPTED))) {
		struct queue_packet packet = packet_of(t, a, event);

		queues_unheard(t->options.queues, &packet);
	}
	if (event->time_ns != a->ack_ns &&
	    ((a->flags & (OPEN_SYNACK_AFTER_ACK | OPEN_ACK_DROPPED)) ||
	     (a->flags & (OPEN_DEFERRED | OPEN_ENTERED)) == OPEN_DEFERRED) &&
	    !(a->flags & OPEN_SERVER_ALIVE)) {
		/* It is, or may be, a final ACK again. */
		a->flags |= s->payload ? OPEN_CLIENT_DATA : 0;
		mark(t, a, event, s->frame, s->payload ? MARK_DATA : MARK_ACK);
		if (event->time_ns > a->touched_ns)
			a->touched_ns = event->time_ns;
	}
	if (s->payload && !(a->flags & OPEN_CLIENT_DATA)) {
		a->flags |= OPEN_CLIENT_DATA;
		mark_if_detailed(t, a, event, s->frame, MARK_DATA);
	}
	if (t->options.queues && (a->flags & OPEN_CLIENT_ACK)) {
		struct queue_packet packet = packet_of(t, a, event);

		queues_client_ack(t->options.queues, &packet, s);
	}
	if ((s->flags & TCP_FLAG_FIN) && !(a->flags & OPEN_FIN_CLIENT)) {
		a->flags |= OPEN_FIN_CLIENT;
		mark_if_detailed(t, a, event, s->frame, MARK_FIN_CLIENT);
		set_end(a, event->time_ns);
	}
}

static void on_server_segment(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	const struct segment *s = &event->segment;

	if (!a->synacks) {
		/* A bare ACK to a SYN: TIME_WAIT or a live connection with this 4-tuple. */
		if ((s->flags & TCP_FLAG_ACK) && (a->flags & OPEN_SYN_PENDING)) {
			a->flags |= OPEN_CHALLENGED;
			a->flags &= ~(uint32_t)OPEN_SYN_PENDING;
		}
		return;
	}
	if (!(a->flags & OPEN_CLIENT_ACK))
		return;
	if (!(a->flags & OPEN_SERVER_ALIVE)) {
		/* A request socket and a cookie say nothing but SYN-ACKs. */
		a->flags |= OPEN_SERVER_ALIVE;
		if (t->options.queues) {
			struct queue_packet packet = packet_of(t, a, event);

			queues_server_alive(t->options.queues, &packet);
		}
		if (s->payload)
			mark_if_detailed(t, a, event, s->frame, MARK_SERVER_DATA);
	}
	if ((s->flags & TCP_FLAG_FIN) && !(a->flags & OPEN_FIN_SERVER)) {
		a->flags |= OPEN_FIN_SERVER;
		mark_if_detailed(t, a, event, s->frame, MARK_FIN_SERVER);
		set_end(a, event->time_ns);
		server_spoke(t, a, event);
	}
}

/*
 * The attempt that a segment without SYN belongs to: of those of its 4-tuple the
 * one that began last. *from_client says which side sent it.
 */
static struct open_attempt *find(struct tracker *t, const struct segment *s, uint32_t hash,
				 bool *from_client)
{
	struct open_attempt *best = NULL;

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a)) {
		bool forward = flow_equal(&a->flow, &s->flow);

		if (!forward && !flow_is_reverse(&a->flow, &s->flow))
			continue;
		if (best && best->syn_ns > a->syn_ns)
			continue;
		best = a;
		*from_client = forward;
	}
	return best;
}

static void take_reset(struct tracker *t, const struct event *event, struct open_attempt *a)
{
	bool from_client = flow_equal(&a->flow, &event->segment.flow);

	if (a->flags & (OPEN_RST_SERVER | OPEN_RST_CLIENT))
		return;
	a->flags |= from_client ? OPEN_RST_CLIENT : OPEN_RST_SERVER;
	if (!from_client)
		a->flags &= ~(uint32_t)OPEN_SYN_PENDING;
	mark_if_detailed(t, a, event, event->segment.frame,
			 from_client ? MARK_RST_CLIENT : MARK_RST_SERVER);
	set_end(a, event->time_ns);
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
	bool ended;

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if (a->synacks && !(a->flags & (OPEN_CLIENT_ACK | OPEN_REQUEST_RESET)) &&
		    s->seq == a->isn + 1 && flow_equal(&a->flow, flow))
			met = a;
	ended = met->end_ns != TIME_UNKNOWN;
	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if ((a == chosen || !(a->flags & OPEN_CLIENT_ACK)) &&
		    (flow_equal(&a->flow, flow) || flow_equal(&a->flow, &reverse)))
			take_reset(t, event, a);
	if (!t->options.queues)
		return;
	packet = packet_of(t, met, event);
	if (flow_equal(&met->flow, flow))
		queues_client_reset(t->options.queues, &packet, s);
	else
		queues_server_reset(t->options.queues, &packet, s, ended);
}

static void on_segment(struct tracker *t, const struct event *event);

/* What the capture has before the segment that it answers, now that this is here. */
static void replay(struct tracker *t, const struct event *like, const struct early_segments *early)
{
	struct event event = {.kind = EVENT_SEGMENT, .source = like->source};

	if (early->stray)
		t->other_segments -= early->count;
	for (uint32_t i = 0; i < early->count; i++) {
		event.time_ns = early->time_ns[i];
		event.segment = early->segments[i];
		on_segment(t, &event);
	}
}

static void on_segment(struct tracker *t, const struct event *event)
{
	const struct segment *s = &event->segment;
	const uint8_t flags =
	    s->flags & (TCP_FLAG_SYN | TCP_FLAG_ACK | TCP_FLAG_RST | TCP_FLAG_FIN);
	uint32_t hash = table_hash(t->table, &s->flow);
	struct early_segments early;
	struct open_attempt *a;
	bool from_client = false;

	if (flags == TCP_FLAG_SYN) {
		on_syn(t, event, hash);
		if (early_take_syn(t->early, hash, event, &early))
			replay(t, event, &early);
		return;
	}
	if (flags == (TCP_FLAG_SYN | TCP_FLAG_ACK)) {
		a = find_for_syn_ack(t, s, hash);
		if (a) {
			on_syn_ack(t, event, a);
			if (early_take_syn_ack(t->early, hash, event, &early))
				replay(t, event, &early);
			return;
		}
	}
	a = find(t, s, hash, &from_client);
	/* An earlier connection may have had these addresses. */
	if (!a || flags == (TCP_FLAG_SYN | TCP_FLAG_ACK)) {
		t->other_segments++;
		early_stray(t->early, hash, event);
	}
	if (!a) {
		if (t->options.queues)
			queues_other_segment(t->options.queues, event->time_ns, s);
		return;
	}
	a->flags &= ~(uint32_t)OPEN_IDLE;
	if (flags & TCP_FLAG_RST) {
		on_reset(t, event, hash, a);
	} else if (from_client) {
		on_client_segment(t, event, a);
		if (!a->synacks && (flags & TCP_FLAG_ACK))
			early_ack(t->early, hash, event);
	} else if (!(flags & TCP_FLAG_SYN)) {
		on_server_segment(t, event, a);
	}
}

static struct open_attempt *find_flow(struct tracker *t, const struct flow *client_to_server)
{
	struct open_attempt *best = NULL;
	uint32_t hash = table_hash(t->table, client_to_server);

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if (flow_equal(&a->flow, client_to_server) && (!best || a->syn_ns > best->syn_ns))
			best = a;
	return best;
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

static void on_icmp(struct tracker *t, const struct event *event)
{
	const struct icmp_error *icmp = &event->icmp;
	struct open_attempt *a = find_flow(t, &icmp->flow);

	if (!a) {
		/* About a SYN-ACK? */
		struct flow reverse = flow_reverse(&icmp->flow);

		a = find_flow(t, &reverse);
		if (!a || !a->synacks || a->server_isn != icmp->seq ||
		    (a->flags & (OPEN_CLIENT_ACK | OPEN_ICMP)))
			return;
		a->flags |= OPEN_ICMP;
		mark(t, a, event, icmp->frame, MARK_ICMP);
		if (t->options.queues && ends_request(icmp)) {
			struct queue_packet packet = packet_of(t, a, event);

			packet.frame = icmp->frame;
			queues_request_error(t->options.queues, &packet);
		}
		return;
	}
	if (a->isn != icmp->seq || a->synacks)
		return;
	a->flags |= OPEN_ICMP;
	a->flags &= ~(uint32_t)OPEN_SYN_PENDING;
	mark(t, a, event, icmp->frame, MARK_ICMP);
	a->touched_ns = event->time_ns;
}

static void on_accept(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = find_flow(t, &event->accept.flow);
	uint32_t flags_before;
	struct detail *d;

	if (!a) {
		t->other_segments++;
		return;
	}
	flags_before = a->flags;
	d = details_open(t->details, a);
	if (d) {
		d->served = true;
		d->exact = true;
		d->accept_ns = d->accept_before_ns = event->time_ns;
		d->accept_pid = event->accept.pid;
		/* Not before the ACK that finished the handshake, nor before accept() was called.
		 */
		d->accept_after_ns =
		    event->accept.before_ns > a->ack_ns ? event->accept.before_ns : a->ack_ns;
	}
	if (t->options.queues) {
		struct queue_packet packet = packet_of(t, a, event);

		packet.frame = 0;
		queues_accept(t->options.queues, &packet,
			      event->accept.before_ns > a->ack_ns ? event->accept.before_ns
								  : a->ack_ns);
	}
	a->flags |= OPEN_ACCEPTED;
	a->flags &= ~(uint32_t)OPEN_QUEUED;
	a->touched_ns = event->time_ns;
	count_accept(t, a, flags_before, event->time_ns);
}

static void on_server_step(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = find_flow(t, &event->step.flow);
	struct detail *d = a ? details_open(t->details, a) : NULL;

	if (!d)
		return;
	d->served = true;
	switch ((int)event->kind) {
	case EVENT_FORK:
		d->fork_ns = event->time_ns;
		d->child_pid = event->step.pid;
		d->child_inferred = false;
		serving_forked_for(t->serving, a, event->step.pid, event->time_ns);
		break;
	case EVENT_FIRST_BYTE:
		d->first_byte_ns = event->time_ns;
		break;
	case EVENT_REPLY:
		d->reply_ns = event->time_ns;
		break;
	case EVENT_CLOSE:
		d->close_ns = event->time_ns;
		break;
	default:
		break;
	}
	if (event->time_ns > a->touched_ns)
		a->touched_ns = event->time_ns;
}

static void on_child(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = find_flow(t, &event->child.flow);

	if (a && t->options.queues)
		take_child(t, event, a, &event->child);
}

int tracker_event(struct tracker *tracker, const struct event *event)
{
	if (event->time_ns > tracker->now_ns)
		tracker->now_ns = event->time_ns;
	if (tracker->options.queues && tracker->now_ns - tracker->aged_ns > AGE_NS) {
		tracker->aged_ns = tracker->now_ns;
		queues_age(tracker->options.queues, tracker->now_ns, tracker->table,
			   tracker->details);
		serving_settle(tracker->serving, tracker->now_ns);
	}
	switch (event->kind) {
	case EVENT_SEGMENT:
		on_segment(tracker, event);
		break;
	case EVENT_ICMP:
		on_icmp(tracker, event);
		break;
	case EVENT_ACCEPT:
		on_accept(tracker, event);
		break;
	case EVENT_FORK:
	case EVENT_FIRST_BYTE:
	case EVENT_REPLY:
	case EVENT_CLOSE:
		on_server_step(tracker, event);
		break;
	case EVENT_CHILD:
		on_child(tracker, event);
		break;
	case EVENT_LISTENER:
	case EVENT_LISTEN:
	case EVENT_SAMPLE:
	case EVENT_HALF_OPEN:
	case EVENT_COUNTERS:
		if (tracker->options.queues)
			queues_event(tracker->options.queues, event, tracker->table,
				     tracker->details);
		break;
	case EVENT_PROC_FORK:
		serving_fork(tracker->serving, &event->proc_fork, event->time_ns);
		break;
	case EVENT_PROC_EXIT:
		serving_exit(tracker->serving, event->proc_exit.pid, event->time_ns);
		break;
	case EVENT_EXIT:
		serving_exit(tracker->serving, event->exit.pid, event->time_ns);
		break;
	case EVENT_HOLDER:
		serving_holder(tracker->serving,
			       event->holder.inode ? find_flow(tracker, &event->holder.flow) : NULL,
			       &event->holder);
		break;
	case EVENT_LOSS:
	case EVENT_KIND_COUNT:
		break;
	}
	tracker->round_events++;
	if (event->kind != EVENT_SEGMENT || event->segment.flags == TCP_FLAG_SYN)
		sweep(tracker);
	return tracker->error;
}

static int by_first_syn(const void *x, const void *y)
{
	const struct open_attempt *a = *(struct open_attempt *const *)x;
	const struct open_attempt *b = *(struct open_attempt *const *)y;

	if (a->syn_ns != b->syn_ns)
		return a->syn_ns < b->syn_ns ? -1 : 1;
	return a < b ? -1 : a > b;
}

int tracker_finish(struct tracker *tracker, int64_t end_ns)
{
	uint32_t high = table_high(tracker->table), n = 0;
	struct open_attempt **open = malloc(((size_t)high + 1) * sizeof(*open));

	if (!open)
		return -ENOMEM;
	if (end_ns > tracker->now_ns)
		tracker->now_ns = end_ns;
	if (tracker->options.queues)
		queues_end(tracker->options.queues, tracker->table, tracker->details,
			   tracker->now_ns);
	serving_settle(tracker->serving, INT64_MAX);
	for (uint32_t i = 0; i < high; i++) {
		struct open_attempt *a = table_at(tracker->table, i);

		if (a->flags & OPEN_USED)
			open[n++] = a;
	}
	qsort(open, n, sizeof(*open), by_first_syn);
	for (uint32_t i = 0; i < n; i++) {
		finish(tracker, open[i], !is_over(tracker, open[i]), false);
		open[i]->flags &= ~(uint32_t)OPEN_USED; /* its chain goes with the table */
	}
	free(open);
	return tracker->error;
}

int tracker_unsettled(const struct tracker *tracker,
		      int (*fn)(void *context, const struct flow *client_to_server), void *context)
{
	const uint32_t settled =
	    OPEN_ACCEPTED | OPEN_RST_CLIENT | OPEN_RST_SERVER | OPEN_SERVER_ALIVE;

	for (uint32_t i = 0; i < table_high(tracker->table); i++) {
		const struct open_attempt *a = table_at(tracker->table, i);
		int rc;

		if (!(a->flags & OPEN_USED) || !(a->flags & OPEN_CLIENT_ACK) ||
		    (a->flags & settled) || a->listener == TABLE_NONE)
			continue;
		rc = fn(context, &a->flow);
		if (rc)
			return rc;
	}
	return 0;
}

void tracker_each_open(const struct tracker *tracker,
		       void (*fn)(void *context, const struct open_attempt *open,
				  const struct detail *detail),
		       void *context)
{
	for (uint32_t i = 0; i < table_high(tracker->table); i++) {
		const struct open_attempt *a = table_at(tracker->table, i);

		if (a->flags & OPEN_USED)
			fn(context, a, details_at(tracker->details, a->detail));
	}
}

void tracker_look(const struct tracker *tracker, const struct open_attempt *open, int64_t now_ns,
		  struct attempt *out)
{
	struct verdict_context context = {.now_ns = now_ns, .ended = !is_over(tracker, open)};

	give_verdict(tracker, open, &context, out);
	out->number = 0;
}

struct pulse *tracker_elsewhere(struct tracker *tracker)
{
	return &tracker->elsewhere;
}

void tracker_stats(const struct tracker *tracker, struct tracker_stats *stats)
{
	*stats = (struct tracker_stats){
	    .attempts = tracker->begun,
	    .other_segments = tracker->other_segments,
	    .open = table_count(tracker->table),
	    .open_peak = tracker->open_peak,
	    .open_max = table_max(tracker->table),
	    .evicted = table_evicted(tracker->table),
	    .details_refused = details_refused(tracker->details),
	    .marks_refused = details_marks_refused(tracker->details),
	};
}
