/*
 * The accepting loop: one process, one poll() on the signals, the threads that
 * end and the listeners. It decides when to accept: not at the cap of children, not
 * while an accepted connection still waits for its child, not right after the
 * descriptors ran out. Who serves is a matter of the model.
 */
#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/model.h"

/* Between two tries to accept or to start a child when the system has no more to give. */
#define BACK_OFF_NS (10 * NS_PER_MS)
/* A connection that no child could be started for is closed after this long. */
#define START_PATIENCE_NS (5 * NS_PER_SEC)
/* Accepted in a row before signals and ended children are looked at. */
#define ACCEPT_BATCH 16

static const struct model *const models[SERVER_MODEL_COUNT] = {
    [SERVER_FORK] = &model_fork,
    [SERVER_ITERATIVE] = &model_iterative,
    [SERVER_THREAD] = &model_thread,
};

struct loop {
	struct server server;
	const struct server_options *options;
	const struct model *model;
	struct channel_writer *writer;
	struct connection pending; /* accepted, and nobody started for it yet; fd -1: none */
	int64_t pending_until_ns;
	int64_t back_off_until_ns; /* monotonic */
	bool stopping;
};

const char *server_model_name(enum server_model model)
{
	return model < SERVER_MODEL_COUNT ? models[model]->name : "unknown";
}

