/*
 * Takes the snapshot: a dump of the listeners, one of the request sockets, the
 * children of those whose queue is not empty, and a walk through /proc. The
 * dumps of connections walk the kernel's whole table, so that there are no more
 * of them than these two.
 */
#include "netlink/listener/listeners.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "netlink/counters.h"
#include "netlink/listener/reading.h"
#include "netlink/owner/owners.h"

/* Descriptors of each process that are looked at first; listeners are opened early. */
#define FDS_FIRST 16

static int ignore(void *context, struct watched *watched, enum listener_change change)
{
	(void)context;
	(void)watched;
	(void)change;
	return 0;
}

static enum limit_setting limit_setting(uint32_t limit, int64_t somaxconn)
{
	if (somaxconn < 0)
		return LIMIT_UNKNOWN;
	if (limit == somaxconn)
		return LIMIT_EITHER;
	return limit < somaxconn ? LIMIT_BACKLOG : LIMIT_SOMAXCONN_THEN;
}

int reading_dump_listeners(struct reading *r, const struct diag_socket **sockets, size_t *count)
{
	return diag_dump(r->diag, DIAG_STATE_BIT(DIAG_LISTEN), NULL, 0, DIAG_WANT_DROPS, sockets,
			 count);
}

static int read_queues(struct reading *r)
{
	const struct diag_socket *sockets;
	bool regrouped;
	size_t count;
	int error;

	error = reading_dump_listeners(r, &sockets, &count);
	if (error)
		return error;
	error = watch_update(&r->watch, sockets, count, ignore, NULL, &regrouped);
	if (error)
		return error;
	r->entries = calloc(r->watch.count ? r->watch.count : 1, sizeof(*r->entries));
	if (!r->entries)
		return -ENOMEM;
	for (size_t i = 0; i < r->watch.count; i++)
		r->entries[i] = (struct listening){
		    .listener = r->watch.listeners[i].listener,
		    .siblings = r->watch.listeners[i].group_size - 1,
		    .limited_by =
			limit_setting(r->watch.listeners[i].listener.limit, r->snapshot->somaxconn),
		    .half_open = -1,
		    .waiting = -1,
		    .ghosts = -1,
		    .oldest_ns = -1,
		};
	for (size_t i = 0; i < count; i++) {
		struct watched *w = watch_find(&r->watch, sockets[i].cookie);
		struct listening *entry = w ? &r->entries[w - r->watch.listeners] : NULL;

		if (!entry)
			continue;
		w->depth = entry->depth = sockets[i].depth;
		entry->drops = sockets[i].drops;
		entry->drops_known = sockets[i].drops_known;
	}
	return 0;
}

static void take_owner(struct listener *listener, const struct owner *owner)
{
	listener->pids_count = owner->pids_count;
	memcpy(listener->pids, owner->pids, sizeof(listener->pids));
	memcpy(listener->comm, owner->comm, sizeof(listener->comm));
	listener->workload = owner->workload;
	(void)!owner_socket_options(owner->pids[0], owner->fd, listener->cookie,
				    &listener->defer_accept_s, &listener->fastopen);
}

static bool all_owned(const struct reading *r, const struct owners *owners)
{
	for (size_t i = 0; i < r->watch.count; i++)
		if (!owners_of(owners, r->entries[i].listener.inode))
			return false;
	return true;
}

static int walk(struct owners *owners, const struct owners_walk *walk)
{
	int error = owners_begin(owners, walk);

	while (!error && !owners_step(owners, NS_PER_SEC))
		;
	return error;
}

