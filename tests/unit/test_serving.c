#include "report/track/serving.h"

#include <criterion/criterion.h>

#include "report/queue/queues.h"

#define MS NS_PER_MS

static struct table *table;
static struct details *details;
static struct queues *queues;
static struct serving *serving;
static uint16_t port;

static void begin(void)
{
	struct queues_options options = {.children_looked_up = true, .forks_told = true};
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER};

	cr_assert_eq(table_new(0, &table), 0);
	cr_assert_eq(details_new(&details), 0);
	cr_assert_eq(queues_new(&options, &queues), 0);
	cr_assert_eq(serving_new(table, details, queues, &serving), 0);
	e.listener = (struct listener){.cookie = 1, .limit = 5, .pids_count = 1, .pids = {100}};
	cr_assert_eq(endpoint_parse("10.0.0.1:80", &e.listener.local), 0);
	queues_event(queues, &e, table, details);
}

static void end(void)
{
	serving_free(serving);
	queues_free(queues);
	details_free(details);
	table_free(table);
}

static void never(void *context, struct open_attempt *attempt, bool evicted)
{
	(void)context;
	(void)attempt;
	(void)evicted;
}

/* Of the listener, and accepted within these bounds. */
static struct open_attempt *accepted(int64_t after_ns, int64_t before_ns)
{
	struct flow flow = {.sport = ++port, .dport = 80};
	struct open_attempt *a = table_add(table, &flow, table_hash(table, &flow), never, NULL);
	struct detail *d = details_open(details, a);

	a->isn = port;
	a->listener = 0;
	a->ack_ns = after_ns - MS;
	d->accept_after_ns = after_ns;
	d->accept_before_ns = before_ns;
	serving_accepted(serving, a);
	return a;
}

static const struct detail *detail(const struct open_attempt *a)
{
	return details_at(details, a->detail);
}

static void forked(int32_t pid, int64_t time_ns)
{
	serving_fork(serving, &(struct proc_fork){100, pid, pid}, time_ns);
}

static void holds(struct open_attempt *a, int32_t pid, bool listens)
{
	serving_holder(
	    serving, a,
	    &(struct holder){
		.flow = a->flow, .inode = 1, .pid = pid, .parent_pid = 100, .listens = listens});
}

Test(serving, a_child_seen_with_the_connection_is_exact, .init = begin, .fini = end)
{
	struct open_attempt *a;

	forked(7, 50 * MS);
	a = accepted(40 * MS, 45 * MS);
	holds(a, 7, false);
	serving_exit(serving, 7, 90 * MS);
	serving_settle(serving, INT64_MAX);
	cr_expect_eq(detail(a)->child_pid, 7);
	cr_expect_eq(detail(a)->fork_ns, 50 * MS);
	cr_expect_eq(detail(a)->exit_ns, 90 * MS);
	cr_expect_eq(detail(a)->accept_pid, 100);
	cr_expect_not(detail(a)->child_inferred);
}

Test(serving, a_child_gone_before_anybody_looked_is_inferred, .init = begin, .fini = end)
{
	struct open_attempt *a;

	forked(6, 1 * MS); /* from now on accepts are remembered */
	a = accepted(40 * MS, 45 * MS);
	forked(7, 41 * MS);
	serving_exit(serving, 7, 42 * MS);
	serving_settle(serving, INT64_MAX);
	cr_expect_eq(detail(a)->child_pid, 7);
	cr_expect(detail(a)->child_inferred);
	cr_expect_eq(detail(a)->exit_ns, 42 * MS);
	cr_expect_eq(detail(a)->accept_pid, 100);
}

