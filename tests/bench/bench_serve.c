/*
 * How many connections a second the fork server serves with 64 clients at a time on
 * loopback, as ratios within one run:
 *   silent     the bundled server without reports : a bare accept-fork-reply loop
 *   reporting  the same, every event read by one that polls each 5 ms : silent
 *   stalling   the same, the reader stalls for 50 ms each time : silent
 * The best of a few rounds each, since other processes take their share at times; the
 * processor time that the server and its children need for a connection suffers less from
 * that than the rate does. Exit status 1 when an event was lost.
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/load/load.h"
#include "server/server.h"

#define ROUNDS	    4
#define COUNT	    4000
#define CONCURRENCY 64
#define BACKLOG	    1024

enum variant { BARE, SILENT, REPORTING, STALLING, VARIANTS };

static const char *const names[VARIANTS] = {"bare", "silent", "reporting", "stalling"};
static const long poll_ns[VARIANTS] = {5 * NS_PER_MS, 5 * NS_PER_MS, 5 * NS_PER_MS, 50 * NS_PER_MS};

struct run {
	double rate;   /* connections a second */
	double cpu_us; /* processor time of the server and its children for a connection */
	uint64_t events;
	uint64_t lost;
};

static void die(const char *what)
{
	fprintf(stderr, "bench_serve: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_or_die(int fd, const void *bytes, size_t length)
{
	if (write(fd, bytes, length) != (ssize_t)length)
		die("write");
}

/* The least that a fork server can do. */
static void serve_bare(int tell_fd)
{
	static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t length = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	uint16_t port;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, length) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &length) < 0)
		die("listen");
	port = ntohs(a.sin_port);
	write_or_die(tell_fd, &port, sizeof(port));
	for (;;) {
		int connection = accept(fd, NULL, NULL);
		char request[1024];

		if (connection < 0)
			die("accept");
		switch (fork()) {
		case -1:
			die("fork");
			break;
		case 0:
			close(fd);
			if (read(connection, request, sizeof(request)) > 0)
				write_or_die(connection, reply, sizeof(reply) - 1);
			_exit(0);
		default:
			break;
		}
		close(connection);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static int tell_port(void *context, const struct endpoint *endpoints, size_t count)
{
	(void)count;
	write_or_die(*(int *)context, &endpoints[0].port, sizeof(endpoints[0].port));
	return 0;
}

static struct endpoint loopback(uint16_t port)
{
	return (struct endpoint){address_from_ipv4((const uint8_t[]){127, 0, 0, 1}), port};
}

static void serve(int tell_fd, int events_fd)
{
	const struct endpoint listen_on = loopback(0);
	const struct server_options options = {
	    .listen = &listen_on,
	    .listen_count = 1,
	    .backlog = BACKLOG,
	    .model = SERVER_FORK,
	    .request_timeout_ns = NS_PER_SEC,
	    .events_fd = events_fd,
	    .listening = tell_port,
	    .context = &tell_fd,
	};
	struct server_stats stats;
	char error[SERVER_ERROR_SIZE];

	if (server_run(&options, &stats, error) < 0) {
		fprintf(stderr, "bench_serve: %s\n", error);
		_exit(1);
	}
	_exit(stats.accepted == COUNT ? 0 : 1);
}

static void generate(int tell_fd, uint16_t port)
{
	const struct load_options options = {
	    .server = loopback(port),
	    .count = COUNT,
	    .open_max = CONCURRENCY,
	    .timeout_ns = 30 * NS_PER_SEC,
	    .duration_ns = 60 * NS_PER_SEC,
	};
	struct load_summary summary;
	char error[LOAD_ERROR_SIZE];

	if (load_run(&options, &summary, error) < 0) {
		fprintf(stderr, "bench_serve: %s\n", error);
		_exit(1);
	}
	write_or_die(tell_fd, &summary, sizeof(summary));
	_exit(summary.replied == COUNT ? 0 : 1);
}

static int count_event(void *context, const struct event *event)
{
	struct run *run = context;

	run->events += event->kind != EVENT_LOSS;
	return 0;
}

static void read_channel(struct channel_reader *reader, struct run *run)
{
	if (reader && channel_read(reader, count_event, run) < 0)
		die("channel");
}

static void run_once(enum variant variant, struct run *run)
{
	bool reports = variant == REPORTING || variant == STALLING;
	const struct timespec pause = {.tv_nsec = poll_ns[variant]};
	struct channel_reader *reader = NULL;
	int ports[2], results[2], events_fd = -1, status;
	struct load_summary summary;
	struct rusage usage;
	pid_t server, load;
	uint16_t port;

	*run = (struct run){0};
	if (pipe(ports) < 0 || pipe(results) < 0)
		die("pipe");
	if (reports && (errno = -channel_open(&reader, &events_fd)))
		die("channel");
	fflush(NULL);
	server = fork();
	if (server == 0) {
		if (variant == BARE)
			serve_bare(ports[1]);
		serve(ports[1], events_fd);
	}
	if (server < 0 || read(ports[0], &port, sizeof(port)) != sizeof(port))
		die("server");
	load = fork();
	if (load == 0)
		generate(results[1], port);
	if (load < 0)
		die("fork");
	if (events_fd >= 0)
		close(events_fd);
	while (waitpid(load, &status, WNOHANG) == 0) {
		nanosleep(&pause, NULL);
		read_channel(reader, run);
	}
	if (status || read(results[0], &summary, sizeof(summary)) != sizeof(summary))
		die("load");
	kill(server, SIGTERM);
	if (wait4(server, &status, 0, &usage) != server || (variant != BARE && status))
		die("server's end");
	while (reader && !channel_ended(reader))
		read_channel(reader, run);
	run->lost = reader ? channel_lost(reader) : 0;
	run->rate =
	    (double)COUNT * (double)NS_PER_SEC / (double)(summary.end_ns - summary.start_ns);
	run->cpu_us = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 / COUNT +
		      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / COUNT;
	channel_reader_free(reader);
	close(ports[0]);
	close(ports[1]);
	close(results[0]);
	close(results[1]);
}

int main(void)
{
	struct run best[VARIANTS] = {0}, run;
	uint64_t lost = 0;

	signal(SIGPIPE, SIG_IGN);
	for (int round = 0; round < ROUNDS; round++) {
		for (enum variant v = BARE; v < VARIANTS; v++) {
			run_once(v, &run);
			lost += run.lost;
			/* LISTEN; ACCEPT, FORK, FIRST_BYTE, REPLY, CLOSE, EXIT */
			if ((v == REPORTING || v == STALLING) &&
			    run.events + run.lost != 1 + 6 * COUNT) {
				fprintf(stderr, "bench_serve: %llu events and %llu lost\n",
					(unsigned long long)run.events,
					(unsigned long long)run.lost);
				return 1;
			}
			if (run.rate > best[v].rate)
				best[v].rate = run.rate;
			if (round == 0 || run.cpu_us < best[v].cpu_us)
				best[v].cpu_us = run.cpu_us;
		}
	}
	for (enum variant v = BARE; v < VARIANTS; v++) {
		enum variant reference = v == SILENT ? BARE : SILENT;

		printf("serve %-9s  %6.0f connections/s  %5.1f us of processor time each", names[v],
		       best[v].rate, best[v].cpu_us);
		if (v != BARE)
			printf("  rate %.2f, time %.2f of %s", best[v].rate / best[reference].rate,
			       best[v].cpu_us / best[reference].cpu_us, names[reference]);
		printf("\n");
	}
	printf("serve events lost  %llu\n", (unsigned long long)lost);
	return lost ? 1 : 0;
}
