/*
 * The load generator's loop: starts clients when they are due, lets those proceed
 * that can, ends those whose time is up. One epoll, one timer, no waiting
 * anywhere else. After each start it looks at everybody who is ready, so that
 * no stamp waits for the rest of a burst.
 */
#include "server/load/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "server/load/client.h"
#include "server/load/client_table.h"
#include "server/load/error_name.h"
#include "server/load/synack.h"
#include "server/signals.h"

/* Clients that are open at once; each costs a descriptor and some 200 bytes. */
#define OPEN_MAX 131072
/* Descriptors for other things than clients. */
#define OTHER_DESCRIPTORS 32
/* Until the next try when the system has no more sockets to give. */
#define SHORTAGE_NS (10 * NS_PER_MS)
#define START_BATCH 64
#define EVENTS_MAX  512
#define ERROR_OTHER "other"

struct load {
	const struct load_options *options;
	struct load_summary *summary;
	struct client_request request;
	struct signals signals;
	int epoll_fd;
	int timer_fd;
	struct rlimit limit_before;
	struct client_table clients;
	struct synack_watch *watch; /* NULL: not needed yet, or not allowed */
	bool watch_tried;
	int64_t begin_ns; /* monotonic, like all times in here */
	int64_t end_ns;
	int64_t shortage_until_ns;
	bool holding; /* the next client is late for want of a descriptor */
	bool stopping;
};

static void count_error(struct load_summary *summary, const char *name)
{
	size_t i = 0;

	while (i < summary->errors_count && strcmp(summary->errors[i].name, name) != 0)
		i++;
	if (i == LOAD_ERRORS_MAX) {
		i = LOAD_ERRORS_MAX - 1;
		summary->errors[i].name = ERROR_OTHER;
	} else if (i == summary->errors_count) {
		summary->errors_count++;
		summary->errors[i].name = name;
	}
	summary->errors[i].count++;
}

static void note_synack(void *context, const struct endpoint *to, int64_t time_ns)
{
	const struct load *load = context;
	struct client *client = client_table_find(&load->clients, to);

	/* The first counts; what came before its start was for the last user of its port. */
	if (client && client->synack_ns == TIME_UNKNOWN && time_ns > client->start_ns)
		client->synack_ns = time_ns;
}

/* Its SYN was not answered at once: who stamps the answer? */
static void wait_for_synack(struct load *load, struct client *client)
{
	if (!load->watch_tried && synack_watch_new(&client->server, &load->watch) < 0)
		load->watch = NULL;
	load->watch_tried = true;
	client_table_wait(&load->clients, client);
}

/* Counts and prints one that has ended, and forgets it. */
static int finish_client(struct load *load, struct client *client)
{
	struct load_summary *summary = load->summary;
	int r = 0;

	summary->syns += client->syns;
	summary->connected += client->connected_ns != TIME_UNKNOWN;
	summary->replied += !client->error;
	if (client->error)
		count_error(summary, client->error);
	if (client->end_ns > summary->end_ns)
		summary->end_ns = client->end_ns;
	if (load->options->out)
		r = client_print(client, load->options->out);
	client_table_leave(&load->clients, client);
	return r;
}

static struct address source_address(const struct load *load)
{
	uint32_t i = 0x7f010001u + (uint32_t)(load->summary->started % load->options->spread);
	const uint8_t bytes[4] = {(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8),
				  (uint8_t)i};

	return address_from_ipv4(bytes);
}

static int start_client(struct load *load)
{
	const struct load_options *options = load->options;
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	struct client *client = client_table_take(&load->clients);
	struct address source;
	int r;

	if (options->spread)
		source = source_address(load);
	r = client_start(client, &options->server, options->spread ? &source : NULL,
			 &load->request);
	if (r < 0) {
		client_table_give_back(&load->clients, client);
		load->shortage_until_ns = clock_monotonic_ns() + SHORTAGE_NS;
		load->holding = true;
		return 0;
	}
	load->summary->held += load->holding;
	load->holding = false;
	if (load->summary->started++ == 0)
		load->summary->start_ns = client->start_ns;
	client->deadline_ns = clock_monotonic_ns() + options->timeout_ns;
	client_table_enter(&load->clients, client);
	if (client->state == CLIENT_ENDED)
		return finish_client(load, client);
	event.data.ptr = client;
	if (client->sent < load->request.length)
		event.events |= EPOLLOUT;
	if (client->state == CLIENT_CONNECTING)
		wait_for_synack(load, client);
	if (epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, client->fd, &event) < 0) {
		client_end(client, error_name(errno));
		return finish_client(load, client);
	}
	return 0;
}