/* Its connection was not looked up by then: it listens, and has none that is known. */
Test(serving, a_worker_does_not_end_without_a_connection, .init = begin, .fini = end)
{
	static const struct holder worker = {.pid = 7, .parent_pid = 100, .listens = true};
	static const struct holder helper = {.pid = 8, .parent_pid = 100};
	struct open_attempt *a, *b, *c;

	forked(6, 1 * MS);
	a = accepted(40 * MS, 45 * MS);
	forked(7, 41 * MS);
	serving_holder(serving, NULL, &worker);
	serving_settle(serving, INT64_MAX);
	cr_expect_eq(detail(a)->child_pid, 0, "while it lives");
	b = accepted(140 * MS, 145 * MS);
	serving_exit(serving, 7, 141 * MS);
	forked(8, 142 * MS);
	serving_holder(serving, NULL, &helper);
	serving_exit(serving, 8, 143 * MS);
	serving_settle(serving, INT64_MAX);
	cr_expect_eq(detail(b)->child_pid, 0, "a helper has nothing to do with connections");
	forked(7, 241 * MS);
	c = accepted(240 * MS, 245 * MS);
	serving_holder(serving, NULL, &worker);
	serving_exit(serving, 7, 242 * MS);
	serving_holder(serving, NULL, &worker);
	serving_settle(serving, INT64_MAX);
	cr_expect_eq(detail(c)->child_pid, 7);
	cr_expect(detail(c)->child_inferred);
}

/* Whose final ACK was dropped comes after whose was not, whatever the order of their handshakes. */
Test(serving, children_are_inferred_in_the_order_of_entry, .init = begin, .fini = end)
{
	struct mark dropped = {.time_ns = 20 * MS, .kind = MARK_ACK, .dropped = true};
	struct mark data = {.time_ns = 39 * MS, .kind = MARK_DATA};
	struct open_attempt *late, *early;

	forked(6, 1 * MS);
	late = accepted(21 * MS, 45 * MS);
	early = accepted(31 * MS, 46 * MS);
	details_mark_add(details, late->detail, &dropped);
	details_mark_add(details, late->detail, &data);
	forked(7, 44 * MS);
	forked(8, 45 * MS);
	serving_settle(serving, INT64_MAX);
	cr_expect_eq(detail(early)->child_pid, 7);
	cr_expect_eq(detail(late)->child_pid, 8);
}

Test(serving, a_worker_is_who_accepted, .init = begin, .fini = end)
{
	struct open_attempt *a;

	forked(7, 10 * MS);
	a = accepted(40 * MS, 45 * MS);
	holds(a, 7, true);
	cr_expect_eq(detail(a)->accept_pid, 7);
	cr_expect_eq(detail(a)->child_pid, 0);
	/* And nobody's child from now on. */
	a = accepted(1 * MS, 9 * MS);
	serving_settle(serving, INT64_MAX);
	cr_expect_eq(detail(a)->child_pid, 0);
}

/* Forks are not told of: it was found to be an owner when it had the connection already. */
Test(serving, an_owner_that_was_not_known_then_may_have_been_forked_for_it, .init = begin,
     .fini = end)
{
	struct open_attempt *a = accepted(40 * MS, 45 * MS);
	struct open_attempt *b = accepted(140 * MS, 145 * MS);
	struct owner_change change = {.cookie = 1, .before_ns = 30 * MS, .pid = 7, .owns = true};

	queues_owner(queues, &change, 60 * MS, TIME_UNKNOWN, 0);
	serving_holder(
	    serving, a,
	    &(struct holder){.flow = a->flow, .inode = 1, .pid = 7, .listens = true});
	cr_expect_eq(detail(a)->accept_pid, 0);
	serving_holder(
	    serving, b,
	    &(struct holder){.flow = b->flow, .inode = 2, .pid = 7, .listens = true});
	cr_expect_eq(detail(b)->accept_pid, 7);
}

Test(serving, a_child_that_still_listened_is_known_when_it_stops, .init = begin, .fini = end)
{
	struct open_attempt *a;

	forked(7, 42 * MS);
	a = accepted(20 * MS, 45 * MS);
	holds(a, 7, true);
	cr_expect_eq(detail(a)->accept_pid, 0, "a worker, or a child: not known");
	holds(a, 7, false);
	cr_expect_eq(detail(a)->child_pid, 7);
	cr_expect_eq(detail(a)->accept_pid, 100);
}

