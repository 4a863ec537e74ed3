/*
 * The queues of all watched listeners, and what a packet of a handshake means there.
 * Resets are in resets.c, accepts and lookups in accepts.c.
 */
#include "report/queue/queues.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/queue/parts.h"
#include "report/queue/reconcile.h"

int queues_new(const struct queues_options *options, struct queues **out)
{
	struct queues *q = calloc(1, sizeof(*q));
	int rc;

	if (!q)
		return -ENOMEM;
	rc = timestamps_new(options->host.monotonic_offset_ns, &q->timestamps);
	if (rc) {
		free(q);
		return rc;
	}
	q->host = options->host;
	q->children_looked_up = options->children_looked_up;
	q->lo_only = options->lo_only;
	q->devices.captured = options->interface_index;
	q->devices.captured_alone = options->interface_alone;
	q->devices.captured_lo = options->lo_only;
	q->entries_told = options->entries_told;
	q->drops_told = options->entries_told && options->drops_told;
	q->forks_told = options->forks_told;
	q->targets = options->targets;
	q->targets_count = options->targets_count;
	q->rates = options->rates;
	q->live_slots = options->live_slots;
	q->reasons.listening = &q->listening;
	q->window = (struct queue_window){
	    .from_ns = INT64_MIN, .to_ns = INT64_MAX, .blind = options->blind};
	*out = q;
	return 0;
}

void queues_free(struct queues *queues)
{
	if (!queues)
		return;
	listening_release(&queues->listening);
	devices_release(&queues->devices);
	reasons_release(&queues->reasons);
	timestamps_free(queues->timestamps);
	free(queues->report);
	free(queues->report_owners);
	free(queues);
}

/*
 * Who listens where another one did is mostly the same server. It is only what a bare ACK is taken
 * for at first: what it was, its counter tells.
 */
static int32_t defers_as_before(const struct queues *queues, const struct listener *listener)
{
	for (size_t i = queues->listening.count; i-- > 0;) {
		const struct queue *q = queues->listening.queues[i];

		if (q->defers_s > 0 && endpoint_equal(&q->listener.local, &listener->local))
			return q->defers_s;
	}
	return -1;
}

static struct queue *add(struct queues *queues, const struct listener *listener)
{
	struct queue *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	queue_init(q, listener, &queues->host, &queues->window);
	q->tenures.forks_told = queues->forks_told;
	q->reasons = &queues->reasons;
	rate_counter_init(&q->counter, queues->rates, queues->live_slots);
	q->waiting.observer = &queues->accept_observer;
	q->accept_visible = queues->children_looked_up;
	q->defers_s = listener->defer_accept_s < 0 ? defers_as_before(queues, listener)
						   : listener->defer_accept_s;
	if (listening_add(&queues->listening, q))
		return q;
	queue_release(q);
	free(q);
	return NULL;
}

/* A listener that only the server reported yet gets its cookie now. */
static struct queue *adopt(struct queues *queues, const struct listener *listener)
{
	struct queue *q = listening_nameless(&queues->listening, &listener->local);

	if (q)
		listening_update(&queues->listening, q, listener);
	return q;
}

static void on_listener(struct queues *queues, const struct listener *listener, int64_t time_ns,
			struct table *table, struct details *details)
{
	struct queue *q = listening_by_cookie(&queues->listening, listener->cookie);

	if (!q)
		q = adopt(queues, listener);
	if (!q) {
		q = add(queues, listener);
		/* Where BPF programs tell of each listener, it is found when it begins. */
		if (q && q->leader != q && !queues->entries_told)
			queue_meet_sibling(q->leader, table);
	}
	if (!q)
		return;
	if (listener->defer_accept_s >= 0)
		q->defers_s = listener->defer_accept_s;
	switch (listener->change) {
	case LISTENER_CHANGED:
		if (q->closed) {
			/* Its owners were found when it was not yet known to be closed. */
			q->listener = *listener;
			return;
		}
		/* fall through */
	case LISTENER_SEEN:
		if (q->seen_ns == TIME_UNKNOWN)
			q->seen_ns = time_ns;
		listening_update(&queues->listening, q, listener);
		limits_take(&q->limits, listener->limit, time_ns);
		queues_learn_owners(queues, q, listener, time_ns);
		q->over = false;
		break;
	case LISTENER_CLOSED:
		queues_close(queues, q, time_ns, table, details);
		break;
	}
}

