/*
 * One round after the other: listeners, their accept queues, half-open counts,
 * the children that wait. When the next round is due is the caller's business.
 */
#include "netlink/sampler/sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/child/look.h"
#include "netlink/sampler/parts.h"

/* So long this process may have to wait between a measurement and the next: no set clock. */
#define SET_BACK_NS (500 * NS_PER_MS)

/* The share of a round that look-ups of children without an order may take: 1/20. */
#define POOL_SHARE  20
#define POOL_MAX_NS NS_PER_MS

/* A dump for a listener that nobody knew of may take 1/20 of the time. */
#define SUSPECT_COST_SHARE 20

/* How long after its accept queue was full a listener's requests are followed. */
#define REQUESTS_FOLLOWED_NS (10 * NS_PER_SEC)

/* The share of the time that readings of the counters may take while a listener drops packets. */
#define COUNTERS_COST_SHARE 20

/* So often the counters are read again, since a listener dropped something meanwhile. */
#define BRACKET_TRIES 16

/*
 * What the walk for owners may take of the first round, of the others while it looks
 * for those of a new listener, and of the rest. With the owners come the listener's
 * options: what a packet means depends on TCP_DEFER_ACCEPT.
 */
#define OWNERS_FIRST_NS	 NS_PER_SEC
#define OWNERS_WANTED_NS (500 * NS_PER_US)
#define OWNERS_STEP_NS	 (100 * NS_PER_US)

int sampler_new(const struct sampler_options *options, struct sampler **out)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	s->look_up_children = s->half_open.told = options->look_up_children;
	s->last_ns = TIME_UNKNOWN;
	s->look_cost_ns = 4 * NS_PER_US;
	s->dump_cost_ns = 40 * NS_PER_US;
	s->counters_cost_ns = 80 * NS_PER_US;
	error = diag_new(&s->diag);
	if (error)
		goto free_sampler;
	error = locality_new(&s->locality);
	/* Without it devices have no names. */
	if (!error && links_new(&s->links))
		s->links = NULL;
	if (error)
		goto free_diag;
	error = counters_reader_init(&s->counters);
	if (error)
		goto free_locality;
	error = watch_init(&s->watch, options->targets, options->targets_count);
	if (error)
		goto release_counters;
	s->children = child_queues_new();
	if (!s->children) {
		error = -ENOMEM;
		goto release_watch;
	}
	ownership_init(&s->ownership);
	*out = s;
	return 0;
release_watch:
	watch_release(&s->watch);
release_counters:
	counters_reader_release(&s->counters);
free_locality:
	links_free(s->links);
	locality_free(s->locality);
free_diag:
	diag_free(s->diag);
free_sampler:
	free(s);
	return error;
}

int sampler_add_target(struct sampler *s, const struct endpoint *target)
{
	return watch_add(&s->watch, target);
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	ownership_release(&s->ownership);
	child_queues_free(s->children);
	request_queue_release(&s->requests);
	half_open_release(&s->half_open);
	watch_release(&s->watch);
	counters_reader_release(&s->counters);
	links_free(s->links);
	locality_free(s->locality);
	diag_free(s->diag);
	free(s->listed);
	free(s);
}

/*
 * Times ever increase, but for a clock that was set back: then they follow the clock. What
 * was measured before the last event was told happened by then too: a later time is true.
 */
int sampler_deliver(struct sampler *s, struct event *event, int64_t time_ns)
{
	if (time_ns <= s->last_ns && s->last_ns - time_ns < SET_BACK_NS)
		time_ns = s->last_ns + 1;
	s->last_ns = time_ns;
	event->time_ns = time_ns;
	event->source = SOURCE_SAMPLER;
	return s->fn(s->context, event);
}

static int tell_listener(struct sampler *s, struct watched *w, enum listener_change change)
{
	struct event event = {.kind = EVENT_LISTENER};

	w->listener.change = change;
	event.listener = w->listener;
	return sampler_deliver(s, &event, clock_now_ns());
}

int sampler_on_change(void *context, struct watched *w, enum listener_change change)
{
	struct sampler *s = context;

	if (change == LISTENER_SEEN)
		ownership_want(&s->ownership);
	if (change == LISTENER_SEEN && w->listener.interface)
		(void)sampler_describe_device(s, w);
	if (change == LISTENER_CLOSED) {
		child_queues_disband(s->children, w->listener.cookie);
		w->listener.sampled_ns = w->told_ns;
	}
	return tell_listener(s, w, change);
}

