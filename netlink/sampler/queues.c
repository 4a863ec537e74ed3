/*
 * Samples of the accept queues: each listener looked up by itself, or all of them
 * in one dump, whichever is cheaper; and the listeners that appear and close.
 */
#include <errno.h>

#include "netlink/sampler/parts.h"

/* A dump of all listeners finds the new ones. Where one is waited for, it may cost 2 %. */
#define RESCAN_NS	  (10 * NS_PER_MS)
#define RESCAN_COST_SHARE 50
/* Where somebody tells of them; then it may cost 0.1 %. */
#define RESCAN_TOLD_NS	       NS_PER_SEC
#define RESCAN_TOLD_COST_SHARE 1000

/* Remote ports that are tried to reach every sibling, for each of them. */
#define SIBLING_TRIES 32

/* Where listeners are sampled by dumps that take long, these take at most 1/10 of the time. */
#define DUMP_CHEAP_NS	(100 * NS_PER_US)
#define DUMP_COST_SHARE 10

/*
 * Of more listeners than this, those whose queue stays empty are told this often:
 * each round of hundreds of listeners would be megabytes a second that say nothing.
 */
#define MANY_LISTENERS 16
#define IDLE_SAMPLE_NS (100 * NS_PER_MS)

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

	bool was_idle = w->depth == 0 && w->told_ns;

	w->depth = socket->depth;
	if (s->depth < socket->depth)
		s->depth = socket->depth;
	if (socket->limit != w->listener.limit) {
		int result;

		w->listener.limit = socket->limit;
		result = sampler_on_change(s, w, LISTENER_CHANGED);
		if (result)
			return result;
	}
	if (socket->depth >= socket->limit && socket->depth > 0) {
		w->full_ns = clock_monotonic_ns();
		child_queues_full(s->children, sampler_queue_key(w, w->group_size == 1),
				  w->full_ns);
	}
	s->stats.samples++;
	if (s->watch.count > MANY_LISTENERS && was_idle && socket->depth == 0 &&
	    socket->drops == w->drops && before_ns - w->told_ns < IDLE_SAMPLE_NS &&
	    before_ns >= w->told_ns)
		return 0;
	s->dropped |= w->told_ns && socket->drops != w->drops;
	w->drops = socket->drops;
	w->told_ns = before_ns;
	return sampler_deliver(s, &event, after_ns);
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

static int64_t rescan_interval_ns(const struct sampler *s)
{
	int64_t interval_ns = RESCAN_NS, share = RESCAN_COST_SHARE;

	/* Of a target that was added later nobody tells. */
	if (s->listeners_told && s->watch.targets_count == s->watch.asked_count) {
		interval_ns = RESCAN_TOLD_NS;
		share = RESCAN_TOLD_COST_SHARE;
	} else if (s->watch.count < s->watch.asked_count || s->watch.count == 0) {
		interval_ns = NS_PER_MS;
	}
	return interval_ns < share * s->dump_cost_ns ? share * s->dump_cost_ns : interval_ns;
}

/* Links are read at most so often. */
#define LINKS_NS (100 * NS_PER_MS)

bool sampler_describe_device(struct sampler *s, struct watched *w)
{
	int64_t now_ns = clock_monotonic_ns();

	if (!s->links)
		return false;
	if (!s->links_ns || now_ns - s->links_ns > LINKS_NS) {
		if (links_read(s->links))
			return false;
		s->links_ns = now_ns;
	}
	return links_describe(s->links, &w->listener);
}

/* Devices get other names and masters. */
static int follow_devices(struct sampler *s)
{
	int result = 0;

	for (size_t i = 0; i < s->watch.count && !result; i++) {
		struct watched *w = &s->watch.listeners[i];

		if (w->listener.interface && sampler_describe_device(s, w))
			result = sampler_on_change(s, w, LISTENER_CHANGED);
	}
	return result;
}

/* All listeners at once: finds new and closed ones, and samples every one. */
static int round_dump(struct sampler *s)
{
	const struct diag_socket *sockets;
	int64_t begin_ns = clock_monotonic_ns(), before_ns = clock_now_ns(), after_ns;
	size_t count;
	bool regrouped;
	int result;

	result = diag_dump(s->diag, DIAG_STATE_BIT(DIAG_LISTEN), NULL, 0, DIAG_WANT_DROPS, &sockets,
			   &count);
	if (result)
		return result;
	after_ns = clock_now_ns();
	sampler_usual(&s->dump_cost_ns, clock_monotonic_ns() - begin_ns);
	result = watch_update(&s->watch, sockets, count, sampler_on_change, s, &regrouped);
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
	child_queues_know(s->children, before_ns);
	for (size_t i = 0; i < count; i++) {
		struct watched *w = watch_find(&s->watch, sockets[i].cookie);

		result = w ? take_sample(s, w, &sockets[i], before_ns, after_ns) : 0;
		if (result)
			return result;
	}
	result = follow_devices(s);
	if (result)
		return result;
	s->dump_ns = begin_ns;
	s->rescan_ns = begin_ns + rescan_interval_ns(s);
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
		sampler_usual(&s->look_cost_ns, after_ns - before_ns);
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

int sampler_round_queues(struct sampler *s, int64_t now_ns)
{
	bool due = now_ns >= s->rescan_ns;

	if (!due && exact_is_better(s)) {
		s->depth = 0;
		return round_exact(s);
	}
	if (!due && s->dump_cost_ns > DUMP_CHEAP_NS &&
	    now_ns - s->dump_ns < DUMP_COST_SHARE * s->dump_cost_ns)
		return 0;
	s->depth = 0;
	return round_dump(s);
}
