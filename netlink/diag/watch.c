/*
 * Keeps the watched listeners up to date with the dumps it is handed.
 */
#include "netlink/diag/watch.h"

#include <errno.h>
#include <stdlib.h>

#include "event/array.h"
#include "event/clock.h"

int watch_init(struct watch *watch, const struct endpoint *targets, size_t count)
{
	*watch = (struct watch){.targets_count = count, .asked_count = count};
	if (count == 0)
		return 0;
	watch->targets = malloc(count * sizeof(*targets));
	if (!watch->targets)
		return -ENOMEM;
	memcpy(watch->targets, targets, count * sizeof(*targets));
	return 0;
}

int watch_add(struct watch *watch, const struct endpoint *target)
{
	struct endpoint *targets;

	if (watch->targets_count == 0)
		return 0;
	targets = realloc(watch->targets, (watch->targets_count + 1) * sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	watch->targets = targets;
	watch->targets[watch->targets_count++] = *target;
	return 0;
}

void watch_release(struct watch *watch)
{
	free(watch->targets);
	free(watch->listeners);
	free(watch->by_port);
	*watch = (struct watch){0};
}

static bool is_better_taken(const struct diag_socket *sockets, size_t count,
			    const struct endpoint *destination, int fit)
{
	for (size_t i = 0; i < count; i++)
		if (endpoint_fit(&sockets[i].local, sockets[i].v6only, destination) > fit)
			return true;
	return false;
}

/* A target of one address wants whoever answers there: a wildcard, unless a better one is there. */
static bool is_wanted(const struct watch *watch, const struct diag_socket *sockets, size_t count,
		      const struct diag_socket *socket)
{
	if (watch->targets_count == 0)
		return true;
	for (size_t i = 0; i < watch->targets_count; i++) {
		const struct endpoint *target = &watch->targets[i];
		const struct endpoint destination = {target->address, socket->local.port};
		int fit;

		if (target->port && target->port != socket->local.port)
			continue;
		if (address_is_any(&target->address) && !address_is_ipv4(&target->address))
			return true;
		fit = endpoint_fit(&socket->local, socket->v6only, &destination);
		if (fit && !is_better_taken(sockets, count, &destination, fit))
			return true;
	}
	return false;
}

static int by_cookie(const void *x, const void *y)
{
	const struct watched *a = x, *b = y;

	return (a->listener.cookie > b->listener.cookie) -
	       (a->listener.cookie < b->listener.cookie);
}

static struct watched *find_sorted(const struct watch *watch, size_t sorted, uint64_t cookie)
{
	struct watched key = {.listener.cookie = cookie};

	if (sorted == 0)
		return NULL;
	return bsearch(&key, watch->listeners, sorted, sizeof(key), by_cookie);
}

struct watched *watch_find(const struct watch *watch, uint64_t cookie)
{
	return find_sorted(watch, watch->count, cookie);
}

static struct watched *append(struct watch *watch, const struct diag_socket *socket)
{
	struct watched *w;

	if (watch->count == watch->capacity) {
		w = array_grow(watch->listeners, &watch->capacity, sizeof(*w), 16, ARRAY_UNBOUNDED);
		if (!w)
			return NULL;
		watch->listeners = w;
	}
	w = &watch->listeners[watch->count++];
	*w = (struct watched){
	    .listener =
		{
		    .cookie = socket->cookie,
		    .local = socket->local,
		    .change = LISTENER_SEEN,
		    .limit = socket->limit,
		    .inode = socket->inode,
		    .uid = socket->uid,
		    .interface = socket->interface,
		    .v6only = socket->v6only,
		    .transparent = socket->transparent,
		    .defer_accept_s = -1,
		    .fastopen = -1,
		},
	    .group_size = 1,
	    .reachable = true,
	    .found_ns = clock_monotonic_ns(),
	};
	return w;
}

static int compare_place(const struct listener *a, const struct listener *b)
{
	if (a->local.port != b->local.port)
		return a->local.port < b->local.port ? -1 : 1;
	if (!address_equal(&a->local.address, &b->local.address))
		return memcmp(&a->local.address, &b->local.address, sizeof(a->local.address));
	return (a->interface > b->interface) - (a->interface < b->interface);
}

static int by_place(const void *x, const void *y, void *listeners)
{
	const struct watched *w = listeners;

	return compare_place(&w[*(const uint32_t *)x].listener, &w[*(const uint32_t *)y].listener);
}

/* Siblings: listeners in one place. The kernel picks one by their number, so all are found anew. */
static int regroup(struct watch *watch)
{
	struct watched *w = watch->listeners;
	uint32_t *index = watch->by_port;
	size_t end;

	if (watch->count == 0)
		return 0;
	qsort(w, watch->count, sizeof(*w), by_cookie);
	index = realloc(index, watch->capacity * sizeof(*index));
	if (!index)
		return -ENOMEM;
	watch->by_port = index;
	for (size_t i = 0; i < watch->count; i++)
		index[i] = (uint32_t)i;
	qsort_r(index, watch->count, sizeof(*index), by_place, w);
	for (size_t i = 0; i < watch->count; i = end) {
		for (end = i + 1; end < watch->count; end++)
			if (compare_place(&w[index[i]].listener, &w[index[end]].listener) != 0)
				break;
		for (size_t j = i; j < end; j++) {
			w[index[j]].group_size = (uint32_t)(end - i);
			w[index[j]].reachable = end - i == 1;
			w[index[j]].remote_port = 0;
		}
	}
	return 0;
}

static int drop_closed(struct watch *watch, watch_fn fn, void *context, bool *regrouped)
{
	size_t kept = 0;
	int result = 0;

	for (size_t i = 0; i < watch->count; i++) {
		struct watched *w = &watch->listeners[i];

		if (w->seen == watch->dumps || result) {
			watch->listeners[kept++] = *w;
			continue;
		}
		*regrouped = true;
		result = fn(context, w, LISTENER_CLOSED);
	}
	watch->count = kept;
	return result;
}

/* Marks those that are still there. True when there are others than these. */
static bool mark_seen(struct watch *watch, const struct diag_socket *sockets, size_t count)
{
	bool others = false;

	for (size_t i = 0; i < count; i++) {
		struct watched *w;

		if (sockets[i].state != DIAG_LISTEN ||
		    !is_wanted(watch, sockets, count, &sockets[i]))
			continue;
		w = watch_find(watch, sockets[i].cookie);
		others |= !w;
		if (w)
			w->seen = watch->dumps;
	}
	return others;
}

static int add_new(struct watch *watch, const struct diag_socket *sockets, size_t count,
		   watch_fn fn, void *context, bool *regrouped)
{
	size_t sorted = watch->count;
	int result = 0;

	for (size_t i = 0; i < count && !result; i++) {
		const struct diag_socket *s = &sockets[i];
		struct watched *w;

		if (s->state != DIAG_LISTEN || find_sorted(watch, sorted, s->cookie) ||
		    !is_wanted(watch, sockets, count, s))
			continue;
		*regrouped = true;
		w = append(watch, s);
		if (!w)
			return -ENOMEM;
		w->seen = watch->dumps;
		result = fn(context, w, LISTENER_SEEN);
	}
	return result;
}

int watch_update(struct watch *watch, const struct diag_socket *sockets, size_t count, watch_fn fn,
		 void *context, bool *regrouped)
{
	int result, error;
	bool others;

	*regrouped = false;
	watch->dumps++;
	others = mark_seen(watch, sockets, count);
	/* Who took the place of one that closed is no sibling of it. */
	result = drop_closed(watch, fn, context, regrouped);
	if (!result && others)
		result = add_new(watch, sockets, count, fn, context, regrouped);
	error = *regrouped ? regroup(watch) : 0;
	return result ? result : error;
}

static size_t first_of_port(const struct watch *watch, uint16_t port)
{
	size_t low = 0, high = watch->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (watch->listeners[watch->by_port[middle]].listener.local.port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How well it fits, the device apart. */
static int fit_of(const struct watched *w, const struct endpoint *local)
{
	return endpoint_fit(&w->listener.local, w->listener.v6only, local);
}

static struct watched *match(const struct watch *watch, const struct endpoint *local,
			     uint32_t interface, bool *single)
{
	struct watched *best = NULL;
	int best_fit = 0;
	bool other = false;

	*single = true;
	for (size_t i = first_of_port(watch, local->port); i < watch->count; i++) {
		struct watched *w = &watch->listeners[watch->by_port[i]];
		int fit = fit_of(w, local);

		if (w->listener.local.port != local->port)
			break;
		if (interface != WATCH_ANY_DEVICE && w->listener.interface != interface)
			continue;
		other |= fit && best && best->listener.interface != w->listener.interface;
		if (fit > best_fit) {
			best = w;
			best_fit = fit;
			*single = true;
		} else if (fit && fit == best_fit) {
			*single = false;
		}
	}
	*single &= !other;
	return best;
}

struct watched *watch_match(const struct watch *watch, const struct endpoint *local,
			    uint32_t interface, bool *alone)
{
	bool single;
	struct watched *w = match(watch, local, interface, &single);

	/* A connection may be bound where its listener is not: of link-local addresses. */
	if (!w && interface && interface != WATCH_ANY_DEVICE)
		w = match(watch, local, 0, &single);
	if (alone)
		*alone = single;
	return w;
}

size_t watch_devices(const struct watch *watch, const struct endpoint *local,
		     uint32_t devices[WATCH_DEVICES_MAX])
{
	size_t count = 0;

	for (size_t i = first_of_port(watch, local->port); i < watch->count; i++) {
		const struct watched *w = &watch->listeners[watch->by_port[i]];
		size_t k = 0;

		if (w->listener.local.port != local->port)
			break;
		if (!fit_of(w, local))
			continue;
		while (k < count && devices[k] != w->listener.interface)
			k++;
		if (k == count && count < WATCH_DEVICES_MAX)
			devices[count++] = w->listener.interface;
	}
	return count;
}

struct watched *watch_transparent(const struct watch *watch)
{
	struct watched *only = NULL;

	for (size_t i = 0; i < watch->count; i++) {
		if (!watch->listeners[i].listener.transparent)
			continue;
		if (only)
			return NULL;
		only = &watch->listeners[i];
	}
	return only;
}

size_t watch_ports(const struct watch *watch, uint16_t ports[DIAG_PORTS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < watch->count; i++) {
		uint16_t port = watch->listeners[watch->by_port[i]].listener.local.port;

		if (count && ports[count - 1] == port)
			continue;
		if (count == DIAG_PORTS_MAX)
			return 0;
		ports[count++] = port;
	}
	return count;
}
