/*
 * The recorder's end of the scout. The process itself is in scout_process.c.
 */
#include "pipeline/scout.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "isolate/process.h"
#include "pipeline/scout_message.h"

/* So much fits between the two: thousands of events. */
#define SOCKET_BUFFER (4 << 20)

/* A queue that has held connections for so long is worth a look at who should take them, ... */
#define WAITING_NS (50 * NS_PER_MS)
/* ... so often. */
#define LOOK_INTERVAL_NS (100 * NS_PER_MS)
#define WAITING_SLOTS	 64

struct waiting_queue {
	uint64_t cookie;
	int64_t since_ns; /* of the first sample with a depth */
	int64_t asked_ns;
};

struct scout {
	struct waiting_queue waiting[WAITING_SLOTS];
	int fd;
	struct process process;
	bool unsettled; /* told of a listener, and not yet answered */
	struct event untold[SCOUT_BATCH];
	size_t untold_count;
	struct scout_findings findings;
	char end[PROCESS_END_SIZE]; /* empty while it runs */
};

static void take_findings(struct scout *s, const struct scout_findings *findings)
{
	uint64_t untold = s->findings.untold;

	s->findings = *findings;
	s->findings.untold = untold;
}

/* One message, waiting up to timeout_ms for it. 1, 0 when there is none, or -errno. */
static int receive(struct scout *s, struct scout_message *message, int timeout_ms)
{
	struct pollfd fd = {.fd = s->fd, .events = POLLIN};
	ssize_t n;

	if (s->fd < 0)
		return 0;
	if (timeout_ms > 0 && poll(&fd, 1, timeout_ms) <= 0)
		return 0;
	n = recv(s->fd, message, sizeof(*message), MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n == (ssize_t)sizeof(*message) ? 1 : -EPIPE;
}

/* It has ended, which it does not do by itself. */
static void lose(struct scout *s)
{
	close(s->fd);
	s->fd = -1;
	process_stop(&s->process, 1000); /* it is on its way out */
	process_describe_end(&s->process, s->end);
}

#define HELLO_MS 5000

static int greet(struct scout *s, char error[SCOUT_ERROR_SIZE])
{
	struct scout_message hello;
	int rc = receive(s, &hello, HELLO_MS);

	if (rc == 1 && hello.kind == MESSAGE_HELLO) {
		take_findings(s, &hello.findings);
		return 0;
	}
	if (rc == 1 && hello.kind == MESSAGE_FAILED)
		snprintf(error, SCOUT_ERROR_SIZE, "%s", hello.error);
	else
		snprintf(error, SCOUT_ERROR_SIZE,
			 "the helper process that inspects other processes ended");
	return -ECHILD;
}

int scout_start(const char *netns, struct scout **out, char error[SCOUT_ERROR_SIZE])
{
	struct scout *s = calloc(1, sizeof(*s));
	int fds[2], size = SOCKET_BUFFER, rc;

	if (!s) {
		snprintf(error, SCOUT_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		rc = -errno;
		snprintf(error, SCOUT_ERROR_SIZE, "socketpair: %s", strerror(-rc));
		free(s);
		return rc;
	}
	for (int i = 0; i < 2; i++)
		if (setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	s->fd = fds[0];
	rc = process_start(&s->process, scout_process,
			   &(struct scout_process_options){.fd = fds[1], .netns = netns});
	close(fds[1]);
	if (rc)
		snprintf(error, SCOUT_ERROR_SIZE, "cannot start the helper process: %s",
			 strerror(-rc));
	else
		rc = greet(s, error);
	if (rc) {
		scout_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

static void queue_event(struct scout *scout, const struct event *event)
{
	scout->untold[scout->untold_count++] = *event;
	if (scout->untold_count == SCOUT_BATCH)
		scout_flush(scout);
}

/*
 * Whether a sample is worth a look at the listener's owners: its connections have been waiting
 * for a while, and the last look is some time ago. A listener in another's place is looked at
 * a little more often.
 */
static bool is_worth_a_look(struct scout *scout, const struct event *event)
{
	struct waiting_queue *w = &scout->waiting[event->sample.cookie % WAITING_SLOTS];

	if (w->cookie != event->sample.cookie || !event->sample.depth) {
		if (event->sample.depth)
			*w = (struct waiting_queue){event->sample.cookie, event->time_ns, 0};
		else if (w->cookie == event->sample.cookie)
			w->cookie = 0;
		return false;
	}
	if (event->time_ns - w->since_ns < WAITING_NS ||
	    event->time_ns - w->asked_ns < LOOK_INTERVAL_NS)
		return false;
	w->asked_ns = event->time_ns;
	return true;
}

void scout_tell(struct scout *scout, const struct event *event)
{
	if (event->kind == EVENT_SAMPLE) {
		if (is_worth_a_look(scout, event))
			queue_event(scout, event);
		return;
	}
	if (event->kind != EVENT_LISTENER && event->kind != EVENT_CHILD)
		return;
	if (event->kind == EVENT_CHILD && !event->child.inode)
		return; /* nobody has it any more, or yet */
	if (event->kind == EVENT_LISTENER && event->listener.change == LISTENER_SEEN)
		scout->unsettled = true;
	queue_event(scout, event);
}

void scout_flush(struct scout *scout)
{
	size_t size = scout->untold_count * sizeof(scout->untold[0]);

	if (size && scout->fd >= 0 &&
	    send(scout->fd, scout->untold, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		scout->findings.untold += scout->untold_count;
	scout->untold_count = 0;
}

static int take(struct scout *s, const struct scout_message *message, event_fn fn, void *context)
{
	switch (message->kind) {
	case MESSAGE_EVENT:
		return fn(context, &message->event);
	case MESSAGE_WALKED:
		take_findings(s, &message->findings);
		s->unsettled = false;
		break;
	case MESSAGE_HELLO:
	case MESSAGE_FAILED:
		break;
	}
	return 0;
}

int scout_read(struct scout *scout, event_fn fn, void *context)
{
	struct scout_message message;
	int rc;

	while ((rc = receive(scout, &message, 0)) == 1) {
		rc = take(scout, &message, fn, context);
		if (rc)
			return rc;
	}
	if (rc < 0)
		lose(scout);
	return 0;
}

bool scout_is_asked(const struct scout *scout)
{
	return scout->unsettled;
}

int scout_settle(struct scout *scout, int64_t timeout_ns, event_fn fn, void *context)
{
	int64_t end_ns = clock_monotonic_ns() + timeout_ns;

	scout_flush(scout);
	while (scout->unsettled && scout->fd >= 0) {
		int64_t left_ms = (end_ns - clock_monotonic_ns()) / NS_PER_MS;
		struct scout_message message;
		int rc;

		if (left_ms <= 0)
			return 0;
		rc = receive(scout, &message, (int)left_ms);
		if (rc < 0)
			lose(scout);
		rc = rc == 1 ? take(scout, &message, fn, context) : 0;
		if (rc)
			return rc;
	}
	return 0;
}

const char *scout_ended(const struct scout *scout)
{
	return scout->end[0] ? scout->end : NULL;
}

void scout_findings(const struct scout *scout, struct scout_findings *findings)
{
	*findings = scout->findings;
}

void scout_free(struct scout *scout)
{
	if (!scout)
		return;
	if (scout->fd >= 0)
		close(scout->fd);
	process_stop(&scout->process, 1000);
	free(scout);
}
