/*
 * One round after the other: listeners, their accept queues, half-open counts,
 * the children that wait. When the next round is due is the caller's business.
 */
#include "netlink/sampler.h"

#include <errno.h>
#include <stdlib.h>

#include "netlink/child_look.h"
#include "netlink/child_queue.h"
#include "netlink/counters.h"
#include "netlink/diag.h"
#include "netlink/half_open.h"
#include "netlink/ownership.h"
#include "netlink/watch.h"

/* A dump of all listeners finds the new ones. Where one is waited for, it may cost 2 %. */
#define RESCAN_NS	  (100 * NS_PER_MS)
#define RESCAN_COST_SHARE 50

/* Remote ports that are tried to reach every sibling, for each of them. */
#define SIBLING_TRIES 32

/* The share of a round that look-ups of children without an order may take: 1/20. */
#define POOL_SHARE  20
#define POOL_MAX_NS NS_PER_MS

/*
 * What the walk for owners may take of the first round, of the others while it looks
 * for those of a new listener, and of the rest. With the owners come the listener's
 * options: what a packet means depends on TCP_DEFER_ACCEPT.
 */
#define OWNERS_FIRST_NS	 NS_PER_SEC
#define OWNERS_WANTED_NS (500 * NS_PER_US)
#define OWNERS_STEP_NS	 (100 * NS_PER_US)

/* Where listeners are sampled by dumps, these take at most 1/10 of the time. */
#define DUMP_COST_SHARE 10

struct sampler {
	struct diag *diag;
	struct locality *locality;
	struct watch watch;
	struct child_queues *children;
	struct half_open_counts half_open;
	struct counters_reader counters;
	struct ownership ownership;
	bool look_up_children;
	bool rescan;	      /* at the next chance */
	int64_t rescan_ns;    /* monotonic: the next dump of listeners */
	int64_t dump_ns;      /* monotonic: the last of them */
	int64_t round_ns;     /* monotonic: the last round; 0: there was none */
	int64_t look_cost_ns; /* running averages: which way of sampling is cheaper? */
	int64_t dump_cost_ns;
	int64_t last_ns; /* of the last event */
	uint32_t depth;
	struct sampler_stats stats;
	event_fn fn; /* of the call that runs */
	void *context;
};

int sampler_new(const struct sampler_options *options, struct sampler **out)
{
	struct sampler *s = calloc(1, sizeof(*s));
	int error;

	if (!s)
		return -ENOMEM;
	s->look_up_children = options->look_up_children;
	s->last_ns = TIME_UNKNOWN;
	s->look_cost_ns = 4 * NS_PER_US;
	s->dump_cost_ns = 40 * NS_PER_US;
	error = diag_new(&s->diag);
	if (error)
		goto free_sampler;
	error = locality_new(&s->locality);
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
	locality_free(s->locality);
free_diag:
	diag_free(s->diag);
free_sampler:
	free(s);
	return error;
}

void sampler_free(struct sampler *s)
{
	if (!s)
		return;
	ownership_release(&s->ownership);
	child_queues_free(s->children);
	half_open_release(&s->half_open);
	watch_release(&s->watch);
	counters_reader_release(&s->counters);
	locality_free(s->locality);
	diag_free(s->diag);
	free(s);
}

/* Times ever increase, but for a clock that was set back: then they follow the clock. */
static int deliver(struct sampler *s, struct event *event, int64_t time_ns)
{
	if (time_ns <= s->last_ns && s->last_ns - time_ns < NS_PER_MS)
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
	return deliver(s, &event, clock_now_ns());
}

static int on_change(void *context, struct watched *w, enum listener_change change)
{
	struct sampler *s = context;

	if (change == LISTENER_SEEN)
		ownership_want(&s->ownership);
	if (change == LISTENER_CLOSED)
		child_queues_disband(s->children, w->listener.cookie);
	return tell_listener(s, w, change);
}

static uint64_t queue_key(const struct watched *w, bool alone)
{
	return w && alone ? w->listener.cookie : 0;
}

