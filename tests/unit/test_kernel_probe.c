#include "probe/kernel.h"

#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <sys/wait.h>

#include "netlink/child/queue.h"
#include "netlink/counters.h"
#include "netlink/sampler/sampler.h"
#include "tests/unit/sockets.h"

static struct event accepts[4096], children[4096], entries[256], refused[256];
static size_t accepts_count, children_count, entries_count, refused_count, listens, unlistens;
static struct kernel_probe_listen listened;

static int note(void *context, const struct event *event)
{
	(void)context;
	if (event->kind == EVENT_ACCEPT) {
		cr_assert_eq(event->source, SOURCE_BPF);
		cr_assert_lt(accepts_count, 4096);
		accepts[accepts_count++] = *event;
	} else if (event->kind == EVENT_ENTRY) {
		cr_assert_eq(event->source, SOURCE_BPF);
		entries[entries_count++ % 256] = *event;
	} else if (event->kind == EVENT_DROP) {
		cr_assert_eq(event->source, SOURCE_BPF);
		refused[refused_count++ % 256] = *event;
	} else if (event->kind == EVENT_CHILD) {
		cr_assert_lt(children_count, 4096);
		children[children_count++] = *event;
	}
	return 0;
}

static void note_listen(void *context, const struct kernel_probe_listen *listen)
{
	(void)context;
	listened = *listen;
	cr_assert_leq(listen->time_ns, clock_now_ns() + 100 * NS_PER_US);
	listens += listen->listens;
	unlistens += !listen->listens;
}

static struct kernel_probe *probe_with(const struct kernel_probe_options *options)
{
	struct kernel_probe *probe;
	int error = kernel_probe_new(options, &probe);

	if (error) {
		cr_assert(error == -EPERM || error == -ENOTSUP, "%s", strerror(-error));
		cr_skip_test("takes CAP_BPF, CAP_PERFMON and a kernel with BTF");
	}
	return probe;
}

static struct kernel_probe *probe_of(const uint16_t *ports, size_t count)
{
	return probe_with(&(struct kernel_probe_options){
	    .ports = ports, .ports_count = count, .every_call = true});
}

/* Connects, and waits for it. */
static int connect_now(const char *text, struct flow *flow)
{
	return connect_with(text, 0, flow);
}

/* Which functions of the kernel it takes depends on the two families. */
static const struct families {
	const char *listener;
	const char *client;
} families[] = {{"0.0.0.0:8080", "127.0.0.1:8080"},
		{"[::]:8081", "[::1]:8081"},
		{"[::]:8082", "127.0.0.1:8082"}};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

static void drain(struct kernel_probe *probe)
{
	cr_assert_eq(kernel_probe_read(probe, note, note_listen, NULL), 0);
}

Test(kernel_probe, each_accept_is_seen_with_its_connection)
{
	struct kernel_probe *probe;

	ENTER();
	probe = probe_of(NULL, 0);
	for (size_t i = 0; i < FAMILIES; i++) {
		int fd = listen_on(families[i].listener, 128), peer;
		int64_t before_ns, after_ns;
		struct flow flow;

		connect_now(families[i].client, &flow);
		before_ns = clock_now_ns();
		peer = i % 2 ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : accept(fd, NULL, NULL);
		after_ns = clock_now_ns();
		cr_assert_geq(peer, 0);
		drain(probe);
		cr_assert_eq(accepts_count, i + 1);
		cr_assert(flow_equal(&accepts[i].accept.flow, &flow), "case %zu", i);
		cr_assert_eq(accepts[i].accept.pid, getpid());
		cr_assert_eq(accepts[i].accept.tid, gettid());
		cr_assert_eq(accepts[i].accept.fd,
			     kernel_probe_accepts(probe) == PROBE_ACCEPTS_FEXIT ? -1 : peer);
		/* One clock was shifted to the other: by less than this, as it was measured. */
		cr_assert_gt(accepts[i].time_ns, before_ns - 100 * NS_PER_US);
		cr_assert_lt(accepts[i].time_ns, after_ns + 100 * NS_PER_US);
	}
	cr_assert_eq(kernel_probe_lost(probe), 0);
	cr_assert_eq(kernel_probe_unread(probe), 0);
	kernel_probe_free(probe);
}

