#include "report/queue/past/stillness.h"

#include <criterion/criterion.h>

#include "event/clock.h"

#define MS(n) ((n)*NS_PER_MS)

static struct stillness s;

static void set_up(void)
{
	stillness_init(&s);
}

TestSuite(stillness, .init = set_up);

Test(stillness, lasts_while_the_depth_grows_by_what_enters)
{
	stillness_sample(&s, 0, MS(10));
	stillness_enter(&s, MS(15));
	stillness_enter(&s, MS(16));
	stillness_sample(&s, 2, MS(20));
	stillness_sample(&s, 2, MS(30));
	cr_expect_eq(s.since_ns, MS(10));
	cr_expect_eq(s.until_ns, MS(30));
	cr_expect_eq(s.empty_ns, MS(10));
}

Test(stillness, ends_when_somebody_leaves)
{
	stillness_enter(&s, MS(5));
	stillness_enter(&s, MS(6));
	stillness_sample(&s, 2, MS(10));
	stillness_enter(&s, MS(15));
	stillness_sample(&s, 2, MS(20)); /* one came, one went */
	cr_expect_eq(s.since_ns, MS(20));
	stillness_sample(&s, 0, MS(30));
	cr_expect_eq(s.since_ns, MS(30));
	cr_expect_eq(s.empty_ns, MS(30));
}

Test(stillness, a_sample_beside_an_entry_says_nothing_of_it)
{
	stillness_sample(&s, 0, MS(10));
	stillness_enter(&s, MS(20));
	stillness_sample(&s, 0, MS(20)); /* it looked before, or did it? */
	cr_expect_eq(s.until_ns, MS(10));
	stillness_sample(&s, 1, MS(22));
	cr_expect_eq(s.since_ns, MS(10));
	cr_expect_eq(s.until_ns, MS(22));
}

Test(stillness, one_more_than_entered_ends_it_too)
{
	stillness_sample(&s, 0, MS(10));
	stillness_sample(&s, 1, MS(20)); /* somebody entered unseen */
	cr_expect_eq(s.since_ns, MS(20));
}

Test(stillness, one_that_may_have_entered_ends_it)
{
	stillness_sample(&s, 2, MS(10));
	stillness_doubt(&s, MS(12)); /* taken to be refused; another may have left before */
	stillness_sample(&s, 2, MS(20));
	cr_expect_eq(s.since_ns, MS(20));
	stillness_sample(&s, 2, MS(30));
	cr_expect_eq(s.since_ns, MS(20));
	cr_expect_eq(s.until_ns, MS(30));
}