static int tell_owner(void *context, const struct owner_change *change)
{
	struct event event = {.kind = EVENT_OWNER, .owner = *change};

	return sampler_deliver(context, &event, clock_now_ns());
}

static int round_half_open(struct sampler *s)
{
	int64_t before_ns, after_ns;
	int result;

	if (!half_open_round(&s->half_open, s->diag, &s->watch, &before_ns, &result))
		return result;
	after_ns = clock_now_ns();
	for (size_t i = 0; i < s->watch.count && !result; i++) {
		struct event event = {
		    .kind = EVENT_HALF_OPEN,
		    .half_open = {.cookie = s->watch.listeners[i].listener.cookie,
				  .before_ns = before_ns,
				  .count = s->half_open.counts[i]},
		};

		if (half_open_has(&s->watch, i))
			result = sampler_deliver(s, &event, after_ns);
	}
	return result;
}

static int look_at_child(void *context, const struct flow *flow, struct event *event)
{
	struct sampler *s = context;
	struct endpoint local = flow_destination(flow);
	uint32_t devices[WATCH_DEVICES_MAX];
	size_t count = watch_devices(&s->watch, &local, devices);

	s->stats.lookups++;
	return child_look(s->diag, s->locality, flow, devices, count, event);
}

static int tell_child(void *context, struct event *event)
{
	return sampler_deliver(context, event, event->time_ns);
}

static int round_children(struct sampler *s, int64_t now_ns)
{
	struct child_queues_owner owner = {look_at_child, tell_child, s};
	int64_t pool_ns = s->round_ns ? (now_ns - s->round_ns) / POOL_SHARE : 0;
	int result = request_queue_round(&s->requests, &owner, now_ns);

	if (result)
		return result == -EAGAIN ? 0 : result;
	if (child_queues_count(s->children) == 0)
		return 0;
	result = child_queues_round(s->children, &owner, now_ns,
				    pool_ns < POOL_MAX_NS ? pool_ns : POOL_MAX_NS);
	return result == -EAGAIN ? 0 : result;
}

static int64_t owners_budget(const struct sampler *s)
{
	if (s->round_ns == 0)
		return OWNERS_FIRST_NS;
	return ownership_wanted(&s->ownership) ? OWNERS_WANTED_NS : OWNERS_STEP_NS;
}

/* Only what has changed is told on the way: a reading of all is 2 KiB of a recording. */
static void leave_out_unchanged(const struct counters *told, struct counters *now)
{
	for (int i = 0; i < COUNTER_COUNT; i++)
		if (((told->known & now->known) >> i & 1) && told->value[i] == now->value[i])
			now->known &= ~(UINT64_C(1) << i);
}

static int read_counters(struct sampler *s, struct event *event, int64_t *after_ns)
{
	int64_t begin_ns = clock_monotonic_ns();
	int error;

	*event = (struct event){.kind = EVENT_COUNTERS};
	error = counters_read(&s->counters, &event->counters, after_ns);
	s->dropped = false;
	s->counted_ns = clock_monotonic_ns();
	sampler_usual(&s->counters_cost_ns, s->counted_ns - begin_ns);
	return error;
}

static int tell_counters(struct sampler *s, struct event *event, enum counters_when when,
			 int64_t time_ns)
{
	struct counters now = event->counters;

	event->counters.when = when;
	if (when == COUNTERS_DURING)
		leave_out_unchanged(&s->counted, &event->counters);
	else
		now.known = 0; /* who gets this one may not be who gets the next */
	s->counted = now;
	return sampler_deliver(s, event, time_ns);
}

/* Which rule dropped a packet is told by the counters that moved with the socket's own. */
static int round_counters(struct sampler *s)
{
	if (!s->dropped ||
	    clock_monotonic_ns() - s->counted_ns < COUNTERS_COST_SHARE * s->counters_cost_ns)
		return 0;
	return sampler_counters(s, COUNTERS_DURING, s->fn, s->context);
}

