/*
 * The tracker: which attempts are open, and when one is over. What a packet does
 * to an attempt is in handshake.c, what is known of its accept() and of who serves
 * it in acceptance.c; finished attempts go to the verdict (verdict.h) and on.
 *
 * Theory of operation. An attempt is a 4-tuple and the client's ISN; repeated
 * SYNs belong to it. It is finished a while after the packet that ended it
 * (LINGER_ENDED_NS: copies and late retransmissions still belong to it), or
 * when no packet of its handshake came for longer than any retransmission
 * timer (LINGER_SILENT_NS), unless it is known to wait in an accept queue. A
 * hand sweeps over the table, a few records at a time, so that time-outs cost
 * no list and no timer. What it finds over, it finishes in its next round, and a
 * round takes ROUND_EVENTS at least: timestamps of some captures jump, and a record
 * whose packets still come must not be given up for what another's timestamp says.
 */
#include "report/track/tracker.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "report/queue/entry/entries.h"
#include "report/track/parts.h"
#include "report/track/verdict.h"

/* So much later than its entry of conntrack a SYN is not the first. */
#define NAT_BEFORE_NS	(600 * NS_PER_MS)
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
#define SWEEP_STEP 4
/* And at a time when it is asked to: 2 MiB of records. */
#define SWEEP_ALL    16384
#define ROUND_EVENTS 4096

int tracker_new(const struct tracker_options *options, struct tracker **out)
{
	struct tracker *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->now_ns = TIME_UNKNOWN;
	rate_counter_init(&t->elsewhere, options->rates, options->live_slots);
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
	if (t->options.queues)
		queues_observe_accepts(
		    t->options.queues,
		    &(struct accept_observer){.accepted = tracker_saw_accept, .context = t});
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
	rate_counter_release(&tracker->elsewhere);
	early_free(tracker->early);
	ways_release(&tracker->ways);
	nat_release(&tracker->nat);
	serving_free(tracker->serving);
	table_free(tracker->table);
	details_free(tracker->details);
	free(tracker);
}

/* By the owners of its listener at the time; 0 where several can have been it. */
static int32_t find_acceptor(const struct tracker *t, const struct open_attempt *a, int64_t now_ns)
{
	const struct detail *d = details_at(t->details, a->detail);
	int64_t after_ns = d && d->accept_after_ns != TIME_UNKNOWN ? d->accept_after_ns : a->ack_ns;
	int64_t before_ns = d && d->accept_before_ns != TIME_UNKNOWN ? d->accept_before_ns : now_ns;

	return queues_acceptor(t->options.queues, a, d && d->exact ? d->accept_ns : after_ns,
			       before_ns);
}

/* NAT: who connected, and what was asked for. */
static void add_destination(const struct tracker *t, const struct open_attempt *a,
			    struct attempt *out)
{
	const struct nat_entry *entry = nat_find(&t->nat, &a->flow);
	struct endpoint asked;

	out->destination = (struct endpoint){.port = 0};
	if (!entry)
		return;
	out->client = flow_source(&entry->original);
	asked = flow_destination(&entry->original);
	if (!endpoint_equal(&asked, &out->server))
		out->destination = asked;
	/* conntrack had it before its first SYN was captured: that had been sent again by then. */
	if (entry->fresh && out->syn_ns != TIME_UNKNOWN && entry->read_ns != TIME_UNKNOWN &&
	    out->syn_ns - entry->read_ns > NAT_BEFORE_NS)
		out->began_before = true;
}

/* TPROXY: the socket has the address that was asked for, its listener another. */
static void add_listener_of_tproxy(const struct tracker *t, const struct open_attempt *a,
				   struct attempt *out)
{
	const struct endpoint *local = a->transparent ? queues_local(t->options.queues, a) : NULL;

	if (!local || endpoint_equal(local, &out->server))
		return;
	out->destination = out->server;
	out->server = *local;
}

