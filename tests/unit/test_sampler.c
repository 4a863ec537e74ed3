#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "netlink/child/queue.h"
#include "netlink/diag/message.h"
#include "tests/unit/sampling.h"

Test(sampler, depth_limit_and_drops_are_the_kernels)
{
	struct sampler *s;
	struct flow flow;
	const struct listener *l;
	const struct sample *sample;
	uint64_t cookie;
	int fd;

	ENTER();
	fd = listen_on("127.0.0.1:8080", 3);
	cookie = cookie_of(fd);
	s = sampler_of(":8080");
	go(s);
	cr_assert_eq(sampler_listeners(s), 1);
	l = last_listener(LISTENER_SEEN);
	cr_assert_eq(l->cookie, cookie);
	cr_assert_eq(l->limit, 3);
	cr_assert_eq(last_sample(cookie)->depth, 0);
	cr_assert(sampler_has_room(s));
	l = last_listener(LISTENER_CHANGED);
	if (!l)
		l = wait_for(s, LISTENER_CHANGED);
	cr_assert_not_null(l, "its owner is this process");
	cr_assert_eq(l->pids[0], getpid());
	for (int i = 0; i < 6; i++)
		connect_to("127.0.0.1:8080", &flow);
	sample = next_sample(s, cookie);
	cr_assert_eq(sample->depth, 4, "a limit of 3 holds 4");
	cr_assert_eq(sample->limit, 3);
	cr_assert(sample->drops_known);
	cr_assert_eq(sample->drops, 2);
	cr_assert_eq(sampler_depth(s), 4);
	cr_assert(!sampler_has_room(s));
	cr_assert_leq(sample->before_ns, last(EVENT_SAMPLE)->time_ns);
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	cr_assert_eq(next_sample(s, cookie)->depth, 3);
	sampler_free(s);
}

/* As by execve(): systemd-socket-activate is the server's program by the first accept(). */
Test(sampler, an_owner_that_is_another_program_now_has_its_name)
{
	struct sampler *s;
	int64_t early_ns = clock_monotonic_ns();

	ENTER();
	(void)!listen_on("127.0.0.1:8080", 3);
	s = sampler_of(":8080");
	go(s);
	cr_expect_eq(sampler_ownerless(s, early_ns), 0, "it was not there");
	if (!last_listener(LISTENER_CHANGED))
		cr_assert_not_null(wait_for(s, LISTENER_CHANGED), "its owner is this process");
	cr_expect_eq(sampler_ownerless(s, INT64_MAX), 0);
	count = 0;
	cr_assert_eq(prctl(PR_SET_NAME, "another"), 0);
	/* The walks take half a percent of the time: on a busy host they are rare. */
	for (int i = 0; i < 20 && !last_listener(LISTENER_CHANGED); i++)
		(void)!wait_for(s, LISTENER_CHANGED);
	cr_assert_not_null(last_listener(LISTENER_CHANGED));
	cr_expect_str_eq(last_listener(LISTENER_CHANGED)->comm, "another");
	cr_expect_eq(last_listener(LISTENER_CHANGED)->pids[0], getpid());
	cr_expect_str_eq(last(EVENT_OWNER)->owner.comm, "another");
	sampler_free(s);
}

Test(sampler, a_second_listen_changes_the_limit)
{
	struct sampler *s;
	uint64_t cookie;
	int fd;

	ENTER();
	fd = listen_on("127.0.0.1:8080", 3);
	cookie = cookie_of(fd);
	s = sampler_of(":8080");
	go(s);
	if (!last_listener(LISTENER_CHANGED))
		cr_assert_not_null(wait_for(s, LISTENER_CHANGED), "its owner is this process");
	next_sample(s, cookie);
	cr_assert_null(last(EVENT_LISTENER), "nothing changed, nothing is told");
	cr_assert_eq(listen(fd, 9), 0);
	cr_assert_eq(next_sample(s, cookie)->limit, 9);
	cr_assert_eq(last_listener(LISTENER_CHANGED)->limit, 9);
	sampler_free(s);
}

