#include "netlink/child/queue.h"
#include "netlink/diag/message.h"

#include <criterion/criterion.h>
#include <errno.h>

#define FLOWS 8192
#define QUEUE 77

/* A world of connections, numbered by their client port. Its clock moves with each look. */
static struct {
	int64_t now_ns;
	unsigned looks;
	unsigned told;
	struct {
		uint32_t inode;
		uint8_t state;
		unsigned looks;
		unsigned told;
		int64_t seen_ns; /* the last look that saw it waiting began */
		int64_t accepted_ns;
		struct event last;
	} flow[FLOWS];
} world;

static int look(void *context, const struct flow *flow, struct event *event)
{
	cr_assert_eq(context, &world);
	world.looks++;
	world.flow[flow->sport].looks++;
	*event = (struct event){
	    .kind = EVENT_CHILD,
	    .child = {.flow = *flow,
		      .before_ns = ++world.now_ns,
		      .waiting_ns = TIME_UNKNOWN,
		      .inode = world.flow[flow->sport].inode,
		      .state = world.flow[flow->sport].state},
	};
	if (!event->child.inode && event->child.state == DIAG_ESTABLISHED)
		world.flow[flow->sport].seen_ns = world.now_ns;
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

static void push(struct child_queues *q, uint64_t key, unsigned n)
{
	struct flow flow = {.sport = (uint16_t)n, .dport = 80};

	child_queues_push(q, key, &flow, world.now_ns, world.now_ns);
}

static void waits(unsigned n)
{
	world.flow[n].state = DIAG_ESTABLISHED;
	world.flow[n].inode = 0;
}

static void accepted(unsigned n)
{
	world.flow[n].inode = 1000 + n;
	world.flow[n].accepted_ns = world.now_ns;
}

static void go(struct child_queues *q)
{
	world.looks = 0;
	world.now_ns += NS_PER_MS;
	child_queues_know(q, world.now_ns);
	cr_assert_eq(child_queues_round(q, &owner, world.now_ns, NS_PER_SEC), 0);
}

Test(child_queue, accepted_at_once_takes_one_look)
{
	struct child_queues *q = child_queues_new();

	for (unsigned n = 1; n <= 100; n++) {
		waits(n);
		accepted(n);
		push(q, QUEUE, n);
	}
	go(q);
	cr_assert_eq(world.looks, 100);
	cr_assert_eq(world.told, 100);
	cr_assert_eq(world.flow[7].last.child.inode, 1007);
	cr_assert_eq(world.flow[7].last.child.waiting_ns, TIME_UNKNOWN);
	cr_assert_eq(child_queues_count(q), 0);
	child_queues_free(q);
}

/* Those from first to last are acked at once, after all others had been seen. */
static void push_waiting(struct child_queues *q, unsigned first, unsigned last)
{
	world.now_ns += NS_PER_MS;
	for (unsigned n = first; n <= last; n++) {
		waits(n);
		push(q, QUEUE, n);
	}
	go(q);
}

Test(child_queue, only_the_window_of_a_long_queue_is_looked_at)
{
	struct child_queues *q = child_queues_new();
	int64_t seen_waiting_ns;

	for (unsigned n = 1; n <= 200; n++) {
		push_waiting(q, n, n);
		cr_assert_leq(world.looks, 1 + CHILD_WINDOW, "each once when it comes");
	}
	go(q);
	cr_assert_eq(world.looks, CHILD_WINDOW);
	cr_assert_eq(world.told, 0, "waiting is told with the accept");
	seen_waiting_ns = world.flow[1].seen_ns;
	for (unsigned n = 1; n <= 10; n++)
		accepted(n);
	go(q);
	cr_assert_eq(world.told, 10);
	cr_assert_eq(world.looks, 10 + CHILD_WINDOW, "it goes on to the next that waits");
	for (unsigned n = CHILD_WINDOW + 1; n <= 10; n++) {
		cr_assert_eq(world.flow[n].looks, 2);
		cr_assert_eq(world.flow[n].last.child.waiting_ns, seen_waiting_ns,
			     "those behind the window waited as long as the first");
	}
	cr_assert_gt(world.flow[1].last.child.before_ns, world.flow[1].last.child.waiting_ns);
	cr_assert_eq(child_queues_count(q), 190);
	child_queues_free(q);
}

/* Captured in the order 1 to 100; the kernel queued 60 first. */
Test(child_queue, who_finished_with_the_first_is_not_bounded_by_it)
{
	struct child_queues *q = child_queues_new();
	int64_t accepted_ns, seen_ns;

	push_waiting(q, 1, 100);
	push_waiting(q, 101, 102);
	for (int i = 0; i < 20; i++) {
		go(q);
		cr_assert_leq(world.looks, CHILD_WINDOW + CHILD_TURNS);
	}
	for (unsigned n = CHILD_WINDOW + 1; n <= 100; n++)
		cr_assert_geq(world.flow[n].looks, 2, "%u waits for its turn", n);
	cr_assert_eq(world.flow[101].looks, 1);
	accepted(60);
	accepted_ns = world.now_ns;
	seen_ns = world.flow[60].seen_ns;
	for (int i = 0; i < 20 && !world.flow[60].told; i++)
		go(q);
	cr_assert_eq(world.flow[60].told, 1);
	cr_assert_eq(world.flow[60].last.child.waiting_ns, seen_ns);
	cr_assert_leq(seen_ns, accepted_ns);
	/* Those that came later waited as long as the first, also when it has left. */
	seen_ns = world.flow[1].seen_ns;
	cr_assert_gt(seen_ns, accepted_ns);
	for (unsigned n = 1; n <= 102; n++)
		accepted(n);
	for (int i = 0; i < 20; i++)
		go(q);
	cr_assert_eq(world.told, 102);
	cr_assert_eq(world.flow[102].last.child.waiting_ns, seen_ns);
	child_queues_free(q);
}

/* Let in by what came after its final ACK: then 2, which was acked meanwhile, is before it. */
Test(child_queue, who_was_acked_before_the_first_was_seen_has_its_own_bound)
{
	struct child_queues *q = child_queues_new();
	int64_t seen_ns;

	waits(1);
	for (unsigned n = 1; n <= 10; n++) {
		push(q, QUEUE, n);
		waits(n);
		world.now_ns += 10 * NS_PER_MS; /* the looks are late */
	}
	go(q);
	accepted(10);
	seen_ns = world.flow[10].seen_ns;
	for (int i = 0; i < 3; i++)
		go(q);
	cr_assert_eq(world.flow[10].told, 1);
	cr_assert_eq(world.flow[10].last.child.waiting_ns, seen_ns);
	child_queues_free(q);
}

/* What is proven of those behind stays when another becomes the first. */
Test(child_queue, a_new_first_proves_nothing_of_those_that_finished_with_it)
{
	struct child_queues *q = child_queues_new();
	int64_t seen_ns;

	push_waiting(q, 1, 1);
	push_waiting(q, 2, 100);
	go(q);
	seen_ns = world.flow[1].seen_ns;
	accepted(1);
	go(q);
	go(q);
	accepted(90);
	for (int i = 0; i < 20 && !world.flow[90].told; i++)
		go(q);
	cr_assert_eq(world.flow[90].told, 1);
	cr_assert_geq(world.flow[90].last.child.waiting_ns, seen_ns);
	cr_assert_geq(world.flow[90].last.child.waiting_ns, world.flow[90].seen_ns);
	cr_assert_leq(world.flow[90].last.child.waiting_ns, world.flow[90].accepted_ns);
	child_queues_free(q);
}

/* 20 is of a listener that no dump has shown yet; 1 waits in the queue of the other one. */
Test(child_queue, who_may_be_of_a_new_sibling_is_not_bounded_by_the_first)
{
	struct child_queues *q = child_queues_new();
	int64_t known_ns, seen_ns;

	for (unsigned n = 1; n <= 10; n++)
		push_waiting(q, n, n);
	known_ns = world.now_ns;
	push_waiting(q, 20, 20);
	child_queues_know(q, known_ns);
	accepted(20);
	seen_ns = world.flow[20].seen_ns;
	world.now_ns += NS_PER_MS;
	cr_assert_eq(child_queues_round(q, &owner, world.now_ns, NS_PER_SEC), 0);
	cr_assert_eq(child_queues_round(q, &owner, world.now_ns, NS_PER_SEC), 0);
	child_queues_disband(q, QUEUE);
	go(q);
	cr_assert_eq(world.flow[20].told, 1);
	cr_expect_eq(world.flow[20].last.child.waiting_ns, seen_ns);
	child_queues_free(q);
}

/* Captured in the order 1, 2; queued by the kernel in the order 2, 1. */
Test(child_queue, neighbours_in_the_other_order_are_bounded_by_their_own_looks)
{
	struct child_queues *q = child_queues_new();

	for (unsigned n = 1; n <= 20; n++) {
		waits(n);
		push(q, QUEUE, n);
	}
	go(q);
	accepted(2);
	go(q);
	cr_assert_eq(world.flow[2].told, 1);
	cr_assert_eq(world.flow[1].told, 0);
	for (int i = 0; i < 50; i++)
		go(q);
	accepted(1);
	go(q);
	cr_assert_eq(world.flow[1].told, 1);
	child_queues_free(q);
}

Test(child_queue, a_zombie_does_not_hold_up_those_behind_it)
{
	struct child_queues *q = child_queues_new();

	world.flow[1].state = DIAG_SYN_RECV;
	push(q, QUEUE, 1);
	waits(2);
	push(q, QUEUE, 2);
	go(q);
	cr_assert_eq(world.flow[1].told, 1);
	cr_assert_eq(world.flow[1].last.child.state, DIAG_SYN_RECV);
	accepted(2);
	go(q);
	cr_assert_eq(world.flow[2].told, 1);
	for (int i = 0; i < 1000; i++)
		go(q);
	cr_assert_eq(world.flow[1].told, 1, "the same news is told once");
	cr_assert_lt(world.flow[1].looks, 60, "%u looks in a second", world.flow[1].looks);
	/* The client sent its ACK again, and there was room. */
	waits(1);
	for (int i = 0; i < 500; i++)
		go(q);
	cr_assert_eq(world.flow[1].told, 2);
	cr_assert_eq(world.flow[1].last.child.state, DIAG_ESTABLISHED);
	accepted(1);
	go(q);
	cr_assert_eq(world.flow[1].told, 3);
	cr_assert_neq(world.flow[1].last.child.waiting_ns, TIME_UNKNOWN);
	cr_assert_eq(child_queues_count(q), 0);
	child_queues_free(q);
}

Test(child_queue, nothing_there_is_looked_for_again_only_after_a_full_queue)
{
	struct child_queues *q = child_queues_new();

	push(q, QUEUE, 1);
	go(q);
	cr_assert_eq(world.flow[1].told, 1);
	cr_assert_eq(child_status(&world.flow[1].last.child), CHILD_GONE);
	cr_assert_eq(child_queues_count(q), 0);
	child_queues_full(q, QUEUE, world.now_ns);
	push(q, QUEUE, 2);
	go(q);
	cr_assert_eq(child_queues_count(q), 1);
	waits(2);
	accepted(2);
	for (int i = 0; i < 20; i++)
		go(q);
	cr_assert_eq(world.flow[2].last.child.inode, 1002);
	cr_assert_eq(child_queues_count(q), 0);
	/* Who found room is told as well. */
	waits(4);
	child_queues_full(q, QUEUE, world.now_ns);
	push(q, QUEUE, 4);
	go(q);
	cr_assert_eq(world.flow[4].told, 1);
	cr_assert_eq(child_status(&world.flow[4].last.child), CHILD_WAITING);
	accepted(4);
	go(q);
	cr_assert_eq(world.flow[4].told, 2);
	/* Another queue's fullness says nothing about this one. */
	child_queues_full(q, QUEUE + 1, world.now_ns);
	world.now_ns += 3 * NS_PER_SEC;
	push(q, QUEUE, 3);
	go(q);
	cr_assert_eq(child_queues_count(q), 0);
	child_queues_free(q);
}

Test(child_queue, what_never_comes_is_given_up)
{
	struct child_queues *q = child_queues_new();

	world.flow[1].state = DIAG_SYN_RECV;
	push(q, QUEUE, 1);
	for (int i = 0; i < 200; i++) {
		go(q);
		world.now_ns += NS_PER_SEC;
	}
	cr_assert_eq(child_queues_count(q), 0);
	cr_assert_eq(world.flow[1].told, 1);
	child_queues_free(q);
}

Test(child_queue, siblings_take_turns_in_the_pool)
{
	struct child_queues *q = child_queues_new();

	for (unsigned n = 1; n <= 40; n++) {
		waits(n);
		push(q, 0, n);
	}
	go(q);
	/* The first sibling is stuck with 1 to 20, the other accepts. */
	for (unsigned n = 21; n <= 40; n++)
		accepted(n);
	go(q);
	cr_assert_eq(world.told, 20);
	/* Without any time for it, one look a round is still made, each round at another. */
	for (unsigned n = 1; n <= 20; n++)
		accepted(n);
	for (int i = 0; i < 20; i++) {
		world.now_ns += NS_PER_MS;
		cr_assert_eq(child_queues_round(q, &owner, world.now_ns, 0), 0);
	}
	cr_assert_eq(world.told, 40);
	cr_assert_eq(child_queues_count(q), 0);
	child_queues_free(q);
}

Test(child_queue, a_queue_that_is_disbanded_goes_on_in_the_pool)
{
	struct child_queues *q = child_queues_new();

	for (unsigned n = 1; n <= 40; n++) {
		waits(n);
		push(q, QUEUE, n);
	}
	go(q);
	go(q);
	child_queues_disband(q, QUEUE);
	child_queues_disband(q, QUEUE + 1);
	accepted(30);
	go(q);
	cr_assert_eq(world.flow[30].told, 1, "it is not held up by those before it");
	cr_assert_eq(child_queues_count(q), 39);
	child_queues_free(q);
}

Test(child_queue, states_after_the_owner_closed_it_are_accepted)
{
	static const uint8_t closed[] = {DIAG_FIN_WAIT1, DIAG_FIN_WAIT2, DIAG_TIME_WAIT,
					 DIAG_LAST_ACK, DIAG_CLOSING};
	struct child child = {.state = DIAG_CLOSE_WAIT};

	cr_assert_eq(child_status(&child), CHILD_WAITING);
	for (size_t i = 0; i < sizeof(closed); i++) {
		child.state = closed[i];
		cr_assert_eq(child_status(&child), CHILD_ACCEPTED);
	}
	child.state = DIAG_LISTEN;
	cr_assert_eq(child_status(&child), CHILD_GONE);
	child.state = 200;
	cr_assert_eq(child_status(&child), CHILD_GONE);
}

Test(child_queue, what_does_not_fit_is_counted)
{
	struct child_queues *q = child_queues_new();

	for (unsigned n = 0; n < CHILDREN_MAX + 5; n++)
		push(q, QUEUE, n % FLOWS);
	cr_assert_eq(child_queues_skipped(q), 5);
	cr_assert_eq(child_queues_count(q), CHILDREN_MAX);
	child_queues_free(q);
}

static int fail(void *context, const struct flow *flow, struct event *event)
{
	(void)context;
	(void)flow;
	(void)event;
	return -EAGAIN;
}

Test(child_queue, a_failed_look_loses_nobody)
{
	struct child_queues *q = child_queues_new();
	struct child_queues_owner broken = {fail, tell, &world};

	world.flow[1].state = DIAG_SYN_RECV;
	push(q, QUEUE, 1);
	waits(2);
	push(q, QUEUE, 2);
	waits(3);
	push(q, 0, 3);
	push(q, QUEUE, 4);
	cr_assert_eq(child_queues_round(q, &broken, world.now_ns, 0), -EAGAIN);
	cr_assert_eq(child_queues_count(q), 4);
	go(q);
	world.now_ns += NS_PER_SEC;
	cr_assert_eq(child_queues_round(q, &broken, world.now_ns, 0), -EAGAIN);
	accepted(1);
	accepted(2);
	accepted(3);
	for (int i = 0; i < 20; i++) {
		world.now_ns += NS_PER_SEC;
		go(q);
	}
	cr_assert_eq(world.flow[1].last.child.inode, 1001);
	cr_assert_eq(world.flow[2].last.child.inode, 1002);
	cr_assert_eq(world.flow[3].last.child.inode, 1003);
	cr_assert_eq(child_queues_count(q), 0);
	child_queues_free(q);
}