static void on_listen(struct queues *queues, const struct event *event)
{
	const struct server_listen *listen = &event->listen;
	struct queue *q = listening_at(&queues->listening, &listen->local);

	if (!q) {
		/* sock_diag may follow, or be off: the limit is what listen() makes of it. */
		struct listener listener = {
		    .local = listen->local,
		    .limit = (uint32_t)listen->backlog,
		    .defer_accept_s = -1,
		    .fastopen = -1,
		    .pids_count = 1,
		    .pids = {listen->pid},
		};

		if (queues->host.somaxconn >= 0 &&
		    (uint64_t)listener.limit > (uint64_t)queues->host.somaxconn)
			listener.limit = (uint32_t)queues->host.somaxconn;
		q = add(queues, &listener);
	}
	if (!q)
		return;
	limits_take(&q->limits, q->listener.limit, event->time_ns);
	queues_owner(queues,
		     &(struct owner_change){.cookie = q->listener.cookie,
					    .before_ns = TIME_UNKNOWN,
					    .pid = listen->pid,
					    .owns = true},
		     event->time_ns, TIME_UNKNOWN, 0);
	q->backlog = listen->backlog;
	q->accept_exact = q->accept_visible = true;
}

void queues_event(struct queues *queues, const struct event *event, struct table *table,
		  struct details *details)
{
	static const struct open_attempt nobody = {.listener = LISTENER_NONE};
	struct queue *q;

	switch ((int)event->kind) {
	case EVENT_LISTENER:
		on_listener(queues, &event->listener, event->time_ns, table, details);
		break;
	case EVENT_LISTEN:
		on_listen(queues, event);
		break;
	case EVENT_ADDRESS:
		devices_take(&queues->devices, &event->address);
		break;
	case EVENT_SAMPLE:
		q = listening_by_cookie(&queues->listening, event->sample.cookie);
		if (q)
			queue_take_sample(q, &event->sample, event->time_ns, table, details);
		break;
	case EVENT_HALF_OPEN:
		q = listening_by_cookie(&queues->listening, event->half_open.cookie);
		if (!q)
			break;
		series_add(&q->samples.half_open_series, event->time_ns, event->half_open.count);
		q->samples.half_open = event->half_open.count;
		if (!q->grouped && q->arrivals.count == 0)
			q->now.half_open = q->settled.requests = event->half_open.count;
		else if (!q->grouped)
			queue_lookup(q, ARRIVAL_COUNT, event->half_open.before_ns, event->time_ns,
				     &nobody, TABLE_NONE, FOUND_REQUEST, event->half_open.count);
		break;
	case EVENT_COUNTERS:
		if (event->counters.when == COUNTERS_BEFORE) {
			queues->window.from_ns = event->counters.before_ns;
			memset(queues->elsewhere, 0, sizeof(queues->elsewhere));
		} else if (event->counters.when == COUNTERS_AFTER)
			queues->window.to_ns = event->time_ns;
		for (size_t i = 0; i < queues->listening.count; i++)
			queue_take_reading(queues->listening.queues[i], event->counters.when);
		reasons_take(&queues->reasons, &event->counters, event->time_ns, table, details);
		break;
	default:
		break;
	}
}

void queues_age(struct queues *queues, int64_t now_ns, struct table *table, struct details *details)
{
	for (size_t i = 0; i < queues->listening.count; i++) {
		struct queue *q = queues->listening.queues[i];

		if (q->leader != q)
			continue;
		queue_tell_absent(queues, q, now_ns, table, details);
		queue_settle(q, now_ns, table, details);
	}
}

void queues_end(struct queues *queues, struct table *table, struct details *details, int64_t end_ns)
{
	for (size_t i = 0; i < queues->listening.count; i++)
		queue_tell_absent(queues, queues->listening.queues[i], end_ns, table, details);
	for (size_t i = 0; i < queues->listening.count; i++) {
		struct queue *q = queues->listening.queues[i];

		if (!q->closed)
			gaps_end(&q->samples.gaps, end_ns);
		queue_end(q, end_ns, table, details);
	}
	reasons_end(&queues->reasons, table, details);
}

/* A client of this namespace: its SYN retransmissions are in TCPSynRetrans too. */
static bool is_local_client(const struct queues *queues, const struct segment *s)
{
	return queues->lo_only || s->outgoing || address_equal(&s->flow.saddr, &s->flow.daddr);
}

