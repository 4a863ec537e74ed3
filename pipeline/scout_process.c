/*
 * The scout's own process: looks into other processes, and reports what it finds.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "event/array.h"
#include "isolate/close.h"
#include "isolate/namespace.h"
#include "isolate/sandbox.h"
#include "netlink/owner/activity.h"
#include "netlink/owner/holders.h"
#include "netlink/owner/ownership.h"
#include "netlink/proc/proc.h"
#include "pipeline/scout_message.h"

/* While a child is new it looks each so often, and not more often than that. */
#define BUSY_NS	 NS_PER_MS
#define PAUSE_NS (300 * NS_PER_US)
/*
 * What the recorder tells can wait so long: who has a connection keeps it for longer, or was seen
 * to be forked.
 */
#define HEAR_NS (5 * NS_PER_MS)
/* A walk for owners goes on for so long between two looks at the messages. */
#define WALK_NS	  (2 * NS_PER_MS)
#define REPORT_NS NS_PER_SEC
/* Whether the owners of so many listeners still live is asked so often: an open() each. */
#define CHECK_NS    (100 * NS_PER_MS)
#define CHECKED_MAX 16

struct looker {
	int fd;
	struct proc_connector *proc;
	struct holders *holders;
	struct ownership ownership;
	struct watch watch; /* the listeners alone */
	struct scout_findings findings;
	int64_t reported_ns;
	int64_t checked_ns;
	uint64_t lost;
	int proc_fd;
	int cgroups_fd; /* or -1 */
};

