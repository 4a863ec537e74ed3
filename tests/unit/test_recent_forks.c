#include "netlink/owner/recent_forks.h"

#include <criterion/criterion.h>

#include "event/clock.h"

static struct recent_forks ring;

Test(recent_forks, is_looked_at_a_few_times_and_then_no_more)
{
	int64_t now_ns = NS_PER_SEC, begin_ns = now_ns;
	struct recent_fork *y = recent_forks_add(&ring, 12, 3, now_ns);
	int looks = 0;

	cr_assert_eq(y->due_ns, now_ns, "at once");
	cr_assert(recent_forks_waiting(&ring));
	while (y->due_ns != INT64_MAX) {
		cr_assert_lt(looks, 100);
		cr_assert_geq(y->due_ns, now_ns);
		now_ns = y->due_ns;
		looks++;
		cr_assert_eq(recent_forks_looked(y, now_ns), y->due_ns == INT64_MAX);
	}
	cr_assert_gt(looks, 2);
	cr_assert_lt(now_ns - begin_ns, 100 * NS_PER_MS);
	cr_assert_not(recent_forks_waiting(&ring));
}

Test(recent_forks, a_late_look_stands_for_those_that_were_missed)
{
	struct recent_fork *y = recent_forks_add(&ring, 12, 3, 0);

	cr_assert(recent_forks_looked(y, NS_PER_SEC));
	cr_assert_eq(y->due_ns, INT64_MAX);
}

Test(recent_forks, an_unclear_one_is_looked_at_for_two_seconds_more)
{
	int64_t now_ns = 0;
	struct recent_fork *y = recent_forks_add(&ring, 12, 3, now_ns);
	int looks = 0;

	while (!recent_forks_looked(y, now_ns))
		now_ns = y->due_ns;
	for (recent_forks_look_again(y, now_ns); y->due_ns != INT64_MAX;
	     recent_forks_look_again(y, now_ns)) {
		cr_assert_gt(y->due_ns, now_ns);
		cr_assert_lt(looks, 40);
		now_ns = y->due_ns;
		looks++;
		cr_assert(recent_forks_looked(y, now_ns));
	}
	cr_assert_gt(looks, 5);
	cr_assert_geq(now_ns, 2 * NS_PER_SEC);
}

Test(recent_forks, the_oldest_gives_way_and_is_counted)
{
	for (int32_t pid = 1; pid <= (int32_t)RECENT_FORKS_MAX + 2; pid++)
		recent_forks_add(&ring, pid, 1, pid);
	cr_assert_eq(ring.count, RECENT_FORKS_MAX);
	cr_assert_eq(ring.skipped, 2);
	cr_assert_null(recent_forks_find(&ring, 2));
	cr_assert_eq(recent_forks_at(&ring, 0)->pid, 3);
	cr_assert_eq(recent_forks_find(&ring, RECENT_FORKS_MAX + 2)->pid, RECENT_FORKS_MAX + 2);
}

Test(recent_forks, of_two_with_the_same_pid_the_last_is_meant)
{
	recent_forks_add(&ring, 5, 1, 1);
	recent_forks_add(&ring, 6, 1, 2);
	recent_forks_add(&ring, 5, 2, 3);
	cr_assert_eq(recent_forks_find(&ring, 5)->parent_pid, 2);
}

Test(recent_forks, is_remembered_for_a_while_after_its_last_look)
{
	struct recent_fork *y = recent_forks_add(&ring, 5, 1, NS_PER_SEC);

	y->sockets[y->sockets_count++] = 77;
	cr_assert(recent_forks_has(y, 77));
	cr_assert_not(recent_forks_has(y, 78));
	recent_forks_expire(&ring, 10 * NS_PER_SEC);
	cr_assert_eq(ring.count, 1, "it has not been looked at");
	y->due_ns = INT64_MAX;
	recent_forks_expire(&ring, NS_PER_SEC + NS_PER_MS);
	cr_assert_eq(ring.count, 1);
	recent_forks_expire(&ring, 3 * NS_PER_SEC);
	cr_assert_eq(ring.count, 0);
}
