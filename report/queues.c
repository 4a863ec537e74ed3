/*
 * The queues of all watched listeners: which listener a packet is for, and what
 * its arrival means there.
 */
#include "report/queues.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/queue.h"

#define QUEUES_MAX 4096

struct queues {
	struct host host;
	bool children_looked_up;
	bool lo_only;
	struct rates *rates;
	unsigned live_slots;
	struct queue_window window;
	struct queue **queues;
	size_t count;
	size_t sampled;	    /* the last one that by_cookie() found */
	uint64_t refused;   /* beyond QUEUES_MAX */
	struct queue *last; /* of the last packet: the next is mostly for the same */
	struct report_listener *report;
};

int queues_new(const struct queues_options *options, struct queues **out)
{
	struct queues *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->host = options->host;
	q->children_looked_up = options->children_looked_up;
	q->lo_only = options->lo_only;
	q->rates = options->rates;
	q->live_slots = options->live_slots;
	q->window = (struct queue_window){.from_ns = INT64_MIN, .to_ns = INT64_MAX};
	*out = q;
	return 0;
}

void queues_free(struct queues *queues)
{
	if (!queues)
		return;
	for (size_t i = 0; i < queues->count; i++) {
		queue_release(queues->queues[i]);
		free(queues->queues[i]);
	}
	free(queues->queues);
	free(queues->report);
	free(queues);
}

static struct queue *by_cookie(struct queues *queues, uint64_t cookie)
{
	/* Each round samples all listeners in the same order: the next one is mostly the one. */
	for (size_t looked = 0, i = queues->sampled + 1; looked < queues->count; looked++, i++) {
		if (i >= queues->count)
			i = 0;
		if (queues->queues[i]->listener.cookie == cookie) {
			queues->sampled = i;
			return queues->queues[i];
		}
	}
	return NULL;
}

/* How well a listener fits a destination, as inet_lookup_listener() scores it; 0: not at all. */
static int fit(const struct listener *l, const struct endpoint *destination)
{
	static const struct address any6;

	if (l->local.port != destination->port)
		return 0;
	if (address_equal(&l->local.address, &destination->address))
		return 4;
	if (!address_is_any(&l->local.address))
		return 0;
	if (address_is_ipv4(&l->local.address))
		return address_is_ipv4(&destination->address) ? 3 : 0;
	if (address_is_ipv4(&destination->address))
		return address_equal(&l->local.address, &any6) && !l->v6only ? 1 : 0;
	return 2;
}

static struct queue *by_destination(struct queues *queues, const struct endpoint *destination)
{
	struct queue *best = NULL;
	int best_fit = 0;

	for (size_t i = 0; i < queues->count; i++) {
		struct queue *q = queues->queues[i];
		int f = q->closed ? 0 : fit(&q->listener, destination);

		if (f > best_fit) {
			best = q;
			best_fit = f;
		}
	}
	return best ? best->leader : NULL;
}

/* The queue of an attempt that queues_syn() has assigned, or NULL. */
static struct queue *queue_of(const struct queues *queues, const struct open_attempt *a)
{
	return a->listener < queues->count ? queues->queues[a->listener] : NULL;
}

static struct queue *add(struct queues *queues, const struct listener *listener)
{
	struct queue *q, **bigger;

	if (queues->count == QUEUES_MAX) {
		queues->refused++;
		return NULL;
	}
	bigger = realloc(queues->queues, (queues->count + 1) * sizeof(struct queue *));
	if (!bigger)
		return NULL;
	queues->queues = bigger;
	q = malloc(sizeof(*q));
	if (!q)
		return NULL;
	queue_init(q, listener, &queues->host, &queues->window);
	pulse_init(&q->pulse, queues->rates, queues->live_slots);
	q->index = (uint32_t)queues->count;
	q->accept_visible = queues->children_looked_up;
	/* SO_REUSEPORT: the kernel picks a sibling by a hash that packets do not show. */
	for (size_t i = 0; i < queues->count; i++) {
		struct queue *other = queues->queues[i];

		if (!other->closed && other->leader == other &&
		    other->listener.interface == listener->interface &&
		    endpoint_equal(&other->listener.local, &listener->local)) {
			q->leader = other;
			q->siblings = 0;
			other->siblings++;
			q->grouped = other->grouped = true;
			other->round_count = 0;
			break;
		}
	}
	queues->queues[queues->count++] = q;
	return q;
}