int server_model_parse(const char *name, enum server_model *model)
{
	for (int i = 0; i < SERVER_MODEL_COUNT; i++) {
		if (strcmp(name, models[i]->name) == 0) {
			*model = (enum server_model)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Errors of the connection that waited, not of the listener: accept(2), "Error handling". */
static bool is_connection_error(int r)
{
	switch (-r) {
	case ECONNABORTED:
	case EINTR:
	case ENETDOWN:
	case EPROTO:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
	case EPERM:
		return true;
	default:
		return false;
	}
}

static bool is_shortage(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM;
}

static void back_off(struct loop *loop)
{
	loop->back_off_until_ns = clock_monotonic_ns() + BACK_OFF_NS;
}

/* What cannot be started for is kept and tried again. */
static int start(struct loop *loop, const struct connection *connection)
{
	int r = loop->model->start(&loop->server, connection);

	if (r == 0)
		return 0;
	if (r != -EAGAIN && r != -ENOMEM)
		return r;
	loop->server.stats->start_failures++;
	back_off(loop);
	if (loop->pending.fd < 0) {
		loop->pending = *connection;
		loop->pending_until_ns = clock_monotonic_ns() + START_PATIENCE_NS;
	}
	return 0;
}

static int retry_pending(struct loop *loop)
{
	struct connection connection = loop->pending;
	uint64_t failures = loop->server.stats->start_failures;
	int r = start(loop, &connection);

	if (r < 0)
		return r;
	if (loop->server.stats->start_failures == failures) {
		loop->pending.fd = -1;
	} else if (clock_monotonic_ns() >= loop->pending_until_ns) {
		service_refuse(&loop->server.service, &connection);
		loop->server.stats->unserved++;
		loop->pending.fd = -1;
	}
	return 0;
}

static bool may_accept(const struct loop *loop)
{
	unsigned max = loop->options->max_children;

	return !loop->stopping && loop->pending.fd < 0 && (max == 0 || loop->server.active < max) &&
	       (loop->back_off_until_ns == 0 || clock_monotonic_ns() >= loop->back_off_until_ns);
}

static void report_accept(const struct loop *loop, const struct connection *connection,
			  int64_t before_ns, int64_t after_ns)
{
	struct event event = {
	    .time_ns = after_ns,
	    .kind = EVENT_ACCEPT,
	    .source = SOURCE_SERVER,
	    .accept = {.flow = connection->flow,
		       .before_ns = before_ns,
		       .pid = getpid(),
		       .tid = gettid(),
		       .fd = connection->fd},
	};

	if (loop->writer)
		channel_write(loop->writer, &event);
}

/* 1: one was accepted; 0: none now; -errno: the listener is of no more use. */
static int accept_one(struct loop *loop, const struct listener_socket *listener)
{
	struct server_stats *stats = loop->server.stats;
	struct connection connection;
	int64_t before_ns, after_ns;
	int r = listener_accept(listener, &connection, &before_ns, &after_ns);

	if (r == -EAGAIN)
		return 0;
	if (is_shortage(r)) {
		stats->accept_failures++;
		back_off(loop);
		return 0;
	}
	if (is_connection_error(r)) {
		stats->accept_errors++;
		return 1;
	}
	if (r < 0)
		return r;
	loop->back_off_until_ns = 0;
	stats->accepted++;
	report_accept(loop, &connection, before_ns, after_ns);
	r = start(loop, &connection);
	return r < 0 ? r : 1;
}

static int accept_some(struct loop *loop, const struct listener_socket *listener)
{
	/* A server that serves one at a time looks at its signals after each. */
	int batch = loop->model->collect ? ACCEPT_BATCH : 1;

	for (int i = 0; i < batch && may_accept(loop); i++) {
		int r = accept_one(loop, listener);

		if (r <= 0)
			return r;
	}
	return 0;
}

static void close_listeners(struct server *server)
{
	for (size_t i = 0; i < server->listeners_count; i++) {
		if (server->listeners[i].fd >= 0)
			close(server->listeners[i].fd);
		server->listeners[i].fd = -1;
	}
}

/* No more connections; those that are served are finished. */
static void stop(struct loop *loop)
{
	loop->stopping = true;
	close_listeners(&loop->server);
}

/* poll()'s time-out in ms, rounded up: until the back-off ends, if anything waits for that. */
static int wait_ms(const struct loop *loop)
{
	int64_t left_ns;

	if (loop->back_off_until_ns == 0)
		return -1;
	left_ns = loop->back_off_until_ns - clock_monotonic_ns();
	return left_ns <= 0 ? 0 : (int)((left_ns + NS_PER_MS - 1) / NS_PER_MS);
}

static int run_once(struct loop *loop)
{
	struct server *server = &loop->server;
	struct pollfd fds[2 + SERVER_LISTEN_MAX];
	bool accepting = may_accept(loop);
	int r;

	/* poll() passes over negative descriptors. */
	fds[0] = (struct pollfd){.fd = server->signals.fd, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = server->finished_fd, .events = POLLIN};
	for (size_t i = 0; i < server->listeners_count; i++)
		fds[2 + i] = (struct pollfd){.fd = accepting ? server->listeners[i].fd : -1,
					     .events = POLLIN};
	r = poll(fds, 2 + server->listeners_count, wait_ms(loop)) < 0 ? -errno : 0;
	if (loop->model->collect)
		loop->model->collect(server);
	if (r < 0)
		return r == -EINTR ? 0 : r;
	if (fds[0].revents && signals_read(&server->signals))
		stop(loop);
	if (loop->back_off_until_ns && clock_monotonic_ns() >= loop->back_off_until_ns)
		loop->back_off_until_ns = 0;
	if (loop->pending.fd >= 0 && loop->back_off_until_ns == 0) {
		r = retry_pending(loop);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < server->listeners_count; i++) {
		if (!fds[2 + i].revents || server->listeners[i].fd < 0)
			continue;
		r = accept_some(loop, &server->listeners[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_listeners(struct loop *loop, char error[SERVER_ERROR_SIZE])
{
	const struct server_options *options = loop->options;
	struct server *server = &loop->server;
	char text[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < options->listen_count; i++) {
		int r = listener_open(options->listen, options->listen_count, i, options->backlog,
				      &server->listeners[i]);

		if (r < 0) {
			const char *advice = "";

			endpoint_format(&options->listen[i], text, sizeof(text));
			if (r == -EADDRINUSE)
				advice = ": another socket listens there; stop it, or use "
					 "another port (port 0 picks a free one)";
			else if (r == -EADDRNOTAVAIL)
				advice = ": no interface of this host has that address";
			else if (r == -EACCES)
				advice = ": ports below 1024 need CAP_NET_BIND_SERVICE";
			snprintf(error, SERVER_ERROR_SIZE, "cannot listen on %s: %s%s", text,
				 strerror(-r), advice);
			return r;
		}
		server->listeners_count = i + 1;
	}
	return 0;
}

static int announce(struct loop *loop, char error[SERVER_ERROR_SIZE])
{
	struct endpoint endpoints[SERVER_LISTEN_MAX];
	struct server *server = &loop->server;
	int r;

	for (size_t i = 0; i < server->listeners_count; i++) {
		struct event event = {
		    .time_ns = clock_now_ns(),
		    .kind = EVENT_LISTEN,
		    .source = SOURCE_SERVER,
		    .listen = {.local = server->listeners[i].local,
			       .backlog = loop->options->backlog,
			       .pid = getpid()},
		};

		if (loop->writer)
			channel_write(loop->writer, &event);
		endpoints[i] = server->listeners[i].local;
	}
	if (!loop->options->listening)
		return 0;
	r = loop->options->listening(loop->options->context, endpoints, server->listeners_count);
	if (r < 0)
		snprintf(error, SERVER_ERROR_SIZE, "cannot read the address of the listener: %s",
			 strerror(-r));
	return r;
}

static int open_channel(struct loop *loop, char error[SERVER_ERROR_SIZE])
{
	const struct server_options *options = loop->options;
	int r;

	if (options->events_fd < 0)
		return 0;
	r = channel_writer_new(options->events_fd, &loop->writer);
	if (r < 0)
		snprintf(error, SERVER_ERROR_SIZE, "cannot report events on descriptor %d: %s",
			 options->events_fd,
			 r == -EINVAL ? "not a synscope channel" : strerror(-r));
	loop->server.service.writer = loop->writer;
	return r;
}

static void close_channel(struct loop *loop)
{
	if (!loop->writer)
		return;
	loop->server.stats->events_lost = channel_writer_lost(loop->writer);
	channel_writer_free(loop->writer);
}

/* After a failure too: threads still use the server, and children are to be reaped. */
static int run(struct loop *loop)
{
	int r = 0;

	while (!loop->stopping || loop->server.active > 0 || loop->pending.fd >= 0) {
		int failure = run_once(loop);

		if (failure == 0)
			continue;
		if (r == 0)
			r = failure;
		stop(loop);
		if (loop->pending.fd >= 0)
			service_refuse(&loop->server.service, &loop->pending);
		loop->pending.fd = -1;
	}
	return r;
}

int server_run(const struct server_options *options, struct server_stats *stats,
	       char error[SERVER_ERROR_SIZE])
{
	struct loop loop = {
	    .server = {.service = {.model = options->model,
				   .service_ns = options->service_ns,
				   .request_timeout_ns = options->request_timeout_ns},
		       .finished_fd = -1,
		       .stats = stats},
	    .options = options,
	    .model = models[options->model],
	    .pending = {.fd = -1},
	};
	int r;

	*stats = (struct server_stats){0};
	error[0] = '\0';
	r = signals_take(&loop.server.signals, true);
	if (r < 0)
		goto explain;
	r = open_channel(&loop, error);
	if (r < 0)
		goto give_signals_back;
	if (options->model == SERVER_THREAD) {
		loop.server.finished_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (loop.server.finished_fd < 0) {
			r = -errno;
			goto close_channel;
		}
	}
	r = open_listeners(&loop, error);
	if (r == 0)
		r = announce(&loop, error);
	if (r == 0)
		r = run(&loop);

	close_listeners(&loop.server);
	if (loop.server.finished_fd >= 0)
		close(loop.server.finished_fd);
close_channel:
	close_channel(&loop);
give_signals_back:
	signals_give_back(&loop.server.signals);
explain:
	if (r < 0 && !error[0])
		snprintf(error, SERVER_ERROR_SIZE, "cannot continue: %s", strerror(-r));
	return r;
}
