/*
 * Walks /proc for the owners of sockets.
 */
#include "netlink/owner/owners.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netlink/owner/descriptors.h"
#include "netlink/owner/workload.h"

/* The clock is read once for so many descriptors. */
#define SLICE 32

struct owners {
	DIR *proc;
	struct descriptors open; /* of the process that is being looked into */
	bool entered;		 /* there is one */
	int32_t pid;		 /* that process */
	size_t looked;		 /* at so many of its descriptors */
	size_t fds_max;
	int32_t only_pid;
	char network[64]; /* "net:[4026531840]": only processes in it; empty: all */
	bool walking;
	size_t denied;
	size_t cut;
	struct owner *found; /* sorted by inode; pids_count 0: not met */
	size_t count;
};

int owners_new(struct owners **out)
{
	struct owners *o = calloc(1, sizeof(*o));
	int error;

	if (!o)
		return -ENOMEM;
	o->proc = opendir("/proc");
	if (!o->proc) {
		error = -errno;
		free(o);
		return error;
	}
	o->open.fds = -1;
	*out = o;
	return 0;
}

static void leave_process(struct owners *o)
{
	descriptors_close(&o->open);
	o->entered = false;
}

void owners_free(struct owners *o)
{
	if (!o)
		return;
	leave_process(o);
	closedir(o->proc);
	free(o->found);
	free(o);
}

static int by_inode(const void *x, const void *y)
{
	const struct owner *a = x, *b = y;

	return (a->inode > b->inode) - (a->inode < b->inode);
}

/* The name of a process's network namespace; false with errno when it may not be read. */
static bool read_network(const struct owners *o, const char *pid, char out[64])
{
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "%.12s/ns/net", pid);
	n = readlinkat(dirfd(o->proc), path, out, 63);
	if (n < 0)
		return false;
	out[n] = '\0';
	return true;
}

int owners_begin(struct owners *o, const struct owners_walk *walk)
{
	size_t count = walk->count;
	struct owner *found = NULL;

	leave_process(o);
	o->walking = false;
	if (count > 0) {
		found = realloc(o->found, count * sizeof(*found));
		if (!found)
			return -ENOMEM;
		o->found = found;
	}
	o->count = count;
	for (size_t i = 0; i < count; i++)
		found[i] = (struct owner){.inode = walk->inodes[i]};
	if (count > 0)
		qsort(found, count, sizeof(*found), by_inode);
	rewinddir(o->proc);
	o->fds_max = walk->fds_max;
	o->only_pid = walk->only_pid;
	o->network[0] = '\0';
	if (walk->only_network && !read_network(o, "thread-self", o->network))
		o->network[0] = '\0';
	o->denied = o->cut = 0;
	o->walking = true;
	return 0;
}

static struct owner *find(const struct owners *o, uint32_t inode)
{
	struct owner key = {.inode = inode};

	if (inode == 0 || o->count == 0)
		return NULL;
	return bsearch(&key, o->found, o->count, sizeof(key), by_inode);
}

const struct owner *owners_of(const struct owners *o, uint32_t inode)
{
	const struct owner *owner = find(o, inode);

	return owner && owner->pids_count ? owner : NULL;
}

/* The pid that a name in /proc is, or 0. */
static int32_t read_pid(const char *name)
{
	char *end;
	long pid;

	if (*name < '1' || *name > '9')
		return 0;
	errno = 0;
	pid = strtol(name, &end, 10);
	return errno == 0 && *end == '\0' && pid <= INT32_MAX ? (int32_t)pid : 0;
}

static void read_comm(const struct owners *o, int32_t pid, char comm[LISTENER_COMM_SIZE])
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%d/comm", pid);
	fd = openat(dirfd(o->proc), path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, comm, LISTENER_COMM_SIZE - 1);
	close(fd);
	comm[n > 0 ? n : 0] = '\0';
	comm[strcspn(comm, "\n")] = '\0';
}

static void meet(struct owners *o, struct owner *owner, int32_t fd)
{
	if (owner->pids_count && owner->pids[owner->pids_count - 1] == o->pid)
		return; /* a second descriptor of the same socket */
	if (owner->pids_count == LISTENER_PIDS_MAX)
		return;
	if (owner->pids_count == 0) {
		owner->fd = fd;
		read_comm(o, o->pid, owner->comm);
		workload_read(dirfd(o->proc), o->pid, &owner->workload);
	}
	owner->pids[owner->pids_count++] = o->pid;
}

/* True when there is a process to look into; false at the end. */
static bool enter_process(struct owners *o)
{
	char network[sizeof(o->network)];
	struct dirent *entry;

	while ((entry = readdir(o->proc))) {
		int32_t pid = read_pid(entry->d_name);
		int error;

		if (!pid || (o->only_pid && pid != o->only_pid))
			continue;
		if (o->network[0]) {
			if (!read_network(o, entry->d_name, network)) {
				o->denied += errno == EACCES || errno == EPERM;
				continue;
			}
			if (strcmp(network, o->network) != 0) {
				o->cut++;
				continue;
			}
		}
		error = descriptors_open(&o->open, dirfd(o->proc), pid);
		if (error) {
			/* It may be another user's, and it may have ended. */
			if (error == -EACCES || error == -EPERM)
				o->denied++;
			continue;
		}
		o->entered = true;
		o->pid = pid;
		o->looked = 0;
		return true;
	}
	return false;
}

/* At the next descriptor. */
static void look(struct owners *o)
{
	struct owner *owner;
	uint32_t inode;
	int32_t fd;
	int n = descriptors_next(&o->open, &fd, &inode);

	if (n <= 0 || o->looked == o->fds_max) {
		if (n > 0)
			o->cut++;
		else if (n == -EACCES || n == -EPERM)
			o->denied++;
		leave_process(o);
		return;
	}
	owner = find(o, inode);
	if (owner)
		meet(o, owner, fd);
	o->looked++;
}

bool owners_step(struct owners *o, int64_t budget_ns)
{
	int64_t end_ns = clock_monotonic_ns() + budget_ns;

	for (unsigned n = 1; o->walking; n++) {
		if (n % SLICE == 0 && clock_monotonic_ns() >= end_ns)
			return false;
		if (o->entered)
			look(o);
		else
			o->walking = enter_process(o);
	}
	return true;
}

void owners_comm(const struct owners *o, int32_t pid, char *comm)
{
	memset(comm, 0, LISTENER_COMM_SIZE);
	read_comm(o, pid, comm);
}

size_t owners_denied(const struct owners *o)
{
	return o->denied;
}

size_t owners_cut(const struct owners *o)
{
	return o->cut;
}

static int read_options(int fd, uint64_t cookie, int32_t *defer_accept_s, int32_t *fastopen)
{
	uint64_t is = 0;
	int defer, fast;
	socklen_t size = sizeof(is);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &is, &size) < 0)
		return -errno;
	if (is != cookie)
		return -ESTALE;
	size = sizeof(defer);
	if (getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, &size) < 0)
		return -errno;
	size = sizeof(fast);
	if (getsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &fast, &size) < 0)
		return -errno;
	*defer_accept_s = defer;
	*fastopen = fast;
	return 0;
}

int owner_socket_options(int32_t pid, int32_t fd, uint64_t cookie, int32_t *defer_accept_s,
			 int32_t *fastopen)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int copy, result;

	if (process < 0)
		return -errno;
	copy = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	result = copy < 0 ? -errno : read_options(copy, cookie, defer_accept_s, fastopen);
	if (copy >= 0)
		close(copy);
	close(process);
	return result;
}
