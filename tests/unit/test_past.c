#include <criterion/criterion.h>
#include <stdio.h>

#include "report/queue/past/limits.h"
#include "report/queue/past/tenures.h"

static struct limits limits;
static struct tenures tenures;

static void expect_limits(int64_t from_ns, int64_t to_ns, uint32_t lowest, uint32_t highest)
{
	uint32_t low, high;

	limits_within(&limits, from_ns, to_ns, &low, &high);
	cr_expect_eq(low, lowest, "from %d on: %u", (int)from_ns, low);
	cr_expect_eq(high, highest, "up to %d: %u", (int)to_ns, high);
}

Test(limits, a_packet_is_judged_by_the_limit_of_then)
{
	limits_take(&limits, 4, 100);
	limits_take(&limits, 4, 190);
	limits_take(&limits, 0, 200);
	limits_take(&limits, 0, 490);
	limits_take(&limits, 4, 500);
	cr_assert_eq(limits.count, 3);
	expect_limits(50, 50, 4, 4);
	expect_limits(150, 160, 4, 4);
	/* Between two samples nobody knows which it was. */
	expect_limits(195, 195, 0, 4);
	expect_limits(300, 300, 0, 0);
	expect_limits(495, 600, 0, 4);
	expect_limits(501, 600, 4, 4);
	limits_release(&limits);
}

Test(limits, their_number_is_bounded)
{
	for (uint32_t i = 0; i < 2 * QUEUE_LIMITS_MAX; i++)
		limits_take(&limits, i & 1, i);
	cr_assert_eq(limits.count, QUEUE_LIMITS_MAX);
	cr_assert_eq(limits.lost, QUEUE_LIMITS_MAX / 2);
	expect_limits(2 * QUEUE_LIMITS_MAX, 2 * QUEUE_LIMITS_MAX, 0, 1);
	limits_release(&limits);
}

static void owner(int32_t pid, bool owns, int64_t before_ns, int64_t time_ns, int64_t forked_ns)
{
	struct owner_change change = {.before_ns = before_ns, .pid = pid, .owns = owns};

	snprintf(change.comm, sizeof(change.comm), "p%d", pid);
	tenures.forks_told = true;
	tenures_take(&tenures, &change, time_ns, forked_ns);
}

Test(tenures, a_listener_that_is_handed_over_has_one_owner_before_and_one_after)
{
	owner(10, true, TIME_UNKNOWN, 100, TIME_UNKNOWN);
	cr_expect_eq(tenures_sole(&tenures, 200, 300), 10);
	/* Seen at 600, and not at 500. */
	owner(20, true, 500, 600, TIME_UNKNOWN);
	cr_expect_eq(tenures_sole(&tenures, 200, 300), 10);
	cr_expect_eq(tenures_sole(&tenures, 550, 560), TENURES_SEVERAL);
	tenures_end(&tenures, 10, 700);
	cr_expect_eq(tenures_sole(&tenures, 650, 800), TENURES_SEVERAL);
	cr_expect_eq(tenures_sole(&tenures, 701, 800), 20);
	tenures_end(&tenures, 0, 900);
	cr_expect_eq(tenures.list[1].to_ns, 900);
	cr_expect_eq(tenures.list[0].to_ns, 700);
	cr_expect_eq(tenures_sole(&tenures, 901, 1000), 0);
	tenures_release(&tenures);
}

Test(tenures, a_worker_has_it_from_its_fork_on)
{
	owner(10, true, TIME_UNKNOWN, 100, TIME_UNKNOWN);
	owner(11, true, 500, 900, 600);
	cr_expect_eq(tenures.list[1].from_ns, 600);
	cr_expect_eq(tenures_sole(&tenures, 510, 590), 10);
	cr_expect_eq(tenures_sole(&tenures, 590, 610), TENURES_SEVERAL);
	/* Seen no more by a look that comes after its end was told. */
	tenures_end(&tenures, 11, 1000);
	owner(11, false, 950, 1500, TIME_UNKNOWN);
	cr_expect_eq(tenures.list[1].to_ns, 1000);
	cr_expect(tenures_had(&tenures, 11, 950));
	cr_expect_not(tenures_had(&tenures, 11, 1001));
	tenures_release(&tenures);
}

Test(tenures, the_same_told_twice_is_one_and_one_that_comes_back_is_another)
{
	owner(10, true, TIME_UNKNOWN, 100, TIME_UNKNOWN);
	owner(10, true, TIME_UNKNOWN, 200, TIME_UNKNOWN);
	cr_expect_eq(tenures.count, 1);
	owner(10, false, 250, 300, TIME_UNKNOWN);
	owner(10, true, 400, 500, TIME_UNKNOWN);
	cr_expect_eq(tenures.count, 2);
	cr_expect_eq(tenures_sole(&tenures, 310, 390), 0);
	tenures_release(&tenures);
}

Test(tenures, a_recording_without_owner_lines_has_the_pids_of_its_listeners)
{
	struct listener l = {.pids_count = 1, .pids = {7}, .comm = "old"};

	tenures.forks_told = true;
	tenures_listener(&tenures, &l, 100);
	l.pids[0] = 8;
	tenures_listener(&tenures, &l, 200);
	cr_expect_eq(tenures.count, 2);
	cr_expect_str_eq(tenures.list[0].comm, "old");
	cr_expect_eq(tenures.list[0].to_ns, 200);
	cr_expect_eq(tenures_sole(&tenures, 250, 260), 8);
	cr_expect_eq(tenures_sole(&tenures, 150, 160), TENURES_SEVERAL);
	tenures_release(&tenures);
}

Test(tenures, a_process_has_the_name_of_what_it_executed_last)
{
	struct owner_change change = {.pid = 7, .owns = true, .before_ns = TIME_UNKNOWN};

	strcpy(change.comm, "systemd-socket-");
	tenures_take(&tenures, &change, 100, TIME_UNKNOWN);
	strcpy(change.comm, "python3");
	tenures_take(&tenures, &change, 200, TIME_UNKNOWN);
	change.comm[0] = '\0';
	tenures_take(&tenures, &change, 300, TIME_UNKNOWN);
	cr_assert_eq(tenures.count, 1);
	cr_expect_str_eq(tenures.list[0].comm, "python3");
	cr_expect_eq(tenures.list[0].from_ns, 100);
	tenures_release(&tenures);
}

Test(tenures, their_number_is_bounded_and_then_nothing_is_sure)
{
	for (int32_t pid = 1; pid <= QUEUE_TENURES_MAX + 1; pid++) {
		owner(pid, true, pid, pid, TIME_UNKNOWN);
		tenures_end(&tenures, pid, pid);
	}
	cr_expect_eq(tenures.count, QUEUE_TENURES_MAX);
	cr_expect_eq(tenures.lost, 1);
	cr_expect_eq(tenures_sole(&tenures, 5, 5), TENURES_SEVERAL);
	tenures_release(&tenures);
}
