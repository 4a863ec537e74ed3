#include "netlink/owner/young.h"

#include <criterion/criterion.h>

#include "event/clock.h"

static struct young_ring ring;

Test(young, is_looked_at_a_few_times_and_then_no_more)
{
	int64_t now_ns = NS_PER_SEC, begin_ns = now_ns;
	struct young *y = young_add(&ring, 12, 3, now_ns);
	int looks = 0;

	cr_assert_eq(y->due_ns, now_ns, "at once");
	cr_assert(young_waiting(&ring));
	while (y->due_ns != INT64_MAX) {
		cr_assert_lt(looks, 100);
		cr_assert_geq(y->due_ns, now_ns);
		now_ns = y->due_ns;
		looks++;
		cr_assert_eq(young_looked(y, now_ns), y->due_ns == INT64_MAX);
	}
	cr_assert_gt(looks, 2);
	cr_assert_lt(now_ns - begin_ns, 100 * NS_PER_MS);
	cr_assert_not(young_waiting(&ring));
}

Test(young, a_late_look_stands_for_those_that_were_missed)
{
	struct young *y = young_add(&ring, 12, 3, 0);

	cr_assert(young_looked(y, NS_PER_SEC));
	cr_assert_eq(y->due_ns, INT64_MAX);
}

Test(young, an_unclear_one_is_looked_at_for_two_seconds_more)
{
	int64_t now_ns = 0;
	struct young *y = young_add(&ring, 12, 3, now_ns);
	int looks = 0;

	while (!young_looked(y, now_ns))
		now_ns = y->due_ns;
	for (young_look_again(y, now_ns); y->due_ns != INT64_MAX; young_look_again(y, now_ns)) {
		cr_assert_gt(y->due_ns, now_ns);
		cr_assert_lt(looks, 40);
		now_ns = y->due_ns;
		looks++;
		cr_assert(young_looked(y, now_ns));
	}
	cr_assert_gt(looks, 5);
	cr_assert_geq(now_ns, 2 * NS_PER_SEC);
}

Test(young, the_oldest_gives_way_and_is_counted)
{
	for (int32_t pid = 1; pid <= (int32_t)YOUNG_MAX + 2; pid++)
		young_add(&ring, pid, 1, pid);
	cr_assert_eq(ring.count, YOUNG_MAX);
	cr_assert_eq(ring.skipped, 2);
	cr_assert_null(young_find(&ring, 2));
	cr_assert_eq(young_at(&ring, 0)->pid, 3);
	cr_assert_eq(young_find(&ring, YOUNG_MAX + 2)->pid, YOUNG_MAX + 2);
}

Test(young, of_two_with_the_same_pid_the_last_is_meant)
{
	young_add(&ring, 5, 1, 1);
	young_add(&ring, 6, 1, 2);
	young_add(&ring, 5, 2, 3);
	cr_assert_eq(young_find(&ring, 5)->parent_pid, 2);
}

Test(young, is_remembered_for_a_while_after_its_last_look)
{
	struct young *y = young_add(&ring, 5, 1, NS_PER_SEC);

	y->sockets[y->sockets_count++] = 77;
	cr_assert(young_has(y, 77));
	cr_assert_not(young_has(y, 78));
	young_expire(&ring, 10 * NS_PER_SEC);
	cr_assert_eq(ring.count, 1, "it has not been looked at");
	y->due_ns = INT64_MAX;
	young_expire(&ring, NS_PER_SEC + NS_PER_MS);
	cr_assert_eq(ring.count, 1);
	young_expire(&ring, 3 * NS_PER_SEC);
	cr_assert_eq(ring.count, 0);
}
