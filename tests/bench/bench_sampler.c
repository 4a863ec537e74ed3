/*
 * What following connections costs the sampler, in a network namespace of its
 * own: a process connects and accepts at a steady rate and tells of each
 * handshake through a pipe, as the capture would; this one does a round each
 * millisecond. Three seconds each of
 *   prompt    each connection is accepted at once
 *   queued    each waits until 200 more have come, so that the queue is never empty
 *   siblings  the same, over four SO_REUSEPORT listeners
 * and printed: the share of a processor that the sampler took, look-ups for each
 * connection, and how wide the bounds of accept() are. Where the accept probe can
 * be had, its exact times are held against the bounds: before one, which cannot
 * be, is a failure; after it is the way from the kernel's hand-over of the socket
 * to the end of the system call.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netlink/child/queue.h"
#include "netlink/sampler/sampler.h"
#include "probe/kernel.h"

#define PORT	   8080
#define RATE	   5000 /* connections a second */
#define SECONDS	   3
#define QUEUED	   200
#define SIBLINGS   4
#define KEPT	   100
#define BOUNDS_MAX (RATE * SECONDS)

static int64_t widths[BOUNDS_MAX];
static size_t widths_count;
static uint64_t accepted, unbounded;

/* By the client's port: what the probe and the sampler say of a connection, until both have. */
static struct {
	int64_t exact_ns;
	int64_t waiting_ns;
	int64_t seen_ns;
	bool bounded;
} both[65536];
static uint64_t compared, too_early, after;
static int64_t after_max_ns;
static bool failed;

