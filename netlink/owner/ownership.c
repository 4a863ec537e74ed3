/*
 * Walks for the owners of the watched listeners.
 */
#include "netlink/owner/ownership.h"

#include <stdlib.h>

/* Repeated every 5 s, or more rarely, so that it takes 0.5 % of the time. */
#define REPEAT_NS  (5 * NS_PER_SEC)
#define COST_SHARE 200

/* Listeners are among the first descriptors of a process. */
#define FDS_MAX 1024

void ownership_init(struct ownership *o)
{
	*o = (struct ownership){.wanted = true};
	if (owners_new(&o->owners) < 0)
		o->owners = NULL;
}

void ownership_release(struct ownership *o)
{
	owners_free(o->owners);
	o->owners = NULL;
}

void ownership_want(struct ownership *o)
{
	o->wanted = true;
}

bool ownership_wanted(const struct ownership *o)
{
	return o->wanted || (o->walking && o->urgent);
}

static int begin(struct ownership *o, const struct watch *watch)
{
	uint32_t *inodes = malloc(watch->count * sizeof(*inodes));
	int error;

	if (!inodes)
		return -1;
	for (size_t i = 0; i < watch->count; i++)
		inodes[i] = watch->listeners[i].listener.inode;
	error = owners_begin(
	    o->owners,
	    &(struct owners_walk){.inodes = inodes, .count = watch->count, .fds_max = FDS_MAX});
	free(inodes);
	return error;
}

/* True when it differs. An owner that may no longer be looked at stays as it was. */
static bool apply(struct listener *listener, const struct owner *owner)
{
	size_t size;

	if (!owner)
		return false;
	size = owner->pids_count * sizeof(owner->pids[0]);
	if (listener->pids_count == owner->pids_count &&
	    memcmp(listener->pids, owner->pids, size) == 0)
		return false;
	listener->pids_count = owner->pids_count;
	memcpy(listener->pids, owner->pids, size);
	memcpy(listener->comm, owner->comm, sizeof(listener->comm));
	/* Not ours to read in most cases: unknown is then what it stays. */
	(void)!owner_socket_options(owner->pids[0], owner->fd, listener->cookie,
				    &listener->defer_accept_s, &listener->fastopen);
	return true;
}

int ownership_round(struct ownership *o, struct watch *watch, int64_t now_ns, int64_t budget_ns,
		    watch_fn fn, void *context)
{
	int result = 0;
	bool over;

	if (!o->owners || watch->count == 0)
		return 0;
	if (!o->walking) {
		if (!o->wanted && now_ns < o->next_ns)
			return 0;
		o->next_ns = now_ns + REPEAT_NS;
		if (begin(o, watch) < 0)
			return 0;
		o->walking = true;
		o->urgent = o->wanted;
		o->wanted = false;
		o->cost_ns = 0;
		now_ns = clock_monotonic_ns();
	}
	over = owners_step(o->owners, budget_ns);
	o->cost_ns += clock_monotonic_ns() - now_ns;
	if (!over)
		return 0;
	o->walking = false;
	if (o->next_ns < now_ns + COST_SHARE * o->cost_ns)
		o->next_ns = now_ns + COST_SHARE * o->cost_ns;
	for (size_t i = 0; i < watch->count && !result; i++) {
		struct watched *w = &watch->listeners[i];

		if (apply(&w->listener, owners_of(o->owners, w->listener.inode)))
			result = fn(context, w, LISTENER_CHANGED);
	}
	return result;
}
