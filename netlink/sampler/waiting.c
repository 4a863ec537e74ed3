/*
 * What is under way already when observation begins: the connections in the accept queues,
 * the half-open ones, and the clients of this host that have not been answered, as sock_diag
 * lists them. Those in a queue are followed from then on as others are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netlink/sampler/parts.h"

/* A list longer than this is cut; what is left out is counted. */
#define WAITING_MAX 16384
/* Of so many the age is asked for: a look-up for each. */
#define AGES_MAX 4096
/* So often those are listed that have come to wait, where no packet tells of them, and at most for
 * one part of the time in so many: the kernel looks at each socket of the namespace for it. */
#define LIST_AGAIN_NS	(100 * NS_PER_MS)
#define LIST_COST_SHARE 100
/* Ages are of the kernel's ticks (CONFIG_HZ): so much older it may be. */
#define TICK_MAX_NS (10 * NS_PER_MS)

/*
 * A child that nobody has accepted cannot have sent data, so that the time since it last
 * did is its age (tcp_create_openreq_child() sets lsndtime).
 */
static int64_t born_at(struct sampler *s, const struct event *event)
{
	struct endpoint local = flow_destination(&event->waiting.flow);
	struct endpoint remote = flow_source(&event->waiting.flow);
	uint32_t devices[WATCH_DEVICES_MAX];
	size_t count = watch_devices(&s->watch, &local, devices);
	struct diag_socket again = {0};
	int64_t born_ns;

	for (size_t i = 0; i < count && (i == 0 || again.state == DIAG_LISTEN); i++)
		if (diag_look_up(s->diag, &local, &remote, devices[i], DIAG_WANT_AGE, &again) < 0)
			again.state = DIAG_LISTEN; /* not bound to that one */
	if (again.inode || again.last_sent_ms < 0 ||
	    (again.state != DIAG_ESTABLISHED && again.state != DIAG_CLOSE_WAIT))
		return TIME_UNKNOWN;
	born_ns = clock_now_ns() - again.last_sent_ms * NS_PER_MS;
	return born_ns < event->waiting.before_ns ? born_ns : event->waiting.before_ns;
}

/* Its event, if it is a listener's that is watched. */
static bool is_waiting(struct sampler *s, const struct diag_socket *socket, int64_t before_ns,
		       struct event *event)
{
	bool client = socket->state == DIAG_SYN_SENT, alone;
	const struct endpoint *from = client ? &socket->local : &socket->remote;
	const struct endpoint *to = client ? &socket->remote : &socket->local;
	const struct watched *w =
	    watch_match(&s->watch, to, client ? WATCH_ANY_DEVICE : socket->interface, &alone);

	if (!w || (client ? !locality_is_local(s->locality, &to->address) : socket->inode != 0))
		return false;
	*event = (struct event){
	    .kind = EVENT_WAITING,
	    .waiting =
		{
		    .flow = {.saddr = from->address,
			     .daddr = to->address,
			     .sport = from->port,
			     .dport = to->port},
		    .before_ns = before_ns,
		    .born_ns = TIME_UNKNOWN,
		    .listener = sampler_queue_key(w, alone),
		    .state = socket->state,
		    .syns = socket->syns,
		},
	};
	return true;
}

/* The list is the sampler's to free: the look-ups for ages need the dump's own room. */
static int list(struct sampler *s, uint32_t states, struct event **out, size_t *count,
		int64_t *after_ns)
{
	const struct diag_socket *sockets;
	uint16_t ports[DIAG_PORTS_MAX];
	size_t ports_count =
	    states == DIAG_STATE_BIT(DIAG_SYN_SENT) ? 0 : watch_ports(&s->watch, ports);
	size_t n;
	int64_t before_ns = clock_now_ns();
	int error = diag_dump(s->diag, states, ports, ports_count, DIAG_WANT_NOTHING, &sockets, &n);

	*count = 0;
	*out = NULL;
	if (error || !n)
		return error;
	*after_ns = clock_now_ns();
	*out = calloc(n < WAITING_MAX ? n : WAITING_MAX, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct event event;

		if (!is_waiting(s, &sockets[i], before_ns, &event))
			continue;
		if (*count < WAITING_MAX)
			(*out)[(*count)++] = event;
		else if (s->round_ns == 0)
			s->waiting_skipped++;
	}
	return 0;
}

