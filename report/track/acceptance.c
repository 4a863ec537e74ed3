/*
 * When accept() returned a connection, as a point or as a bound, and what is told of
 * the process that serves it. Who that is without a word from it: serving.h.
 */
#include "report/queue/entry/drops.h"
#include "report/queue/entry/entries.h"
#include "report/track/parts.h"

/* States of include/net/tcp_states.h. */
enum { TCP_STATE_SYN_RECV = 3, TCP_STATE_NEW_SYN_RECV = 12 };

/*
 * After an event that may have told of its accept(): every way to know of one while it is open
 * ends here.
 */
static void count_accept(struct tracker *t, const struct open_attempt *a, bool accepted_before,
			 int64_t time_ns)
{
	int64_t wait_ns = -1;

	if (accepted_before || !open_is_accepted(a))
		return;
	serving_accepted(t->serving, a);
	if (a->ack_ns != TIME_UNKNOWN)
		wait_ns = time_ns > a->ack_ns ? time_ns - a->ack_ns : 0;
	rate_counter_accept(tracker_rate_counter(t, a), time_ns, wait_ns);
}

/* accept() returned it in (after_ns, before_ns], or what is known of it already is closer. */
static void bound_accept(struct tracker *t, struct open_attempt *a, int64_t after_ns,
			 int64_t before_ns)
{
	struct detail *d = details_open(t->details, a);
	int64_t closed_ns =
	    t->options.queues ? queues_closed_ns(t->options.queues, a) : TIME_UNKNOWN;

	if (!d || d->exact)
		return;
	/* A listener that is closed accepts nobody; who entered later is of another one. */
	if (closed_ns != TIME_UNKNOWN && before_ns > closed_ns && closed_ns >= open_entry_ns(a))
		before_ns = closed_ns;
	d->served = true;
	if (after_ns < d->waiting_ns)
		after_ns = d->waiting_ns;
	if (after_ns < open_entry_ns(a))
		after_ns = open_entry_ns(a);
	if (d->accept_before_ns == TIME_UNKNOWN || before_ns < d->accept_before_ns)
		d->accept_before_ns = before_ns;
	if (after_ns > d->accept_after_ns && after_ns <= d->accept_before_ns)
		d->accept_after_ns = after_ns;
}

/*
 * It is gone, and was a child in the queue at the last look before: then accept() returned it
 * later, or its client reset it.
 */
static void take_waiting(struct tracker *t, struct open_attempt *a, const struct child *child)
{
	struct detail *d;

	if (child->state || child->waiting_ns <= a->ack_ns || !open_has_child(a))
		return;
	d = details_open(t->details, a);
	if (!d || child->waiting_ns <= d->waiting_ns)
		return;
	d->waiting_ns = child->waiting_ns;
	if (d->served && !d->exact && d->waiting_ns > d->accept_after_ns &&
	    d->waiting_ns <= d->accept_before_ns)
		d->accept_after_ns = d->waiting_ns;
}

static void take_child(struct tracker *t, const struct event *event, struct open_attempt *a,
		       const struct child *child)
{
	bool accepted_before = open_is_accepted(a);
	struct queue_packet packet;

	/* By a FIN it may be known already; the last proof that it waited is news then. */
	if (child_accepted(child))
		bound_accept(t, a, child->waiting_ns, event->time_ns);
	else
		take_waiting(t, a, child);
	packet = tracker_packet(t, a, event);
	packet.frame = 0;
	if (child->state && child->state != TCP_STATE_SYN_RECV &&
	    child->state != TCP_STATE_NEW_SYN_RECV)
		queues_decide(t->options.queues, &packet, child->bound);
	queues_child(t->options.queues, &packet, child);
	count_accept(t, a, accepted_before, event->time_ns);
}

void tracker_accepted_before(struct tracker *t, struct open_attempt *a, int64_t before_ns)
{
	bound_accept(t, a, TIME_UNKNOWN, before_ns);
	count_accept(t, a, false, before_ns);
}

void tracker_saw_accept(void *tracker, const struct open_attempt *a, int64_t before_ns)
{
	count_accept(tracker, a, false, before_ns);
}

void tracker_finished_accepted(struct tracker *t, const struct open_attempt *a)
{
	/* The order of entries tells (verdict.c), and the verdict alone takes its word. */
	if (!open_is_accepted(a))
		rate_counter_accept(tracker_rate_counter(t, a), t->now_ns, -1);
}