Test(sampler, a_listener_that_closes_and_one_that_opens_are_told)
{
	struct sampler *s;
	uint64_t first, second;
	int fd;

	ENTER();
	s = sampler_of(":8080");
	go(s);
	cr_assert_eq(sampler_listeners(s), 0);
	cr_assert_eq(count, 0);
	fd = listen_on("127.0.0.1:8080", 3);
	first = cookie_of(fd);
	cr_assert_eq(wait_for(s, LISTENER_SEEN)->cookie, first);
	close(fd);
	cr_assert_eq(wait_for(s, LISTENER_CLOSED)->cookie, first);
	cr_assert_eq(sampler_listeners(s), 0);
	fd = listen_on("127.0.0.1:8080", 4);
	second = cookie_of(fd);
	cr_assert_neq(first, second);
	cr_assert_eq(wait_for(s, LISTENER_SEEN)->cookie, second);
	close(fd);
	/* Replaced at once: the new one is no sample of the old one. */
	fd = listen_on("127.0.0.1:8080", 5);
	count = 0;
	for (int i = 0; i < 2000 && !last_sample(cookie_of(fd)); i++) {
		go(s);
		usleep(1000);
	}
	cr_assert_eq(last_listener(LISTENER_CLOSED)->cookie, second);
	cr_assert_eq(last_sample(cookie_of(fd))->limit, 5);
	for (size_t i = 0; i < count; i++)
		if (events[i].kind == EVENT_SAMPLE)
			cr_assert_eq(events[i].sample.limit,
				     events[i].sample.cookie == second ? 4 : 5);
	sampler_free(s);
}

Test(sampler, every_sibling_of_a_group_has_its_own_samples)
{
	struct sampler *s;
	struct flow flow;
	uint64_t cookie[4];
	uint32_t depth[4] = {0};
	int fd[4];

	ENTER();
	for (int i = 0; i < 4; i++) {
		fd[i] = listen_on("127.0.0.1:8080", 50 + i);
		cookie[i] = cookie_of(fd[i]);
	}
	s = sampler_of(":8080");
	go(s);
	for (int i = 0; i < 100; i++) {
		struct endpoint local = endpoint("127.0.0.1:8080");
		int c = connect_to("127.0.0.1:8080", &flow);
		const struct child *child;

		cr_assert(flow.dport == local.port);
		/* Its socket is there: the look finds the connection and not a listener. */
		cr_assert_eq(sampler_look_up(s, &flow, note, NULL), 0);
		child = &last(EVENT_CHILD)->child;
		cr_assert_eq(child->state, DIAG_ESTABLISHED);
		cr_assert_eq(child->listener, 0);
		(void)c;
	}
	for (int round = 0; round < 3; round++) {
		uint32_t sum = 0;

		for (int i = 0; i < 4; i++) {
			const struct sample *sample = next_sample(s, cookie[i]);

			cr_assert_eq(sample->limit, (uint32_t)(50 + i));
			depth[i] = sample->depth;
			sum += depth[i];
		}
		cr_assert_eq(sum, 100);
	}
	for (int i = 0; i < 4; i++) {
		if (depth[i] == 0)
			continue;
		cr_assert_geq(accept(fd[i], NULL, NULL), 0);
		cr_assert_eq(next_sample(s, cookie[i])->depth, depth[i] - 1);
	}
	/* The group shrinks; those that are left are still told apart. */
	close(fd[1]);
	cr_assert_eq(wait_for(s, LISTENER_CLOSED)->cookie, cookie[1]);
	cr_assert_eq(next_sample(s, cookie[0])->limit, 50);
	cr_assert_eq(last_sample(cookie[3])->limit, 53);
	cr_assert_null(last_sample(cookie[1]));
	sampler_free(s);
}