/* A listener that only the server reported yet gets its cookie now. */
static struct queue *adopt(struct queues *queues, const struct listener *listener)
{
	for (size_t i = 0; i < queues->count; i++) {
		struct queue *q = queues->queues[i];

		if (q->listener.cookie == 0 && !q->closed &&
		    endpoint_equal(&q->listener.local, &listener->local)) {
			q->listener = *listener;
			return q;
		}
	}
	return NULL;
}

static void on_listener(struct queues *queues, const struct listener *listener)
{
	struct queue *q = by_cookie(queues, listener->cookie);

	if (!q)
		q = adopt(queues, listener);
	if (!q)
		q = add(queues, listener);
	if (!q)
		return;
	switch (listener->change) {
	case LISTENER_SEEN:
	case LISTENER_CHANGED:
		q->listener = *listener;
		q->closed = false;
		break;
	case LISTENER_CLOSED:
		q->closed = true;
		if (q->leader->siblings > 1)
			q->leader->siblings--;
		q->leader->round_count = 0;
		break;
	}
}

static void on_listen(struct queues *queues, const struct event *event)
{
	const struct server_listen *listen = &event->listen;
	struct queue *q = NULL;

	for (size_t i = 0; i < queues->count && !q; i++)
		if (!queues->queues[i]->closed &&
		    endpoint_equal(&queues->queues[i]->listener.local, &listen->local))
			q = queues->queues[i];
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
	q->backlog = listen->backlog;
	q->accept_exact = q->accept_visible = true;
}

void queues_event(struct queues *queues, const struct event *event, struct table *table,
		  struct details *details)
{
	struct queue *q;

	switch ((int)event->kind) {
	case EVENT_LISTENER:
		on_listener(queues, &event->listener);
		break;
	case EVENT_LISTEN:
		on_listen(queues, event);
		break;
	case EVENT_SAMPLE:
		q = by_cookie(queues, event->sample.cookie);
		if (q)
			queue_take_sample(q, &event->sample, event->time_ns, table, details);
		break;
	case EVENT_HALF_OPEN:
		q = by_cookie(queues, event->half_open.cookie);
		if (!q)
			break;
		series_add(&q->half_open_series, event->time_ns, event->half_open.count);
		q->half_open_counted = event->half_open.count;
		if (q->siblings == 1 && q->arrivals_count == 0)
			q->half_open = event->half_open.count;
		break;
	case EVENT_COUNTERS:
		if (event->counters.when == COUNTERS_BEFORE)
			queues->window.from_ns = event->counters.before_ns;
		else if (event->counters.when == COUNTERS_AFTER)
			queues->window.to_ns = event->time_ns;
		break;
	default:
		break;
	}
}

void queues_age(struct queues *queues, int64_t now_ns, struct table *table, struct details *details)
{
	for (size_t i = 0; i < queues->count; i++)
		if (queues->queues[i]->leader == queues->queues[i])
			queue_settle(queues->queues[i], now_ns, table, details);
}

void queues_end(struct queues *queues, struct table *table, struct details *details, int64_t end_ns)
{
	for (size_t i = 0; i < queues->count; i++)
		queue_end(queues->queues[i], end_ns, table, details);
}

/* A client of this namespace: its SYN retransmissions are in TCPSynRetrans too. */
static bool is_local_client(const struct queues *queues, const struct segment *s)
{
	return queues->lo_only || s->outgoing || address_equal(&s->flow.saddr, &s->flow.daddr);
}

