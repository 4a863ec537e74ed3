/*
 * Private namespaces by unshare(2).
 */
#include "cmd/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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
			snprintf(error, NAMESPACE_ERROR_SIZE,
				 "a private network namespace: %s; run it as root, or allow user "
				 "namespaces (sysctl kernel.unprivileged_userns_clone=1, "
				 "user.max_user_namespaces)",
				 strerror(-rc));
			return rc;
		}
		rc = map_ids(uid, gid);
		if (rc) {
			snprintf(error, NAMESPACE_ERROR_SIZE, "a private user namespace: %s",
				 strerror(-rc));
			return rc;
		}
	}
	rc = bring_lo_up();
	if (rc)
		snprintf(error, NAMESPACE_ERROR_SIZE, "lo of a private network namespace: %s",
			 strerror(-rc));
	return rc;
}