/*
 * Lets those proceed that are ready. wait_ms as for epoll_wait(): 0 looks only,
 * -1 waits for the timer too.
 */
static int proceed(struct load *load, int wait_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(load->epoll_fd, events, EVENTS_MAX, wait_ms);
	int64_t seen_ns = clock_now_ns();

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (load->watch && load->clients.waiting)
		synack_watch_read(load->watch, note_synack, load);
	for (int i = 0; i < n; i++) {
		struct client *client = events[i].data.ptr;
		int r;

		if (events[i].data.ptr == &load->signals) {
			if (signals_read(&load->signals)) {
				load->stopping = true;
				load->summary->interrupted = 1;
			}
			continue;
		}
		if (events[i].data.ptr == &load->timer_fd)
			continue; /* it is set anew before the next wait */
		client_proceed(client, &load->request, seen_ns);
		if (client->state != CLIENT_CONNECTING)
			client_table_wait_no_more(&load->clients, client);
		if (client->state != CLIENT_ENDED)
			continue;
		r = finish_client(load, client);
		if (r < 0)
			return r;
	}
	return 0;
}

/* When the next client is due; INT64_MAX: none is left. */
static int64_t due_ns(const struct load *load)
{
	const struct load_options *options = load->options;

	if (load->stopping || load->summary->started == options->count)
		return INT64_MAX;
	if (options->rate == 0)
		return load->begin_ns;
	return load->begin_ns +
	       (int64_t)(load->summary->started * (uint64_t)NS_PER_SEC / options->rate);
}

/* When it can be started: not while all descriptors are in use. */
static int64_t next_start_ns(const struct load *load)
{
	int64_t ns = due_ns(load);

	if (load->clients.open == load->clients.max)
		return INT64_MAX;
	return ns > load->shortage_until_ns ? ns : load->shortage_until_ns;
}

/* A few at most: somebody's time may be up meanwhile. */
static int start_due(struct load *load)
{
	for (int i = 0; i < START_BATCH && next_start_ns(load) <= clock_monotonic_ns(); i++) {
		int r = start_client(load);

		if (r == 0)
			r = proceed(load, 0);
		if (r < 0)
			return r;
	}
	/* Where the bound is open_max, it was asked for. */
	if (load->clients.open == load->clients.max &&
	    load->clients.max != load->options->open_max && due_ns(load) <= clock_monotonic_ns())
		load->holding = true;
	return 0;
}

/* Those whose time is up, or with the run's end all. */
static int end_late(struct load *load)
{
	int64_t now_ns = clock_monotonic_ns();

	if (now_ns >= load->end_ns)
		load->stopping = true;
	while (load->clients.oldest &&
	       (load->stopping || load->clients.oldest->deadline_ns <= now_ns)) {
		struct client *client = load->clients.oldest;
		int r;

		/* It may have come so far already that nobody has looked yet. */
		client_proceed(client, &load->request, clock_now_ns());
		client_end(client, client->deadline_ns <= now_ns ? "timeout" : "stopped");
		r = finish_client(load, client);
		if (r < 0)
			return r;
	}
	return 0;
}

static int wait_for_more(struct load *load)
{
	int64_t wake_ns = next_start_ns(load);
	struct itimerspec timer = {0};

	if (wake_ns > load->end_ns)
		wake_ns = load->end_ns;
	if (load->clients.oldest && wake_ns > load->clients.oldest->deadline_ns)
		wake_ns = load->clients.oldest->deadline_ns;
	if (wake_ns <= clock_monotonic_ns())
		return proceed(load, 0);
	timer.it_value.tv_sec = wake_ns / NS_PER_SEC;
	timer.it_value.tv_nsec = wake_ns % NS_PER_SEC;
	if (timerfd_settime(load->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL) < 0)
		return -errno;
	return proceed(load, -1);
}