/* tcp_conn_request(): cookies always, or the SYN queue full when this SYN came. */
static bool wants_cookie(const struct queue *q, const struct arrival *arrival)
{
	if (q->host->tcp_syncookies == 2)
		return true;
	return q->host->tcp_syncookies == 1 && q->limit_known && q->siblings == 1 &&
	       arrival->half_open > q->listener.limit;
}

void queues_syn(struct queues *queues, const struct queue_packet *packet,
		const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct endpoint destination = flow_destination(&a->flow);
	struct queue *q = queue_of(queues, a);
	enum arrival_kind kind = ARRIVAL_SYN;
	struct arrival *arrival;

	if (!q) {
		q = by_destination(queues, &destination);
		if (!q)
			return;
		a->listener = q->index;
		q->attempts++;
	}
	if (a->syns > 1 && is_local_client(queues, segment))
		queue_tally(q, TALLY_LOCAL_SYN_REPEATED, packet->time_ns, 1);
	if (a->flags & (OPEN_ENTERED | OPEN_ACCEPTED))
		return; /* its socket takes it, not the listener */
	if (a->synacks && !(a->flags & (OPEN_COOKIE | OPEN_RST_SERVER | OPEN_RST_CLIENT)))
		kind = ARRIVAL_REPEAT;
	arrival = queue_arrive(q, kind, packet->time_ns, a, packet->index);
	/* On lo all SYNs of a burst are seen before the first SYN-ACK: count requests ahead. */
	if (arrival)
		arrival->challenged = a->flags & OPEN_CHALLENGED;
	if (arrival && kind == ARRIVAL_SYN && !queue_is_full(q) && !wants_cookie(q, arrival)) {
		arrival->requested = true;
		q->half_open++;
	}
}

static void enter(struct queue *q, const struct queue_packet *packet, bool proven)
{
	struct open_attempt *a = packet->attempt;
	struct arrival *arrival = queue_arrive(q, ARRIVAL_ENTER, packet->time_ns, a, packet->index);

	if (arrival)
		arrival->proven = proven;
	a->flags |= OPEN_ENTERED | OPEN_QUEUED;
	a->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
	q->depth++;
	if (!(a->flags & OPEN_COOKIE) && q->half_open > 0)
		q->half_open--;
}

void queues_syn_ack(struct queues *queues, const struct queue_packet *packet,
		    const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);
	struct arrival *arrival;

	(void)segment;
	if (!q)
		return;
	arrival = queue_find(q, ARRIVAL_SYN, packet->index, a->isn);
	if (arrival && !arrival->answered) {
		arrival->answered = true;
		if (wants_cookie(q, arrival)) {
			a->flags |= OPEN_COOKIE;
			arrival->cookie = true;
			q->last_cookie_ns = packet->time_ns;
			queue_tally(q, TALLY_SYN_COOKIE, arrival->time_ns, 1);
		} else {
			a->flags &= ~(uint32_t)OPEN_COOKIE;
			if (!arrival->requested)
				q->half_open++;
			arrival->requested = true;
		}
		/* Fast Open: in the accept queue before any ACK (tcp_try_fastopen). */
		if ((a->flags & OPEN_FASTOPEN) && !(a->flags & OPEN_ENTERED))
			enter(q, packet, true);
		return;
	}
	arrival = queue_find(q, ARRIVAL_REPEAT, packet->index, a->isn);
	if (arrival && !arrival->answered) {
		arrival->answered = true;
		return;
	}
	/* Nobody asked: its timer sent it, so there is a request, and no cookie. */
	queue_tally(q, TALLY_SYNACK_REPEATED, packet->time_ns, 1);
	if (a->flags & OPEN_COOKIE) {
		a->flags &= ~(uint32_t)OPEN_COOKIE;
		queue_prove_request(a, packet->details);
		queue_tally(q, TALLY_SYN_COOKIE, packet->time_ns, -1);
		q->half_open++;
	}
	if (a->flags & OPEN_CLIENT_ACK) {
		/* And the final ACK was not taken. */
		if (a->flags & OPEN_QUEUED)
			q->half_open++;
		queue_prove_refused(q, a, packet->index, packet->details);
	}
}