int sampler_round(struct sampler *s, event_fn fn, void *context)
{
	int64_t now_ns = clock_monotonic_ns();
	int result;

	s->fn = fn;
	s->context = context;
	s->stats.rounds++;
	result = sampler_round_queues(s, now_ns);
	if (!result && s->round_ns == 0)
		result = sampler_list_waiting(s);
	else if (!result)
		result = sampler_list_newly_waiting(s, now_ns);
	if (!result)
		result = round_counters(s);
	if (!result)
		result = round_children(s, now_ns);
	if (!result)
		result = round_half_open(s);
	if (!result && !s->owners_told)
		result = ownership_round(
		    &s->ownership, &s->watch, clock_monotonic_ns(), owners_budget(s),
		    &(struct ownership_hearer){tell_owner, sampler_on_change, s});
	s->round_ns = now_ns;
	return result;
}

int sampler_counters(struct sampler *s, enum counters_when when, event_fn fn, void *context)
{
	struct event event;
	int64_t after_ns;
	int error = read_counters(s, &event, &after_ns);

	s->fn = fn;
	s->context = context;
	return error ? error : tell_counters(s, &event, when, after_ns);
}

/* Every listener by a dump, whatever that costs. */
static int sample_all(struct sampler *s, event_fn fn, void *context)
{
	s->fn = fn;
	s->context = context;
	s->rescan_ns = 0;
	return sampler_round_queues(s, clock_monotonic_ns());
}

int sampler_bracket(struct sampler *s, enum counters_when when, event_fn sample_fn,
		    event_fn counters_fn, void *context)
{
	int result = sample_all(s, sample_fn, context);
	struct event event;
	int64_t after_ns;

	for (int i = 0; !result && (i == 0 || s->dropped) && i < BRACKET_TRIES; i++) {
		result = read_counters(s, &event, &after_ns);
		if (!result)
			result = sample_all(s, sample_fn, context);
	}
	if (result)
		return result;
	s->fn = counters_fn;
	return tell_counters(s, &event, when, clock_now_ns());
}

void sampler_expect_no_packets(struct sampler *s)
{
	s->no_packets = true;
	s->half_open.told = false;
}

void sampler_expect_listeners(struct sampler *s)
{
	s->listeners_told = true;
}

void sampler_find_listeners(struct sampler *s)
{
	s->rescan_ns = 0;
}

void sampler_expect_owners(struct sampler *s)
{
	s->owners_told = true;
}

int sampler_owned(struct sampler *s, const struct listener *owned, event_fn fn, void *context)
{
	struct watched *w = watch_find(&s->watch, owned->cookie);
	struct listener *l;

	if (!w)
		return 0; /* closed meanwhile */
	l = &w->listener;
	l->pids_count = owned->pids_count;
	memcpy(l->pids, owned->pids, sizeof(l->pids));
	memcpy(l->comm, owned->comm, sizeof(l->comm));
	l->workload = owned->workload;
	l->defer_accept_s = owned->defer_accept_s;
	l->fastopen = owned->fastopen;
	s->fn = fn;
	s->context = context;
	return tell_listener(s, w, LISTENER_CHANGED);
}

/*
 * The listener of a connection to this address: of one that is not this host's, where TPROXY
 * may have led it. False: what passes through, or goes out, has no socket here.
 */
static bool find_listener(struct sampler *s, const struct endpoint *local, struct watched **watched,
			  bool *alone)
{
	*watched = watch_match(&s->watch, local, WATCH_ANY_DEVICE, alone);
	if (locality_is_local(s->locality, &local->address))
		return true;
	*watched = watch_transparent(&s->watch);
	*alone = true;
	return *watched != NULL;
}

void sampler_expect_every_packet(struct sampler *s, bool every_packet)
{
	s->half_open.every_packet = every_packet;
}

void sampler_watch_syn(struct sampler *s)
{
	half_open_syn(&s->half_open);
}

void sampler_watch_finished(struct sampler *s)
{
	half_open_finished(&s->half_open);
}

void sampler_watch_child(struct sampler *s, const struct flow *client_to_server, int64_t acked_ns)
{
	struct endpoint local = flow_destination(client_to_server);
	struct watched *w;
	bool alone;

	if (find_listener(s, &local, &w, &alone) && s->look_up_children)
		child_queues_push(s->children, sampler_queue_key(w, alone), client_to_server,
				  acked_ns, clock_monotonic_ns());
}