static bool unfinished(const struct load *load)
{
	return load->clients.open > 0 ||
	       (!load->stopping && load->summary->started < load->options->count);
}

static int run(struct load *load)
{
	load->begin_ns = clock_monotonic_ns();
	load->end_ns = load->begin_ns + load->options->duration_ns;
	while (unfinished(load)) {
		int r = start_due(load);

		if (r == 0 && unfinished(load))
			r = wait_for_more(load);
		if (r == 0)
			r = end_late(load);
		if (r < 0)
			return r;
	}
	if (load->options->out && fflush(load->options->out) != 0)
		return -errno;
	return 0;
}

/* As many descriptors as the hard limit lets there be. Returns how many clients can be open. */
static size_t raise_limit(struct load *load)
{
	const rlim_t most = OPEN_MAX + OTHER_DESCRIPTORS;
	struct rlimit limit;
	size_t clients;

	if (getrlimit(RLIMIT_NOFILE, &load->limit_before) < 0)
		load->limit_before = (struct rlimit){.rlim_cur = 1024, .rlim_max = 1024};
	limit = load->limit_before;
	limit.rlim_cur = limit.rlim_max < most ? limit.rlim_max : most;
	if (limit.rlim_cur < load->limit_before.rlim_cur || setrlimit(RLIMIT_NOFILE, &limit) < 0)
		limit = load->limit_before;
	clients = limit.rlim_cur < most ? (size_t)limit.rlim_cur : (size_t)most;
	/* Where there are so few descriptors, accept that some will be missing. */
	clients -= clients > 2 * OTHER_DESCRIPTORS ? OTHER_DESCRIPTORS : 0;
	if (clients > load->options->count)
		clients = (size_t)load->options->count;
	if (load->options->open_max && clients > load->options->open_max)
		clients = (size_t)load->options->open_max;
	return clients;
}

/* name is what the events of fd are known by: clients are named by themselves. */
static int watch(struct load *load, int fd, void *name)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = name};

	return epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static bool options_fit(const struct load_options *options, char error[LOAD_ERROR_SIZE])
{
	const struct endpoint *server = &options->server;

	if (address_is_any(&server->address) || server->port == 0) {
		snprintf(error, LOAD_ERROR_SIZE,
			 "the server needs an address and a port, such as 127.0.0.1:8080");
		return false;
	}
	if (options->spread &&
	    !(address_is_ipv4(&server->address) && server->address.bytes[12] == 127)) {
		snprintf(error, LOAD_ERROR_SIZE,
			 "several source addresses are possible only for a server in 127.0.0.0/8");
		return false;
	}
	return true;
}

int load_run(const struct load_options *options, struct load_summary *summary,
	     char error[LOAD_ERROR_SIZE])
{
	struct load load = {.options = options, .summary = summary, .epoll_fd = -1, .timer_fd = -1};
	int r;

	*summary = (struct load_summary){0};
	error[0] = '\0';
	if (!options_fit(options, error))
		return -EINVAL;
	client_request_format(&options->server, &load.request);
	r = signals_take(&load.signals, false);
	if (r < 0)
		goto explain;
	r = client_table_init(&load.clients, raise_limit(&load));
	if (r < 0)
		goto restore_limit;
	load.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	load.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (load.epoll_fd < 0 || load.timer_fd < 0)
		r = -errno;
	if (r == 0)
		r = watch(&load, load.signals.fd, &load.signals);
	if (r == 0)
		r = watch(&load, load.timer_fd, &load.timer_fd);
	if (r == 0)
		r = run(&load);

	for (struct client *client = load.clients.oldest; client; client = client->newer)
		client_end(client, "stopped");
	summary->most_open = load.clients.most_open;
	summary->unstarted = options->count - summary->started;
	if (load.epoll_fd >= 0)
		close(load.epoll_fd);
	if (load.timer_fd >= 0)
		close(load.timer_fd);
	synack_watch_free(load.watch);
	client_table_release(&load.clients);
restore_limit:
	setrlimit(RLIMIT_NOFILE, &load.limit_before);
	signals_give_back(&load.signals);
explain:
	if (r < 0)
		snprintf(error, LOAD_ERROR_SIZE, "cannot continue: %s", strerror(-r));
	return r;
}
