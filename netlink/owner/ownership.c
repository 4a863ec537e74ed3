/*
 * Walks for the owners of the watched listeners.
 */
#include "netlink/owner/ownership.h"

#include <stdlib.h>
#include <string.h>

/* Repeated each second, or more rarely, so that it takes 0.5 % of the time. */
#define REPEAT_NS  NS_PER_SEC
#define COST_SHARE 200
/* And at a suspicion sooner, but not more than 5 %. */
#define SUSPECT_COST_SHARE 20
/* Who opens a listener may leave it to a child, which it forks then. */
#define FIRST_AGAIN_NS (100 * NS_PER_MS)

/* Listeners are among the first descriptors of a process. */
#define FDS_MAX 1024

void ownership_init(struct ownership *o)
{
	*o = (struct ownership){.wanted = true, .known_ns = TIME_UNKNOWN};
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

void ownership_suspect(struct ownership *o)
{
	int64_t soon_ns = o->ended_ns + SUSPECT_COST_SHARE * o->cost_ns;

	if (!o->walking && soon_ns < o->next_ns)
		o->next_ns = soon_ns;
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

static bool is_among(const int32_t *pids, unsigned count, int32_t pid)
{
	for (unsigned i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Those of pids that are not among others, as owners that came, or that went. */
static int tell_changes(const struct ownership *o, const struct listener *listener,
			const struct owner *owner, bool owns, const struct ownership_hearer *hearer)
{
	const int32_t *pids = owns ? owner->pids : listener->pids;
	const int32_t *others = owns ? listener->pids : owner->pids;
	unsigned count = owns ? owner->pids_count : listener->pids_count;
	unsigned others_count = owns ? listener->pids_count : owner->pids_count;
	int result = 0;

	for (unsigned i = 0; i < count && !result; i++) {
		struct owner_change change = {
		    .cookie = listener->cookie,
		    /* Nobody has looked for those of a listener that had none. */
		    .before_ns = listener->pids_count ? o->known_ns : TIME_UNKNOWN,
		    .pid = pids[i],
		    .owns = owns,
		};

		if (is_among(others, others_count, pids[i]))
			continue;
		owners_comm(o->owners, pids[i], change.comm);
		result = hearer->owner(hearer->context, &change);
	}
	return result;
}

/* execve() and prctl(PR_SET_NAME) give it another name. */
static bool is_renamed(const struct listener *listener, const struct owner *owner)
{
	return owner->comm[0] && listener->pids_count && listener->pids[0] == owner->pids[0] &&
	       strncmp(listener->comm, owner->comm, sizeof(listener->comm)) != 0;
}

static int tell_name(const struct listener *listener, const struct owner *owner,
		     const struct ownership_hearer *hearer)
{
	struct owner_change change = {
	    .cookie = listener->cookie,
	    .before_ns = TIME_UNKNOWN,
	    .pid = owner->pids[0],
	    .owns = true,
	};

	if (!is_renamed(listener, owner))
		return 0;
	memcpy(change.comm, owner->comm, sizeof(change.comm));
	return hearer->owner(hearer->context, &change);
}

static bool differs(const struct listener *listener, const struct owner *owner)
{
	if (is_renamed(listener, owner))
		return true;
	return listener->pids_count != owner->pids_count ||
	       memcmp(listener->pids, owner->pids, owner->pids_count * sizeof(owner->pids[0])) != 0;
}

/* An owner that may no longer be looked at stays as it was. */
static int apply(const struct ownership *o, struct watched *w, const struct owner *owner,
		 const struct ownership_hearer *hearer)
{
	struct listener *listener = &w->listener;
	int result;

	if (!owner || !differs(listener, owner))
		return 0;
	result = tell_name(listener, owner, hearer);
	if (!result)
		result = tell_changes(o, listener, owner, true, hearer);
	if (!result)
		result = tell_changes(o, listener, owner, false, hearer);
	listener->pids_count = owner->pids_count;
	memcpy(listener->pids, owner->pids, owner->pids_count * sizeof(owner->pids[0]));
	memcpy(listener->comm, owner->comm, sizeof(listener->comm));
	listener->workload = owner->workload;
	/* Not ours to read in most cases: unknown is then what it stays. */
	(void)!owner_socket_options(owner->pids[0], owner->fd, listener->cookie,
				    &listener->defer_accept_s, &listener->fastopen);
	return result ? result : hearer->listener(hearer->context, w, LISTENER_CHANGED);
}

/* The first owners of a listener may not be its last. */
static void again_soon(struct ownership *o, int64_t now_ns)
{
	int64_t cost_ns = SUSPECT_COST_SHARE * o->cost_ns;
	int64_t soon_ns = now_ns + (cost_ns > FIRST_AGAIN_NS ? cost_ns : FIRST_AGAIN_NS);

	if (soon_ns < o->next_ns)
		o->next_ns = soon_ns;
}

int ownership_round(struct ownership *o, struct watch *watch, int64_t now_ns, int64_t budget_ns,
		    const struct ownership_hearer *hearer)
{
	int result = 0;
	bool over, found = false;

	if (!o->owners || watch->count == 0)
		return 0;
	if (!o->walking) {
		if (!o->wanted && now_ns < o->next_ns)
			return 0;
		o->next_ns = now_ns + REPEAT_NS;
		o->begun_ns = clock_now_ns();
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
	o->ended_ns = now_ns;
	if (o->next_ns < now_ns + COST_SHARE * o->cost_ns)
		o->next_ns = now_ns + COST_SHARE * o->cost_ns;
	for (size_t i = 0; i < watch->count && !result; i++) {
		struct watched *w = &watch->listeners[i];
		bool unknown = w->listener.pids_count == 0;

		result = apply(o, w, owners_of(o->owners, w->listener.inode), hearer);
		found |= unknown && w->listener.pids_count > 0;
	}
	if (found)
		again_soon(o, now_ns);
	o->known_ns = o->begun_ns;
	return result;
}