/* The oldest first, as they stand in their queue; of those of one age nobody knows. */
static int by_age(const void *x, const void *y)
{
	const struct waiting *a = &((const struct event *)x)->waiting;
	const struct waiting *b = &((const struct event *)y)->waiting;

	return (a->born_ns > b->born_ns) - (a->born_ns < b->born_ns);
}

static int tell(struct sampler *s, struct event *events, size_t count, int64_t after_ns)
{
	int result = 0;

	for (size_t i = 0; i < count && !result; i++) {
		struct waiting *w = &events[i].waiting;

		if ((w->state == DIAG_ESTABLISHED || w->state == DIAG_CLOSE_WAIT) &&
		    s->look_up_children)
			child_queues_push(s->children, w->listener, &w->flow,
					  (w->born_ns != TIME_UNKNOWN ? w->born_ns : w->before_ns) -
					      TICK_MAX_NS,
					  clock_monotonic_ns());
		result = sampler_deliver(s, &events[i], after_ns);
	}
	return result;
}

static int by_flow(const void *x, const void *y)
{
	return memcmp(x, y, sizeof(struct flow));
}

/* Keeps who was listed, and leaves in the list those alone who were not there the last time. */
static int keep_new(struct sampler *s, struct event *events, size_t *count)
{
	struct flow *listed = malloc((*count + 1) * sizeof(*listed));
	size_t n = 0;

	if (!listed)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++)
		listed[i] = events[i].waiting.flow;
	qsort(listed, *count, sizeof(*listed), by_flow);
	for (size_t i = 0; i < *count; i++)
		if (!s->listed_count || !bsearch(&events[i].waiting.flow, s->listed,
						 s->listed_count, sizeof(*s->listed), by_flow))
			events[n++] = events[i];
	free(s->listed);
	s->listed = listed;
	s->listed_count = *count;
	*count = n;
	return 0;
}

static int list_and_tell(struct sampler *s, uint32_t states)
{
	bool queued = states & DIAG_STATE_BIT(DIAG_ESTABLISHED);
	int64_t after_ns = 0;
	struct event *events;
	size_t count;
	int result = list(s, states, &events, &count, &after_ns);

	if (!result && queued && s->no_packets)
		result = keep_new(s, events, &count);
	if (queued)
		for (size_t i = 0; i < count && i < AGES_MAX; i++)
			events[i].waiting.born_ns = born_at(s, &events[i]);
	if (count)
		qsort(events, count, sizeof(*events), by_age);
	if (!result)
		result = tell(s, events, count, after_ns);
	free(events);
	return result;
}

static bool some_wait(const struct sampler *s)
{
	for (size_t i = 0; i < s->watch.count; i++)
		if (s->watch.listeners[i].depth > 0)
			return true;
	return false;
}

int sampler_list_newly_waiting(struct sampler *s, int64_t now_ns)
{
	int64_t cost_ns;
	int result;

	if (!s->no_packets || now_ns < s->list_ns)
		return 0;
	if (!some_wait(s)) {
		s->listed_count = 0;
		return 0;
	}
	result =
	    list_and_tell(s, DIAG_STATE_BIT(DIAG_ESTABLISHED) | DIAG_STATE_BIT(DIAG_CLOSE_WAIT));
	cost_ns = clock_monotonic_ns() - now_ns;
	s->list_ns = now_ns + (LIST_COST_SHARE * cost_ns > LIST_AGAIN_NS ? LIST_COST_SHARE * cost_ns
									 : LIST_AGAIN_NS);
	return result;
}

int sampler_list_waiting(struct sampler *s)
{
	int result = 0;

	if (s->watch.count == 0)
		return 0;
	if (some_wait(s))
		result = list_and_tell(s, DIAG_STATE_BIT(DIAG_ESTABLISHED) |
					      DIAG_STATE_BIT(DIAG_CLOSE_WAIT));
	if (!result)
		result = list_and_tell(s, DIAG_STATE_BIT(DIAG_SYN_RECV));
	if (!result)
		result = list_and_tell(s, DIAG_STATE_BIT(DIAG_SYN_SENT));
	return result;
}
