/* Who waits in an accept queue: first in, first out. */
#include "report/queue/entry/waiting.h"

#include <criterion/criterion.h>

#define T0 (1700000000 * NS_PER_SEC)

static struct table *table;
static struct details *details;
static struct queue_waiting waiting;
static struct open_attempt *attempts[8];

static void ended(void *context, struct open_attempt *attempt, bool evicted)
{
	(void)context;
	(void)attempt;
	(void)evicted;
}

/* The i-th enters 10 ms after the one before. */
static int64_t entry_of(int i)
{
	return T0 + i * 10 * NS_PER_MS;
}

static void setup(void)
{
	cr_assert_eq(table_new(16, &table), 0);
	cr_assert_eq(details_new(&details), 0);
	for (int i = 0; i < 8; i++) {
		struct flow flow = {.sport = (uint16_t)(40000 + i), .dport = 80};

		attempts[i] = table_add(table, &flow, table_hash(table, &flow), ended, NULL);
		cr_assert_not_null(attempts[i]);
		attempts[i]->isn = (uint32_t)i;
		attempts[i]->ack_ns = entry_of(i);
	}
}

static void teardown(void)
{
	waiting_release(&waiting);
	details_free(details);
	table_free(table);
}

static void enter(int count)
{
	for (int i = 0; i < count; i++)
		waiting_add(&waiting, attempts[i], table_index(table, attempts[i]), entry_of(i));
}

static int accepted(void)
{
	int count = 0;

	while (count < 8 && open_is_accepted(attempts[count]))
		count++;
	for (int i = count; i < 8; i++)
		cr_assert(!open_is_accepted(attempts[i]));
	return count;
}

TestSuite(waiting, .init = setup, .fini = teardown);

Test(waiting, all_but_as_many_as_are_there_have_left)
{
	enter(5);
	waiting_observe(&waiting, 2, entry_of(7), entry_of(7) + 1000, table, details);
	cr_assert_eq(accepted(), 3);
	cr_assert_eq(details_at(details, attempts[0]->detail)->accept_before_ns,
		     entry_of(7) + 1000);
	waiting_observe(&waiting, 2, entry_of(7), entry_of(7) + 1000, table, details);
	cr_assert_eq(accepted(), 3);
	waiting_observe(&waiting, 0, entry_of(7), entry_of(7) + 1000, table, details);
	cr_assert_eq(accepted(), 5);
}

/* Two processors let them in at once: the one that was told of first may be behind the other. */
Test(waiting, of_two_that_came_at_once_it_is_not_known_who_left)
{
	static const int64_t entries[] = {0, 100 * NS_PER_US, 10 * NS_PER_MS};

	for (int i = 0; i < 3; i++)
		waiting_add(&waiting, attempts[i], table_index(table, attempts[i]),
			    T0 + entries[i]);
	waiting_observe(&waiting, 2, entry_of(5), entry_of(5) + 1000, table, details);
	cr_assert_eq(accepted(), 0);
	waiting_observe(&waiting, 1, entry_of(6), entry_of(6) + 1000, table, details);
	cr_assert_eq(accepted(), 2);
	cr_expect_eq(details_at(details, attempts[0]->detail)->accept_before_ns,
		     entry_of(6) + 1000);
	waiting_observe(&waiting, 0, entry_of(7), entry_of(7) + 1000, table, details);
	cr_assert_eq(accepted(), 3);
}

Test(waiting, who_may_not_be_in_yet_proves_nothing)
{
	enter(3);
	/* The third may have entered after the look. */
	waiting_observe(&waiting, 2, entry_of(2), entry_of(2) + 1000, table, details);
	cr_assert_eq(accepted(), 0);
	waiting_observe(&waiting, 1, entry_of(2), entry_of(2) + 1000, table, details);
	cr_assert_eq(accepted(), 1);
	waiting_observe(&waiting, 9, entry_of(7), entry_of(7), table, details);
	cr_assert_eq(accepted(), 1);
}

/* Such as a child of TCP Fast Open, whose client has acknowledged nothing yet. */
Test(waiting, one_of_nobody_who_is_known_has_its_place)
{
	static const struct open_attempt nobody = {.listener = LISTENER_NONE};

	enter(1);
	waiting_add(&waiting, &nobody, TABLE_NONE, entry_of(1));
	/* The first has left, since two came and one is there. */
	waiting_observe(&waiting, 1, entry_of(3), entry_of(3), table, details);
	cr_assert_eq(accepted(), 1);
	cr_expect_eq(waiting.still_ns, 0);
	waiting_observe(&waiting, 0, entry_of(4), entry_of(4), table, details);
	cr_assert_eq(waiting.count, 0);
}

/* Nor do they prove that nobody has left: one that is not listed may have the first one's place. */
Test(waiting, beside_one_that_is_not_listed_a_depth_proves_that_nobody_waits)
{
	enter(1);
	waiting_observe(&waiting, 1, entry_of(1), entry_of(1) + 1000, table, details);
	cr_expect_eq(waiting.still_ns, entry_of(1));
	waiting_doubt(&waiting, entry_of(2));
	waiting_observe(&waiting, 1, entry_of(3), entry_of(3) + 1000, table, details);
	cr_expect_eq(waiting.still_ns, entry_of(1));
	waiting_observe(&waiting, 0, entry_of(4), entry_of(4) + 1000, table, details);
	cr_assert_eq(accepted(), 1);
	cr_expect_eq(details_at(details, attempts[0]->detail)->accept_after_ns, entry_of(1));
}

/* It leaves before all who came later: they are the ones that are there. */
Test(waiting, one_that_is_not_listed_and_came_before_takes_nothing_away)
{
	waiting_doubt(&waiting, T0 - 10 * NS_PER_MS);
	enter(2);
	waiting_observe(&waiting, 2, entry_of(3), entry_of(3) + 1000, table, details);
	cr_expect_eq(waiting.still_ns, entry_of(3));
}

Test(waiting, a_closed_listener_accepts_nobody)
{
	enter(3);
	waiting_clear(&waiting);
	waiting_observe(&waiting, 0, entry_of(7), entry_of(7), table, details);
	cr_assert_eq(accepted(), 0);
	waiting_give_up(&waiting);
	enter(3);
	waiting_observe(&waiting, 0, entry_of(7), entry_of(7), table, details);
	cr_assert_eq(accepted(), 0);
}

Test(waiting, a_record_that_is_another_ones_by_now_is_left_alone)
{
	enter(2);
	attempts[0]->isn = 77;
	waiting_observe(&waiting, 0, entry_of(7), entry_of(7), table, details);
	cr_assert(!open_is_accepted(attempts[0]));
	cr_assert(open_is_accepted(attempts[1]));
}

Test(waiting, more_than_it_holds_are_given_up)
{
	for (size_t i = 0; i < WAITING_MAX + 10; i++)
		waiting_add(&waiting, attempts[0], table_index(table, attempts[0]), entry_of(0));
	cr_assert(waiting.off);
	cr_assert_eq(waiting.count, 0);
}
