#include "netlink/proc/proc.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/unit/netns.h"

static struct {
	int32_t pid;
	struct event fork, exit, thread;
	unsigned forks, exits, threads;
} seen;

static int note(void *context, const struct event *event)
{
	(void)context;
	cr_assert_eq(event->source, SOURCE_PROC);
	if (event->kind == EVENT_PROC_FORK) {
		const struct proc_fork *f = &event->proc_fork;

		if (f->child_pid == seen.pid && f->child_tid == seen.pid) {
			seen.fork = *event;
			seen.forks++;
		} else if (f->child_pid == getpid()) {
			seen.thread = *event;
			seen.threads++;
		}
	} else {
		cr_assert_eq(event->kind, EVENT_PROC_EXIT);
		if (event->proc_exit.pid == seen.pid) {
			seen.exit = *event;
			seen.exits++;
		}
	}
	return 0;
}

static void read_until(struct proc_connector *c, const unsigned *what)
{
	struct pollfd pollfd = {proc_connector_fd(c), POLLIN, 0};

	for (int i = 0; i < 1000 && !*what; i++) {
		poll(&pollfd, 1, 10);
		cr_assert_eq(proc_connector_read(c, note, NULL), 0);
	}
}

static void *nothing(void *argument)
{
	return argument;
}

Test(proc, forks_and_exits_are_told_with_their_times)
{
	struct proc_connector *c;
	int64_t before_ns, after_ns, offset_error_ns;
	pthread_t thread;
	int error = proc_connector_new(&c), status;

	if (error) {
		cr_assert(error == -EPERM || error == -ENODEV || error == -EPROTONOSUPPORT, "%s",
			  strerror(-error));
		cr_skip_test("takes the initial namespaces and CAP_NET_ADMIN");
	}
	clock_monotonic_offset_ns(&offset_error_ns);
	before_ns = clock_now_ns();
	seen.pid = fork();
	if (seen.pid == 0)
		_exit(3);
	waitpid(seen.pid, &status, 0);
	after_ns = clock_now_ns();
	read_until(c, &seen.exits);
	cr_assert_eq(seen.forks, 1);
	cr_assert_eq(seen.exits, 1);
	cr_assert_eq(seen.fork.proc_fork.parent_pid, getpid());
	cr_assert_eq(seen.exit.proc_exit.exit_code, (uint32_t)status);
	/* Its times are ours, but for the error of the two clocks' distance. */
	cr_assert_geq(seen.fork.time_ns, before_ns - NS_PER_MS);
	cr_assert_leq(seen.exit.time_ns, after_ns + NS_PER_MS);
	cr_assert_leq(seen.fork.time_ns, seen.exit.time_ns);
	cr_assert_eq(pthread_create(&thread, NULL, nothing, NULL), 0);
	pthread_join(thread, NULL);
	read_until(c, &seen.threads);
	cr_assert_eq(seen.threads, 1);
	cr_assert_neq(seen.thread.proc_fork.child_tid, getpid());
	cr_assert_eq(proc_connector_lost(c), 0);
	proc_connector_free(c);
}

static int refuse(void *context, const struct event *event)
{
	(void)context;
	(void)event;
	return -EPIPE;
}

Test(proc, what_was_lost_is_counted_by_the_gaps)
{
	struct proc_connector *c;
	int size = 1, result = 0;
	cpu_set_t first;

	/* All on one processor, whose numbers are known from the start. */
	CPU_ZERO(&first);
	CPU_SET(sched_getcpu(), &first);
	sched_setaffinity(0, sizeof(first), &first);
	if (proc_connector_new(&c))
		cr_skip_test("takes the initial namespaces and CAP_NET_ADMIN");
	/* The smallest buffer that there is holds a few events. */
	cr_assert_eq(setsockopt(proc_connector_fd(c), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)),
		     0);
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	cr_assert_eq(proc_connector_read(c, note, NULL), 0);
	for (int i = 0; i < 4; i++) { /* to show what is missing before them */
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		cr_assert_eq(proc_connector_read(c, note, NULL), 0);
	}
	cr_assert_gt(proc_connector_lost(c), 20);
	for (int i = 0; i < 100 && !result; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		result = proc_connector_read(c, refuse, NULL);
	}
	cr_assert_eq(result, -EPIPE);
	proc_connector_free(c);
}

Test(proc, another_network_namespace_has_none)
{
	struct proc_connector *c;
	int error;

	if (!netns_enter())
		cr_skip_test("no private network namespace to be had");
	error = proc_connector_new(&c);
	cr_assert(error == -ENODEV || error == -EPROTONOSUPPORT, "%s", strerror(-error));
}
