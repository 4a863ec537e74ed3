/*
 * The protocol of sd_notify(3): a datagram of NAME=VALUE lines. What cannot be
 * sent is not: the program does not depend on who started it.
 */
#include "cmd/service/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/clock.h"

#define TEXT_SIZE 256

/* A path, or "@" and an abstract name (unix(7)). 0 or -errno. */
static int connect_to(int fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);

	if ((*name != '/' && *name != '@') || length < 2 || length >= sizeof(address.sun_path))
		return -EINVAL;
	memcpy(address.sun_path, name, length);
	if (*name == '@')
		address.sun_path[0] = '\0';
	length += offsetof(struct sockaddr_un, sun_path) + (*name == '/');
	return connect(fd, (struct sockaddr *)&address, (socklen_t)length) < 0 ? -errno : 0;
}

/* Positive, and of this process; otherwise 0. */
static int64_t watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long value = usec ? strtoll(usec, NULL, 10) : 0;

	if (pid && strtoll(pid, NULL, 10) != getpid())
		return 0;
	return value > 0 && value < INT64_MAX / NS_PER_US ? value * NS_PER_US : 0;
}

void notify_open(struct notify *notify)
{
	const char *name = getenv("NOTIFY_SOCKET");

	*notify = (struct notify){.fd = -1, .next_ns = INT64_MAX};
	if (name)
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify->fd >= 0 && connect_to(notify->fd, name) < 0)
		notify_close(notify);
	/* Three times as often as it must be: sd_watchdog_enabled(3) asks for twice. */
	if (notify->fd >= 0)
		notify->period_ns = watchdog_ns() / 3;
	if (notify->period_ns)
		notify->next_ns = clock_monotonic_ns();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void tell(const struct notify *notify, const char *text)
{
	if (notify->fd >= 0 && send(notify->fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
		/* Its buffer is full, or it is gone. */
	}
}

void notify_ready(struct notify *notify)
{
	tell(notify, "READY=1");
}

void notify_reloading(struct notify *notify)
{
	char text[TEXT_SIZE];

	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
		 (int64_t)(clock_monotonic_ns() / NS_PER_US));
	tell(notify, text);
}

void notify_stopping(struct notify *notify)
{
	tell(notify, "STOPPING=1");
}

void notify_status(struct notify *notify, const char *format, ...)
{
	char text[TEXT_SIZE] = "STATUS=";
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	tell(notify, text);
}

bool notify_alive(struct notify *notify)
{
	int64_t now_ns = clock_monotonic_ns();

	if (now_ns < notify->next_ns)
		return false;
	notify->next_ns = now_ns + notify->period_ns;
	tell(notify, "WATCHDOG=1");
	return true;
}

void notify_close(struct notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	*notify = (struct notify){.fd = -1, .next_ns = INT64_MAX};
}