static int say(const struct looker *l, const struct scout_message *message)
{
	/* The recorder drains it each millisecond; when it has stopped, waiting is right. */
	while (send(l->fd, message, sizeof(*message), MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int say_event(void *context, const struct event *event)
{
	struct scout_message message = {.kind = MESSAGE_EVENT, .event = *event};

	return say(context, &message);
}

static int say_walked(struct looker *l)
{
	struct scout_message message = {.kind = MESSAGE_WALKED};
	struct holders_stats stats;

	holders_stats(l->holders, &stats);
	l->findings.holders_denied = stats.denied;
	l->findings.processes_denied = l->ownership.owners ? owners_denied(l->ownership.owners) : 0;
	message.findings = l->findings;
	return say(l, &message);
}

static int learn_event(void *context, const struct event *event)
{
	struct looker *l = context;

	return holders_learn(l->holders, event, say_event, l);
}

static bool owns_any(const struct looker *l, int32_t pid)
{
	for (size_t i = 0; i < l->watch.count; i++)
		for (int k = 0; k < l->watch.listeners[i].listener.pids_count; k++)
			if (l->watch.listeners[i].listener.pids[k] == pid)
				return true;
	return false;
}

/* An owner that ends leaves its listener to others, who may be known to nobody yet. */
static int learn_process(void *context, const struct event *event)
{
	struct looker *l = context;

	if (event->kind == EVENT_PROC_EXIT && event->proc_exit.pid == event->proc_exit.tid &&
	    owns_any(l, event->proc_exit.pid))
		ownership_suspect(&l->ownership);
	return learn_event(l, event);
}

static struct watched *find(struct looker *l, uint64_t cookie)
{
	for (size_t i = 0; i < l->watch.count; i++)
		if (l->watch.listeners[i].listener.cookie == cookie)
			return &l->watch.listeners[i];
	return NULL;
}

static int learn_listener(struct looker *l, const struct listener *listener)
{
	struct watched *w = find(l, listener->cookie);

	if (listener->change == LISTENER_CLOSED) {
		if (w)
			*w = l->watch.listeners[--l->watch.count];
		return 0;
	}
	if (w) {
		/* Its owners and options are known here sooner than there. */
		w->listener.limit = listener->limit;
		return 0;
	}
	if (l->watch.count == l->watch.capacity) {
		struct watched *bigger = array_grow(l->watch.listeners, &l->watch.capacity,
						    sizeof(*bigger), 16, ARRAY_UNBOUNDED);

		if (!bigger)
			return -ENOMEM;
		l->watch.listeners = bigger;
	}
	l->watch.listeners[l->watch.count++] = (struct watched){.listener = *listener};
	ownership_want(&l->ownership);
	return 0;
}

static int tell_owner(void *context, const struct owner_change *change)
{
	struct event event = {
	    .time_ns = clock_now_ns(), .kind = EVENT_OWNER, .source = SOURCE_SAMPLER};

	event.owner = *change;
	return say_event(context, &event);
}

/* Its owners are known now, or others than before. */
static int tell_owners(void *context, struct watched *w, enum listener_change change)
{
	struct looker *l = context;
	struct event event = {
	    .time_ns = clock_now_ns(), .kind = EVENT_LISTENER, .source = SOURCE_SAMPLER};
	int rc;

	w->listener.change = change;
	event.listener = w->listener;
	rc = learn_event(l, &event);
	return rc ? rc : say_event(l, &event);
}

/* Connections wait there: what do its owners do? */
static int say_activity(struct looker *l, const struct sample *sample)
{
	const struct watched *w = find(l, sample->cookie);
	int rc = 0;

	for (int i = 0; w && i < w->listener.pids_count && rc == 0; i++) {
		struct event event = {.kind = EVENT_ACTIVITY, .source = SOURCE_SAMPLER};

		if (activity_read(l->proc_fd, l->cgroups_fd, w->listener.pids[i],
				  &event.activity)) {
			ownership_suspect(&l->ownership); /* it is gone */
			continue;
		}
		event.activity.cookie = sample->cookie;
		event.time_ns = clock_now_ns();
		rc = say_event(l, &event);
	}
	return rc;
}

static int hear_one(struct looker *l, const struct event *event)
{
	int rc = event->kind == EVENT_LISTENER ? learn_listener(l, &event->listener) : 0;

	if (event->kind == EVENT_SAMPLE)
		return say_activity(l, &event->sample);
	return rc ? rc : learn_event(l, event);
}

/* 0, or -EPIPE when the recorder has ended. */
static int hear(struct looker *l)
{
	struct event events[SCOUT_BATCH];
	ssize_t n;
	int rc;

	for (;;) {
		n = recv(l->fd, events, sizeof(events), MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0 || n % (ssize_t)sizeof(events[0]))
			return -EPIPE;
		for (size_t i = 0; i < (size_t)n / sizeof(events[0]); i++) {
			rc = hear_one(l, &events[i]);
			if (rc)
				return rc;
		}
	}
}

static int say_lost(struct looker *l, int64_t now_ns)
{
	struct event event = {.kind = EVENT_LOSS, .source = SOURCE_PROC};
	uint64_t lost = l->proc ? proc_connector_lost(l->proc) : 0;

	if (now_ns - l->reported_ns < REPORT_NS || lost == l->lost)
		return 0;
	l->reported_ns = now_ns;
	l->lost = lost;
	event.time_ns = clock_now_ns();
	event.loss = (struct loss){.kind = LOSS_PROC_EVENTS, .count = lost};
	return say_event(l, &event);
}

static bool is_gone(const struct looker *l, int32_t pid)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", pid);
	fd = openat(l->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ENOENT;
}

/* Where no exit is told, as in another network namespace than the initial one. */
static void check_owners(struct looker *l, int64_t now_ns)
{
	if (l->proc || l->proc_fd < 0 || now_ns - l->checked_ns < CHECK_NS)
		return;
	l->checked_ns = now_ns;
	for (size_t i = 0; i < l->watch.count && i < CHECKED_MAX; i++)
		for (int k = 0; k < l->watch.listeners[i].listener.pids_count; k++)
			if (is_gone(l, l->watch.listeners[i].listener.pids[k])) {
				ownership_suspect(&l->ownership);
				return;
			}
}

static int look(struct looker *l)
{
	bool walking = l->ownership.walking || ownership_wanted(&l->ownership);
	int rc = l->proc ? proc_connector_read(l->proc, learn_process, l) : 0;

	check_owners(l, clock_monotonic_ns());
	if (rc == 0)
		rc = holders_round(l->holders, say_event, l);
	if (rc == 0)
		rc = ownership_round(&l->ownership, &l->watch, clock_monotonic_ns(), WALK_NS,
				     &(struct ownership_hearer){tell_owner, tell_owners, l});
	if (rc == 0 && walking && !l->ownership.walking && !ownership_wanted(&l->ownership))
		rc = say_walked(l);
	return rc ? rc : say_lost(l, clock_monotonic_ns());
}

static struct timespec until(int64_t due_ns, int64_t most_ns)
{
	int64_t left_ns = due_ns - clock_monotonic_ns();

	if (left_ns > most_ns)
		left_ns = most_ns;
	if (left_ns < 0)
		left_ns = 0;
	return (struct timespec){left_ns / NS_PER_SEC, left_ns % NS_PER_SEC};
}

static void wait_for(const struct looker *l, bool recorder, struct timespec timeout)
{
	struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}, {.fd = -1, .events = POLLIN}};

	if (recorder)
		fds[0].fd = l->fd;
	if (l->proc)
		fds[1].fd = proc_connector_fd(l->proc);
	if (ppoll(fds, 2, &timeout, NULL) < 0 && errno != EINTR) {
		/* For want of memory: it looks all the same. */
	}
}

static void wait_for_work(const struct looker *l)
{
	bool walking = l->watch.count && (l->ownership.walking || ownership_wanted(&l->ownership));
	int64_t due_ns = holders_due_ns(l->holders);
	struct timespec pause = {.tv_nsec = PAUSE_NS};

	/* Forks come in crowds: one look is for all of a moment. */
	nanosleep(&pause, NULL);
	if (walking)
		wait_for(l, true, (struct timespec){0});
	else if (due_ns == 0)
		wait_for(l, true, (struct timespec){.tv_nsec = BUSY_NS});
	else
		wait_for(l, false, until(due_ns, HEAR_NS));
	if (!walking && due_ns)
		wait_for(l, true, until(due_ns, NS_PER_SEC));
}

static int prepare(struct looker *l, const char *netns, char error[SCOUT_ERROR_SIZE])
{
	char reason[NAMESPACE_ERROR_SIZE];
	int rc;

	l->findings.proc_error = proc_connector_new(&l->proc);
	if (l->findings.proc_error)
		l->proc = NULL;
	rc = netns ? namespace_enter(netns, reason) : 0;
	if (rc) {
		snprintf(error, SCOUT_ERROR_SIZE, "%.500s", reason);
		return rc;
	}
	rc = holders_new(l->proc != NULL, &l->holders);
	if (rc) {
		snprintf(error, SCOUT_ERROR_SIZE, "/proc: %s", strerror(-rc));
		return rc;
	}
	l->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	l->cgroups_fd = activity_cgroups();
	ownership_init(&l->ownership);
	return sandbox_enter_looking(error);
}

/* What the recorder has open is none of its business. */
static void close_others(int fd)
{
	if (fd > 3)
		close_all(3, (unsigned)fd - 1);
	close_all((unsigned)fd + 1, ~0u);
}

int scout_process(void *context)
{
	const struct scout_process_options *options = context;
	struct looker *l = calloc(1, sizeof(*l));
	struct scout_message hello = {.kind = MESSAGE_HELLO};
	int rc;

	/* It ends with the recorder, whatever the terminal sends to both. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "synscope-scout");
	if (!l)
		return 1;
	l->fd = options->fd;
	close_others(l->fd);
	rc = prepare(l, options->netns, hello.error);
	if (rc)
		hello.kind = MESSAGE_FAILED;
	else
		hello.findings = l->findings;
	if (say(l, &hello) < 0 || rc)
		return 1;
	while (rc == 0) {
		wait_for_work(l);
		rc = hear(l);
		if (rc == 0)
			rc = look(l);
	}
	proc_connector_free(l->proc);
	return 0;
}