Test(sampler, of_many_listeners_the_idle_ones_are_told_less_often)
{
	struct sampler_options all = {NULL, 0, true};
	unsigned busy = 0, idle = 0;
	struct sampler *s;
	struct flow flow;
	bool queued = false;
	uint64_t cookie;
	char name[32];

	ENTER();
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "127.0.0.1:%d", 8000 + i);
		cookie = cookie_of(listen_on(name, 5));
	}
	cr_assert_eq(sampler_new(&all, &s), 0);
	go(s);
	for (size_t i = 0; i < count; i++)
		idle += events[i].kind == EVENT_SAMPLE;
	cr_assert_eq(idle, 20, "each is told at first");
	connect_to(name, &flow);
	idle = 0;
	for (unsigned rounds = 0; rounds < 2000 && busy < 5; rounds++) {
		count = 0;
		go(s);
		for (size_t i = 0; i < count; i++) {
			if (events[i].kind != EVENT_SAMPLE)
				continue;
			if (events[i].sample.cookie == cookie)
				busy++;
			else
				idle++;
		}
		/* connect() can return before the kernel has taken the final ACK. */
		queued |= last_sample(cookie) && last_sample(cookie)->depth == 1;
		usleep(1000);
	}
	cr_assert(queued);
	cr_assert_geq(busy, 5);
	cr_assert_lt(idle, 19 * busy);
	sampler_free(s);
}

Test(sampler, ipv6_and_dual_stack_listeners)
{
	struct sampler_options all = {NULL, 0, true};
	struct sampler *s;
	struct flow v4, v6, single;
	int dual, one, six;

	ENTER();
	dual = listen_on("[::]:8080", 7);
	six = listen_on("[::1]:8081", 8);
	one = listen_on("0.0.0.0:8082", 9);
	connect_to("127.0.0.1:8080", &v4);
	connect_to("[::1]:8080", &v6);
	connect_to("127.0.0.1:8082", &single);
	cr_assert_eq(sampler_new(&all, &s), 0);
	go(s);
	cr_assert_eq(sampler_listeners(s), 3);
	cr_assert_eq(next_sample(s, cookie_of(dual))->depth, 2);
	cr_assert_eq(next_sample(s, cookie_of(one))->depth, 1);
	cr_assert_eq(next_sample(s, cookie_of(six))->depth, 0);
	cr_assert_eq(last_sample(cookie_of(six))->limit, 8);
	for (int i = 0; i < 3; i++) {
		const struct flow *flow = i == 0 ? &v4 : i == 1 ? &v6 : &single;
		const struct child *child;

		cr_assert_eq(sampler_look_up(s, flow, note, NULL), 0);
		child = &last(EVENT_CHILD)->child;
		cr_assert_eq(child_status(child), CHILD_WAITING, "flow %d", i);
		cr_assert(flow_equal(&child->flow, flow));
	}
	cr_assert_geq(accept(dual, NULL, NULL), 0);
	cr_assert_eq(sampler_look_up(s, &v4, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_ACCEPTED);
	cr_assert_eq(sampler_look_up(s, &v6, note, NULL), 0);
	cr_assert_eq(child_status(&last(EVENT_CHILD)->child), CHILD_WAITING);
	sampler_free(s);
}

Test(sampler, counters_are_delivered_as_an_event)
{
	struct sampler *s;
	const struct event *event;

	ENTER();
	s = sampler_of(":8080");
	cr_assert_eq(sampler_counters(s, COUNTERS_BEFORE, note, NULL), 0);
	event = last(EVENT_COUNTERS);
	cr_assert_eq(event->counters.when, COUNTERS_BEFORE);
	cr_assert((event->counters.known >> COUNTER_LISTEN_DROPS) & 1);
	cr_assert_eq(event->counters.value[COUNTER_LISTEN_DROPS], 0, "a new namespace has none");
	cr_assert_leq(event->counters.before_ns, event->time_ns);
	sampler_free(s);
}

static int refuse(void *context, const struct event *event)
{
	(void)context;
	(void)event;
	return -EPIPE;
}

/* When the counters have been read, and before the next sample, the listener drops a SYN, once. */
static int note_and_connect(void *context, const struct event *event)
{
	static int samples;
	struct flow flow;

	if (event->kind == EVENT_SAMPLE && samples++ == 0)
		connect_to("127.0.0.1:8080", &flow);
	return note(context, event);
}

Test(sampler, counters_are_read_again_where_a_listener_drops_meanwhile)
{
	const struct counters *counters;
	uint64_t samples = 0;
	struct sampler *s;
	struct flow flow;
	uint32_t drops;

	ENTER();
	listen_on("127.0.0.1:8080", 0);
	connect_to("127.0.0.1:8080", &flow);
	s = sampler_of(":8080");
	go(s);
	drops = last(EVENT_SAMPLE)->sample.drops;
	count = 0;
	cr_assert_eq(sampler_bracket(s, COUNTERS_AFTER, note_and_connect, note, NULL), 0);
	for (size_t i = 0; i < count; i++)
		samples += events[i].kind == EVENT_SAMPLE;
	cr_expect_eq(samples, 3);
	cr_expect_eq(events[0].sample.drops, drops);
	/* What the last samples say is what the reading has counted, of this namespace alone. */
	cr_expect_eq(events[count - 1].kind, EVENT_COUNTERS);
	cr_expect_eq(last(EVENT_SAMPLE)->sample.drops, drops + 1);
	counters = &events[count - 1].counters;
	cr_expect_eq(counters->when, COUNTERS_AFTER);
	cr_expect_eq(counters->value[COUNTER_LISTEN_OVERFLOWS], drops + 1);
	sampler_free(s);
}

Test(sampler, what_the_receiver_returns_ends_the_round)
{
	struct sampler *s;

	ENTER();
	listen_on("127.0.0.1:8080", 3);
	s = sampler_of(":8080");
	cr_assert_eq(sampler_round(s, refuse, NULL), -EPIPE);
	sampler_free(s);
}

/*
 * How many WAITING events of this state there are, and that those with an age have been born by
 * then.
 */
static size_t waiting_in(uint8_t state, uint64_t cookie)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		const struct waiting *w = &events[i].waiting;

		if (events[i].kind != EVENT_WAITING || w->state != state)
			continue;
		n++;
		cr_expect_eq(w->listener, cookie);
		cr_expect_leq(w->before_ns, events[i].time_ns);
		cr_expect_eq(w->syns, state == DIAG_SYN_SENT); /* or none is known */
		if (state == DIAG_ESTABLISHED) {
			cr_expect_neq(w->born_ns, TIME_UNKNOWN);
			cr_expect_leq(w->born_ns, events[i].time_ns);
		} else {
			cr_expect_eq(w->born_ns, TIME_UNKNOWN);
		}
	}
	return n;
}