void queues_client_ack(struct queues *queues, const struct queue_packet *packet,
		       const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);

	if (!q || (a->flags & (OPEN_ENTERED | OPEN_ACCEPTED | OPEN_ABORTED | OPEN_RST_CLIENT)))
		return;
	if (q->listener.defer_accept_s > 0 && !segment->payload &&
	    !(segment->flags & TCP_FLAG_FIN) && !(a->flags & OPEN_COOKIE) &&
	    !(a->flags & OPEN_SYNACK_AFTER_ACK)) {
		a->flags |= OPEN_DEFERRED;
		queue_arrive(q, ARRIVAL_DEFERRED, packet->time_ns, a, packet->index);
		return;
	}
	if (!q->limit_known || q->siblings > 1 || q->depth + 1 >= (int64_t)q->listener.limit)
		a->flags |= OPEN_NEARLY_FULL;
	else
		a->flags &= ~(uint32_t)OPEN_NEARLY_FULL;
	if (queue_is_full(q)) {
		a->flags |= OPEN_ACK_DROPPED;
		queue_arrive(q, ARRIVAL_REFUSED, packet->time_ns, a, packet->index);
		return;
	}
	enter(q, packet, false);
}

void queues_unheard(struct queues *queues, const struct queue_packet *packet)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);

	/* Where the queue had room, it is the network that lost the server's answer. */
	if (!q || !(a->flags & OPEN_QUEUED) || !(a->flags & OPEN_NEARLY_FULL))
		return;
	if (!(a->flags & OPEN_COOKIE))
		q->half_open++;
	queue_prove_refused(q, a, packet->index, packet->details);
}

void queues_client_reset(struct queues *queues, const struct queue_packet *packet,
			 const struct segment *segment)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	if ((a->flags & (OPEN_QUEUED | OPEN_RST_QUEUED)) == OPEN_QUEUED) {
		a->flags |= OPEN_RST_QUEUED;
		return;
	}
	if (a->flags & (OPEN_COOKIE | OPEN_ENTERED | OPEN_REQUEST_RESET) || !a->synacks ||
	    segment->seq != a->isn + 1) {
		arrival = queue_arrive(q, ARRIVAL_STRAY, packet->time_ns, a, packet->index);
		/* Of a socket that lived nobody knows when it was gone. */
		if (arrival)
			arrival->proven = !(a->flags & OPEN_ENTERED) && a->synacks;
		return;
	}
	a->flags |= OPEN_REQUEST_RESET;
	queue_arrive(q, ARRIVAL_RST, packet->time_ns, a, packet->index);
	if (q->half_open > 0)
		q->half_open--;
}

void queues_request_error(struct queues *queues, const struct queue_packet *packet)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);

	if (!q || (a->flags & (OPEN_ENTERED | OPEN_COOKIE | OPEN_ACCEPTED)))
		return;
	queue_arrive(q, ARRIVAL_ICMP, packet->time_ns, a, packet->index);
	if (q->half_open > 0)
		q->half_open--;
}

/* How long a listener remembers that it sent cookies: TCP_SYNCOOKIE_VALID, two minutes. */
#define COOKIE_VALID_NS (120 * NS_PER_SEC)

static void bad_cookie(struct queue *q, int64_t time_ns)
{
	if (q->last_cookie_ns != TIME_UNKNOWN && time_ns - q->last_cookie_ns <= COOKIE_VALID_NS)
		queue_tally(q, TALLY_COOKIE_BAD, time_ns, 1);
}

