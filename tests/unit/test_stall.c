/* Looks at owners, added up, and what is judged from them: now, and of the whole run. */
#include "report/queue/past/stalls.h"

#include <criterion/criterion.h>
#include <string.h>

static struct stalls stalls;
static struct stall_facts facts;
static int64_t now_ns;

static void begin(void)
{
	memset(&stalls, 0, sizeof(stalls));
	facts = (struct stall_facts){.owned = true};
	now_ns = 1000 * NS_PER_SEC;
}

TestSuite(stall, .init = begin);

/* Of a process that sleeps, and has descriptors left. */
static struct owner_activity asleep(int32_t pid)
{
	return (struct owner_activity){.pid = pid,
				       .state = 'S',
				       .threads = 1,
				       .descriptors = 10,
				       .descriptors_max = 1024,
				       .throttled_ns = -1,
				       .throttled_periods = -1};
}

static void look(struct owner_activity activity, int64_t accepts)
{
	now_ns += 100 * NS_PER_MS;
	stalls_take(&stalls, &activity, now_ns, accepts);
}

static struct stall_now judge(void)
{
	return stalls_judge(&stalls, &facts, now_ns);
}

static void expect_text(const char *expected)
{
	struct stall_now now = judge();
	char text[STALL_TEXT_SIZE];

	cr_expect_str_eq(stall_text(&now, text), expected);
}

Test(stall, who_was_stopped_for_how_long)
{
	struct owner_activity stopped = asleep(7);

	look(asleep(7), 0);
	stopped.state = 'T';
	for (int i = 0; i < 32; i++)
		look(stopped, 0);
	cr_expect_eq(judge().cause, STALL_STOPPED);
	cr_expect_eq(judge().pid, 7);
	expect_text("owner stopped (T) for 3.2 s");
	cr_expect_eq(stalls.sum.held_ns, 3200 * NS_PER_MS);
}

Test(stall, who_is_stopped_while_others_accept_is_not_the_cause)
{
	struct owner_activity stopped = asleep(7);

	stopped.state = 'T';
	/* What was accepted before the first look at it stopped, nobody knows of whom. */
	look(asleep(7), 0);
	look(stopped, 10);
	for (int i = 0; i < 16; i++)
		look(stopped, 10);
	cr_expect_eq(judge().cause, STALL_STOPPED);
	cr_expect_eq(stalls.sum.held_until_ns, now_ns);
	cr_expect_lt(stalls.sum.held_from_ns, now_ns - stalls.sum.held_ns + NS_PER_MS);
	cr_expect_gt(stalls.sum.held_from_ns, 0);
	cr_expect_eq(stalls.sum.held_last_ns, now_ns);
	begin();
	for (int i = 0; i < 16; i++) {
		look(stopped, i / 4);
		look(asleep(8), i / 4);
	}
	cr_expect_eq(judge().cause, STALL_NONE);
	cr_expect_eq(stalls.sum.held_pid, 7);
	cr_expect_eq(stalls.sum.held_accepts, 3);
	look(asleep(7), 3);
	cr_expect_eq(stalls.sum.held_until_ns, 0);
	cr_expect_lt(stalls.sum.held_last_ns, now_ns);
}

Test(stall, after_a_busy_hour_it_is_still_named)
{
	struct owner_activity stopped = asleep(7);

	for (int i = 0; i < 36000; i++)
		look(asleep(7), i);
	stopped.state = 'T';
	for (int i = 0; i < 10; i++)
		look(stopped, 36000);
	cr_expect_eq(judge().cause, STALL_STOPPED);
	expect_text("owner stopped (T) for 1.0 s");
}

Test(stall, what_is_over_is_said_no_more)
{
	struct owner_activity stopped = asleep(7);

	stopped.state = 'T';
	for (int i = 0; i < 10; i++)
		look(stopped, 0);
	cr_expect_eq(judge().cause, STALL_STOPPED);
	look(asleep(7), 5);
	cr_expect_eq(judge().cause, STALL_NONE, "it runs again");
	look(stopped, 5);
	look(stopped, 5);
	now_ns += 2 * STALL_GAP_NS;
	cr_expect_eq(judge().cause, STALL_NONE, "nobody waits any more");
}

Test(stall, of_several_the_one_held_longest_is_named_with_its_own_time)
{
	struct owner_activity a = asleep(7), b = asleep(8);

	a.state = b.state = 'T';
	look(a, 0);
	for (int i = 0; i < 10; i++) {
		look(a, 0);
		look(b, 0);
	}
	/* Of two owners there are two seconds a second; of the longest one there is one. */
	cr_expect_eq(stalls.sum.held_pid, 7);
	cr_expect_eq(stalls.sum.held_ns, 1900 * NS_PER_MS);
	cr_expect_gt(stalls.sum.stopped_ns, stalls.sum.held_ns);
	cr_expect_eq(judge().pid, 7);
}

Test(stall, descriptors_are_those_of_the_one_at_its_limit)
{
	struct owner_activity master = asleep(7), worker = asleep(8);

	master.descriptors = 500;
	worker.descriptors = worker.descriptors_max = 20;
	for (int i = 0; i < 10; i++) {
		look(master, 0);
		look(worker, 0);
	}
	cr_expect_eq(judge().cause, STALL_DESCRIPTORS);
	cr_expect_eq(judge().pid, 8);
	expect_text("accept() fails: 20 of 20 file descriptors open (RLIMIT_NOFILE) for 1.8 s");
}