static void give_verdict(const struct tracker *t, const struct open_attempt *a,
			 struct verdict_context *context, struct attempt *out)
{
	context->live = t->options.queues != NULL;
	context->slow_accept_ns = SLOW_ACCEPT_NS;
	context->accepted_ns = TIME_UNKNOWN;
	if (t->options.queues)
		queues_context(t->options.queues, a, context);
	if (t->options.queues && open_saw(a, SEEN_RST_SERVER)) {
		int64_t reset_ns = tracker_reset_ns(t, a);

		context->reset_by_close = queues_closed_at(t->options.queues, a, reset_ns);
		context->reset_unaccepted = queues_reset_by_no_close(t->options.queues, reset_ns);
		context->reset_in_front =
		    a->role == ROLE_INBOUND && queues_sent_no_reset(t->options.queues, reset_ns);
	}
	if (t->options.queues && a->end_ns != TIME_UNKNOWN)
		context->ended_by_close = queues_closed_at(t->options.queues, a, a->end_ns);
	if (t->options.queues && open_is_accepted(a))
		context->owner_pid = find_acceptor(t, a, context->now_ns);
	verdict_attempt(a, t->details, context, out);
	if (t->options.queues)
		queues_share(t->options.queues, out);
	out->not_here = false;
	/* Its SYN did not go out again, where it would have been captured. */
	if (t->options.all_interfaces && a->role == ROLE_FORWARDED && a->syns && !a->syn_copies &&
	    !nat_find(&t->nat, &a->flow)) {
		out->role = ROLE_UNKNOWN;
		out->not_here = !a->synacks && !open_has_failed(a) && !a->front;
	}
	if (t->options.queues)
		queues_assign(t->options.queues, a, details_at(t->details, a->detail), out);
	if (t->options.queues && !out->began_before)
		out->began_before =
		    tracker_began_before(out, queues_observed_ns(t->options.queues));
	add_destination(t, a, out);
	add_listener_of_tproxy(t, a, out);
}

/* Hands the attempt on. The record stays the caller's to remove. */
static void finish(struct tracker *t, struct open_attempt *a, bool ended, bool evicted)
{
	struct verdict_context context = {.now_ns = t->now_ns, .ended = ended, .evicted = evicted};
	int rc;

	(void)tracker_conclude_reset(t, a);
	give_verdict(t, a, &context, &t->scratch);
	if (t->scratch.outcome == OUTCOME_ACCEPTED)
		tracker_finished_accepted(t, a);
	t->scratch.number = ++t->finished;
	rc = t->options.finished(t->options.context, &t->scratch);
	if (rc && !t->error)
		t->error = rc;
	if (t->options.queues)
		queues_finished(t->options.queues, a, &t->scratch);
	t->unnumbered -= open_knows(a, KNOWN_UNNUMBERED);
	details_remove(t->details, a->detail);
	a->detail = TABLE_NONE;
}

static void evicted(void *context, struct open_attempt *a, bool was_evicted)
{
	finish(context, a, false, was_evicted);
}

static bool is_over(const struct tracker *t, const struct open_attempt *a);

/*
 * Attempts of one 4-tuple stand in one chain, and every packet of theirs walks along
 * it: of so many that only somebody who means harm makes, the one that was silent
 * longest gives way.
 */
static void bound_flow(struct tracker *t, const struct flow *flow, uint32_t hash)
{
	struct open_attempt *silent = NULL;
	unsigned count = 0;
	bool over;

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a)) {
		if (!flow_equal(&a->flow, flow))
			continue;
		count++;
		if (!silent || a->touched_ns < silent->touched_ns)
			silent = a;
	}
	if (count < TRACKER_FLOW_MAX)
		return;
	over = is_over(t, silent);
	t->crowded += !over;
	finish(t, silent, false, !over);
	table_remove(t->table, silent);
}

/* NAT may have made this host's address the client's, where it passes the connection on. */
static enum role role_of(struct tracker *t, const struct flow *client_to_server)
{
	struct nat_entry *entry = nat_find(&t->nat, client_to_server);
	struct flow flow = *client_to_server;

	if (entry) {
		entry->seen = true;
		flow.saddr = entry->original.saddr;
	}
	return ways_role(&t->ways, &flow);
}

void tracker_meet_address(struct tracker *t, struct open_attempt *a)
{
	if (a->role == ROLE_FORWARDED && !a->synacks && role_of(t, &a->flow) == ROLE_INBOUND)
		a->role = ROLE_INBOUND;
}

struct open_attempt *tracker_begin(struct tracker *t, const struct event *event, uint32_t hash)
{
	const struct segment *syn = &event->segment;
	struct open_attempt *a;

	bound_flow(t, &syn->flow, hash);
	a = table_add(t->table, &syn->flow, hash, evicted, t);
	if (!a)
		return NULL;
	a->isn = syn->seq;
	a->role = role_of(t, &syn->flow) & 0x3;
	/* What TPROXY leads to a socket here does not go out again: see pass_on(). */
	if (a->role == ROLE_FORWARDED && !syn->outgoing && t->options.queues &&
	    queues_have_transparent(t->options.queues)) {
		a->role = ROLE_INBOUND;
		a->transparent = true;
	}
	a->device = tracker_device(syn);
	a->syns = 1;
	a->syn_ns = a->last_syn_ns = a->touched_ns = event->time_ns;
	t->begun++;
	if (table_count(t->table) > t->open_peak)
		t->open_peak = table_count(t->table);
	return a;
}