static void follow(struct sampler *s, const struct flow *client_to_server, int64_t memory_ns,
		   bool once)
{
	struct endpoint local = flow_destination(client_to_server);
	int64_t now_ns = clock_monotonic_ns();
	bool alone;
	const struct watched *w = watch_match(&s->watch, &local, WATCH_ANY_DEVICE, &alone);

	/* Somebody answered whom no dump has shown: a new listener. */
	if (!w && now_ns - s->dump_ns > SUSPECT_COST_SHARE * s->dump_cost_ns &&
	    locality_is_local(s->locality, &local.address))
		s->rescan_ns = now_ns;
	if (s->look_up_children && w && alone && w->full_ns && now_ns - w->full_ns < memory_ns &&
	    locality_is_local(s->locality, &local.address))
		request_queue_push(&s->requests, client_to_server, now_ns, once);
}

void sampler_watch_request(struct sampler *s, const struct flow *client_to_server)
{
	half_open_answered(&s->half_open);
	follow(s, client_to_server, REQUESTS_FOLLOWED_NS, false);
}

void sampler_watch_again(struct sampler *s, const struct flow *client_to_server)
{
	follow(s, client_to_server, NS_PER_SEC, true);
}

int sampler_look_up(struct sampler *s, const struct flow *client_to_server, event_fn fn,
		    void *context)
{
	struct event event;
	int result;

	if (!locality_is_local(s->locality, &client_to_server->daddr) &&
	    !watch_transparent(&s->watch))
		return 0;
	s->fn = fn;
	s->context = context;
	result = look_at_child(s, client_to_server, &event);
	return result ? result : sampler_deliver(s, &event, event.time_ns);
}

static int tell_route(struct sampler *s, const struct flow *client_to_server)
{
	struct event event = {
	    .kind = EVENT_ROUTE,
	    .route = {.flow = *client_to_server, .before_ns = clock_now_ns()},
	};

	if (locality_route_back(s->locality, client_to_server, &event.route.found))
		return 0;
	return sampler_deliver(s, &event, clock_now_ns());
}

int sampler_look_up_unanswered(struct sampler *s, const struct flow *client_to_server, event_fn fn,
			       void *context)
{
	struct endpoint local = flow_destination(client_to_server);
	const struct watched *w = watch_match(&s->watch, &local, WATCH_ANY_DEVICE, NULL);
	struct event event;
	int result;

	if (!w || !locality_is_local(s->locality, &local.address))
		return 0;
	s->fn = fn;
	s->context = context;
	if (look_at_child(s, client_to_server, &event))
		return 0;
	result = sampler_deliver(s, &event, event.time_ns);
	/* The listener may have dropped it, if nothing else was there. */
	if (result || !event.child.listener || w->depth > w->listener.limit)
		return result;
	return tell_route(s, client_to_server);
}

size_t sampler_listeners(const struct sampler *s)
{
	return s->watch.count;
}

bool sampler_has_siblings(const struct sampler *s)
{
	bool alone = true;

	for (size_t i = 0; i < s->watch.count && alone; i++)
		(void)watch_match(&s->watch, &s->watch.listeners[i].listener.local,
				  WATCH_ANY_DEVICE, &alone);
	return !alone;
}

size_t sampler_ownerless(const struct sampler *s, int64_t before_ns)
{
	size_t count = 0;

	for (size_t i = 0; i < s->watch.count; i++)
		count += s->watch.listeners[i].listener.pids_count == 0 &&
			 s->watch.listeners[i].found_ns < before_ns;
	return count;
}

bool sampler_on_loopback(const struct sampler *s)
{
	for (size_t i = 0; i < s->watch.count; i++)
		if (!address_is_loopback(&s->watch.listeners[i].listener.local.address))
			return false;
	return true;
}

bool sampler_rests(const struct sampler *s)
{
	return s->depth == 0 && !s->rescan && half_open_none(&s->half_open) &&
	       child_queues_count(s->children) == 0 && request_queue_count(&s->requests) == 0;
}

bool sampler_has_room(const struct sampler *s)
{
	for (size_t i = 0; i < s->watch.count; i++)
		if (s->watch.listeners[i].depth >= s->watch.listeners[i].listener.limit / 2)
			return false;
	return true;
}

uint32_t sampler_depth(const struct sampler *s)
{
	return s->depth;
}

void sampler_stats(const struct sampler *s, struct sampler_stats *stats)
{
	*stats = s->stats;
	stats->netlink_lost = diag_lost(s->diag);
	stats->lookups_skipped =
	    child_queues_skipped(s->children) + s->requests.skipped + s->waiting_skipped;
}
