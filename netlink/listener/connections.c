/*
 * Half-open handshakes and connections that wait for accept(), for the snapshot
 * of the listeners.
 */
#include <errno.h>
#include <stdlib.h>

#include "netlink/listener/reading.h"

/* Children whose age is asked for. */
#define AGES_MAX 4096

/* The entry that stands for the listeners at this place, by what a socket of theirs is bound to. */
static struct listening *entry_at(struct reading *r, const struct endpoint *local,
				  uint32_t interface)
{
	struct watched *w = watch_match(&r->watch, local, interface, NULL);

	return w ? &r->entries[w - r->watch.listeners] : NULL;
}

static struct listening *entry_of(struct reading *r, size_t i)
{
	const struct listener *l = &r->entries[i].listener;

	return entry_at(r, &l->local, l->interface);
}

/* Ports of listeners, of all or of those with something in their queue. 0: none, or too many. */
static size_t gather_ports(const struct reading *r, bool queued, uint16_t ports[DIAG_PORTS_MAX],
			   bool *none)
{
	size_t count = 0;

	*none = true;
	for (size_t i = 0; i < r->watch.count; i++) {
		const struct watched *w = &r->watch.listeners[r->watch.by_port[i]];
		uint16_t port = w->listener.local.port;

		if ((queued && w->depth == 0) || (count && ports[count - 1] == port))
			continue;
		*none = false;
		if (count == DIAG_PORTS_MAX)
			return 0;
		ports[count++] = port;
	}
	return count;
}

static int read_half_open(struct reading *r)
{
	const struct diag_socket *sockets;
	uint16_t ports[DIAG_PORTS_MAX];
	size_t ports_count, count;
	bool none;
	int error;

	ports_count = gather_ports(r, false, ports, &none);
	if (none)
		return 0;
	error = diag_dump(r->diag, DIAG_STATE_BIT(DIAG_SYN_RECV), ports, ports_count,
			  DIAG_WANT_NOTHING, &sockets, &count);
	if (error)
		return error;
	for (size_t i = 0; i < r->watch.count; i++)
		entry_of(r, i)->half_open = 0;
	for (size_t i = 0; i < count; i++) {
		struct listening *entry = entry_at(r, &sockets[i].local, sockets[i].interface);

		if (entry)
			entry->half_open++;
	}
	return 0;
}

/* An age that took longer to be told is asked for again: nobody knows when it was that. */
#define AGE_TOLD_NS  (2 * NS_PER_MS)
#define AGE_ASKS_MAX 3

/*
 * A child that nobody has accepted cannot have sent data, so that the time
 * since it last did is its age (tcp_create_openreq_child() sets lsndtime).
 */
static void read_age(struct reading *r, const struct diag_socket *child, struct listening *entry)
{
	int64_t age_ns, before_ns, after_ns;
	struct diag_socket again;
	int asks = 0;

	do {
		before_ns = clock_now_ns();
		if (diag_look_up(r->diag, &child->local, &child->remote, child->interface,
				 DIAG_WANT_AGE, &again) < 0)
			return;
		after_ns = clock_now_ns();
	} while (after_ns - before_ns > AGE_TOLD_NS && ++asks < AGE_ASKS_MAX);
	if (again.cookie != child->cookie || again.inode || again.last_sent_ms < 0)
		return;
	age_ns = again.last_sent_ms * NS_PER_MS;
	if (entry->oldest_ns >= 0 && before_ns - age_ns >= entry->oldest_after_ns)
		return;
	entry->oldest_ns = age_ns;
	entry->oldest_after_ns = before_ns - age_ns;
	entry->oldest_before_ns = after_ns - age_ns;
}

/*
 * What is queued with nothing behind it is a ghost. Said only of queues that
 * are as deep after the children were read as they were before.
 */
static int read_ghosts(struct reading *r)
{
	const struct diag_socket *sockets;
	uint64_t *before, *after;
	size_t count;
	int error;

	error = reading_dump_listeners(r, &sockets, &count);
	if (error)
		return error;
	before = calloc(2 * r->watch.count, sizeof(*before));
	if (!before)
		return -ENOMEM;
	after = before + r->watch.count;
	for (size_t i = 0; i < r->watch.count; i++)
		before[entry_of(r, i) - r->entries] += r->entries[i].depth;
	for (size_t i = 0; i < count; i++) {
		const struct listening *entry =
		    entry_at(r, &sockets[i].local, sockets[i].interface);

		if (entry)
			after[entry - r->entries] += sockets[i].depth;
	}
	for (size_t i = 0; i < r->watch.count; i++) {
		struct listening *entry = &r->entries[i];

		if (entry->waiting >= 0 && before[i] == after[i] &&
		    before[i] >= (uint64_t)entry->waiting)
			entry->ghosts = (int64_t)before[i] - entry->waiting;
	}
	free(before);
	return 0;
}

static int read_children(struct reading *r)
{
	const struct diag_socket *sockets;
	uint16_t ports[DIAG_PORTS_MAX];
	size_t ports_count, count, ages = 0;
	bool none;
	int error;

	ports_count = gather_ports(r, true, ports, &none);
	for (size_t i = 0; i < r->watch.count; i++) {
		struct listening *entry = entry_of(r, i);

		entry->waiting = 0;
		entry->ghosts = 0;
	}
	if (none)
		return 0;
	error =
	    diag_dump(r->diag, DIAG_STATE_BIT(DIAG_ESTABLISHED) | DIAG_STATE_BIT(DIAG_CLOSE_WAIT),
		      ports, ports_count, DIAG_WANT_NOTHING, &sockets, &count);
	if (error)
		return error;
	for (size_t i = 0; i < r->watch.count; i++)
		r->entries[i].ghosts = -1;
	for (size_t i = 0; i < count; i++) {
		struct listening *entry;

		if (sockets[i].inode)
			continue;
		entry = entry_at(r, &sockets[i].local, sockets[i].interface);
		if (!entry)
			continue;
		entry->waiting++;
		if (ages++ < AGES_MAX)
			read_age(r, &sockets[i], entry);
	}
	return read_ghosts(r);
}

/* Siblings stand together: what was counted for their place is shown at each of them. */
static void share_counts(struct reading *r)
{
	for (size_t i = 0; i < r->watch.count; i++) {
		struct listening *entry = &r->entries[i];
		const struct listening *place = entry_of(r, i);

		entry->half_open = place->half_open;
		entry->waiting = place->waiting;
		entry->ghosts = place->ghosts;
		entry->oldest_ns = place->oldest_ns;
		entry->oldest_after_ns = place->oldest_after_ns;
		entry->oldest_before_ns = place->oldest_before_ns;
	}
}

int reading_connections(struct reading *r)
{
	int error = read_half_open(r);

	if (!error)
		error = read_children(r);
	if (!error)
		share_counts(r);
	return error;
}
