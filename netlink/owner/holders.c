/*
 * What is learned of listeners, connections and forks, and the shares of time of the looks.
 */
#include "netlink/owner/holders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "event/array.h"
#include "netlink/owner/holders_parts.h"

/* A connection is looked for so long. */
#define SEEK_NS	  (2 * NS_PER_SEC)
#define EXPIRE_NS (100 * NS_PER_MS)

/* Forks by others are kept for so long: their parent may turn out to be an owner. */
#define FORK_MEMORY_NS (400 * NS_PER_MS)

/* Looks at children may take 1/16 of the time, and so much at once after a pause. */
#define CREDIT_SHARE  16
#define CREDIT_MAX_NS (10 * NS_PER_MS)

int holders_new(bool forks_known, struct holders **out)
{
	struct holders *h = calloc(1, sizeof(*h));
	int error;

	if (!h)
		return -ENOMEM;
	h->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->proc < 0) {
		error = -errno;
		free(h);
		return error;
	}
	h->forks_known = forks_known;
	h->walk.fds = -1;
	*out = h;
	return 0;
}

void holders_free(struct holders *holders)
{
	if (!holders)
		return;
	descriptors_close(&holders->walk);
	close(holders->proc);
	free(holders->listeners);
	free(holders);
}

static bool owns(const struct listener *l, int32_t pid)
{
	for (unsigned i = 0; i < l->pids_count; i++)
		if (l->pids[i] == pid)
			return true;
	return false;
}

bool holders_is_owner(const struct holders *h, int32_t pid)
{
	for (size_t i = 0; i < h->listeners_count; i++)
		if (owns(&h->listeners[i], pid))
			return true;
	return false;
}

bool holders_is_listener(const struct holders *h, uint32_t inode)
{
	for (size_t i = 0; i < h->listeners_count; i++)
		if (h->listeners[i].inode == inode)
			return true;
	return false;
}

struct kin *holders_kin(struct holders *h, int32_t pid)
{
	return &h->kin[(uint32_t)pid & (KIN_SLOTS - 1)];
}

int holders_report(struct holders *h, const struct holder *holder)
{
	struct event event = {.time_ns = clock_now_ns(),
			      .kind = EVENT_HOLDER,
			      .source = SOURCE_SAMPLER,
			      .holder = *holder};

	return h->fn(h->context, &event);
}

static int seek(struct holders *h, const struct child *child)
{
	struct pending_lookup *s;

	if (!child->inode || !child_accepted(child))
		return 0;
	pending_lookups_add(&h->pending, &child->flow, child->inode, clock_monotonic_ns());
	s = pending_lookups_find(&h->pending, child->inode);
	for (uint32_t i = h->recent.count; i-- > 0;)
		if (recent_forks_has(recent_forks_at(&h->recent, i), child->inode))
			return holders_found(h, recent_forks_at(&h->recent, i), s);
	return 0;
}

static int pass_fork(struct holders *h, const struct event *event)
{
	int64_t now_ns = clock_monotonic_ns();

	recent_forks_add(&h->recent, event->proc_fork.child_pid, event->proc_fork.parent_pid,
			 now_ns);
	*holders_kin(h, event->proc_fork.child_pid) =
	    (struct kin){event->proc_fork.child_pid, now_ns};
	return h->fn(h->context, event);
}

static int learn_fork(struct holders *h, const struct event *event)
{
	const struct proc_fork *f = &event->proc_fork;

	if (f->child_tid != f->child_pid)
		return 0; /* a thread */
	if (holders_is_owner(h, f->parent_pid))
		return pass_fork(h, event);
	if (h->forks_count == FORKS_MAX) {
		h->forks_first++;
		h->forks_count--;
	}
	h->forks[(h->forks_first + h->forks_count++) & (FORKS_MAX - 1)] = *event;
	return 0;
}

