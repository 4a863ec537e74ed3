#include "netlink/listener/listeners.h"

#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <sys/wait.h>

#include "tests/unit/sockets.h"

static int knock(const char *text)
{
	struct flow flow;

	return connect_to(text, &flow);
}

static void snap(struct listeners_snapshot *s, int32_t pid, size_t connections_max)
{
	struct listeners_options options = {pid, true, connections_max};

	cr_assert_eq(listeners_read(&options, s), 0);
}

Test(listeners, a_queue_is_told_with_its_limit_and_who_set_it)
{
	struct listeners_snapshot s;

	ENTER();
	cr_assert(netns_sysctl("/proc/sys/net/core/somaxconn", "200"));
	listen_on("127.0.0.1:8003", 200);
	cr_assert(netns_sysctl("/proc/sys/net/core/somaxconn", "100"));
	listen_on("127.0.0.1:8001", 5);
	listen_on("127.0.0.1:8002", 1000);
	for (int i = 0; i < 9; i++)
		knock("127.0.0.1:8001");
	usleep(30000);
	snap(&s, 0, SIZE_MAX);
	cr_assert_eq(s.count, 3);
	cr_assert_eq(s.somaxconn, 100);
	cr_assert_eq(s.lost, 0);
	cr_assert_eq(s.listeners[0].listener.local.port, 8001, "they are sorted by port");
	cr_assert_eq(s.listeners[0].listener.limit, 5);
	cr_assert_eq(s.listeners[0].depth, 6);
	cr_assert_eq(s.listeners[0].drops, 3);
	cr_assert_eq(s.listeners[0].limited_by, LIMIT_BACKLOG);
	cr_assert_eq(s.listeners[0].waiting, 6);
	cr_assert_eq(s.listeners[0].ghosts, 0);
	cr_assert_eq(s.listeners[0].half_open, 0);
	cr_assert_geq(s.listeners[0].oldest_ns, 20 * NS_PER_MS);
	cr_assert_lt(s.listeners[0].oldest_ns, 60 * NS_PER_SEC);
	cr_assert_eq(s.listeners[0].listener.pids_count, 1);
	cr_assert_eq(s.listeners[0].listener.pids[0], getpid());
	cr_assert_eq(s.listeners[1].limited_by, LIMIT_EITHER);
	cr_assert_eq(s.listeners[1].listener.limit, 100);
	cr_assert_eq(s.listeners[1].waiting, 0);
	cr_assert_eq(s.listeners[1].oldest_ns, -1);
	cr_assert_eq(s.listeners[2].limited_by, LIMIT_SOMAXCONN_THEN);
	cr_assert_eq(s.counters.value[COUNTER_LISTEN_OVERFLOWS], 3);
	listeners_release(&s);
}

Test(listeners, ghosts_are_what_is_queued_and_not_there)
{
	struct linger reset = {1, 0};
	struct listeners_snapshot s;
	int client;

	ENTER();
	listen_on("127.0.0.1:8001", 5);
	client = knock("127.0.0.1:8001");
	knock("127.0.0.1:8001");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	snap(&s, 0, SIZE_MAX);
	cr_assert_eq(s.listeners[0].depth, 2);
	cr_assert_eq(s.listeners[0].waiting, 1);
	cr_assert_eq(s.listeners[0].ghosts, 1);
	listeners_release(&s);
}

Test(listeners, siblings_are_told_apart_and_counted_together)
{
	struct listeners_snapshot s;
	uint32_t sum;

	ENTER();
	listen_on("127.0.0.1:8001", 50);
	listen_on("127.0.0.1:8001", 51);
	listen_on("0.0.0.0:8001", 52);
	for (int i = 0; i < 20; i++)
		knock("127.0.0.1:8001");
	snap(&s, 0, SIZE_MAX);
	cr_assert_eq(s.count, 3);
	sum = 0;
	for (size_t i = 0; i < s.count; i++) {
		const struct listening *l = &s.listeners[i];

		if (address_is_any(&l->listener.local.address)) {
			cr_assert_eq(l->siblings, 0);
			cr_assert_eq(l->depth, 0);
			cr_assert_eq(l->waiting, 0);
			continue;
		}
		cr_assert_eq(l->siblings, 1);
		cr_assert_eq(l->waiting, 20);
		sum += l->depth;
	}
	cr_assert_eq(sum, 20);
	listeners_release(&s);
}

Test(listeners, connections_are_not_walked_where_they_are_too_many)
{
	struct listeners_snapshot s;

	ENTER();
	listen_on("127.0.0.1:8001", 5);
	knock("127.0.0.1:8001");
	snap(&s, 0, 0);
	cr_assert_not(s.connections_read);
	cr_assert_geq(s.connections, 1);
	cr_assert_eq(s.listeners[0].depth, 1, "the depth comes from the listener itself");
	cr_assert_eq(s.listeners[0].waiting, -1);
	cr_assert_eq(s.listeners[0].half_open, -1);
	cr_assert_eq(s.listeners[0].ghosts, -1);
	cr_assert_eq(s.listeners[0].oldest_ns, -1);
	listeners_release(&s);
}

Test(listeners, one_process_has_its_own_alone)
{
	struct listeners_options options = {0, false, SIZE_MAX};
	struct listeners_snapshot s;
	int ready[2], go[2];
	char byte;
	pid_t child;

	ENTER();
	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(go), 0);
	child = fork();
	if (child == 0) {
		listen_on("127.0.0.1:8002", 5);
		cr_assert_eq(write(ready[1], "x", 1), 1);
		_exit(read(go[0], &byte, 1) == 1 ? 0 : 1);
	}
	listen_on("127.0.0.1:8001", 5);
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	snap(&s, child, SIZE_MAX);
	cr_assert_eq(s.count, 1);
	cr_assert_eq(s.listeners[0].listener.local.port, 8002);
	cr_assert_eq(s.listeners[0].listener.pids[0], child);
	cr_assert_eq(s.listeners[0].listener.defer_accept_s, 0);
	listeners_release(&s);
	cr_assert_eq(write(go[1], "x", 1), 1);
	waitpid(child, NULL, 0);
	options.pid = child;
	cr_assert_eq(listeners_read(&options, &s), -ESRCH);
}

Test(listeners, nobody_listens)
{
	struct listeners_snapshot s;

	ENTER();
	snap(&s, 0, SIZE_MAX);
	cr_assert_eq(s.count, 0);
	listeners_release(&s);
}
