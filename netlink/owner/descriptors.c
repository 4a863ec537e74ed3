/*
 * Lists /proc/PID/fd.
 */
#include "netlink/owner/descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As getdents64(2) has it. */
struct linux_dirent64 {
	uint64_t d_ino;
	int64_t d_off;
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[];
};

int descriptors_open(struct descriptors *d, int proc, int32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	d->fds = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d->listed = d->next = 0;
	return d->fds < 0 ? -errno : 0;
}

void descriptors_close(struct descriptors *d)
{
	if (d->fds >= 0)
		close(d->fds);
	d->fds = -1;
}

/* A number in full, or -1. */
static int64_t read_number(const char *text, char end)
{
	int64_t n = 0;

	if (*text == end)
		return -1;
	for (; *text != end; text++) {
		if (*text < '0' || *text > '9' || n > UINT32_MAX)
			return -1;
		n = 10 * n + (*text - '0');
	}
	return n <= UINT32_MAX ? n : -1;
}

/* The inode that "socket:[123]" names, 0 for another name, or -errno. */
static int64_t socket_inode(int dirfd, const char *name)
{
	static const char prefix[] = "socket:[";
	char text[64];
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text) - 1);
	int64_t inode;

	if (n < 0)
		return -errno;
	if (n <= (ssize_t)sizeof(prefix) || n == sizeof(text) - 1 ||
	    memcmp(text, prefix, sizeof(prefix) - 1) != 0 || text[n - 1] != ']')
		return 0;
	inode = read_number(text + sizeof(prefix) - 1, ']');
	return inode > 0 ? inode : 0;
}

/* The name of the next entry, or NULL at the end, with errno when it is an error. */
static const char *next_name(struct descriptors *d)
{
	struct linux_dirent64 entry;

	if (d->next == d->listed) {
		long n = syscall(SYS_getdents64, d->fds, d->list, sizeof(d->list));

		if (n <= 0) {
			errno = n < 0 ? errno : 0;
			return NULL;
		}
		d->listed = (size_t)n;
		d->next = 0;
	}
	memcpy(&entry, d->list + d->next, sizeof(entry));
	d->next += entry.d_reclen;
	return d->list + d->next - entry.d_reclen + offsetof(struct linux_dirent64, d_name);
}

int descriptors_next(struct descriptors *d, int32_t *fd, uint32_t *inode)
{
	int64_t found;
	const char *name;

	do
		name = next_name(d);
	while (name && name[0] == '.');
	if (!name)
		return -errno;
	found = socket_inode(d->fds, name);
	/*
	 * A process may be listed but not read: it is not dumpable. What was closed meanwhile is no
	 * socket.
	 */
	if (found == -EACCES)
		return -EACCES;
	*fd = (int32_t)read_number(name, '\0');
	*inode = found > 0 ? (uint32_t)found : 0;
	return 1;
}