struct queue *queues_reached(const struct queues *queues, const struct segment *s, bool *doubt)
{
	struct endpoint destination = flow_destination(&s->flow);
	struct packet_device from =
	    devices_of(&queues->devices, s->device, s->loopback, &destination.address);

	return listening_for(&queues->listening, &destination, from, doubt);
}

struct queue *queues_reached_by(const struct queues *queues, const struct open_attempt *a)
{
	const struct segment syn = {.flow = a->flow, .device = a->device >> 1};

	return queues_reached(queues, &syn, NULL);
}

struct queue *queues_answering(const struct queues *queues, const struct endpoint *local)
{
	return listening_for(&queues->listening, local, (struct packet_device){0}, NULL);
}

void queues_syn_moved(struct queues *queues, const struct queue_packet *packet,
		      const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);

	if (!queues->listening.bound || a->transparent || a->syns > 1 || a->synacks ||
	    (q && q == queues_reached(queues, segment, NULL)))
		return;
	queues_give_back(queues, packet);
	queues_syn(queues, packet, segment);
}

/*
 * Where it is not known which of several listeners this packet met, any of them may have dropped
 * it, or have taken its client in.
 */
static void doubt_others(struct queues *queues, const struct queue_packet *packet, bool enters)
{
	if (!queues->listening.bound && !packet->attempt->transparent)
		return;
	if (queues->reasons.budget.begun)
		budget_doubt(
		    &queues->reasons.budget,
		    (struct budget_time){packet->time_ns, packet->time_ns + CAPTURE_LEAD_MAX_NS});
	if (enters)
		queues_doubt(queues, packet->attempt->flow.dport, packet->time_ns);
}

void queues_syn(struct queues *queues, const struct queue_packet *packet,
		const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	enum arrival_kind kind = ARRIVAL_SYN;
	bool doubt = false;
	struct arrival *arrival;

	if (!q) {
		q = a->transparent ? listening_transparent(&queues->listening)
				   : queues_reached(queues, segment, &doubt);
		queues->undecided += doubt && a->syns == 1;
		if (doubt)
			doubt_others(queues, packet, segment->payload); /* TCP Fast Open */
		if (q) {
			a->listener = (uint16_t)q->index;
			q->sums.attempts++;
		}
	} else if (q->over && !open_has_child(a)) {
		q = queues_move_on(queues, q, a);
	}
	if ((a->syns > 1 || open_knows(a, KNOWN_BEFORE)) && is_local_client(queues, segment)) {
		/* Its client counts it, whoever listens. */
		if (q)
			queue_tally(q, TALLY_LOCAL_SYN_REPEATED, packet->time_ns, 1);
		else
			queues_own_syn_again(queues, packet->time_ns);
	}
	if (!q)
		return;
	if (open_has_child(a))
		return; /* its socket takes it, not the listener */
	if (open_has_request(a) && !open_was_reset(a))
		kind = ARRIVAL_REPEAT;
	arrival = queue_arrive(q, kind, packet->time_ns, a, packet->index);
	/* On lo all SYNs of a burst are seen before the first SYN-ACK: count requests ahead. */
	if (arrival) {
		arrival->challenged = open_saw(a, SEEN_CHALLENGE);
		arrival->window_scale = segment->window_scale;
	}
	if (arrival && kind == ARRIVAL_SYN && !queue_is_full(q) &&
	    !queue_wants_cookie(q, arrival->half_open)) {
		arrival->requested = true;
		q->now.half_open++;
	}
}

/*
 * inet_request_bound_dev_if(): a connection is bound as its listener is. But that of a link-local
 * client is bound to where it came from (tcp_v6_init_req()), and with tcp_l3mdev_accept to its VRF.
 */
static bool is_bound_as_listener(const struct queue *q, const struct open_attempt *a)
{
	const uint8_t *client = a->flow.saddr.bytes;

	if (!q->listener.interface)
		return true;
	return !(client[0] == 0xfe && (client[1] & 0xc0) == 0x80) &&
	       (q->listener.interface == LOOPBACK_INDEX || !q->listener.device_ports_count);
}