static int take_sample(struct sampler *s, struct watched *w, const struct diag_socket *socket,
		       int64_t before_ns, int64_t after_ns)
{
	struct event event = {
	    .kind = EVENT_SAMPLE,
	    .sample =
		{
		    .cookie = socket->cookie,
		    .before_ns = before_ns,
		    .depth = socket->depth,
		    .limit = socket->limit,
		    .drops = socket->drops,
		    .drops_known = socket->drops_known,
		},
	};

	w->depth = socket->depth;
	if (s->depth < socket->depth)
		s->depth = socket->depth;
	if (socket->limit != w->listener.limit) {
		int result;

		w->listener.limit = socket->limit;
		result = tell_listener(s, w, LISTENER_CHANGED);
		if (result)
			return result;
	}
	if (socket->depth >= socket->limit && socket->depth > 0)
		child_queues_full(s->children, queue_key(w, w->group_size == 1),
				  clock_monotonic_ns());
	s->stats.samples++;
	return deliver(s, &event, after_ns);
}

/* The address of no client: a look-up from it finds the listener, whoever is connected. */
static struct endpoint nobody(const struct watched *w)
{
	static const uint8_t zero[16];
	struct endpoint e = {.port = w->remote_port};

	e.address = address_is_ipv4(&w->listener.local.address) ? address_from_ipv4(zero)
								: address_from_ipv6(zero);
	return e;
}

static int look_at_listener(struct sampler *s, const struct watched *w, struct diag_socket *socket)
{
	struct endpoint remote = nobody(w);

	return diag_look_up(s->diag, &w->listener.local, &remote, w->listener.interface,
			    DIAG_WANT_DROPS, socket);
}

/*
 * Of siblings the kernel picks one by a hash of the look-up's two ends: remote
 * ports are tried until each sibling has been met. Who is not met (a group may
 * also choose by processor) is sampled by dumps.
 */
static void reach_siblings(struct sampler *s)
{
	for (size_t i = 0; i < s->watch.count; i++) {
		struct watched *w = &s->watch.listeners[i], ask = *w;
		unsigned tries = w->group_size * SIBLING_TRIES;

		for (unsigned port = 1; !w->reachable && port <= tries && port <= UINT16_MAX;
		     port++) {
			struct diag_socket socket;
			struct watched *met;

			ask.remote_port = (uint16_t)port;
			if (look_at_listener(s, &ask, &socket) < 0)
				continue;
			met = watch_find(&s->watch, socket.cookie);
			if (met && !met->reachable) {
				met->remote_port = (uint16_t)port;
				met->reachable = true;
			}
		}
	}
}

static void average(int64_t *mean, int64_t value)
{
	*mean += (value - *mean) / 8;
}

/* All listeners at once: finds new and closed ones, and samples every one. */
static int round_dump(struct sampler *s)
{
	const struct diag_socket *sockets;
	int64_t begin_ns = clock_monotonic_ns(), before_ns = clock_now_ns(), after_ns, interval_ns;
	size_t count;
	bool regrouped;
	int result;

	result = diag_dump(s->diag, DIAG_STATE_BIT(DIAG_LISTEN), NULL, 0, DIAG_WANT_DROPS, &sockets,
			   &count);
	if (result)
		return result;
	after_ns = clock_now_ns();
	average(&s->dump_cost_ns, clock_monotonic_ns() - begin_ns);
	result = watch_update(&s->watch, sockets, count, on_change, s, &regrouped);
	if (result)
		return result;
	if (regrouped) {
		for (size_t i = 0; i < s->watch.count; i++)
			if (s->watch.listeners[i].group_size > 1)
				child_queues_disband(s->children,
						     s->watch.listeners[i].listener.cookie);
		if ((int64_t)s->watch.count * s->look_cost_ns <= s->dump_cost_ns)
			reach_siblings(s);
	}
	for (size_t i = 0; i < count; i++) {
		struct watched *w = watch_find(&s->watch, sockets[i].cookie);

		result = w ? take_sample(s, w, &sockets[i], before_ns, after_ns) : 0;
		if (result)
			return result;
	}
	interval_ns =
	    s->watch.count < s->watch.targets_count || s->watch.count == 0 ? NS_PER_MS : RESCAN_NS;
	if (interval_ns < RESCAN_COST_SHARE * s->dump_cost_ns)
		interval_ns = RESCAN_COST_SHARE * s->dump_cost_ns;
	s->dump_ns = begin_ns;
	s->rescan_ns = begin_ns + interval_ns;
	s->rescan = false;
	return 0;
}

