/*
 * The listening socket of --metrics-listen.
 */
#include "pipeline/exporter/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/flow.h"

#define BACKLOG 64
/* sd_listen_fds(3) */
#define SYSTEMD_FD 3

static int fail(char error[LISTENING_ERROR_SIZE], int rc, const char *what)
{
	snprintf(error, LISTENING_ERROR_SIZE, "cannot listen on %.128s: %s", what, strerror(-rc));
	return rc;
}

static int open_socket(const struct sockaddr *address, socklen_t length)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, rc = 0;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, address, length) < 0 || listen(fd, BACKLOG) < 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

static int open_tcp(const struct endpoint *local)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(local->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(local->port)};

	if (address_is_ipv4(&local->address)) {
		memcpy(&in.sin_addr, local->address.bytes + 12, 4);
		return open_socket((struct sockaddr *)&in, sizeof(in));
	}
	memcpy(&in6.sin6_addr, local->address.bytes, 16);
	return open_socket((struct sockaddr *)&in6, sizeof(in6));
}

/* One that nobody listens on is left from a run that has ended. */
static void remove_stale(const struct sockaddr_un *un)
{
	struct stat st;
	int fd;

	if (lstat(un->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(un->sun_path);
	if (fd >= 0)
		close(fd);
}

static int open_unix(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd;

	if (!*path || strlen(path) >= sizeof(un.sun_path))
		return *path ? -ENAMETOOLONG : -EINVAL;
	strcpy(un.sun_path, path);
	remove_stale(&un);
	fd = open_socket((struct sockaddr *)&un, sizeof(un));
	/* Who may connect is up to the folder: no metric is a secret to who may see it. */
	if (fd >= 0 && chmod(path, 0666) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

static int take_systemd(char error[LISTENING_ERROR_SIZE])
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	bool ours = pid && fds && strtol(pid, NULL, 10) == (long)getpid();
	int listens = 0;
	socklen_t length = sizeof(listens);

	if (!ours || strcmp(fds, "1") != 0) {
		snprintf(error, LISTENING_ERROR_SIZE,
			 ours ? "systemd passed %.16s sockets: exactly one is needed"
			      : "systemd passed no socket%.0s: start it from a .socket unit",
			 fds ? fds : "");
		return -ENOTCONN;
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (getsockopt(SYSTEMD_FD, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) < 0 || !listens) {
		snprintf(error, LISTENING_ERROR_SIZE,
			 "the socket that systemd passed does not listen: use ListenStream=");
		return -ENOTSOCK;
	}
	if (fcntl(SYSTEMD_FD, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(SYSTEMD_FD, F_SETFL, O_NONBLOCK) < 0)
		return fail(error, -errno, "the socket that systemd passed");
	return SYSTEMD_FD;
}

int listening_open(const char *text, int *fd, char error[LISTENING_ERROR_SIZE])
{
	struct endpoint local;
	int opened;

	if (strcmp(text, "systemd") == 0) {
		opened = take_systemd(error);
	} else if (strncmp(text, "unix:", 5) == 0) {
		opened = open_unix(text + 5);
		if (opened < 0)
			fail(error, opened, text);
	} else {
		/* Without an address it would be open to every network, unasked. */
		if (!strchr(text, ':') || *text == ':' || endpoint_parse(text, &local) < 0 ||
		    !local.port) {
			snprintf(error, LISTENING_ERROR_SIZE,
				 "invalid address '%.128s': expected ADDRESS:PORT, [ADDRESS]:PORT, "
				 "unix:PATH or systemd",
				 text);
			return -EINVAL;
		}
		opened = open_tcp(&local);
		if (opened < 0)
			fail(error, opened, text);
	}
	if (opened < 0)
		return opened;
	*fd = opened;
	return 0;
}