void queues_decide(struct queues *queues, const struct queue_packet *packet, uint32_t bound)
{
	struct open_attempt *a = packet->attempt;
	struct endpoint destination = flow_destination(&a->flow);
	struct packet_device from =
	    devices_of(&queues->devices, a->device >> 1, false, &destination.address);
	bool doubt = false;
	struct queue *q;

	if (!bound || !queues->listening.bound || a->transparent || queues_of(queues, a) ||
	    listening_for(&queues->listening, &destination, from, &doubt) || !doubt)
		return;
	q = listening_bound(&queues->listening, &destination, bound - 1);
	if (!q || !is_bound_as_listener(q, a))
		return;
	a->listener = (uint16_t)q->index;
	q->sums.attempts++;
	queues->undecided -= queues->undecided > 0;
	open_move(a, MOVE_ENTER);
	a->settled = PLACE_ENTERED;
}

void queues_syn_was_repeated(struct queues *queues, const struct queue_packet *packet)
{
	struct queue *q = queues_of(queues, packet->attempt);

	if (q)
		queue_tally(q, TALLY_LOCAL_SYN_REPEATED, packet->time_ns, 1);
}

void queues_withdraw_syn(struct queues *queues, const struct queue_packet *packet)
{
	struct queue *q = queues_of(queues, packet->attempt);
	struct arrival *arrival =
	    q ? queue_find(q, ARRIVAL_SYN, packet->index, packet->attempt->isn) : NULL;

	if (!arrival || arrival->answered)
		return;
	if (arrival->requested && q->now.half_open > 0)
		q->now.half_open--;
	arrival->kind = ARRIVAL_SETTLED;
}

void queues_route(struct queues *queues, const struct queue_packet *packet, bool found)
{
	struct queue *q = queues_of(queues, packet->attempt);
	struct arrival *arrival =
	    q ? queue_find(q, ARRIVAL_SYN, packet->index, packet->attempt->isn) : NULL;

	if (arrival && arrival->time_ns == packet->attempt->last_syn_ns)
		arrival->route = found ? ROUTE_FOUND : ROUTE_MISSING;
}

bool queues_have_transparent(const struct queues *queues)
{
	return listening_transparent(&queues->listening) != NULL;
}

void queues_give_back(struct queues *queues, const struct queue_packet *packet)
{
	struct queue *q = queues_of(queues, packet->attempt);

	if (!q)
		return;
	queues_withdraw_syn(queues, packet);
	q->sums.attempts--;
	packet->attempt->listener = LISTENER_NONE;
}

const struct endpoint *queues_local(const struct queues *queues, const struct open_attempt *attempt)
{
	const struct queue *q = queues_of(queues, attempt);

	return q ? &q->listener.local : NULL;
}

void queues_own_syn_again(struct queues *queues, int64_t time_ns)
{
	if (time_ns >= queues->window.from_ns && time_ns <= queues->window.to_ns)
		queues->elsewhere[TALLY_LOCAL_SYN_REPEATED]++;
}

static void enter(struct queue *q, const struct queue_packet *packet, bool proven)
{
	struct open_attempt *a = packet->attempt;
	struct arrival *arrival = queue_arrive(q, ARRIVAL_ENTER, packet->time_ns, a, packet->index);

	if (arrival) {
		arrival->proven = proven;
		arrival->wants_place = !proven;
	}
	open_move(a, MOVE_ENTER);
	stillness_enter(&q->stillness, packet->time_ns);
	q->now.depth++;
	if (!open_knows(a, KNOWN_COOKIE) && q->now.half_open > 0)
		q->now.half_open--;
}

/*
 * A subflow goes to its MPTCP connection, and accept() never returns it. A full queue refuses
 * it all the same (tcp_v4_syn_recv_sock(), before subflow_syn_recv_sock() takes it on).
 */
static void join(struct queue *q, const struct queue_packet *packet)
{
	struct open_attempt *a = packet->attempt;
	bool full = queue_is_full(q);
	struct arrival *arrival;

	open_move(a, full ? MOVE_REFUSE : MOVE_JOIN);
	arrival = queue_arrive(q, full ? ARRIVAL_REFUSED : ARRIVAL_JOIN, packet->time_ns, a,
			       packet->index);
	if (arrival)
		arrival->proven = full;
	if (!full && !open_knows(a, KNOWN_COOKIE) && q->now.half_open > 0)
		q->now.half_open--;
}