static int read_owners(struct reading *r, int32_t pid)
{
	size_t count = r->watch.count;
	uint32_t *inodes = calloc(count ? count : 1, sizeof(*inodes));
	struct owners_walk first = {.count = count, .fds_max = FDS_FIRST, .only_network = true};
	struct owners_walk everywhere = {.count = count, .fds_max = SIZE_MAX, .only_pid = pid};
	struct owners *owners = NULL;
	int error;

	if (!inodes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		inodes[i] = r->entries[i].listener.inode;
	error = owners_new(&owners);
	if (error) {
		/* Without /proc there are no owners, and everything else is as it was. */
		error = pid ? error : 0;
		goto free_inodes;
	}
	first.inodes = everywhere.inodes = inodes;
	error = walk(owners, pid ? &everywhere : &first);
	if (!error && owners_cut(owners) && !all_owned(r, owners))
		error = walk(owners, &everywhere);
	if (error)
		goto free_owners;
	for (size_t i = 0; i < count; i++) {
		const struct owner *owner = owners_of(owners, inodes[i]);

		if (owner)
			take_owner(&r->entries[i].listener, owner);
	}
	r->snapshot->processes_denied = owners_denied(owners);
	if (pid && r->snapshot->processes_denied)
		error = -EACCES;
free_owners:
	owners_free(owners);
free_inodes:
	free(inodes);
	return error;
}

static int by_place(const void *x, const void *y)
{
	const struct listener *a = &((const struct listening *)x)->listener;
	const struct listener *b = &((const struct listening *)y)->listener;
	int order;

	if (a->local.port != b->local.port)
		return a->local.port < b->local.port ? -1 : 1;
	order = memcmp(&a->local.address, &b->local.address, sizeof(a->local.address));
	if (order)
		return order;
	if (a->interface != b->interface)
		return a->interface < b->interface ? -1 : 1;
	return (a->cookie > b->cookie) - (a->cookie < b->cookie);
}

static void hand_over(struct reading *r, bool owned_only)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->watch.count; i++)
		if (!owned_only || r->entries[i].listener.pids_count)
			r->entries[kept++] = r->entries[i];
	if (kept)
		qsort(r->entries, kept, sizeof(*r->entries), by_place);
	r->snapshot->listeners = r->entries;
	r->snapshot->count = kept;
	r->entries = NULL;
}

static bool any_drops(const struct reading *r)
{
	for (size_t i = 0; r->entries && i < r->watch.count; i++)
		if (r->entries[i].drops)
			return true;
	return false;
}

static void read_counters(struct counters *counters)
{
	struct counters_reader reader;
	int64_t after_ns;

	counters->known = 0;
	if (counters_reader_init(&reader) < 0)
		return;
	/* What cannot be read is unknown, and shown as that. */
	(void)!counters_read(&reader, counters, &after_ns);
	counters_reader_release(&reader);
}

static int64_t read_somaxconn(void)
{
	FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
	long long value;
	int n;

	if (!file)
		return -1;
	n = fscanf(file, "%lld", &value);
	fclose(file);
	return n == 1 ? value : -1;
}

/*
 * About how many sockets the kernel's table of connections has, of all
 * namespaces: "TCP: inuse 4 orphan 0 tw 1 alloc 7 mem 0".
 */
static size_t read_connections(void)
{
	FILE *file = fopen("/proc/thread-self/net/sockstat", "re");
	size_t inuse, orphan, tw, alloc, count = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "TCP: inuse %zu orphan %zu tw %zu alloc %zu", &inuse, &orphan, &tw,
			   &alloc) == 4)
			count = tw + alloc;
	fclose(file);
	return count;
}

int listeners_read(const struct listeners_options *options, struct listeners_snapshot *snapshot)
{
	struct reading r = {.snapshot = snapshot};
	char path[32];
	int error;

	*snapshot = (struct listeners_snapshot){0};
	snprintf(path, sizeof(path), "/proc/%d", options->pid);
	if (options->pid && access(path, F_OK) < 0)
		return -ESRCH;
	snapshot->somaxconn = read_somaxconn();
	error = diag_new(&r.diag);
	if (error)
		return error;
	error = watch_init(&r.watch, NULL, 0);
	if (error)
		goto free_diag;
	snapshot->time_ns = clock_now_ns();
	error = read_queues(&r);
	if (options->counters || any_drops(&r))
		read_counters(&snapshot->counters);
	snapshot->connections = read_connections();
	snapshot->connections_read = snapshot->connections <= options->connections_max;
	if (!error && snapshot->connections_read)
		error = reading_connections(&r);
	if (!error)
		error = read_owners(&r, options->pid);
	if (!error)
		hand_over(&r, options->pid != 0);
	snapshot->lost = diag_lost(r.diag);
	free(r.entries);
	watch_release(&r.watch);
free_diag:
	diag_free(r.diag);
	return error;
}

void listeners_release(struct listeners_snapshot *snapshot)
{
	free(snapshot->listeners);
	snapshot->listeners = NULL;
	snapshot->count = 0;
}