/* Only who has accepted it can send data, or close it: what a listener closes on is reset. */
void tracker_server_spoke(struct tracker *t, struct open_attempt *a, const struct event *event)
{
	if (!t->options.queues || open_is_accepted(a) || open_saw(a, SEEN_JOIN) ||
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

void tracker_on_entry(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = tracker_find_answered(t, &event->entry.flow);
	struct queue_packet packet;
	struct detail *d;

	if (!t->options.queues)
		return;
	/* A subflow that joins a connection enters no accept queue, but is told of. */
	if (a && open_saw(a, SEEN_JOIN))
		return;
	if (!a || !open_is_acknowledged(a)) {
		queues_entry_of_nobody(t->options.queues, &event->entry, event->time_ns);
		return;
	}
	d = details_open(t->details, a);
	if (d && d->entered_ns != TIME_UNKNOWN && open_saw(a, SEEN_ENTRY)) {
		/*
		 * Behind the end of a connection an ACK may be the cookie of another one, which nobody
		 * asked for: its numbers have gone on by about as much on both sides
		 * (check_tcp_syn_cookie()).
		 */
		d->entered_again = true;
		queues_entry_of_nobody(t->options.queues, &event->entry, event->time_ns);
		return;
	}
	if (d)
		d->entered_ns = event->time_ns;
	packet = tracker_packet(t, a, event);
	packet.frame = 0;
	queues_decide(t->options.queues, &packet, event->entry.bound);
	queues_entry(t->options.queues, &packet, &event->entry, t->table);
	if (event->time_ns > a->touched_ns)
		a->touched_ns = event->time_ns;
}

void tracker_on_drop(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = tracker_find(t, &event->drop.flow);
	struct queue_packet packet;

	if (!t->options.queues || !a)
		return;
	packet = tracker_packet(t, a, event);
	packet.frame = 0;
	queues_drop(t->options.queues, &packet, &event->drop);
}

void tracker_on_accept(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = tracker_find(t, &event->accept.flow);
	int64_t after_ns = event->accept.before_ns;
	bool accepted_before;
	struct detail *d;

	if (!a) {
		t->other_segments++;
		return;
	}
	d = details_open(t->details, a);
	if (d && d->entered_again && d->exact)
		return; /* it is of the other one */
	/* Not before it entered, nor before accept() was called. */
	if (after_ns < open_entry_ns(a))
		after_ns = open_entry_ns(a);
	accepted_before = open_is_accepted(a);
	if (d) {
		d->served = true;
		d->exact = true;
		d->accept_ns = d->accept_before_ns = event->time_ns;
		d->accept_pid = event->accept.pid;
		d->accept_after_ns = after_ns;
	}
	if (t->options.queues) {
		struct queue_packet packet = tracker_packet(t, a, event);

		packet.frame = 0;
		queues_accept(t->options.queues, &packet, after_ns);
	}
	open_move(a, MOVE_ACCEPTED);
	a->touched_ns = event->time_ns;
	count_accept(t, a, accepted_before, event->time_ns);
}

void tracker_on_step(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = tracker_find(t, &event->step.flow);
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

struct open_attempt *tracker_find_answered(struct tracker *t, const struct flow *client_to_server)
{
	struct open_attempt *a = tracker_find(t, client_to_server);

	return a && (a->synacks || open_saw(a, SEEN_CLIENT_ACK | SEEN_FASTOPEN)) ? a : NULL;
}

/* What the last SYN of this attempt met, which has no answer. */
static void take_look(struct open_attempt *a, const struct child *child)
{
	if (child->before_ns <= a->last_syn_ns || a->syn_ns == TIME_UNKNOWN)
		return;
	if (child->state == TCP_STATE_SYN_RECV || child->state == TCP_STATE_NEW_SYN_RECV)
		a->look = LOOK_REQUEST;
	else if (child->state)
		a->look = LOOK_TAKEN;
	else if (child->listener)
		a->look = LOOK_FREE;
	a->had_request |= a->look == LOOK_REQUEST;
}

void tracker_on_route(struct tracker *t, const struct event *event)
{
	struct open_attempt *a = tracker_find(t, &event->route.flow);

	if (a && t->options.queues && !a->synacks && open_saw(a, SEEN_NO_ANSWER) &&
	    event->route.before_ns > a->last_syn_ns) {
		struct queue_packet packet = tracker_packet(t, a, event);

		queues_route(t->options.queues, &packet, event->route.found);
	}
}

void tracker_on_child(struct tracker *t, const struct event *event)
{
	const struct child *child = &event->child;
	struct open_attempt *youngest = tracker_find(t, &child->flow);
	struct open_attempt *a =
	    child_accepted(child) ? tracker_find_answered(t, &child->flow) : youngest;

	if (youngest && !youngest->synacks && open_saw(youngest, SEEN_NO_ANSWER)) {
		take_look(youngest, child);
		return;
	}
	if (a && t->options.queues && !open_saw(a, SEEN_JOIN))
		take_child(t, event, a, &event->child);
}