static void die(const char *what)
{
	fprintf(stderr, "bench_sampler: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_in server_address(void)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(PORT),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int listen_on_port(void)
{
	struct sockaddr_in local = server_address();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0 || listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static struct flow flow_of(int client)
{
	struct sockaddr_in local, to = server_address();
	socklen_t size = sizeof(local);
	struct flow flow = {.dport = PORT};

	if (getsockname(client, (struct sockaddr *)&local, &size) < 0)
		die("getsockname");
	flow.saddr = address_from_ipv4((uint8_t *)&local.sin_addr);
	flow.daddr = address_from_ipv4((uint8_t *)&to.sin_addr);
	flow.sport = ntohs(local.sin_port);
	return flow;
}

/* Closes both ends without leaving a TIME_WAIT behind. */
static void drop(int fd)
{
	struct linger reset = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

/* Accepts from whichever listener has one, oldest listener's turn first. -1: nothing is there. */
static int accept_any(const int *listeners, int count, int turn)
{
	for (int i = 0; i < count; i++) {
		int peer = accept(listeners[(turn + i) % count], NULL, NULL);

		if (peer >= 0)
			return peer;
	}
	return -1;
}

/*
 * Connection i is accepted when i + queued connects, and both of its ends are
 * closed KEPT later: what closes at once would be seen as gone.
 */
static void generate(int pipe_fd, const int *listeners, int count, int queued)
{
	static int clients[RATE * SECONDS], peers[RATE * SECONDS];
	struct sockaddr_in to = server_address();
	int64_t begin_ns = clock_monotonic_ns();

	for (int i = 0; i < RATE * SECONDS; i++) {
		int64_t due_ns = begin_ns + i * (NS_PER_SEC / RATE);
		struct flow flow;

		while (clock_monotonic_ns() < due_ns)
			nanosleep(&(struct timespec){0, 50000}, NULL);
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (clients[i] < 0 ||
		    connect(clients[i], (const struct sockaddr *)&to, sizeof(to)) < 0)
			die("connect");
		flow = flow_of(clients[i]);
		if (write(pipe_fd, &flow, sizeof(flow)) != sizeof(flow))
			die("write");
		if (i >= queued)
			peers[i - queued] = accept_any(listeners, count, i);
		if (i >= queued + KEPT) {
			drop(clients[i - queued - KEPT]);
			drop(peers[i - queued - KEPT]);
		}
	}
}

static void compare(uint16_t port)
{
	if (!both[port].exact_ns || !both[port].bounded)
		return;
	compared++;
	too_early += both[port].exact_ns < both[port].waiting_ns;
	if (both[port].exact_ns > both[port].seen_ns) {
		after++;
		if (both[port].exact_ns - both[port].seen_ns > after_max_ns)
			after_max_ns = both[port].exact_ns - both[port].seen_ns;
	}
	memset(&both[port], 0, sizeof(both[port]));
}

static int note(void *context, const struct event *event)
{
	uint16_t port;

	(void)context;
	if (event->kind == EVENT_ACCEPT) {
		port = event->accept.flow.sport;
		both[port].exact_ns = event->time_ns;
		compare(port);
		return 0;
	}
	if (event->kind != EVENT_CHILD || child_status(&event->child) != CHILD_ACCEPTED)
		return 0;
	accepted++;
	if (event->child.waiting_ns == TIME_UNKNOWN) {
		unbounded++;
		return 0;
	}
	if (widths_count < BOUNDS_MAX)
		widths[widths_count++] = event->time_ns - event->child.waiting_ns;
	port = event->child.flow.sport;
	both[port].waiting_ns = event->child.waiting_ns;
	both[port].seen_ns = event->time_ns;
	both[port].bounded = true;
	compare(port);
	return 0;
}

static int by_value(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

static int64_t processor_ns(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_SEC +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_PER_US;
}

static void measure(const char *name, int queued, int count, bool with_probe)
{
	struct endpoint target;
	struct sampler_options options = {&target, 1, true};
	int64_t begin_ns, begin_processor_ns, next_ns;
	struct sampler_stats stats;
	int listeners[SIBLINGS], pipe_fds[2], status;
	struct kernel_probe_options everything = {0};
	struct kernel_probe *probe = NULL;
	struct sampler *sampler;
	uint64_t told = 0;
	pid_t pid;

	accepted = unbounded = widths_count = compared = too_early = after = 0;
	after_max_ns = 0;
	memset(both, 0, sizeof(both));
	if (with_probe && kernel_probe_new(&everything, &probe) < 0) {
		printf("%-9s the accept probe cannot be had here\n", name);
		return;
	}
	for (int i = 0; i < count; i++)
		listeners[i] = listen_on_port();
	if (pipe(pipe_fds) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		close(pipe_fds[0]);
		generate(pipe_fds[1], listeners, count, queued);
		_exit(0);
	}
	close(pipe_fds[1]);
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	if (endpoint_parse(":8080", &target) < 0 || sampler_new(&options, &sampler) < 0)
		die("sampler");
	begin_ns = next_ns = clock_monotonic_ns();
	begin_processor_ns = processor_ns();
	for (;;) {
		struct flow flows[64];
		ssize_t n = read(pipe_fds[0], flows, sizeof(flows));

		if (n == 0)
			break;
		for (ssize_t i = 0; i < n / (ssize_t)sizeof(flows[0]); i++, told++) {
			/* The port may be one that served before. */
			memset(&both[flows[i].sport], 0, sizeof(both[0]));
			sampler_watch_child(sampler, &flows[i], clock_now_ns());
		}
		if (n == sizeof(flows))
			continue;
		if (sampler_round(sampler, note, NULL) < 0)
			die("sampler_round");
		if (probe && kernel_probe_read(probe, note, NULL, NULL) < 0)
			die("kernel_probe_read");
		next_ns += NS_PER_MS;
		if (clock_monotonic_ns() < next_ns)
			clock_nanosleep(
			    CLOCK_MONOTONIC, TIMER_ABSTIME,
			    &(struct timespec){next_ns / NS_PER_SEC, next_ns % NS_PER_SEC}, NULL);
		else
			next_ns = clock_monotonic_ns();
	}
	sampler_stats(sampler, &stats);
	qsort(widths, widths_count, sizeof(widths[0]), by_value);
	printf("%-9s %6.2f %% of a processor at %.0f rounds and %.0f connections a second; "
	       "%.2f look-ups each; %llu of %llu seen accepted, %llu of them within a bound, "
	       "median %.2f ms, 99 %% %.2f ms\n",
	       name,
	       100 * (double)(processor_ns() - begin_processor_ns) /
		   (double)(clock_monotonic_ns() - begin_ns),
	       (double)stats.rounds * 1e9 / (double)(clock_monotonic_ns() - begin_ns),
	       (double)told * 1e9 / (double)(clock_monotonic_ns() - begin_ns),
	       (double)stats.lookups / (double)told, (unsigned long long)accepted,
	       (unsigned long long)told, (unsigned long long)(accepted - unbounded),
	       widths_count ? (double)widths[widths_count / 2] / 1e6 : 0.0,
	       widths_count ? (double)widths[widths_count * 99 / 100] / 1e6 : 0.0);
	if (probe)
		printf("%-9s probe: %llu exact times held against bounds: %llu before, %llu after "
		       "by at most %.3f ms; %llu lost\n",
		       name, (unsigned long long)compared, (unsigned long long)too_early,
		       (unsigned long long)after, (double)after_max_ns / 1e6,
		       (unsigned long long)kernel_probe_lost(probe));
	failed |= too_early > 0;
	kernel_probe_free(probe);
	sampler_free(sampler);
	close(pipe_fds[0]);
	for (int i = 0; i < count; i++)
		close(listeners[i]);
	if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		die("the generator of connections");
}

int main(void)
{
	measure("prompt", 0, 1, false);
	measure("queued", QUEUED, 1, false);
	measure("siblings", QUEUED, SIBLINGS, false);
	measure("probe", QUEUED, 1, true);
	return failed;
}