static void what_waits(const char *text)
{
	struct sampler *s;
	struct flow flow;
	uint64_t cookie;
	int fd;

	ENTER();
	fd = listen_on(text, 3);
	cookie = cookie_of(fd);
	for (int i = 0; i < 7; i++)
		connect_to(text, &flow);
	/* One that is accepted does not wait. */
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	s = sampler_of(":8080");
	go(s);
	cr_expect_eq(waiting_in(DIAG_ESTABLISHED, cookie), 3);
	cr_expect_eq(waiting_in(DIAG_SYN_SENT, cookie), 3, "no room for them, nor an answer");
	go(s);
	cr_expect_eq(waiting_in(DIAG_ESTABLISHED, cookie), 3, "told once");
	/* And followed from then on. */
	cr_assert_geq(accept(fd, NULL, NULL), 0);
	for (int i = 0; i < 2000; i++) {
		go(s);
		if (last(EVENT_CHILD) && child_accepted(&last(EVENT_CHILD)->child))
			break;
	}
	cr_assert_not_null(last(EVENT_CHILD));
	cr_expect(child_accepted(&last(EVENT_CHILD)->child));
	sampler_free(s);
}

Test(sampler, what_waits_at_the_start_is_listed_and_followed)
{
	what_waits("127.0.0.1:8080");
}

Test(sampler, so_is_what_waits_on_ipv6)
{
	what_waits("[::1]:8080");
}