struct open_attempt *tracker_begin_unseen(struct tracker *t, const struct flow *flow,
					  int64_t time_ns)
{
	uint32_t hash = table_hash(t->table, flow);
	struct open_attempt *a;

	bound_flow(t, flow, hash);
	a = table_add(t->table, flow, hash, evicted, t);
	if (!a)
		return NULL;
	a->role = role_of(t, flow) & 0x3;
	a->touched_ns = time_ns;
	t->begun++;
	if (table_count(t->table) > t->open_peak)
		t->open_peak = table_count(t->table);
	return a;
}

static bool is_over(const struct tracker *t, const struct open_attempt *a)
{
	int64_t idle = t->now_ns - a->touched_ns;

	if (open_is_queued(a))
		return false;
	if (a->end_ns != TIME_UNKNOWN) {
		bool closed = !t->options.queues && open_is_acknowledged(a) && open_is_closed(a);

		return idle > (closed ? LINGER_CLOSED_NS : LINGER_ENDED_NS);
	}
	return idle > LINGER_SILENT_NS;
}

/* Over one record: true when the hand has come round. */
static bool sweep_one(struct tracker *t)
{
	struct open_attempt *a;

	if (t->hand >= table_high(t->table))
		return true;
	a = table_at(t->table, t->hand++);
	if (!open_is_used(a) || !is_over(t, a))
		return false;
	if (a->idle) {
		finish(t, a, false, false);
		table_remove(t->table, a);
	} else {
		a->idle = true;
	}
	return false;
}

static void sweep(struct tracker *t)
{
	for (int i = 0; i < SWEEP_STEP && table_high(t->table); i++) {
		if (t->hand >= table_high(t->table)) {
			if (t->round_events < ROUND_EVENTS)
				return;
			t->hand = 0;
			t->round_events = 0;
		}
		(void)sweep_one(t);
	}
	/* Nobody else has touched them for long: by the next sweep they are here. */
	for (uint32_t i = 0; i < SWEEP_STEP; i++)
		table_prefetch(t->table, t->hand + i);
}

int tracker_sweep(struct tracker *tracker)
{
	for (int i = 0; i < SWEEP_ALL && !tracker->error; i++)
		if (sweep_one(tracker)) {
			tracker->hand = 0;
			tracker->round_events = 0;
			break;
		}
	return tracker->error;
}

struct queue_packet tracker_packet(struct tracker *t, struct open_attempt *a,
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

struct rate_counter *tracker_rate_counter(struct tracker *t, const struct open_attempt *a)
{
	struct rate_counter *counter =
	    t->options.queues ? queues_rate_counter(t->options.queues, a) : NULL;

	return counter ? counter : &t->elsewhere;
}

struct open_attempt *tracker_find(struct tracker *t, const struct flow *client_to_server)
{
	struct open_attempt *best = NULL;
	uint32_t hash = table_hash(t->table, client_to_server);

	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a))
		if (flow_equal(&a->flow, client_to_server) && (!best || a->syn_ns > best->syn_ns))
			best = a;
	return best;
}

static void on_exit_of(struct tracker *t, int32_t pid, int64_t time_ns)
{
	serving_exit(t->serving, pid, time_ns);
	if (t->options.queues)
		queues_exit(t->options.queues, pid, time_ns);
}

static void on_killed(struct tracker *t, const struct proc_exit *exit, int64_t time_ns)
{
	int32_t parent_pid = 0;

	if (!t->options.queues || !WTERMSIG(exit->exit_code))
		return;
	/* A young child of an owner may not have been looked at. */
	(void)serving_forked_ns(t->serving, exit->pid, &parent_pid);
	queues_killed(t->options.queues, exit->pid, parent_pid, WTERMSIG(exit->exit_code), time_ns);
}

static void on_owner(struct tracker *t, const struct event *event)
{
	int32_t parent_pid;
	int64_t forked_ns = serving_forked_ns(t->serving, event->owner.pid, &parent_pid);

	if (t->options.queues)
		queues_owner(t->options.queues, &event->owner, event->time_ns, forked_ns,
			     parent_pid);
}

/* What is told of listeners, and concludes what waits for it. */
static void on_queue(struct tracker *t, const struct event *event)
{
	if (t->options.queues)
		queues_event(t->options.queues, event, t->table, t->details);
	if (t->options.queues && event->kind == EVENT_LISTENER &&
	    event->listener.change == LISTENER_SEEN)
		tracker_adopt(t, event);
	if (t->resets.count && event->kind == EVENT_SAMPLE)
		tracker_conclude_resets(t);
	if (t->ghosts.count && event->kind == EVENT_SAMPLE)
		tracker_conclude_ghosts(t, event->time_ns);
}

