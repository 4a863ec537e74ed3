/*
 * What it costs to ask the kernel about listeners while 50,000 connections are
 * established on loopback (25,000 pairs; as many as the limit of open files lets
 * a few processes have), in a network namespace of its own:
 *   listeners : ss -ltn     processor time of the whole command, medians of
 *                           interleaved runs; and with --all
 *   look-ups and dumps      in microseconds, the least of many
 * Usage: bench_listeners SYNSCOPE
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
#include <unistd.h>

#include "event/clock.h"
#include "netlink/diag/diag.h"

#define PAIRS	     25000
#define HOLDERS_MAX  16
#define HOLDER_PAIRS 4000 /* of one process, at most: half of a common limit of open files */
#define PORT	     8080
#define CLIENT_PORTS "1024 65000"
#define COMMAND_RUNS 21
#define REQUEST_RUNS 200
#define WALK_RUNS    20

static pid_t holders[HOLDERS_MAX];
static int holders_count;

static void end_holders(void)
{
	for (int i = 0; i < holders_count; i++) {
		kill(holders[i], SIGKILL);
		waitpid(holders[i], NULL, 0);
	}
	holders_count = 0;
}

static void die(const char *what)
{
	fprintf(stderr, "bench_listeners: %s: %s\n", what, strerror(errno));
	end_holders();
	exit(1);
}

static int listen_on(uint16_t port)
{
	struct sockaddr_in local = {.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
	    listen(fd, 4096) < 0)
		die("listen");
	return fd;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* A process with so many pairs; returns how many there are. */
static int hold(int listener, int pairs)
{
	int ready[2], made = 0;
	pid_t pid;

	if (pipe(ready) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		/* Freed by what ends this process: the end of the benchmark. */
		while (made < pairs && connect_to(PORT) >= 0 && accept(listener, NULL, NULL) >= 0)
			made++;
		if (write(ready[1], &made, sizeof(made)) != sizeof(made))
			_exit(1);
		pause();
		_exit(0);
	}
	holders[holders_count++] = pid;
	close(ready[1]);
	if (read(ready[0], &made, sizeof(made)) != sizeof(made))
		die("a holder of connections");
	close(ready[0]);
	return made;
}

static int hold_all(int listener, int pairs)
{
	struct rlimit files;
	int total = 0, each;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	each = files.rlim_cur / 2 > HOLDER_PAIRS + 64 ? HOLDER_PAIRS : (int)files.rlim_cur / 2 - 64;
	while (total < pairs && holders_count < HOLDERS_MAX) {
		int made = hold(listener, pairs - total < each ? pairs - total : each);

		total += made;
		if (made == 0)
			break;
	}
	return total;
}

/* Processor time of one run, ns. */
static int64_t run(const char *const argv[])
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, 1);
		dup2(null, 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait4");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		errno = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ENOENT : ECHILD;
		die(argv[0]);
	}
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_SEC +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_PER_US;
}

static int by_value(const void *x, const void *y)
{
	int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;

	return (a > b) - (a < b);
}

static int64_t median(int64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

static void compare_commands(const char *synscope)
{
	const char *const ss[] = {"ss", "-ltn", NULL};
	const char *const ours[] = {synscope, "listeners", NULL};
	const char *const all[] = {synscope, "listeners", "--all", NULL};
	const char *const nothing[] = {synscope, "--version", NULL};
	int64_t times[4][COMMAND_RUNS], m[4];

	for (int i = 0; i < COMMAND_RUNS; i++) {
		times[0][i] = run(ss);
		times[1][i] = run(ours);
		times[2][i] = run(all);
		times[3][i] = run(nothing);
	}
	for (int i = 0; i < 4; i++)
		m[i] = median(times[i], COMMAND_RUNS);
	printf("ss -ltn                  %7.2f ms\n", (double)m[0] / 1e6);
	printf("synscope listeners       %7.2f ms   ratio %.3f\n", (double)m[1] / 1e6,
	       (double)m[1] / (double)m[0]);
	printf("synscope listeners --all %7.2f ms   ratio %.3f\n", (double)m[2] / 1e6,
	       (double)m[2] / (double)m[0]);
	printf("synscope --version       %7.2f ms   (what starting costs)\n", (double)m[3] / 1e6);
}

static void print_least(const char *what, int64_t least_ns)
{
	printf("%-24s %7.1f us\n", what, (double)least_ns / 1e3);
}

static void measure_requests(void)
{
	static const uint16_t port = PORT;
	int64_t look = INT64_MAX, child = INT64_MAX, dump = INT64_MAX, walk = INT64_MAX;
	struct endpoint local, nobody, client;
	const struct diag_socket *sockets;
	struct diag_socket socket;
	struct diag *diag;
	size_t count;

	if (diag_new(&diag) < 0 || endpoint_parse("127.0.0.1:8080", &local) < 0 ||
	    endpoint_parse("0.0.0.0:0", &nobody) < 0)
		die("sock_diag");
	if (diag_dump(diag, DIAG_STATE_BIT(DIAG_ESTABLISHED), &port, 1, 0, &sockets, &count) < 0 ||
	    count == 0)
		die("a dump of connections");
	client = sockets[count / 2].remote;
	for (int i = 0; i < REQUEST_RUNS; i++) {
		int64_t times[4];

		times[0] = clock_monotonic_ns();
		if (diag_look_up(diag, &local, &nobody, 0, DIAG_WANT_DROPS, &socket) < 0)
			die("look-up of a listener");
		times[1] = clock_monotonic_ns();
		if (diag_look_up(diag, &local, &client, 0, 0, &socket) < 0)
			die("look-up of a connection");
		times[2] = clock_monotonic_ns();
		if (diag_dump(diag, DIAG_STATE_BIT(DIAG_LISTEN), NULL, 0, DIAG_WANT_DROPS, &sockets,
			      &count) < 0)
			die("dump of listeners");
		times[3] = clock_monotonic_ns();
		look = times[1] - times[0] < look ? times[1] - times[0] : look;
		child = times[2] - times[1] < child ? times[2] - times[1] : child;
		dump = times[3] - times[2] < dump ? times[3] - times[2] : dump;
	}
	for (int i = 0; i < WALK_RUNS; i++) {
		int64_t begin = clock_monotonic_ns(), end;

		if (diag_dump(diag, DIAG_STATE_BIT(DIAG_SYN_RECV), &port, 1, 0, &sockets, &count) <
		    0)
			die("dump of request sockets");
		end = clock_monotonic_ns();
		walk = end - begin < walk ? end - begin : walk;
	}
	print_least("look-up of a listener", look);
	print_least("look-up of a connection", child);
	print_least("dump of listeners", dump);
	print_least("dump of request sockets", walk);
	diag_free(diag);
}

int main(int argc, char **argv)
{
	int listener, range, pairs;

	if (argc != 2) {
		fputs("usage: bench_listeners SYNSCOPE\n", stderr);
		return 2;
	}
	range = open("/proc/sys/net/ipv4/ip_local_port_range", O_WRONLY);
	if (range < 0 || write(range, CLIENT_PORTS, strlen(CLIENT_PORTS)) < 0)
		die("ip_local_port_range");
	close(range);
	listener = listen_on(PORT);
	listen_on(PORT + 1);
	pairs = hold_all(listener, PAIRS);
	printf("%d pairs of connections on loopback\n", pairs);
	compare_commands(argv[1]);
	measure_requests();
	end_holders();
	return 0;
}