void queues_syn_ack(struct queues *queues, const struct queue_packet *packet,
		    const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	arrival = queue_find(q, ARRIVAL_SYN, packet->index, a->isn);
	if (arrival && !arrival->answered) {
		arrival->answered = arrival->synacked = true;
		/* With a cookie the SYN's data are not taken (tcp_conn_request). */
		if (open_saw(a, SEEN_FASTOPEN))
			arrival->timestamp = TIMESTAMP_REQUEST;
		else
			queues_remember_timestamp(queues, packet, q, arrival, segment);
		if (queue_wants_cookie(q, arrival->half_open) && !open_saw(a, SEEN_FASTOPEN)) {
			open_move(a, MOVE_COOKIE);
			arrival->cookie = true;
			q->last_cookie_ns = packet->time_ns;
		} else {
			open_move(a, MOVE_REQUEST);
			if (!arrival->requested)
				q->now.half_open++;
			arrival->requested = true;
		}
		/* Fast Open: in the accept queue before any ACK (tcp_try_fastopen). */
		if (open_saw(a, SEEN_FASTOPEN) && !open_has_child(a)) {
			enter(q, packet, true);
			queues_doubt_order(queues, q->leader, packet->time_ns);
		}
		return;
	}
	arrival = queue_find(q, ARRIVAL_REPEAT, packet->index, a->isn);
	if (arrival && !arrival->answered) {
		arrival->answered = arrival->synacked = true;
		return;
	}
	/* Nobody asked: its timer sent it, so there is a request, and no cookie. */
	queue_tally(q, TALLY_SYNACK_REPEATED, packet->time_ns, 1);
	if (queues->entries_told && open_saw(a, SEEN_ENTRY))
		return; /* it was on its way when the request became a child */
	queue_prove_cookie(q, a, packet->index, packet->details, false);
	queue_lookup(q, ARRIVAL_LOOKUP, packet->time_ns + CAPTURE_LEAD_NS, packet->time_ns, a,
		     packet->index, FOUND_REQUEST, 0);
	if (open_saw(a, SEEN_JOIN)) {
		if (open_is_acknowledged(a))
			open_move(a, MOVE_SYNACK_RESENT);
		return;
	}
	if (open_is_acknowledged(a)) {
		/* And the final ACK was not taken. */
		if (open_is_queued(a))
			q->now.half_open++;
		queue_prove_refused(q, a, packet->index, packet->details, MOVE_SYNACK_RESENT);
	}
}

void queues_unseen_syn_ack(struct queues *queues, const struct queue_packet *packet,
			   const struct segment *segment)
{
	struct queue *q = queues_of(queues, packet->attempt);
	const struct arrival *arrival =
	    q ? queue_find(q, ARRIVAL_SYN, packet->index, packet->attempt->isn) : NULL;

	if (arrival && !arrival->answered)
		queues_syn_ack(queues, packet, segment);
	else if (q) /* its SYN is settled: the client is far away */
		open_move(packet->attempt, MOVE_REQUEST);
}

bool queues_doubt_entry(const struct queues *queues, const struct open_attempt *attempt)
{
	const struct queue *q = queues_of(queues, attempt);

	if (queues->entries_told && open_saw(attempt, SEEN_ENTRY))
		return false;
	if (q && queues->entries_told && open_has_child(attempt) &&
	    !open_saw(attempt, SEEN_JOIN | SEEN_FASTOPEN) && !open_knows(attempt, KNOWN_BEFORE))
		return !open_is_certain(attempt);
	if (!q || q->grouped || !q->limit_known || q->defers_s > 0 ||
	    open_saw(attempt, SEEN_JOIN) || !open_has_child(attempt) || open_is_certain(attempt))
		return false;
	if (open_knows(attempt, KNOWN_DISLIKED))
		return !q->accept_exact;
	return q->accept_exact ? open_knows(attempt, KNOWN_NEARLY_FULL)
			       : q->samples.peak >= (int64_t)q->listener.limit;
}

/* A request, if it has one, may take it for the bare ACK that TCP_DEFER_ACCEPT ignores. */
static bool is_bare(const struct open_attempt *a, const struct segment *segment)
{
	return !segment->payload && !(segment->flags & TCP_FLAG_FIN) &&
	       !open_saw(a, SEEN_SYNACK_AFTER_ACK);
}

