#include "netlink/owner/holders.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Sockets of any family serve: what counts is their inode. */
struct pair {
	int ours;
	int theirs;
	uint32_t inode; /* of theirs */
};

static struct holders *holders;
static struct event got[64];
static size_t got_count;
static uint32_t listener_inode;
static int listener_fd;

static int keep(void *context, const struct event *event)
{
	(void)context;
	cr_assert_lt(got_count, 64);
	got[got_count++] = *event;
	return 0;
}

static uint32_t inode_of(int fd)
{
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	return (uint32_t)st.st_ino;
}

static struct pair make_pair(void)
{
	struct pair p;
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p = (struct pair){fds[0], fds[1], inode_of(fds[1])};
	return p;
}

static void learn(const struct event *event)
{
	cr_assert_eq(holders_learn(holders, event, keep, NULL), 0);
}

static void own(int32_t pid, int32_t other_pid)
{
	struct event e = {.kind = EVENT_LISTENER, .time_ns = clock_now_ns()};

	e.listener =
	    (struct listener){.cookie = 1, .inode = listener_inode, .change = LISTENER_SEEN};
	e.listener.pids[0] = pid;
	e.listener.pids[1] = other_pid;
	e.listener.pids_count = other_pid ? 2 : pid ? 1 : 0;
	learn(&e);
}

static void begin(bool forks_known)
{
	listener_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_geq(listener_fd, 0);
	listener_inode = inode_of(listener_fd);
	got_count = 0;
	cr_assert_eq(holders_new(forks_known, &holders), 0);
}

static void accepted(uint32_t inode, uint16_t port)
{
	struct event e = {.kind = EVENT_CHILD, .time_ns = clock_now_ns()};

	e.child = (struct child){.flow = {.sport = port, .dport = 80}, .inode = inode, .state = 1};
	learn(&e);
}

static void forked(int32_t parent, int32_t child)
{
	struct event e = {
	    .kind = EVENT_PROC_FORK, .source = SOURCE_PROC, .time_ns = clock_now_ns()};

	e.proc_fork = (struct proc_fork){parent, child, child};
	learn(&e);
}

static void ended(int32_t pid)
{
	struct event e = {
	    .kind = EVENT_PROC_EXIT, .source = SOURCE_PROC, .time_ns = clock_now_ns()};

	e.proc_exit = (struct proc_exit){.pid = pid, .tid = pid};
	learn(&e);
}

