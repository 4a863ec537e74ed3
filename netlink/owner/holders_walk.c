/*
 * Looks through what the owners of listeners with several have open, a little at a time: which
 * of them has an accepted connection.
 */
#include <errno.h>

#include "netlink/owner/holders_parts.h"

/* Of a walk, so much at once. */
#define WALK_SLICE_NS (200 * NS_PER_US)

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
	return holders_report(h, &(struct holder){.flow = s->flow,
						  .before_ns = before_ns,
						  .inode = s->inode,
						  .pid = h->walk_pid,
						  .listens = true});
}

int holders_round_owners(struct holders *h, int64_t now_ns)
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