static void take_client_ack(struct queues *queues, struct queue *q,
			    const struct queue_packet *packet, const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct arrival *arrival;

	if (open_saw(a, SEEN_JOIN)) {
		if (!open_has_child(a))
			join(q, packet);
		return;
	}
	if (open_has_child(a)) {
		arrival = queue_find(q, ARRIVAL_ENTER, packet->index, a->isn);
		if (arrival && arrival->cookie &&
		    packet->time_ns - arrival->time_ns < CAPTURE_LEAD_MAX_NS)
			queue_tally(q, TALLY_COOKIE_RACE, packet->time_ns, 1);
		if (!queues_doubt_entry(queues, a))
			return;
		arrival = queue_arrive(q, ARRIVAL_AGAIN, packet->time_ns, a, packet->index);
		if (arrival)
			arrival->wants_place = true;
		return;
	}
	if (q->defers_s > 0 && is_bare(a, segment) && !open_knows(a, KNOWN_COOKIE)) {
		open_move(a, MOVE_DEFER);
		arrival = queue_arrive(q, ARRIVAL_DEFERRED, packet->time_ns, a, packet->index);
		if (arrival)
			arrival->wants_place = arrival->deferred = true;
		return;
	}
	if (!q->limit_known || q->grouped || q->now.depth + 1 >= (int64_t)q->listener.limit)
		a->known |= KNOWN_NEARLY_FULL;
	else
		a->known &= (uint8_t)~KNOWN_NEARLY_FULL;
	if (queue_is_full(q)) {
		open_move(a, MOVE_REFUSE);
		arrival = queue_arrive(q, ARRIVAL_REFUSED, packet->time_ns, a, packet->index);
		if (arrival)
			arrival->wants_place = true;
		return;
	}
	enter(q, packet, false);
}

/*
 * A request is gone with its listener; a cookie is as good for the next one at the same place, if
 * that has sent some itself (tcp_synq_no_recent_overflow()).
 */
static struct queue *take_cookie_along(struct queues *queues, struct queue *q,
				       struct open_attempt *a)
{
	const struct queue *next = queues_reached_by(queues, a);

	if (open_has_child(a) || !open_knows(a, KNOWN_COOKIE) || !next ||
	    next->last_cookie_ns == TIME_UNKNOWN)
		return NULL;
	return queues_move_on(queues, q, a);
}

void queues_client_ack(struct queues *queues, const struct queue_packet *packet,
		       const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *arrival;

	if (!q)
		doubt_others(queues, packet, true);
	if (!q || open_is_accepted(a) || a->state == STATE_GONE || open_saw(a, SEEN_RST_CLIENT))
		return;
	if (q->over)
		q = take_cookie_along(queues, q, a);
	if (!q)
		return;
	take_client_ack(queues, q, packet, segment);
	arrival = queue_newest(q, packet->index, a->isn);
	if (!arrival || arrival->time_ns != packet->time_ns)
		return;
	arrival->ahead = segment->seq != a->isn + 1;
	arrival->bare = is_bare(a, segment);
	if (arrival->kind != ARRIVAL_ENTER)
		stillness_doubt(&q->stillness, packet->time_ns);
}

void queues_front_ack(struct queues *queues, const struct queue_packet *packet,
		      const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);
	struct arrival *arrival;

	if (!q || q->over || !(segment->options & SEGMENT_TIMESTAMP) || !open_has_request(a) ||
	    !reasons_know(&queues->reasons, COUNTER_TSECR_REJECTED)) {
		queues_client_ack(queues, packet, segment);
		return;
	}
	open_move(a, MOVE_DISLIKED);
	arrival = queue_arrive(q, ARRIVAL_STRAY, packet->time_ns, a, packet->index);
	if (arrival)
		arrival->proven = arrival->rejected = true;
}

void queues_ack_beside_data(struct queues *queues, const struct queue_packet *packet)
{
	struct queue *q = queues_of(queues, packet->attempt);

	if (q && q->defers_s > 0 && !open_knows(packet->attempt, KNOWN_COOKIE))
		queue_tally(q, TALLY_DEFERRED_RACE, packet->time_ns, 1);
}

