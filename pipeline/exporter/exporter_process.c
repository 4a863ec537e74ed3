/*
 * The exporter's own process: writes the file, and answers over HTTP.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "event/clock.h"
#include "isolate/close.h"
#include "isolate/sandbox.h"
#include "pipeline/exporter/http.h"
#include "pipeline/exporter/shared.h"
#include "pipeline/exporter/textfile.h"
#include "report/metrics/exposition.h"

struct giver {
	const struct exporter_options *options;
	const struct exporter_shared *shared;
	int fd;
	struct textfile file;
	struct http *http; /* or NULL */
	uint64_t number;   /* of copy */
	struct metrics copy;
	int64_t written_ns; /* CLOCK_MONOTONIC */
	uint64_t written;   /* the number that is in the file */
	int error;	    /* of the last time; 0: none */
};

static int say(const struct giver *g, const struct exporter_message *message)
{
	while (send(g->fd, message, sizeof(*message), MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int fail(const struct giver *g, int rc, const char *what)
{
	struct exporter_message message = {.kind = EXPORTER_FAILED, .error = -rc, .uid = geteuid()};

	snprintf(message.what, sizeof(message.what), "%s", what);
	if (say(g, &message) < 0)
		return rc;
	return rc;
}

static const struct metrics *copy_metrics(void *context, uint64_t *number)
{
	struct giver *g = context;
	uint64_t now = atomic_load_explicit(&g->shared->number, memory_order_acquire);

	while (now && now != g->number) {
		memcpy(&g->copy, &g->shared->metrics[now % 2], sizeof(g->copy));
		atomic_thread_fence(memory_order_acquire);
		g->number = now;
		now = atomic_load_explicit(&g->shared->number, memory_order_relaxed);
	}
	*number = g->number;
	return g->number ? &g->copy : NULL;
}

static int write_text(struct giver *g, const struct metrics *metrics)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int rc = 0;

	if (!out)
		return -ENOMEM;
	exposition_put(out, metrics, EXPOSITION_PROMETHEUS);
	if (fclose(out) != 0)
		rc = -ENOMEM;
	if (rc == 0)
		rc = textfile_write(&g->file, text, length);
	free(text);
	return rc;
}

/* Told once, until it has worked again. */
static int write_file(struct giver *g)
{
	uint64_t number = 0;
	const struct metrics *metrics = copy_metrics(g, &number);
	char what[EXPORTER_ERROR_SIZE];
	int rc;

	if (!metrics || number == g->written)
		return 0;
	rc = write_text(g, metrics);
	if (rc == 0)
		g->written = number;
	if (rc && !g->error) {
		snprintf(what, sizeof(what), "--metrics: cannot write %.400s", g->options->path);
		(void)fail(g, rc, what);
	}
	g->error = rc;
	return rc;
}

/* The last byte, or the end of the run. */
static int finish(struct giver *g)
{
	struct exporter_message message = {.kind = EXPORTER_DONE};
	int rc;

	if (!g->options->path)
		return say(g, &message);
	g->error = 0;
	rc = write_file(g);
	return rc ? rc : say(g, &message);
}

/* True when it is over. */
static bool hear(struct giver *g)
{
	char byte;
	ssize_t n = recv(g->fd, &byte, 1, MSG_DONTWAIT);

	if (n < 0)
		return errno != EAGAIN && errno != EINTR;
	if (n == 1 && finish(g) < 0) {
		/* It has been told. */
	}
	return true;
}

static int until_next(const struct giver *g)
{
	int64_t left_ms;
	int timeout_ms = g->http ? http_timeout_ms(g->http) : -1; /* -1: not before it is told */

	if (!g->options->path)
		return timeout_ms;
	left_ms = (g->written_ns + EXPORTER_FILE_NS - clock_monotonic_ns()) / NS_PER_MS + 1;
	if (left_ms < 0)
		left_ms = 0;
	return timeout_ms >= 0 && timeout_ms < left_ms ? timeout_ms : (int)left_ms;
}

static void work(struct giver *g)
{
	for (;;) {
		struct pollfd fds[2] = {{.fd = g->fd, .events = POLLIN},
					{.fd = g->http ? http_fd(g->http) : -1, .events = POLLIN}};

		if (poll(fds, 2, until_next(g)) < 0 && errno != EINTR)
			return;
		if (hear(g))
			return;
		if (g->http)
			http_step(g->http);
		if (g->options->path && clock_monotonic_ns() - g->written_ns >= EXPORTER_FILE_NS) {
			g->written_ns = clock_monotonic_ns();
			(void)!write_file(g);
		}
	}
}

static int prepare(struct giver *g)
{
	struct sandbox_options sandbox = {.change_user = true, .user = g->options->user};
	char folder[PATH_MAX], error[SANDBOX_ERROR_SIZE], what[EXPORTER_ERROR_SIZE];
	int rc;

	snprintf(what, sizeof(what), "--metrics: cannot write %.400s",
		 g->options->path ? g->options->path : "");
	if (g->options->path) {
		rc = textfile_open(&g->file, g->options->path, folder);
		if (rc)
			return fail(g, rc, what);
		sandbox.writable[0] = folder;
	}
	if (g->options->listen_fd >= 0) {
		rc = http_new(g->options->listen_fd, copy_metrics, g, &g->http);
		if (rc)
			return fail(g, rc, "--metrics-listen: libmicrohttpd does not start");
	}
	rc = sandbox_enter_serving(&sandbox, error);
	if (rc) {
		fail(g, 0, error);
		return rc;
	}
	rc = g->options->path ? textfile_try(&g->file) : 0;
	return rc ? fail(g, rc, what) : 0;
}

/* What else the run has open is none of its business. */
static void close_others(int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;

	if (low > 3)
		close_all(3, (unsigned)low - 1);
	if (low >= 3 && high > low + 1)
		close_all((unsigned)low + 1, (unsigned)high - 1);
	else if (low < 3 && high > 3)
		close_all(3, (unsigned)high - 1);
	close_all((unsigned)high + 1, ~0u);
}

int exporter_process(void *context)
{
	const struct exporter_process_options *options = context;
	struct giver *g = calloc(1, sizeof(*g));
	struct exporter_message ready = {.kind = EXPORTER_READY};
	int rc;

	/* It ends with the run, whatever the terminal sends to both. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, "synscope-export");
	if (!g)
		return 1;
	g->options = options->options;
	g->shared = options->shared;
	g->fd = options->fd;
	close_others(g->fd, g->options->listen_fd);
	rc = prepare(g);
	/* The first one is written when there is something to write. */
	g->written_ns = clock_monotonic_ns() - EXPORTER_FILE_NS + NS_PER_SEC;
	if (rc == 0)
		rc = say(g, &ready);
	if (rc == 0)
		work(g);
	http_free(g->http);
	free(g);
	return rc ? 1 : 0;
}