/* A process that has these descriptors beyond the first three, and no others. */
static pid_t start(int first, int second)
{
	int ready[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		/* Nobody waits for it when a test fails. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int fd = 3; fd < 64; fd++)
			if (fd != first && fd != second && fd != ready[1])
				close(fd);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		close(ready[1]);
		pause();
		_exit(0);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	while (read(ready[0], &byte, 1) > 0)
		;
	close(ready[0]);
	return pid;
}

static void stop(pid_t pid)
{
	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
}

static void go(void)
{
	cr_assert_eq(holders_round(holders, keep, NULL), 0);
}

/* Rounds until something is told; its looks may take a small share of the time only. */
static void go_on(size_t wanted)
{
	struct timespec pause = {.tv_nsec = NS_PER_MS};

	for (int i = 0; i < 20000 && got_count < wanted; i++) {
		go();
		nanosleep(&pause, NULL);
	}
}

static const struct holder *last_holder(void)
{
	cr_assert_gt(got_count, 0);
	cr_assert_eq(got[got_count - 1].kind, EVENT_HOLDER);
	return &got[got_count - 1].holder;
}

Test(holders, a_child_is_seen_with_the_connection)
{
	struct pair p;
	pid_t child;

	begin(true);
	p = make_pair();
	child = start(p.theirs, -1);
	own(getpid(), 0);
	forked(getpid(), child);
	cr_assert_eq(got_count, 1, "the fork is passed on");
	cr_assert_eq(got[0].kind, EVENT_PROC_FORK);
	accepted(p.inode, 1000);
	go_on(2);
	cr_assert_eq(last_holder()->pid, child);
	cr_assert_eq(last_holder()->parent_pid, getpid());
	cr_assert_eq(last_holder()->inode, p.inode);
	cr_assert_eq(last_holder()->flow.sport, 1000);
	cr_assert_not(last_holder()->listens);
	cr_assert_leq(last_holder()->before_ns, got[1].time_ns);
	stop(child);
	ended(child);
	cr_assert_eq(got[got_count - 1].kind, EVENT_PROC_EXIT);
	holders_free(holders);
}

Test(holders, a_child_that_has_ended_is_known_by_what_it_had)
{
	struct pair p;
	pid_t child;

	begin(true);
	p = make_pair();
	child = start(p.theirs, -1);
	own(getpid(), 0);
	forked(getpid(), child);
	go();
	stop(child);
	ended(child);
	go();
	accepted(p.inode, 1000);
	cr_assert_eq(last_holder()->pid, child);
	holders_free(holders);
}

Test(holders, a_worker_that_waits_is_told_apart)
{
	pid_t worker;

	begin(true);
	worker = start(listener_fd, -1);
	own(getpid(), 0);
	forked(getpid(), worker);
	go_on(2);
	cr_assert_eq(last_holder()->pid, worker);
	cr_assert_eq(last_holder()->inode, 0);
	cr_assert(last_holder()->listens);
	stop(worker);
	holders_free(holders);
}

Test(holders, of_several_owners_the_one_that_has_it_is_told_once)
{
	struct pair p;
	pid_t workers[2];

	begin(true);
	p = make_pair();
	workers[0] = start(listener_fd, -1);
	workers[1] = start(listener_fd, p.theirs);
	own(workers[0], workers[1]);
	cr_assert_eq(holders_due_ns(holders), INT64_MAX);
	accepted(p.inode, 1000);
	cr_assert_leq(holders_due_ns(holders), clock_monotonic_ns());
	go_on(1);
	cr_assert_eq(last_holder()->pid, workers[1]);
	cr_assert_eq(last_holder()->parent_pid, 0);
	cr_assert(last_holder()->listens);
	for (int i = 0; i < 20; i++)
		go();
	cr_assert_eq(got_count, 1);
	/* What one owner alone can have is not looked for. */
	accepted(p.inode + 1, 1001);
	cr_assert_lt(holders_due_ns(holders), INT64_MAX);
	own(workers[0], 0);
	cr_assert_eq(holders_due_ns(holders), INT64_MAX);
	stop(workers[0]);
	stop(workers[1]);
	holders_free(holders);
}

Test(holders, forks_of_others_are_not_passed_on_unless_they_turn_out_to_own)
{
	begin(true);
	forked(1000001, 1000002);
	ended(1000002);
	forked(getpid(), 1000003);
	cr_assert_eq(got_count, 0);
	own(getpid(), 0);
	cr_assert_eq(got_count, 1, "of the owner that was not known yet");
	cr_assert_eq(got[0].proc_fork.child_pid, 1000003);
	ended(1000003);
	cr_assert_eq(got_count, 2);
	ended(1000003);
	cr_assert_eq(got_count, 2, "that number may be another's now");
	holders_free(holders);
}

Test(holders, threads_are_no_children)
{
	struct event e = {.kind = EVENT_PROC_FORK, .source = SOURCE_PROC};

	begin(true);
	own(getpid(), 0);
	e.proc_fork = (struct proc_fork){getpid(), getpid(), 1000001};
	learn(&e);
	cr_assert_eq(got_count, 0);
	holders_free(holders);
}

Test(holders, without_the_connector_children_are_listed)
{
	struct pair p;
	pid_t child;

	begin(false);
	p = make_pair();
	child = start(p.theirs, -1);
	own(getpid(), 0);
	accepted(p.inode, 1000);
	go_on(1);
	cr_assert_eq(last_holder()->pid, child);
	cr_assert_eq(last_holder()->parent_pid, getpid());
	stop(child);
	holders_free(holders);
}

Test(holders, whose_socket_nobody_has_is_forgotten)
{
	struct holders_stats stats;

	begin(true);
	own(getpid(), 0);
	accepted(UINT32_MAX, 1000);
	accepted(0, 1001); /* closed by now: there is nothing to seek */
	for (int i = 0; i < 20; i++)
		go();
	cr_assert_eq(got_count, 0);
	holders_stats(holders, &stats);
	cr_assert_eq(stats.denied, 0);
	holders_free(holders);
}