Test(stall, nobody_accepts_from_a_listener_whose_owner_sleeps)
{
	for (int i = 0; i < 8; i++)
		look(asleep(7), 0);
	cr_expect_eq(judge().cause, STALL_NONE, "for less than a second that can be");
	for (int i = 0; i < 8; i++)
		look(asleep(7), 0);
	cr_expect_eq(judge().cause, STALL_FORGOTTEN);
	look(asleep(7), 1);
	cr_expect_eq(judge().cause, STALL_NONE, "it was only slow");
}

Test(stall, a_busy_owner_is_no_forgetful_one)
{
	struct owner_activity busy = asleep(7);

	busy.state = 'R';
	for (int i = 0; i < 16; i++) {
		busy.run_ns += 90 * NS_PER_MS;
		look(busy, 0);
	}
	cr_expect_eq(judge().cause, STALL_BLOCKED);
	cr_expect_str_eq(stall_rule(judge().cause), "blocked-loop");
}

/* It wants a processor most of the time, and gets next to none: nothing in it is to be mended. */
Test(stall, an_owner_without_a_cpu_is_no_busy_one)
{
	struct owner_activity starved = asleep(7);

	for (int i = 0; i < 16; i++) {
		starved.run_ns += 3 * NS_PER_MS;
		starved.wait_ns += 75 * NS_PER_MS;
		look(starved, 0);
	}
	cr_expect_eq(judge().cause, STALL_STARVED);
	for (int i = 0; i < 16; i++) {
		starved.run_ns += 30 * NS_PER_MS;
		starved.wait_ns += 70 * NS_PER_MS;
		look(starved, 0);
	}
	cr_expect_eq(judge().cause, STALL_BLOCKED, "it runs whenever it gets a processor");
}

/* The kernel adds a wait when it is over, with what of it lay before the first look. */
Test(stall, nobody_waits_for_a_cpu_for_longer_than_was_watched)
{
	struct owner_activity starved = asleep(7);

	look(starved, 0);
	starved.run_ns += NS_PER_MS;
	starved.wait_ns += 900 * NS_PER_MS;
	look(starved, 0);
	cr_expect_eq(judge().stall.runnable_ns, judge().stall.watched_ns - NS_PER_MS);
}

Test(stall, a_quota_is_seen_by_what_it_took)
{
	struct owner_activity throttled = asleep(7);

	for (int i = 0; i < 16; i++) {
		throttled.throttled_ns += 80 * NS_PER_MS + (i == 0);
		throttled.throttled_periods += 1 + (i == 0);
		look(throttled, i);
	}
	cr_expect_eq(judge().cause, STALL_QUOTA);
	/* Of the last seconds, not of the run. */
	cr_expect_leq(judge().for_ns, 2 * STALL_WINDOW_NS);
}

Test(stall, one_full_sibling_among_idle_ones)
{
	facts.grouped = facts.full = true;
	facts.siblings = 3;
	look(asleep(7), 0);
	look(asleep(7), 0);
	cr_expect_eq(judge().cause, STALL_NONE, "for a moment any of them is");
	for (int i = 0; i < 10; i++)
		look(asleep(7), 0);
	cr_expect_eq(judge().cause, STALL_SIBLING);
	expect_text(
	    "its SO_REUSEPORT siblings take connections, this socket has taken none for 1.1 s");
	cr_expect_eq(stalls.sum.untaken_ns, 1100 * NS_PER_MS);
	cr_expect_not(stalls.sum.untaken_over);
	facts.siblings_full = 1;
	cr_expect_eq(judge().cause, STALL_NONE, "another one is full too");
	facts.siblings_full = 0;
	look(asleep(7), 1);
	cr_expect_eq(judge().cause, STALL_NONE, "it has accepted one");
	cr_expect(stalls.sum.untaken_over);
}

Test(stall, a_slow_sibling_is_not_stuck)
{
	facts.grouped = facts.full = true;
	facts.siblings = 1;
	/* One in 300 ms, and one in 1.5 s. */
	for (int i = 0; i < 60; i++) {
		look(asleep(7), i / 3);
		cr_expect_eq(judge().cause, STALL_NONE);
	}
	begin();
	facts.grouped = facts.full = true;
	facts.siblings = 1;
	for (int i = 0; i < 15; i++)
		look(asleep(7), 0);
	for (int i = 0; i < 60; i++) {
		look(asleep(7), 1 + i / 15);
		cr_expect_eq(judge().cause, STALL_NONE);
	}
	cr_expect_eq(stalls.sum.taken, 4);
}

Test(stall, each_cause_has_a_rule_and_words)
{
	for (int c = STALL_NONE + 1; c < STALL_CAUSE_COUNT; c++) {
		struct stall_now now = {.cause = (enum stall_cause)c, .for_ns = -1};
		char text[STALL_TEXT_SIZE];

		cr_expect(stall_rule(now.cause), "%d", c);
		cr_expect(*stall_text(&now, text), "%d", c);
		cr_expect_lt(strlen(text), STALL_TEXT_SIZE - 20);
	}
}