/*
 * Each that enters is told with the depth before it, by the kernel's own count; who is
 * refused is not.
 */
Test(kernel_probe, each_entry_is_seen_with_its_queue)
{
	struct kernel_probe *probe;

	ENTER();
	probe = probe_of(NULL, 0);
	if (!kernel_probe_entries(probe))
		cr_skip_test("no tracepoint sock:inet_sock_set_state");
	for (size_t i = 0; i < FAMILIES; i++) {
		int fd = listen_on(families[i].listener, 128);
		uint64_t cookie = cookie_of(fd);
		struct flow flow;

		entries_count = listens = unlistens = 0;
		cr_assert_eq(listen(fd, 2), 0);
		for (uint32_t n = 0; n < 3; n++) {
			int64_t before_ns = clock_now_ns();

			connect_now(families[i].client, &flow);
			/* connect() returns when the final ACK is sent, not when it is taken. */
			for (int tries = 0; tries < 2000 && entries_count < n + 1; tries++) {
				usleep(1000);
				drain(probe);
			}
			cr_assert_eq(entries_count, n + 1);
			cr_assert(flow_equal(&entries[n].entry.flow, &flow), "case %zu", i);
			cr_assert_eq(entries[n].entry.depth, n);
			cr_assert_eq(entries[n].entry.limit, 2);
			cr_assert(!entries[n].entry.listener ||
				  entries[n].entry.listener == cookie);
			cr_assert_gt(entries[n].time_ns, before_ns - 100 * NS_PER_US);
			cr_assert_lt(entries[n].time_ns, clock_now_ns() + 100 * NS_PER_US);
		}
		cr_assert_eq(listens, 1);
		cr_assert_eq(listened.local.port, flow.dport);
		cr_assert(address_is_any(&listened.local.address));
		cr_assert(!listened.drops_known || listened.drops == 0);
		/* Full: its SYN is dropped. */
		close(connect_to(families[i].client, &flow));
		close(fd);
		drain(probe);
		cr_assert_eq(entries_count, 3);
		cr_assert_eq(unlistens, 1);
	}
	kernel_probe_free(probe);
}

/* Of two siblings one has the child: it is told who, or nobody is named. */
Test(kernel_probe, an_entry_is_told_when_siblings_are_not_told_apart_any_more)
{
	uint64_t cookies[2], named;
	struct kernel_probe *probe;
	struct flow flow;

	ENTER();
	probe = probe_of(NULL, 0);
	if (!kernel_probe_entries(probe))
		cr_skip_test("no tracepoint sock:inet_sock_set_state");
	for (int i = 0; i < 2; i++)
		cookies[i] = cookie_of(listen_on(families[0].listener, 128));
	for (size_t n = 0; n < 2; n++) {
		entries_count = 0;
		connect_now(families[0].client, &flow);
		for (int tries = 0; tries < 2000 && !entries_count; tries++) {
			usleep(1000);
			drain(probe);
		}
		cr_assert_eq(entries_count, 1);
		cr_expect(flow_equal(&entries[0].entry.flow, &flow));
		named = entries[0].entry.listener;
		cr_expect(!named || named == cookies[0] || named == cookies[1]);
		while (n == 0 && !kernel_probe_leave_siblings(probe))
			usleep(1000);
	}
	kernel_probe_free(probe);
}

static uint64_t overflows(void)
{
	struct counters_reader reader;
	struct counters counters;
	int64_t after_ns;

	cr_assert_eq(counters_reader_init(&reader), 0);
	cr_assert_eq(counters_read(&reader, &counters, &after_ns), 0);
	counters_reader_release(&reader);
	return counters.value[COUNTER_LISTEN_OVERFLOWS];
}

static struct kernel_probe *probe_of_drops(bool kprobes)
{
	struct kernel_probe *probe =
	    probe_with(&(struct kernel_probe_options){.every_call = true, .kprobes = kprobes});

	if (!kernel_probe_drops(probe))
		cr_skip_test("this kernel has no fentry and no kprobes");
	return probe;
}

/* Until a counter of events has moved. */
static void await(struct kernel_probe *probe, const size_t *count)
{
	for (int tries = 0; tries < 2000 && !*count; tries++) {
		usleep(1000);
		drain(probe);
	}
	cr_assert(*count);
}