Test(serving, a_worker_does_not_end_after_one_connection, .init = begin, .fini = end)
{
	struct open_attempt *a, *b, *c;

	forked(7, 42 * MS);
	a = accepted(20 * MS, 45 * MS);
	holds(a, 7, true);
	holds(a, 7, true);
	serving_exit(serving, 7, 80 * MS);
	cr_expect_eq(detail(a)->child_pid, 7);
	cr_expect_eq(detail(a)->accept_pid, 100);
	cr_expect_eq(detail(a)->exit_ns, 80 * MS);
	cr_expect(detail(a)->child_inferred);
	/* Its end is known before what it had is told. */
	forked(9, 92 * MS);
	a = accepted(90 * MS, 105 * MS);
	serving_exit(serving, 9, 99 * MS);
	holds(a, 9, true);
	cr_expect_eq(detail(a)->child_pid, 9);
	cr_expect_eq(detail(a)->exit_ns, 99 * MS);
	/* This one has had two. */
	forked(8, 142 * MS);
	b = accepted(120 * MS, 145 * MS);
	c = accepted(145 * MS, 150 * MS);
	holds(b, 8, true);
	holds(c, 8, true);
	serving_exit(serving, 8, 180 * MS);
	cr_expect_eq(detail(b)->accept_pid, 8);
	cr_expect_eq(detail(b)->child_pid, 0);
	cr_expect_eq(detail(c)->accept_pid, 8);
}

Test(serving, of_two_that_have_it_the_first_is_named, .init = begin, .fini = end)
{
	struct open_attempt *a;

	forked(7, 46 * MS);
	forked(8, 48 * MS);
	a = accepted(40 * MS, 45 * MS);
	holds(a, 8, false);
	holds(a, 7, false);
	cr_expect_eq(detail(a)->child_pid, 7);
	holds(a, 8, false);
	cr_expect_eq(detail(a)->child_pid, 7);
}

/* A child that has not closed the listener yet is taken for an owner, and forks a shell. */
Test(serving, what_a_child_forks_is_not_the_child, .init = begin, .fini = end)
{
	struct open_attempt *a, *b, *c;

	a = accepted(40 * MS, 45 * MS);
	forked(7, 44 * MS);
	serving_fork(serving, &(struct proc_fork){7, 8, 8}, 47 * MS);
	serving_holder(serving, a, &(struct holder){.inode = 1, .pid = 8, .parent_pid = 7});
	cr_expect_eq(detail(a)->child_pid, 7);
	cr_expect_eq(detail(a)->accept_pid, 100);
	/* Not known which of the two was first to have it. */
	b = accepted(60 * MS, 145 * MS);
	forked(17, 100 * MS);
	serving_fork(serving, &(struct proc_fork){17, 18, 18}, 147 * MS);
	serving_holder(serving, b, &(struct holder){.inode = 2, .pid = 18, .parent_pid = 17});
	cr_expect_eq(detail(b)->child_pid, 0);
	cr_expect_eq(detail(b)->accept_pid, 0);
	/* Nobody tells of forks. */
	c = accepted(240 * MS, 245 * MS);
	serving_holder(serving, c, &(struct holder){.inode = 3, .pid = 28, .parent_pid = 27});
	cr_expect_eq(detail(c)->child_pid, 0);
	cr_expect_eq(detail(c)->accept_pid, 0);
}

Test(serving, the_servers_own_word_has_its_exit_too, .init = begin, .fini = end)
{
	struct open_attempt *a = accepted(40 * MS, 45 * MS);

	details_open(details, a)->child_pid = 7;
	serving_forked_for(serving, a, 7, 46 * MS);
	forked(7, 46 * MS); /* the connector says the same */
	serving_exit(serving, 7, 60 * MS);
	serving_exit(serving, 7, 61 * MS); /* reaped */
	cr_expect_eq(detail(a)->exit_ns, 60 * MS);
}

Test(serving, an_attempt_that_is_gone_is_left_alone, .init = begin, .fini = end)
{
	struct open_attempt *a;

	forked(7, 46 * MS);
	a = accepted(40 * MS, 45 * MS);
	holds(a, 7, false);
	table_remove(table, a);
	serving_exit(serving, 7, 60 * MS);
	serving_settle(serving, INT64_MAX);
	serving_holder(serving, NULL, &(struct holder){.inode = 3, .pid = 7});
}
