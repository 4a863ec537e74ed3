/*
 * Private namespaces by unshare(2), others' by setns(2).
 */
#include "isolate/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;
	size_t length = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != (ssize_t)length)
		rc = -errno;
	close(fd);
	return rc;
}

/* uid 0 inside is who we are outside: so the files that are written stay ours. */
static int map_ids(uid_t uid, gid_t gid)
{
	char map[64];
	int rc;

	rc = write_text("/proc/self/setgroups", "deny");
	if (rc)
		return rc;
	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)uid);
	rc = write_text("/proc/self/uid_map", map);
	if (rc)
		return rc;
	snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)gid);
	return write_text("/proc/self/gid_map", map);
}

static int bring_lo_up(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
		rc = -errno;
		goto close;
	}
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		rc = -errno;
close:
	close(fd);
	return rc;
}

int namespace_make(char error[NAMESPACE_ERROR_SIZE])
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int rc;

	if (uid != 0 || unshare(CLONE_NEWNET) < 0) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
			rc = -errno;
			snprintf(
			    error, NAMESPACE_ERROR_SIZE,
			    "cannot create a network namespace: %s; run as root, or allow user "
			    "namespaces (sysctl kernel.unprivileged_userns_clone=1, "
			    "user.max_user_namespaces)",
			    strerror(-rc));
			return rc;
		}
		rc = map_ids(uid, gid);
		if (rc) {
			snprintf(error, NAMESPACE_ERROR_SIZE, "cannot set up a user namespace: %s",
				 strerror(-rc));
			return rc;
		}
	}
	rc = bring_lo_up();
	if (rc)
		snprintf(error, NAMESPACE_ERROR_SIZE,
			 "cannot bring up lo in the new network namespace: %s", strerror(-rc));
	return rc;
}

static bool is_process(const char *who)
{
	return *who && strspn(who, "0123456789") == strlen(who);
}

static bool is_ours(int fd)
{
	struct stat theirs, ours;

	return fstat(fd, &theirs) == 0 && stat("/proc/thread-self/ns/net", &ours) == 0 &&
	       theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev;
}

/* A network namespace that a user made belongs to a user namespace: that one is entered first. */
static int enter_user_namespace(const char *who)
{
	char path[64];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/user", who);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (setns(fd, CLONE_NEWUSER) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* The descriptor of somebody's network namespace, or -errno with a line in error. */
static int open_network(const char *who, char error[NAMESPACE_ERROR_SIZE])
{
	bool process = is_process(who);
	char path[PATH_MAX];
	int fd, rc;

	if (!process && (!*who || strchr(who, '/') || who[0] == '.')) {
		snprintf(error, NAMESPACE_ERROR_SIZE,
			 "invalid network namespace '%.64s': expected a process ID or a name from "
			 "ip netns",
			 who);
		return -EINVAL;
	}
	snprintf(path, sizeof(path), process ? "/proc/%.200s/ns/net" : "/run/netns/%.200s", who);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	rc = -errno;
	if (rc == -ENOENT)
		snprintf(error, NAMESPACE_ERROR_SIZE,
			 process ? "no process %.64s"
				 : "no network namespace '%.64s' in /run/netns",
			 who);
	else
		snprintf(error, NAMESPACE_ERROR_SIZE,
			 "cannot open the network namespace of %.64s: %s; use sudo", who,
			 strerror(-rc));
	return rc;
}

int namespace_inode(const char *who, uint32_t *out, char error[NAMESPACE_ERROR_SIZE])
{
	int fd = open_network(who, error), rc = 0;
	struct stat status;

	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0) {
		rc = -errno;
		snprintf(error, NAMESPACE_ERROR_SIZE,
			 "cannot open the network namespace of %.64s: %s", who, strerror(-rc));
	} else {
		*out = (uint32_t)status.st_ino;
	}
	close(fd);
	return rc;
}

int namespace_enter(const char *who, char error[NAMESPACE_ERROR_SIZE])
{
	int fd = open_network(who, error), rc = 0;

	if (fd < 0)
		return fd;
	if (!is_ours(fd) && setns(fd, CLONE_NEWNET) < 0) {
		rc = -errno;
		if (rc == -EPERM && is_process(who) && enter_user_namespace(who) == 0)
			rc = setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
	}
	if (rc)
		snprintf(error, NAMESPACE_ERROR_SIZE,
			 "cannot enter the network namespace of %.64s: %s%s", who, strerror(-rc),
			 rc == -EPERM ? "; use sudo" : "");
	close(fd);
	return rc;
}
