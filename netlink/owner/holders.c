/*
 * Looks at children and owners, and tells what they hold.
 */
#include "netlink/owner/holders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netlink/owner/descriptors.h"
#include "netlink/owner/pending_lookups.h"
#include "netlink/owner/recent_forks.h"

/* A connection is looked for so long. */
#define SEEK_NS	  (2 * NS_PER_SEC)
#define EXPIRE_NS (100 * NS_PER_MS)

/* Forks by others are kept for so long: their parent may turn out to be an owner. */
#define FORK_MEMORY_NS (400 * NS_PER_MS)
#define FORKS_MAX      1024 /* a power of two */

/* Of a child so many descriptors are looked at. */
#define CHILD_FDS 256

/* Looks at children may take 1/16 of the time, and so much at once after a pause. */
#define CREDIT_SHARE  16
#define CREDIT_MAX_NS (10 * NS_PER_MS)

/* A walk through the owners' sockets, and a listing of their children: 1/50 of the time each. */
#define WALK_SHARE    50
#define WALK_SLICE_NS (200 * NS_PER_US)

/* Processes that are known to be children of owners, by their pid modulo this. */
#define KIN_SLOTS (1u << 16)
/* One that was seen so long ago may have ended, and its number been given to another. */
#define KIN_NS (30 * NS_PER_SEC)

struct kin {
	int32_t pid;
	int64_t seen_ns;
};

struct holders {
	int proc;
	bool forks_known;
	struct listener *listeners;
	size_t listeners_count;
	size_t listeners_room;
	struct pending_lookups pending;
	struct recent_forks recent;
	struct kin kin[KIN_SLOTS];
	struct event forks[FORKS_MAX];
	uint32_t forks_first;
	uint32_t forks_count;
	int64_t credit_ns;
	int64_t credited_ns; /* monotonic, as all that follow */
	int64_t expired_ns;
	int64_t list_ns; /* the next listing of children */
	int64_t walk_ns; /* the next walk through the owners */
	int64_t walk_cost_ns;
	bool walking;
	size_t walk_at; /* owner, counted over all listeners */
	int32_t walk_pid;
	struct descriptors walk;
	struct holders_stats stats;
	event_fn fn; /* of the call that runs */
	void *context;
};

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

static bool is_owner(const struct holders *h, int32_t pid)
{
	for (size_t i = 0; i < h->listeners_count; i++)
		if (owns(&h->listeners[i], pid))
			return true;
	return false;
}

static bool is_listener(const struct holders *h, uint32_t inode)
{
	for (size_t i = 0; i < h->listeners_count; i++)
		if (h->listeners[i].inode == inode)
			return true;
	return false;
}

static struct kin *kin_of(struct holders *h, int32_t pid)
{
	return &h->kin[(uint32_t)pid & (KIN_SLOTS - 1)];
}

static int tell(struct holders *h, const struct holder *holder)
{
	struct event event = {.time_ns = clock_now_ns(),
			      .kind = EVENT_HOLDER,
			      .source = SOURCE_SAMPLER,
			      .holder = *holder};

	return h->fn(h->context, &event);
}

static int report_recent(struct holders *h, struct recent_fork *y)
{
	struct holder holder = {
	    .flow = y->reported_flow,
	    .before_ns = y->before_ns,
	    .inode = y->reported,
	    .pid = y->pid,
	    .parent_pid = y->parent_pid,
	    .listens = y->listens,
	};

	y->reported_listens = y->listens;
	return tell(h, &holder);
}

/*
 * This child has one that is looked for: it is reported, and looked for no longer. Whether it also
 * listens can change: who is forked for a connection closes the listener soon, a worker never.
 */
static int found(struct holders *h, struct recent_fork *y, struct pending_lookup *s)
{
	y->reported = s->inode;
	y->reported_flow = s->flow;
	if (y->listens)
		recent_forks_look_again(y, clock_monotonic_ns());
	else
		y->due_ns = INT64_MAX;
	pending_lookups_remove(&h->pending, s);
	return report_recent(h, y);
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
			return found(h, recent_forks_at(&h->recent, i), s);
	return 0;
}