/* Who was not an owner then, as far as was known, may be one now. */
static int remember_forks(struct holders *h)
{
	int64_t old_ns = clock_now_ns() - FORK_MEMORY_NS;
	uint32_t count = h->forks_count;
	int result = 0;

	h->forks_count = 0;
	for (uint32_t i = 0; i < count && !result; i++) {
		const struct event event = h->forks[(h->forks_first + i) & (FORKS_MAX - 1)];

		if (event.time_ns >= old_ns)
			result = learn_fork(h, &event);
	}
	return result;
}

static int learn_exit(struct holders *h, const struct event *event)
{
	struct kin *kin = holders_kin(h, event->proc_exit.pid);
	bool known = kin->pid == event->proc_exit.pid;

	if (event->proc_exit.tid != event->proc_exit.pid)
		return 0; /* a thread */
	if (known)
		*kin = (struct kin){0};
	return known || holders_is_owner(h, event->proc_exit.pid) ? h->fn(h->context, event) : 0;
}

static int learn_listener(struct holders *h, const struct listener *listener)
{
	size_t i = 0;

	while (i < h->listeners_count && h->listeners[i].cookie != listener->cookie)
		i++;
	if (listener->change == LISTENER_CLOSED) {
		if (i < h->listeners_count)
			h->listeners[i] = h->listeners[--h->listeners_count];
		return 0;
	}
	if (i == h->listeners_room) {
		struct listener *bigger = array_grow(h->listeners, &h->listeners_room,
						     sizeof(*bigger), 16, ARRAY_UNBOUNDED);

		if (!bigger)
			return -ENOMEM;
		h->listeners = bigger;
	}
	h->listeners[i] = *listener;
	h->listeners_count += i == h->listeners_count;
	return h->forks_known ? remember_forks(h) : 0;
}

int holders_learn(struct holders *h, const struct event *event, event_fn fn, void *context)
{
	h->fn = fn;
	h->context = context;
	switch ((int)event->kind) {
	case EVENT_LISTENER:
		return learn_listener(h, &event->listener);
	case EVENT_CHILD:
		return seek(h, &event->child);
	case EVENT_PROC_FORK:
		return learn_fork(h, event);
	case EVENT_PROC_EXIT:
		return learn_exit(h, event);
	default:
		return 0;
	}
}

int holders_round(struct holders *h, event_fn fn, void *context)
{
	int64_t now_ns = clock_monotonic_ns();
	int result;

	h->fn = fn;
	h->context = context;
	h->credit_ns += h->credited_ns ? (now_ns - h->credited_ns) / CREDIT_SHARE : CREDIT_MAX_NS;
	h->credited_ns = now_ns;
	if (h->credit_ns > CREDIT_MAX_NS)
		h->credit_ns = CREDIT_MAX_NS;
	if (now_ns - h->expired_ns >= EXPIRE_NS) {
		h->expired_ns = now_ns;
		pending_lookups_expire(&h->pending, now_ns - SEEK_NS);
		recent_forks_expire(&h->recent, now_ns);
	}
	holders_round_children(h, now_ns);
	result = holders_round_recent(h, now_ns);
	return result ? result : holders_round_owners(h, clock_monotonic_ns());
}

static bool have_several_owners(const struct holders *h)
{
	for (size_t i = 0; i < h->listeners_count; i++)
		if (h->listeners[i].pids_count > 1)
			return true;
	return false;
}

int64_t holders_due_ns(const struct holders *h)
{
	int64_t due_ns = INT64_MAX;

	if (h->walking || recent_forks_waiting(&h->recent))
		return 0;
	if (h->pending.unmet && !h->forks_known)
		due_ns = h->list_ns;
	if (h->pending.unmet && have_several_owners(h) && h->walk_ns < due_ns)
		due_ns = h->walk_ns;
	return due_ns;
}

void holders_stats(const struct holders *h, struct holders_stats *stats)
{
	*stats = h->stats;
	stats->skipped = h->recent.skipped;
	stats->missed = h->pending.missed;
}