static void expect_refused(const struct flow *flow, uint64_t cookie, enum drop_place place)
{
	cr_expect_eq(refused[0].drop.place, place);
	cr_expect_eq(refused[0].drop.listener, cookie);
	cr_expect_eq(refused[0].drop.depth, 1);
	cr_expect_eq(refused[0].drop.limit, 0);
	cr_expect(flow_equal(&refused[0].drop.flow, flow));
}

/* A SYN that a full accept queue drops: whose it is, and of which sibling. */
static void drop_syns(bool kprobes)
{
	struct kernel_probe *probe = probe_of_drops(kprobes);

	for (size_t i = 0; i < FAMILIES; i++) {
		const struct families *at = &families[i];
		int fd = listen_on(at->listener, 128), late;
		uint64_t cookie = cookie_of(fd), before = overflows();
		struct flow flow;

		entries_count = refused_count = 0;
		cr_assert_eq(listen(fd, 0), 0);
		connect_now(at->client, &flow);
		await(probe, &entries_count);
		cr_assert_eq(refused_count, 0);
		late = connect_to(at->client, &flow);
		await(probe, &refused_count);
		close(late);
		drain(probe);
		cr_assert_eq(refused_count, overflows() - before);
		expect_refused(&flow, cookie, DROP_SYN_ACCEPT_QUEUE);
		close(fd);
	}
	kernel_probe_free(probe);
}

/*
 * And a final ACK: two have shaken hands but for it, which TCP_DEFER_ACCEPT takes with the first
 * data alone.
 */
static void drop_acks(bool kprobes)
{
	struct kernel_probe *probe = probe_of_drops(kprobes);
	struct linger reset = {1, 0};
	int patience_s = 60;

	for (size_t i = 0; i < FAMILIES; i++) {
		const struct families *at = &families[i];
		int fd = listen_on(at->listener, 128), first, second;
		uint64_t cookie = cookie_of(fd), before = overflows();
		struct flow flow;

		cr_assert_eq(
		    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &patience_s, sizeof(patience_s)),
		    0);
		entries_count = refused_count = 0;
		first = connect_now(at->client, &flow);
		second = connect_now(at->client, &flow);
		/* With a SYN queue as short the second would have had a cookie. */
		cr_assert_eq(listen(fd, 0), 0);
		cr_assert_eq(send(first, "x", 1, 0), 1);
		await(probe, &entries_count);
		cr_assert_eq(refused_count, 0);
		cr_assert_eq(send(second, "x", 1, 0), 1);
		await(probe, &refused_count);
		/* Its client is to be quiet from here on. */
		cr_assert_eq(setsockopt(second, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
		close(second);
		drain(probe);
		cr_assert_eq(refused_count, overflows() - before);
		expect_refused(&flow, cookie, DROP_ACK_ACCEPT_QUEUE);
		close(first);
		close(fd);
	}
	kernel_probe_free(probe);
}

Test(kernel_probe, each_drop_is_told_with_its_listener)
{
	ENTER();
	drop_syns(false);
	drop_acks(false);
}

Test(kernel_probe, each_drop_is_told_by_kprobes_too)
{
	ENTER();
	drop_syns(true);
	drop_acks(true);
}

Test(kernel_probe, other_ports_networks_and_families_are_not_told)
{
	static const uint16_t ports[] = {8081, 8090};
	struct sockaddr unix_name = {.sa_family = AF_UNIX};
	socklen_t size = sizeof(sa_family_t);
	struct kernel_probe *probe;
	struct flow flow;
	int fd, other, client;
	pid_t child;

	ENTER();
	probe = probe_of(ports, 2);
	fd = listen_on("0.0.0.0:8080", 128);
	connect_now("127.0.0.1:8080", &flow);
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	other = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(other, &unix_name, size), 0);
	cr_assert_eq(listen(other, 5), 0);
	client = socket(AF_UNIX, SOCK_STREAM, 0);
	size = sizeof(unix_name);
	{
		char name[128];
		socklen_t length = sizeof(name);

		cr_assert_eq(getsockname(other, (struct sockaddr *)name, &length), 0);
		cr_assert_eq(connect(client, (struct sockaddr *)name, length), 0);
	}
	cr_assert_geq(accept(other, NULL, NULL), 0);
	child = fork();
	if (child == 0) {
		if (!netns_enter())
			_exit(1);
		fd = listen_on("0.0.0.0:8081", 128);
		connect_now("127.0.0.1:8081", &flow);
		_exit(accept(fd, NULL, NULL) < 0);
	}
	waitpid(child, NULL, 0);
	drain(probe);
	cr_assert_eq(accepts_count, 0);
	fd = listen_on("0.0.0.0:8081", 128);
	connect_now("127.0.0.1:8081", &flow);
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	drain(probe);
	cr_assert_eq(accepts_count, 1);
	kernel_probe_free(probe);
}