static int pass_fork(struct holders *h, const struct event *event)
{
	int64_t now_ns = clock_monotonic_ns();

	recent_forks_add(&h->recent, event->proc_fork.child_pid, event->proc_fork.parent_pid,
			 now_ns);
	*kin_of(h, event->proc_fork.child_pid) = (struct kin){event->proc_fork.child_pid, now_ns};
	return h->fn(h->context, event);
}

static int learn_fork(struct holders *h, const struct event *event)
{
	const struct proc_fork *f = &event->proc_fork;

	if (f->child_tid != f->child_pid)
		return 0; /* a thread */
	if (is_owner(h, f->parent_pid))
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
	struct kin *kin = kin_of(h, event->proc_exit.pid);
	bool known = kin->pid == event->proc_exit.pid;

	if (event->proc_exit.tid != event->proc_exit.pid)
		return 0; /* a thread */
	if (known)
		*kin = (struct kin){0};
	return known || is_owner(h, event->proc_exit.pid) ? h->fn(h->context, event) : 0;
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
		size_t room = h->listeners_room ? 2 * h->listeners_room : 16;
		struct listener *bigger = realloc(h->listeners, room * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		h->listeners = bigger;
		h->listeners_room = room;
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

static void note_socket(struct holders *h, struct recent_fork *y, uint32_t inode)
{
	if (is_listener(h, inode))
		y->listens = true;
	else if (y->sockets_count < RECENT_FORK_SOCKETS && !recent_forks_has(y, inode))
		y->sockets[y->sockets_count++] = inode;
}

/* What it has by now is added to what it had: it may have ended meanwhile. */
static void look_at(struct holders *h, struct recent_fork *y)
{
	struct descriptors d;
	int64_t before_ns = clock_now_ns();
	int rc = descriptors_open(&d, h->proc, y->pid), sockets = 0;
	bool listened = y->listens;
	uint32_t inode;
	int32_t fd;

	h->stats.looks++;
	if (rc == 0) {
		y->listens = false;
		for (int i = 0; i < CHILD_FDS; i++) {
			rc = descriptors_next(&d, &fd, &inode);
			if (rc <= 0)
				break;
			sockets += inode != 0;
			if (inode)
				note_socket(h, y, inode);
		}
		descriptors_close(&d);
	}
	if (rc == -EACCES || rc == -EPERM) {
		h->stats.denied++;
		y->due_ns = INT64_MAX;
	} else if (rc == -ENOENT || rc == -ESRCH) {
		y->listens = listened; /* what it had before is the last word */
		y->due_ns = INT64_MAX;
	} else if (sockets == 0) {
		y->listens = listened; /* about to end, or has never had any */
	} else {
		y->seen = true;
		y->before_ns = before_ns;
	}
}

static int look_once(struct holders *h, struct recent_fork *y, int64_t now_ns)
{
	bool last;

	look_at(h, y);
	if (y->due_ns == INT64_MAX)
		return 0;
	last = recent_forks_looked(y, now_ns);
	if (y->reported) {
		if (y->listens) {
			recent_forks_look_again(y, now_ns);
			return 0;
		}
		y->due_ns = INT64_MAX;
		return y->reported_listens ? report_recent(h, y) : 0;
	}
	for (unsigned k = 0; k < y->sockets_count; k++) {
		struct pending_lookup *s = pending_lookups_find(&h->pending, y->sockets[k]);

		if (s)
			return found(h, y, s);
	}
	/* A worker, or one that has nothing to do with connections. */
	if (last && y->seen && (y->listens || y->sockets_count == 0))
		return report_recent(h, y);
	return 0;
}

static int round_recent(struct holders *h, int64_t now_ns)
{
	for (uint32_t i = 0; i < h->recent.count; i++) {
		struct recent_fork *y = recent_forks_at(&h->recent, i);
		int result;

		if (y->due_ns > now_ns)
			continue;
		if (h->credit_ns <= 0)
			break;
		result = look_once(h, y, now_ns);
		if (result)
			return result;
		h->credit_ns -= clock_monotonic_ns() - now_ns;
		now_ns = clock_monotonic_ns();
	}
	return 0;
}

/* Those that are not known yet were forked recently, or were not looked at for long. */
static void meet_child(struct holders *h, int32_t pid, int32_t parent_pid, int64_t now_ns)
{
	struct kin *kin = kin_of(h, pid);
	bool known = kin->pid == pid && now_ns - kin->seen_ns < KIN_NS;

	*kin = (struct kin){pid, now_ns};
	if (!known && !is_owner(h, pid))
		recent_forks_add(&h->recent, pid, parent_pid, now_ns);
}

static void list_children(struct holders *h, int32_t pid, int64_t now_ns)
{
	char path[64], text[4096];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "%d/task/%d/children", (int)pid, (int)pid);
	fd = openat(h->proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	for (char *at = text, *end; *at; at = end + (*end == ' ')) {
		long child = strtol(at, &end, 10);

		if (end == at || *end != ' ')
			break; /* the last may be cut */
		meet_child(h, (int32_t)child, pid, now_ns);
	}
}

/* Where nobody tells of forks. */
static void round_children(struct holders *h, int64_t now_ns)
{
	if (h->forks_known || h->pending.unmet == 0 || now_ns < h->list_ns)
		return;
	for (size_t i = 0; i < h->listeners_count; i++)
		for (unsigned k = 0; k < h->listeners[i].pids_count; k++)
			list_children(h, h->listeners[i].pids[k], now_ns);
	h->list_ns = now_ns + WALK_SHARE * (clock_monotonic_ns() - now_ns);
}

/* The next owner of a listener that has several; false after the last. */
static bool next_owner(struct holders *h)
{
	size_t n = h->walk_at;

	for (size_t i = 0; i < h->listeners_count; i++) {
		const struct listener *l = &h->listeners[i];

		if (l->pids_count < 2)
			continue;
		if (n >= l->pids_count) {
			n -= l->pids_count;
			continue;
		}
		h->walk_at++;
		h->walk_pid = l->pids[n];
		return true;
	}
	return false;
}

static int walk_step(struct holders *h, int64_t before_ns)
{
	struct pending_lookup *s;
	uint32_t inode;
	int32_t fd;
	int rc;

	if (h->walk.fds < 0) {
		h->walking = next_owner(h);
		if (!h->walking)
			return 0;
		rc = descriptors_open(&h->walk, h->proc, h->walk_pid);
		h->stats.looks++;
		h->stats.denied += rc == -EACCES || rc == -EPERM;
		return 0;
	}
	rc = descriptors_next(&h->walk, &fd, &inode);
	if (rc <= 0) {
		descriptors_close(&h->walk);
		return 0;
	}
	s = inode ? pending_lookups_find(&h->pending, inode) : NULL;
	if (!s || s->in_owner)
		return 0;
	pending_lookups_met(&h->pending, s);
	return tell(h, &(struct holder){.flow = s->flow,
					.before_ns = before_ns,
					.inode = s->inode,
					.pid = h->walk_pid,
					.listens = true});
}

static int round_owners(struct holders *h, int64_t now_ns)
{
	int64_t before_ns = clock_now_ns(), end_ns = now_ns + WALK_SLICE_NS;
	int result = 0;

	if (!h->walking) {
		if (h->pending.unmet == 0 || now_ns < h->walk_ns)
			return 0;
		h->walking = true;
		h->walk_at = 0;
		h->walk_cost_ns = 0;
	}
	for (unsigned n = 1; h->walking && !result; n++) {
		result = walk_step(h, before_ns);
		if (n % 16 == 0 && clock_monotonic_ns() >= end_ns)
			break;
	}
	h->walk_cost_ns += clock_monotonic_ns() - now_ns;
	if (!h->walking)
		h->walk_ns = now_ns + WALK_SHARE * h->walk_cost_ns;
	return result;
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
	round_children(h, now_ns);
	result = round_recent(h, now_ns);
	return result ? result : round_owners(h, clock_monotonic_ns());
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
