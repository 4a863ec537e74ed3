#include <criterion/criterion.h>

#include "report/track/parts.h"
#include "tests/unit/tracker_stage.h"

/* SYNs at these times, in ms after the beginning of observation. */
static bool before(const int64_t *syns_ms, unsigned count)
{
	struct attempt a = {.syns = count, .marks_count = count, .syn_ns = syns_ms[0] * NS_PER_MS};

	for (unsigned i = 0; i < count; i++)
		a.marks[i] = (struct mark){.time_ns = syns_ms[i] * NS_PER_MS, .kind = MARK_SYN};
	return tracker_began_before(&a, 0);
}

#define BEFORE(...)                            \
	before((const int64_t[]){__VA_ARGS__}, \
	       sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

Test(before, gaps_with_which_no_client_begins)
{
	cr_expect(BEFORE(500, 2520), "2 s first");
	cr_expect(BEFORE(500, 4530, 12700), "4 and 8 s");
	cr_expect(BEFORE(500, 1510, 2520, 4530), "1, 1 and 2 s");
}

Test(before, gaps_with_which_one_may_begin)
{
	cr_expect_not(BEFORE(500));
	cr_expect_not(BEFORE(500, 1520));
	cr_expect_not(BEFORE(500, 1520, 3560), "1 and 2 s");
	cr_expect_not(BEFORE(500, 1520, 2540, 3560, 4580, 5600, 7620), "Linux 6.5");
	cr_expect_not(BEFORE(500, 3540, 9600), "3 and 6 s");
	cr_expect_not(BEFORE(500, 500, 2520), "a copy is no timer's");
	cr_expect_not(BEFORE(500, 2200), "nor is any time");
}

Test(before, the_one_before_it_would_have_been_seen)
{
	cr_expect_not(BEFORE(5500, 7520));
	cr_expect_not(BEFORE(1400, 3420), "the one that came 1 s later was lost");
	cr_expect(BEFORE(1200, 3220));
	cr_expect_not(BEFORE(2600, 6630, 14800), "2 s later");
}

#define AT_MS(ms) ((ms)*NS_PER_MS)

/* Observation begins again then, with a tracker to which the first gives what it has open. */
static void begin_again(int64_t time_ns)
{
	struct tracker *earlier = tracker;

	start(0);
	tracker_carry(earlier, tracker, time_ns);
	cr_assert_eq(tracker_finish(earlier, time_ns), 0);
	got_count = 0;
	tracker_free(earlier);
}

static const struct attempt *end(int64_t time_ns)
{
	cr_assert_eq(tracker_finish(tracker, time_ns), 0);
	tracker_free(tracker);
	return got;
}

Test(before, who_tries_since_before_a_period_may_try_again_after_it)
{
	const struct attempt *a;

	start(0);
	send_at(AT_MS(0), true, SYN, 100, 0);
	send_at(AT_MS(1000), true, SYN, 100, 0);
	begin_again(AT_MS(2500));
	send_at(AT_MS(3000), true, SYN, 100, 0);
	a = end(AT_MS(5000));
	cr_assert_eq(got_count, 1);
	cr_expect_eq(a->outcome, OUTCOME_OPEN, "the next one is due at 7 s");
	cr_expect(a->began_before);
	cr_expect_eq(a->syns, 1, "in the period");
}

Test(before, who_was_answered_before_a_period_is_not_refused_in_it)
{
	const struct attempt *a;

	start(0);
	send_at(AT_MS(0), true, SYN, 100, 0);
	send_at(AT_MS(1), false, SYN_ACK, 500, 101);
	begin_again(AT_MS(2));
	send_at(AT_MS(3), true, ACK, 101, 501);
	a = end(AT_MS(5000));
	cr_assert_eq(got_count, 1);
	cr_expect_eq(a->outcome, OUTCOME_ESTABLISHED);
	cr_expect_eq(a->ack_ns, AT_MS(3));
	cr_expect(a->began_before);
}

Test(before, what_ended_before_a_period_is_not_in_it)
{
	start(0);
	send_at(AT_MS(0), true, SYN, 100, 0);
	send_at(AT_MS(1), false, RST_ACK, 0, 101);
	begin_again(AT_MS(1500));
	(void)end(AT_MS(5000));
	cr_expect_eq(got_count, 0);
}

Test(before, who_gave_up_before_a_period_is_not_in_it)
{
	start(0);
	send_at(AT_MS(0), true, SYN, 100, 0);
	send_at(AT_MS(1000), true, SYN, 100, 0);
	begin_again(AT_MS(9000));
	(void)end(AT_MS(12000));
	cr_expect_eq(got_count, 0, "the next one was due at 3 s");
}