void queues_other_segment(struct queues *queues, int64_t time_ns, const struct segment *segment)
{
	static const struct open_attempt nobody = {.listener = TABLE_NONE};
	struct endpoint source = flow_source(&segment->flow);
	struct endpoint destination = flow_destination(&segment->flow);
	bool ack = segment->flags & TCP_FLAG_ACK, rst = segment->flags & TCP_FLAG_RST;
	struct queue *q = by_destination(queues, &destination);

	/* tcp_rcv_state_process() of a listener drops what has RST, or neither ACK nor SYN alone.
	 */
	if (q && (rst || !ack)) {
		queue_arrive(q, ARRIVAL_STRAY, time_ns, &nobody, TABLE_NONE);
		return;
	}
	/* A RST without ACK answers an ACK: one that met the listener, and was no cookie. */
	q = by_destination(queues, &source);
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
		q->depth--;
	a->flags &= ~(uint32_t)(OPEN_ENTERED | OPEN_QUEUED);
	if (q->host->tcp_abort_on_overflow == 1 && !(a->flags & OPEN_COOKIE)) {
		if (arrival->kind == ARRIVAL_REFUSED && q->half_open > 0)
			q->half_open--;
		arrival->kind = ARRIVAL_REFUSED;
		arrival->proven = arrival->aborted = true;
		a->flags |= OPEN_ACK_DROPPED | OPEN_ABORTED;
		return;
	}
	if (arrival->kind == ARRIVAL_ENTER && !(a->flags & OPEN_COOKIE))
		q->half_open++;
	arrival->kind = ARRIVAL_SETTLED;
	bad_cookie(q, packet->time_ns);
}

void queues_server_reset(struct queues *queues, const struct queue_packet *packet,
			 const struct segment *segment, bool ended)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);
	bool answer = !(segment->flags & TCP_FLAG_ACK);
	struct arrival *arrival;

	if (!q)
		return;
	arrival = queue_find(q, ARRIVAL_SYN, packet->index, a->isn);
	if (arrival)
		arrival->answered = true; /* refused, not dropped */
	arrival = queue_find(q, a->flags & OPEN_QUEUED ? ARRIVAL_ENTER : ARRIVAL_REFUSED,
			     packet->index, a->isn);
	if (arrival && answer && !arrival->proven &&
	    packet->time_ns - arrival->time_ns < ANSWER_NS) {
		answer_with_reset(q, packet, arrival);
	} else if (answer && (ended || !(a->flags & OPEN_CLIENT_ACK))) {
		bad_cookie(q, packet->time_ns);
	} else if ((a->flags & OPEN_QUEUED) && !(a->flags & OPEN_ACCEPTED)) {
		/* The listener closed on its queue. */
		queue_arrive(q, ARRIVAL_LEAVE, packet->time_ns, a, packet->index);
		a->flags &= ~(uint32_t)OPEN_QUEUED;
		q->depth--;
	}
}

void queues_server_alive(struct queues *queues, const struct queue_packet *packet)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	arrival = queue_find(q, ARRIVAL_REFUSED, packet->index, a->isn);
	if (a->flags & OPEN_ACK_DROPPED) {
		/* A socket answers: the ACK that was thought dropped had entered. */
		if (arrival) {
			arrival->kind = ARRIVAL_ENTER;
			arrival->proven = true;
			queue_correct_depth(q, 1);
		}
		a->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
		a->flags |= OPEN_ENTERED | OPEN_QUEUED;
		return;
	}
	arrival = queue_find(q, ARRIVAL_ENTER, packet->index, a->isn);
	if (arrival)
		arrival->proven = true;
}

