/*
 * The run's end of the exporter. The process itself is in exporter_process.c.
 */
#include "pipeline/exporter/exporter.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "isolate/process.h"
#include "pipeline/exporter/shared.h"

#define PATIENCE_MS 5000

struct exporter {
	const char *path;
	struct exporter_shared *shared;
	struct process process;
	int fd; /* -1: it has ended */
	char news[EXPORTER_ERROR_SIZE];
};

/*
 * One message, waiting up to timeout_ms for it. 1, 0 when there is none, -EPIPE when it has ended.
 */
static int receive(struct exporter *e, struct exporter_message *message, int timeout_ms)
{
	int64_t end_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;

	for (;;) {
		struct pollfd fd = {.fd = e->fd, .events = POLLIN};
		int64_t left_ms = (end_ns - clock_monotonic_ns()) / NS_PER_MS;
		ssize_t n;

		if (timeout_ms > 0 && poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0) < 0 &&
		    errno != EINTR)
			return -errno;
		n = recv(e->fd, message, sizeof(*message), MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(*message))
			return 1;
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return -EPIPE;
		if (left_ms <= 0 || timeout_ms <= 0)
			return 0;
	}
}

static void describe(const struct exporter_message *m, char text[EXPORTER_ERROR_SIZE])
{
	const struct passwd *entry = m->error == EACCES ? getpwuid(m->uid) : NULL;
	char user[64];

	if (m->error != EACCES) {
		snprintf(text, EXPORTER_ERROR_SIZE, "%.440s%s%s", m->what, m->error ? ": " : "",
			 m->error ? strerror(m->error) : "");
		return;
	}
	if (entry)
		snprintf(user, sizeof(user), "user %.48s", entry->pw_name);
	else
		snprintf(user, sizeof(user), "user ID %u", m->uid);
	snprintf(text, EXPORTER_ERROR_SIZE,
		 "%.300s: permission denied for %s: let that user write to the folder, or choose "
		 "another with --user",
		 m->what, user);
}

static int greet(struct exporter *e, char error[EXPORTER_ERROR_SIZE])
{
	struct exporter_message message;
	int rc = receive(e, &message, PATIENCE_MS);

	if (rc == 1 && message.kind == EXPORTER_READY)
		return 0;
	if (rc == 1)
		describe(&message, error);
	else
		snprintf(error, EXPORTER_ERROR_SIZE, "--metrics: the process for metrics ended");
	return rc == 1 && message.error ? -message.error : -ECHILD;
}

static int start(struct exporter *e, const struct exporter_options *options,
		 char error[EXPORTER_ERROR_SIZE])
{
	int fds[2], rc;

	e->shared = mmap(NULL, sizeof(*e->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (e->shared == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		rc = -errno;
		snprintf(error, EXPORTER_ERROR_SIZE, "--metrics: %s", strerror(-rc));
		return rc;
	}
	e->fd = fds[0];
	rc = process_start(&e->process, exporter_process,
			   &(struct exporter_process_options){
			       .options = options, .shared = e->shared, .fd = fds[1]});
	close(fds[1]);
	if (rc) {
		snprintf(error, EXPORTER_ERROR_SIZE,
			 "--metrics: cannot start the process for metrics: %s", strerror(-rc));
		return rc;
	}
	return greet(e, error);
}

int exporter_start(const struct exporter_options *options, struct exporter **out,
		   char error[EXPORTER_ERROR_SIZE])
{
	struct exporter *e = calloc(1, sizeof(*e));
	int rc;

	if (e) {
		e->fd = -1;
		e->path = options->path;
		rc = start(e, options, error);
	} else {
		rc = -ENOMEM;
		snprintf(error, EXPORTER_ERROR_SIZE, "out of memory");
	}
	if (options->listen_fd >= 0)
		close(options->listen_fd);
	if (rc) {
		exporter_free(e);
		return rc;
	}
	*out = e;
	return 0;
}

static uint64_t next_number(const struct exporter *e)
{
	return atomic_load_explicit(&e->shared->number, memory_order_relaxed) + 1;
}

struct metrics *exporter_metrics(struct exporter *exporter)
{
	return &exporter->shared->metrics[next_number(exporter) % 2];
}

void exporter_publish(struct exporter *exporter)
{
	atomic_store_explicit(&exporter->shared->number, next_number(exporter),
			      memory_order_release);
}

static void lose(struct exporter *e)
{
	char end[PROCESS_END_SIZE];

	close(e->fd);
	e->fd = -1;
	process_stop(&e->process, 1000); /* it is on its way out */
	process_describe_end(&e->process, end);
	snprintf(e->news, sizeof(e->news),
		 "the process for metrics %s; there are no metrics from now on; please report this",
		 end);
}

const char *exporter_news(struct exporter *exporter)
{
	struct exporter_message message;
	int rc;

	if (exporter->fd < 0)
		return NULL;
	rc = receive(exporter, &message, 0);
	if (rc == 0)
		return NULL;
	if (rc < 0)
		lose(exporter);
	else
		/* Not by getpwuid(): it may open what the sandbox does not let it. */
		snprintf(exporter->news, sizeof(exporter->news), "%.400s: %s; trying again",
			 message.what, strerror(message.error));
	return exporter->news;
}

int exporter_finish(struct exporter *exporter, char error[EXPORTER_ERROR_SIZE])
{
	struct exporter *e = exporter;
	struct exporter_message message = {.kind = EXPORTER_DONE};
	int rc;

	if (e->fd < 0)
		return 0; /* that has been told */
	rc = send(e->fd, "", 1, MSG_NOSIGNAL) == 1 ? 0 : -EPIPE;
	do
		rc = rc < 0 ? rc : receive(e, &message, PATIENCE_MS);
	while (rc == 1 && message.kind == EXPORTER_READY);
	close(e->fd);
	e->fd = -1;
	process_stop(&e->process, 1000);
	if (rc == 1 && message.kind == EXPORTER_DONE)
		return 0;
	if (rc == 1)
		snprintf(error, EXPORTER_ERROR_SIZE, "%.400s: %s", message.what,
			 strerror(message.error));
	else
		snprintf(error, EXPORTER_ERROR_SIZE,
			 "--metrics: the process for metrics did not end as it should");
	return rc == 1 && message.error ? -message.error : -ECHILD;
}

void exporter_free(struct exporter *exporter)
{
	if (!exporter)
		return;
	if (exporter->fd >= 0)
		close(exporter->fd);
	process_stop(&exporter->process, 1000);
	if (exporter->shared && exporter->shared != MAP_FAILED)
		munmap(exporter->shared, sizeof(*exporter->shared));
	free(exporter);
}
