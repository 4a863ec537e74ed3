/*
 * Looks at what the children of owners have open: a few times after their fork, and those
 * whose fork nobody told of once they are listed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "netlink/owner/holders_parts.h"

/* Of a child so many descriptors are looked at. */
#define CHILD_FDS 256

/* One that was seen so long ago may have ended, and its number been given to another. */
#define KIN_NS (30 * NS_PER_SEC)

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
	return holders_report(h, &holder);
}

/*
 * This child has one that is looked for: it is reported, and looked for no longer. Whether it also
 * listens can change: who is forked for a connection closes the listener soon, a worker never.
 */
int holders_found(struct holders *h, struct recent_fork *y, struct pending_lookup *s)
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

static void note_socket(struct holders *h, struct recent_fork *y, uint32_t inode)
{
	if (holders_is_listener(h, inode))
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
			return holders_found(h, y, s);
	}
	/* A worker, or one that has nothing to do with connections. */
	if (last && y->seen && (y->listens || y->sockets_count == 0))
		return report_recent(h, y);
	return 0;
}

int holders_round_recent(struct holders *h, int64_t now_ns)
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
	struct kin *kin = holders_kin(h, pid);
	bool known = kin->pid == pid && now_ns - kin->seen_ns < KIN_NS;

	*kin = (struct kin){pid, now_ns};
	if (!known && !holders_is_owner(h, pid))
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
void holders_round_children(struct holders *h, int64_t now_ns)
{
	if (h->forks_known || h->pending.unmet == 0 || now_ns < h->list_ns)
		return;
	for (size_t i = 0; i < h->listeners_count; i++)
		for (unsigned k = 0; k < h->listeners[i].pids_count; k++)
			list_children(h, h->listeners[i].pids[k], now_ns);
	h->list_ns = now_ns + WALK_SHARE * (clock_monotonic_ns() - now_ns);
}