void queues_accept(struct queues *queues, const struct queue_packet *packet, int64_t from_ns)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	q->accept_exact = q->accept_visible = true;
	if (a->flags & OPEN_ACCEPTED)
		return;
	if (!(a->flags & OPEN_QUEUED)) {
		/* Its final ACK was thought dropped, or was not captured. */
		arrival = queue_find(q, ARRIVAL_REFUSED, packet->index, a->isn);
		if (arrival) {
			arrival->kind = ARRIVAL_ENTER;
			q->depth++;
		} else {
			queue_prove_entered(q, a, packet->details);
		}
		a->flags &= ~(uint32_t)OPEN_ACK_DROPPED;
		a->flags |= OPEN_ENTERED;
	}
	arrival = queue_find(q, ARRIVAL_ENTER, packet->index, a->isn);
	if (arrival)
		arrival->proven = true;
	arrival = queue_arrive(q, ARRIVAL_LEAVE, packet->time_ns, a, packet->index);
	if (arrival)
		arrival->from_ns = from_ns;
	if (q->depth > 0)
		q->depth--;
	if (a->ack_ns > q->last_accepted_ack_ns)
		q->last_accepted_ack_ns = a->ack_ns;
}

/* States of include/net/tcp_states.h that a look-up can meet. */
enum { STATE_NONE = 0, STATE_SYN_RECV = 3, STATE_NEW_SYN_RECV = 12 };

bool queues_accept_sampled(const struct queues *queues, const struct open_attempt *attempt)
{
	const struct queue *q = queue_of(queues, attempt);

	return q && q->accept_visible && !q->accept_exact;
}

void queues_child(struct queues *queues, const struct queue_packet *packet,
		  const struct child *child)
{
	struct open_attempt *a = packet->attempt;
	struct queue *q = queue_of(queues, a);
	struct arrival *arrival;

	if (!q)
		return;
	q->accept_visible = true;
	if (child->state == STATE_SYN_RECV || child->state == STATE_NEW_SYN_RECV ||
	    child->state == STATE_NONE) {
		bool none = child->state == STATE_NONE;

		/* Gone says little of a connection that lived, or that a RST or FIN ended. */
		if (none &&
		    (a->end_ns != TIME_UNKNOWN || (a->flags & (OPEN_SERVER_ALIVE | OPEN_ACCEPTED))))
			return;
		a->flags |= none ? OPEN_GONE : OPEN_REQUEST;
		if (a->flags & OPEN_DEFERRED)
			return;
		if ((a->flags & OPEN_QUEUED) && !none)
			q->half_open++;
		queue_prove_refused(q, a, packet->index, packet->details);
		return;
	}
	if (a->flags & OPEN_ACK_DROPPED) {
		arrival = queue_find(q, ARRIVAL_REFUSED, packet->index, a->isn);
		if (arrival) {
			arrival->kind = ARRIVAL_ENTER;
			queue_correct_depth(q, 1);
		} else {
			queue_prove_entered(q, a, packet->details);
		}
		a->flags |= OPEN_QUEUED;
	}
	arrival = queue_find(q, ARRIVAL_ENTER, packet->index, a->isn);
	if (arrival)
		arrival->proven = true;
	a->flags &= ~(uint32_t)(OPEN_ACK_DROPPED | OPEN_GONE | OPEN_REQUEST);
	a->flags |= OPEN_ENTERED;
	if (!child_accepted(child))
		return;
	a->flags |= OPEN_ACCEPTED;
	a->flags &= ~(uint32_t)OPEN_QUEUED;
	if (a->ack_ns > q->last_accepted_ack_ns)
		q->last_accepted_ack_ns = a->ack_ns;
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

	if (listener >= queues->count)
		return false;
	leader = queues->queues[listener]->leader;
	if (!leader->grouped)
		return owns(leader, pid);
	for (size_t i = 0; i < queues->count; i++)
		if (queues->queues[i]->leader == leader && owns(queues->queues[i], pid))
			return true;
	return false;
}

void queues_context(const struct queues *queues, const struct open_attempt *attempt,
		    struct verdict_context *context)
{
	const struct queue *q = queue_of(queues, attempt);