void queues_unheard(struct queues *queues, const struct queue_packet *packet)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queues_of(queues, a);

	/*
	 * Where the queue had room, it is the network that lost the server's answer; and where its
	 * entry was told, what it sent first was dropped, and entered with what it sent later.
	 */
	if (!q || !open_is_queued(a) || !open_knows(a, KNOWN_NEARLY_FULL) ||
	    (queues->entries_told && open_saw(a, SEEN_ENTRY)))
		return;
	if (!open_knows(a, KNOWN_COOKIE))
		q->now.half_open++;
	queue_lookup(q, ARRIVAL_LOOKUP, packet->time_ns, packet->time_ns, a, packet->index,
		     FOUND_NO_CHILD, 0);
	queue_prove_refused(q, a, packet->index, packet->details, MOVE_DATA_RESENT);
}

void queues_context(const struct queues *queues, const struct open_attempt *attempt,
		    struct verdict_context *context)
{
	const struct queue *q = queues_of(queues, attempt);

	if (!q)
		return;
	context->accept_visible = q->accept_visible;
	context->accept_exact = q->accept_exact;
	context->queue_known = q->samples.count > 0;
	context->listener_closed = q->closed;
	if (!q->grouped)
		context->accepted_ns = q->last_accepted_ack_ns;
}

void queues_share(const struct queues *queues, struct attempt *out)
{
	for (uint32_t i = 0; i < out->marks_count; i++) {
		struct mark *mark = &out->marks[i];
		uint32_t dropped, packets;

		if (!reasons_share(&queues->reasons, mark, &dropped, &packets))
			continue;
		mark->among = packets < UINT16_MAX ? (uint16_t)packets : UINT16_MAX;
		mark->among_dropped = dropped < UINT16_MAX ? (uint16_t)dropped : UINT16_MAX;
	}
}

/* In the sums of its listener; of siblings, that may not be the one that keeps their arrivals. */
static void count_finished(struct queues *queues, struct queue *q, const struct attempt *attempt,
			   bool moved)
{
	q->sums.attempts += moved;
	q->sums.outcomes[attempt->outcome]++;
	for (uint32_t i = 0; i < attempt->causes_count; i++)
		if (!q->grouped || !cause_is_drop(attempt->causes[i].cause)) {
			q->sums.causes[attempt->causes[i].cause]++;
			q->sums.cause_packets[attempt->causes[i].cause] +=
			    attempt->causes[i].packets;
		}
	if (attempt->refusal && attempt->refusal != REFUSAL_POSTGRESQL_NOT_READY)
		q->sums.refusal = attempt->refusal;
	if (attempt->syns)
		q->sums.syns_again += attempt->syns - 1;
	spread_add(&q->sums.connect, attempt->connect_ns);
	spread_add(&q->sums.accept_wait, attempt->accept_wait_ns);
	latencies_add(&q->latencies, &queues->histograms, attempt);
	sizing_add(&q->sizing, attempt);
}

/* Of siblings, who dropped a packet has that cause, whichever the attempt is of. */
static void count_dropped(struct queues *queues, const struct attempt *attempt)
{
	for (uint32_t i = 0; i < attempt->marks_count; i++) {
		const struct mark *mark = &attempt->marks[i];
		struct queue *q = reasons_dropper(&queues->reasons, mark);
		bool told = false;

		if (!q || !mark->cause_known || !cause_is_drop(mark->cause))
			continue;
		for (uint32_t k = 0; k < i && !told; k++)
			told = attempt->marks[k].cause_known &&
			       attempt->marks[k].cause == mark->cause &&
			       attempt->marks[k].dropper == mark->dropper;
		q->sums.causes[mark->cause] += !told;
		q->sums.cause_packets[mark->cause]++;
	}
}

void queues_finished(struct queues *queues, struct open_attempt *open,
		     const struct attempt *attempt)
{
	struct queue *q = queues_of(queues, open);

	if (!q)
		return;
	if (attempt->listener != (int32_t)q->index)
		q->sums.attempts--;
	if (attempt->listener >= 0)
		count_finished(queues, queues->listening.queues[attempt->listener], attempt,
			       attempt->listener != (int32_t)q->index);
	else
		q->leader->sums.group_attempts++;
	if (q->leader->grouped)
		count_dropped(queues, attempt);
	/* A request that its timer gave up, or that observation lost sight of. */
	if (open->settled & PLACE_REQUEST)
		queue_miss_request(q);
	if (open_has_request(open) && !open_was_reset(open) && q->now.half_open > 0)
		q->now.half_open--;
}