/* Each listener by itself. One that is not where it was is left to a dump. */
static int round_exact(struct sampler *s)
{
	for (size_t i = 0; i < s->watch.count; i++) {
		struct watched *w = &s->watch.listeners[i];
		int64_t before_ns = clock_now_ns(), after_ns;
		struct diag_socket socket;
		int result = look_at_listener(s, w, &socket);

		after_ns = clock_now_ns();
		if (result == -EAGAIN)
			continue;
		if (result == -ENOENT || (!result && socket.cookie != w->listener.cookie)) {
			w->reachable = false;
			s->rescan = true;
			continue;
		}
		if (result)
			return result;
		average(&s->look_cost_ns, after_ns - before_ns);
		result = take_sample(s, w, &socket, before_ns, after_ns);
		if (result)
			return result;
	}
	return s->rescan ? round_dump(s) : 0;
}

static bool exact_is_better(const struct sampler *s)
{
	if ((int64_t)s->watch.count * s->look_cost_ns > s->dump_cost_ns)
		return false;
	for (size_t i = 0; i < s->watch.count; i++)
		if (!s->watch.listeners[i].reachable)
			return false;
	return true;
}

static int round_listeners(struct sampler *s, int64_t now_ns)
{
	bool due = now_ns >= s->rescan_ns;

	if (!due && exact_is_better(s)) {
		s->depth = 0;
		return round_exact(s);
	}
	if (!due && now_ns - s->dump_ns < DUMP_COST_SHARE * s->dump_cost_ns)
		return 0;
	s->depth = 0;
	return round_dump(s);
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
			result = deliver(s, &event, after_ns);
	}
	return result;
}

static int look_at_child(void *context, const struct flow *flow, struct event *event)
{
	struct sampler *s = context;
	struct endpoint local = flow_destination(flow);
	const struct watched *w = watch_match(&s->watch, &local, NULL);

	s->stats.lookups++;
	return child_look(s->diag, s->locality, flow, w ? w->listener.interface : 0, event);
}

static int tell_child(void *context, struct event *event)
{
	return deliver(context, event, event->time_ns);
}

static int round_children(struct sampler *s, int64_t now_ns)
{
	struct child_queues_owner owner = {look_at_child, tell_child, s};
	int64_t pool_ns = s->round_ns ? (now_ns - s->round_ns) / POOL_SHARE : 0;
	int result;

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

int sampler_round(struct sampler *s, event_fn fn, void *context)
{
	int64_t now_ns = clock_monotonic_ns();
	int result;

	s->fn = fn;
	s->context = context;
	s->stats.rounds++;
	result = round_listeners(s, now_ns);
	if (!result)
		result = round_children(s, now_ns);
	if (!result)
		result = round_half_open(s);
	if (!result)
		result = ownership_round(&s->ownership, &s->watch, clock_monotonic_ns(),
					 owners_budget(s), on_change, s);
	s->round_ns = now_ns;
	return result;
}

int sampler_counters(struct sampler *s, enum counters_when when, event_fn fn, void *context)
{
	struct event event = {.kind = EVENT_COUNTERS, .counters.when = when};
	int64_t after_ns;
	int error = counters_read(&s->counters, &event.counters, &after_ns);

	if (error)
		return error;
	s->fn = fn;
	s->context = context;
	return deliver(s, &event, after_ns);
}

void sampler_watch_child(struct sampler *s, const struct flow *client_to_server)
{
	struct endpoint local = flow_destination(client_to_server);
	bool alone;
	const struct watched *w = watch_match(&s->watch, &local, &alone);

	/* What passes through, or goes out, has no socket here that accept() could return. */
	if (s->look_up_children && locality_is_local(s->locality, &local.address))
		child_queues_push(s->children, queue_key(w, alone), client_to_server,
				  clock_monotonic_ns());
}

int sampler_look_up(struct sampler *s, const struct flow *client_to_server, event_fn fn,
		    void *context)
{
	struct event event;
	int result;

	s->fn = fn;
	s->context = context;
	result = look_at_child(s, client_to_server, &event);
	return result ? result : deliver(s, &event, event.time_ns);
}

size_t sampler_listeners(const struct sampler *s)
{
	return s->watch.count;
}

uint32_t sampler_depth(const struct sampler *s)
{
	return s->depth;
}

void sampler_stats(const struct sampler *s, struct sampler_stats *stats)
{
	*stats = s->stats;
	stats->netlink_lost = diag_lost(s->diag);
	stats->lookups_skipped = child_queues_skipped(s->children);
}
