#include "netlink/child/request_queue.h"
#include "netlink/diag/message.h"

#include <criterion/criterion.h>
#include <errno.h>

#define FLOWS 8192

/* A world of handshakes, numbered by their client port. */
static struct {
	int64_t now_ns;
	unsigned looks;
	unsigned told;
	struct {
		uint8_t state;
		unsigned looks;
		unsigned told;
		struct event last;
	} flow[FLOWS];
} world;

static int look(void *context, const struct flow *flow, struct event *event)
{
	(void)context;
	world.looks++;
	world.flow[flow->sport].looks++;
	*event = (struct event){
	    .kind = EVENT_CHILD,
	    .child = {.flow = *flow,
		      .before_ns = ++world.now_ns,
		      .waiting_ns = TIME_UNKNOWN,
		      .state = world.flow[flow->sport].state},
	};
	event->time_ns = ++world.now_ns;
	return 0;
}

static int tell(void *context, struct event *event)
{
	unsigned n = event->child.flow.sport;

	(void)context;
	world.told++;
	world.flow[n].told++;
	world.flow[n].last = *event;
	return 0;
}

static const struct child_queues_owner owner = {look, tell, &world};

static void push(struct request_queue *q, unsigned n, bool once)
{
	struct flow flow = {.sport = (uint16_t)n, .dport = 80};

	request_queue_push(q, &flow, world.now_ns, once);
}

static void go(struct request_queue *q)
{
	world.looks = 0;
	world.now_ns += NS_PER_MS;
	cr_assert_eq(request_queue_round(q, &owner, world.now_ns), 0);
}

Test(request_queue, a_cookie_is_told_once_and_forgotten)
{
	struct request_queue q = {0};

	push(&q, 1, false);
	go(&q);
	go(&q);
	cr_expect_eq(world.flow[1].told, 1);
	cr_expect_eq(world.flow[1].looks, 1);
	cr_expect_eq(world.flow[1].last.child.waiting_ns, TIME_UNKNOWN);
	request_queue_release(&q);
}

Test(request_queue, a_request_is_followed_until_it_is_gone)
{
	struct request_queue q = {0};
	int64_t seen_ns;

	world.flow[1].state = DIAG_SYN_RECV;
	push(&q, 1, false);
	for (int i = 0; i < 10; i++)
		go(&q);
	cr_expect_eq(world.flow[1].told, 1, "that there is one is told once");
	seen_ns = world.now_ns - 1;
	world.flow[1].state = 0;
	go(&q);
	go(&q);
	cr_expect_eq(world.flow[1].told, 2);
	cr_expect_eq(world.flow[1].last.child.state, 0);
	cr_expect_eq(world.flow[1].last.child.waiting_ns, seen_ns);
	cr_expect_eq(world.flow[1].looks, 11);
	request_queue_release(&q);
}

Test(request_queue, one_that_became_a_connection_is_somebody_elses)
{
	struct request_queue q = {0};

	world.flow[1].state = DIAG_SYN_RECV;
	push(&q, 1, false);
	go(&q);
	world.flow[1].state = DIAG_ESTABLISHED;
	go(&q);
	go(&q);
	cr_expect_eq(world.flow[1].told, 1);
	cr_expect_eq(world.looks, 0);
	request_queue_release(&q);
}

Test(request_queue, once_is_told_whatever_it_is)
{
	struct request_queue q = {0};

	world.flow[1].state = DIAG_ESTABLISHED;
	world.flow[2].state = DIAG_SYN_RECV;
	for (unsigned n = 1; n <= 3; n++)
		push(&q, n, true);
	go(&q);
	go(&q);
	cr_expect_eq(world.told, 3);
	cr_expect_eq(world.looks, 0);
	cr_expect_eq(world.flow[2].last.child.state, DIAG_SYN_RECV);
	request_queue_release(&q);
}

Test(request_queue, many_requests_take_turns)
{
	struct request_queue q = {0};
	unsigned most = 0;

	for (unsigned n = 1; n <= 100; n++) {
		world.flow[n].state = DIAG_SYN_RECV;
		push(&q, n, false);
	}
	go(&q);
	cr_expect_eq(world.looks, 100, "each is looked at in its first round");
	for (int i = 0; i < 20; i++) {
		go(&q);
		most = world.looks > most ? world.looks : most;
	}
	cr_expect_lt(most, 20);
	for (unsigned n = 1; n <= 100; n++)
		cr_expect_gt(world.flow[n].looks, 2);
	request_queue_release(&q);
}

Test(request_queue, what_does_not_fit_is_counted)
{
	struct request_queue q = {0};

	for (unsigned n = 0; n < REQUESTS_MAX + 5; n++)
		push(&q, n, false);
	cr_expect_eq(q.skipped, 5);
	request_queue_release(&q);
}

static int fail(void *context, const struct flow *flow, struct event *event)
{
	(void)context;
	(void)flow;
	(void)event;
	return -EAGAIN;
}

Test(request_queue, a_failed_look_loses_nobody)
{
	struct request_queue q = {0};
	struct child_queues_owner broken = {fail, tell, &world};

	push(&q, 1, false);
	cr_expect_eq(request_queue_round(&q, &broken, world.now_ns), -EAGAIN);
	go(&q);
	cr_expect_eq(world.flow[1].told, 1);
	request_queue_release(&q);
}