	if (!q)
		return;
	context->accept_visible = q->accept_visible;
	context->accept_exact = q->accept_exact;
	context->queue_known = q->samples > 0;
	context->listener_closed = q->closed;
	if (q->listener.pids_count == 1 && !q->grouped)
		context->owner_pid = q->listener.pids[0];
	/* First in, first out: a later handshake came out, so this one was not in. */
	context->overtaken = q->siblings == 1 && attempt->ack_ns != TIME_UNKNOWN &&
			     q->last_accepted_ack_ns != TIME_UNKNOWN &&
			     attempt->ack_ns + NS_PER_MS < q->last_accepted_ack_ns;
}

void queues_finished(struct queues *queues, struct open_attempt *open,
		     const struct attempt *attempt)
{
	struct queue *q = queue_of(queues, open);

	if (!q)
		return;
	q->outcomes[attempt->outcome]++;
	sizing_add(&q->sizing, attempt);
	/* A request that its timer gave up, or that observation lost sight of. */
	if (open->synacks &&
	    !(open->flags &
	      (OPEN_ENTERED | OPEN_COOKIE | OPEN_RST_CLIENT | OPEN_RST_SERVER | OPEN_ACCEPTED)) &&
	    q->half_open > 0)
		q->half_open--;
}

size_t queues_report(struct queues *queues, const struct report_listener **out)
{
	*out = NULL;
	free(queues->report);
	queues->report = queues->count ? calloc(queues->count, sizeof(*queues->report)) : NULL;
	if (!queues->report)
		return 0;
	for (size_t i = 0; i < queues->count; i++) {
		struct queue *q = queues->queues[i];
		struct report_listener *l = &queues->report[i];
		int64_t peak = q->sampled_peak;

		if (q->siblings == 1 && q->rebuilt_peak > peak)
			peak = q->rebuilt_peak;
		*l = (struct report_listener){
		    .local = q->listener.local,
		    .cookie = q->listener.cookie,
		    .backlog = q->backlog,
		    .limit = q->listener.limit,
		    .capacity = (int64_t)q->listener.limit + 1,
		    .queue_peak = peak,
		    .sampled_peak = q->sampled_peak,
		    .samples = q->samples,
		    .full_ns = q->full_ns,
		    .episodes_count = q->episodes_count,
		    .episodes = q->episodes,
		    .episodes_lost = q->episodes_lost,
		    .drops = q->drops,
		    .sk_drops =
			q->drops_seen ? (int64_t)(uint32_t)(q->last_drops - q->first_drops) : -1,
		    .disagreements = q->disagreements,
		    .defer_accept_s = q->listener.defer_accept_s,
		    .fastopen = q->listener.fastopen,
		    .closed = q->closed,
		    .reuseport = q->grouped,
		    .pids_count = q->listener.pids_count,
		    .pids = q->listener.pids,
		    .comm = q->listener.comm,
		    .sampled = series_view(&q->sampled),
		    .rebuilt = series_view(&q->rebuilt),
		    .half_open = series_view(&q->half_open_series),
		    .attempts = q->attempts,
		};
		memcpy(l->outcomes, q->outcomes, sizeof(l->outcomes));
	}
	*out = queues->report;
	return queues->count;
}

struct queue *queues_at(struct queues *queues, size_t index)
{
	return queues->queues[index];
}

struct pulse *queues_pulse(struct queues *queues, const struct open_attempt *attempt)
{
	struct queue *q = queue_of(queues, attempt);

	return q ? &q->pulse : NULL;
}

struct sizing *queues_sizing(struct queues *queues, size_t index)
{
	return &queues->queues[index]->sizing;
}

size_t queues_count(const struct queues *queues)
{
	return queues->count;
}

const uint64_t *queues_tallies(const struct queues *queues, size_t index)
{
	return queues->queues[index]->tallies;
}