static void on_holder(struct tracker *t, const struct holder *holder)
{
	struct open_attempt *answered =
	    holder->inode ? tracker_find_answered(t, &holder->flow) : NULL;

	serving_holder(t->serving, answered, holder);
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
		tracker_on_segment(tracker, event);
		break;
	case EVENT_ICMP:
		tracker_on_icmp(tracker, event);
		break;
	case EVENT_ACCEPT:
		tracker_on_accept(tracker, event);
		break;
	case EVENT_FORK:
	case EVENT_FIRST_BYTE:
	case EVENT_REPLY:
	case EVENT_CLOSE:
		tracker_on_step(tracker, event);
		break;
	case EVENT_CHILD:
		tracker_on_child(tracker, event);
		break;
	case EVENT_LISTENER:
	case EVENT_LISTEN:
	case EVENT_SAMPLE:
	case EVENT_HALF_OPEN:
	case EVENT_COUNTERS:
		on_queue(tracker, event);
		break;
	case EVENT_PROC_FORK:
		serving_fork(tracker->serving, &event->proc_fork, event->time_ns);
		break;
	case EVENT_PROC_EXIT:
		on_killed(tracker, &event->proc_exit, event->time_ns);
		on_exit_of(tracker, event->proc_exit.pid, event->time_ns);
		break;
	case EVENT_EXIT:
		on_exit_of(tracker, event->exit.pid, event->time_ns);
		break;
	case EVENT_TRANSLATION:
		if (nat_take(&tracker->nat, &event->translation, event->time_ns) && !tracker->error)
			tracker->error = -ENOMEM;
		break;
	case EVENT_ADDRESS:
		ways_take(&tracker->ways, &event->address);
		on_queue(tracker, event);
		break;
	case EVENT_ACTIVITY:
		if (tracker->options.queues)
			queues_activity(tracker->options.queues, &event->activity, event->time_ns);
		break;
	case EVENT_OWNER:
		on_owner(tracker, event);
		break;
	case EVENT_WAITING:
		tracker_on_waiting(tracker, event);
		break;
	case EVENT_HOLDER:
		on_holder(tracker, &event->holder);
		break;
	case EVENT_ENTRY:
		tracker->entries_alone += !tracker_find(tracker, &event->entry.flow);
		tracker_on_entry(tracker, event);
		break;
	case EVENT_ROUTE:
		tracker_on_route(tracker, event);
		break;
	case EVENT_DROP:
		tracker_on_drop(tracker, event);
		break;
	case EVENT_LOSS:
		if (tracker->options.queues && event->source == SOURCE_BPF && event->loss.count)
			queues_entries_lost(tracker->options.queues, event->time_ns);
		break;
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
	bool sorted = true; /* mostly they are: records are given out in order */

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

		if (!open_is_used(a))
			continue;
		sorted = sorted && (n == 0 || open[n - 1]->syn_ns <= a->syn_ns);
		open[n++] = a;
	}
	if (!sorted)
		qsort(open, n, sizeof(*open), by_first_syn);
	for (uint32_t i = 0; i < n; i++) {
		finish(tracker, open[i], !is_over(tracker, open[i]), false);
		open_move(open[i], MOVE_END); /* its chain goes with the table */
	}
	free(open);
	return tracker->error;
}

int tracker_unsettled(const struct tracker *tracker,
		      int (*fn)(void *context, const struct flow *client_to_server), void *context)
{
	for (uint32_t i = 0; i < table_high(tracker->table); i++) {
		const struct open_attempt *a = table_at(tracker->table, i);
		int rc;

		if (!open_is_used(a) || !open_is_acknowledged(a) || open_is_certain(a) ||
		    open_saw(a, SEEN_RST_CLIENT) || a->listener == LISTENER_NONE)
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

		if (open_is_used(a))
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

struct rate_counter *tracker_elsewhere(struct tracker *tracker)
{
	return &tracker->elsewhere;
}

/* What conntrack told of, and the capture did not have. */
static uint64_t count_unseen(const struct tracker *tracker, struct tracker_stats *stats)
{
	struct ways ways = tracker->ways; /* its cache alone changes */
	uint64_t count = 0;

	for (uint32_t i = 0; i < tracker->nat.count; i++) {
		const struct nat_entry *e = &tracker->nat.entries[i];

		if (!e->fresh || e->seen || !ways_is_own(&ways, &e->socket.daddr))
			continue;
		count++;
		stats->without_asked = flow_destination(&e->original);
		stats->without_server = flow_destination(&e->socket);
	}
	return count;
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
	    .crowded = tracker->crowded,
	    .ghosts_refused = tracker->ghosts.refused,
	    .seen_syn_acks = tracker->seen_syn_acks,
	    .unseen_syn_acks = tracker->unseen_syn_acks,
	    .fronted = tracker->fronted,
	    .stray_syn_acks = tracker->stray_syn_acks,
	    .details_refused = details_refused(tracker->details),
	    .marks_refused = details_marks_refused(tracker->details),
	};
	stats->without_packets = count_unseen(tracker, stats);
	if (tracker->entries_alone > stats->without_packets)
		stats->without_packets = tracker->entries_alone;
}