static int count_only(void *context, const struct event *event)
{
	(void)event;
	++*(uint64_t *)context;
	return 0;
}

static void connect_and_accept(int listener)
{
	struct linger reset = {1, 0};
	struct flow flow;
	int client = connect_now("127.0.0.1:8080", &flow), peer = accept(listener, NULL, NULL);

	cr_assert_geq(peer, 0);
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	close(peer);
}

/* What a full ring refuses is counted, and what comes after it is seen again. */
Test(kernel_probe, losses_are_counted)
{
	struct kernel_probe *probe;
	uint64_t told = 0, done = 0;
	int fd;

	ENTER();
	probe = probe_of(NULL, 0);
	fd = listen_on("0.0.0.0:8080", 128);
	for (; done < 20000 && kernel_probe_lost(probe) < 10; done++)
		connect_and_accept(fd);
	cr_assert_eq(kernel_probe_lost(probe), 10);
	cr_assert_eq(kernel_probe_read(probe, count_only, NULL, &told), 0);
	/* An entry and an accept for each. */
	cr_assert_eq(told, 2 * done - 10);
	connect_and_accept(fd);
	cr_assert_eq(kernel_probe_read(probe, count_only, NULL, &told), 0);
	cr_assert_eq(told, 2 * done - 10 + 2);
	cr_assert_eq(kernel_probe_lost(probe), 10);
	kernel_probe_free(probe);
}

/*
 * The exact times against the sampled bounds. Looks and accepts take turns in one
 * thread, so that no look falls between the moment when the kernel hands the
 * socket over and the end of the system call.
 */
Test(kernel_probe, every_exact_time_lies_within_its_bound)
{
	struct sampler_options options = {NULL, 0, true};
	struct kernel_probe *probe;
	struct sampler *sampler;
	struct flow flows[60];
	int fd;

	ENTER();
	probe = probe_of(NULL, 0);
	fd = listen_on("0.0.0.0:8080", 128);
	cr_assert_eq(sampler_new(&options, &sampler), 0);
	cr_assert_eq(sampler_round(sampler, note, NULL), 0);
	for (int i = 0; i < 60; i++) {
		connect_now("127.0.0.1:8080", &flows[i]);
		sampler_watch_child(sampler, &flows[i], clock_now_ns());
	}
	/* One, two, three at a time. */
	for (int done = 0, some = 1; done < 60; some = some % 3 + 1) {
		cr_assert_eq(sampler_round(sampler, note, NULL), 0);
		for (int i = 0; i < some && done < 60; i++, done++)
			cr_assert_geq(accept(fd, NULL, NULL), 0);
		drain(probe);
	}
	cr_assert_eq(sampler_round(sampler, note, NULL), 0);
	cr_assert_eq(children_count, 60);
	cr_assert_eq(accepts_count, 60);
	for (size_t i = 0; i < children_count; i++) {
		const struct child *child = &children[i].child;
		const struct event *exact = NULL;

		for (size_t j = 0; j < accepts_count; j++)
			if (flow_equal(&accepts[j].accept.flow, &child->flow))
				exact = &accepts[j];
		cr_assert_not_null(exact);
		cr_assert_eq(child_status(child), CHILD_ACCEPTED);
		cr_assert_neq(child->waiting_ns, TIME_UNKNOWN);
		cr_assert_geq(exact->time_ns, child->waiting_ns);
		cr_assert_leq(exact->time_ns, children[i].time_ns);
	}
	sampler_free(sampler);
	kernel_probe_free(probe);
}
