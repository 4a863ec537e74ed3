#include "report/queue/reason/budget.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "event/clock.h"

#define BIT(counter) (UINT64_C(1) << (counter))

static struct budget budget;

/* A reading within [ms, ms + 0.1 ms]: only what is given is told. */
static void reading(enum counters_when when, int64_t ms, enum counter counter, uint64_t value)
{
	struct counters c = {.when = when, .before_ns = ms * NS_PER_MS, .known = BIT(counter)};

	if (when == COUNTERS_BEFORE)
		c.known = (BIT(COUNTER_COUNT - 1) - 1) & ~BIT(COUNTER_MIN_TTL_DROP);
	c.value[counter] = value;
	cr_assert(budget_take(&budget, &c, ms * NS_PER_MS + NS_PER_MS / 10));
}

static void start(void)
{
	budget = (struct budget){0};
	reading(COUNTERS_BEFORE, 0, COUNTER_LISTEN_OVERFLOWS, 100);
	reading(COUNTERS_DURING, 100, COUNTER_LISTEN_OVERFLOWS, 103);
	reading(COUNTERS_DURING, 200, COUNTER_LISTEN_DROPS, 5);
	reading(COUNTERS_DURING, 300, COUNTER_LISTEN_OVERFLOWS, 104);
}

/* Worked on within 5 ms. */
static struct budget_time at(int64_t ms)
{
	return (struct budget_time){ms * NS_PER_MS, (ms + 5) * NS_PER_MS};
}

static int64_t left(enum budget_kind kind, int64_t ms)
{
	return budget_left(&budget, kind, at(ms));
}

Test(budget, what_is_left_is_of_the_gaps_that_a_packet_may_belong_to)
{
	start();
	cr_expect_eq(left(BUDGET_OVERFLOWS, 50), 3);
	cr_expect_eq(left(BUDGET_OVERFLOWS, 150), 0, "a reading that leaves it out says: as it was");
	cr_expect_eq(left(BUDGET_OVERFLOWS, 250), 1);
	cr_expect_eq(left(BUDGET_OVERFLOWS, 197), 1, "it may have been worked on after the reading");
	cr_expect_eq(left(BUDGET_OVERFLOWS, 99), 3);
	cr_expect_eq(left(BUDGET_LISTEN_DROPS, 150), 5);
	cr_expect_eq(left(BUDGET_NO_ROUTE, 150), 0);
	budget_release(&budget);
}

Test(budget, what_no_reading_covers_is_not_known)
{
	start();
	cr_expect_eq(left(BUDGET_OVERFLOWS, -1), -1);
	cr_expect_eq(left(BUDGET_MIN_TTL, 50), -1, "this kernel has no such counter");
	cr_expect(budget_is_closed(&budget, at(290)));
	cr_expect_not(budget_is_closed(&budget, at(299)));
	cr_expect_eq(left(BUDGET_OVERFLOWS, 400), 0);
	budget_release(&budget);
	cr_expect_eq(left(BUDGET_OVERFLOWS, 50), -1);
}

Test(budget, a_doubt_is_of_each_gap_that_its_packet_may_belong_to)
{
	start();
	budget_doubt(&budget, at(97));
	cr_expect_eq(budget_doubtful(&budget, at(50)), 1);
	cr_expect_eq(budget_doubtful(&budget, at(150)), 1);
	cr_expect_eq(budget_doubtful(&budget, at(250)), 0);
	budget_doubt(&budget, at(350)); /* of the gap that the next reading ends */
	cr_expect_eq(budget_doubtful(&budget, at(250)), 0);
	reading(COUNTERS_DURING, 400, COUNTER_LISTEN_OVERFLOWS, 105);
	cr_expect_eq(budget_doubtful(&budget, at(350)), 1);
	budget_release(&budget);
}

Test(budget, no_more_is_charged_than_has_moved)
{
	start();
	for (int i = 0; i < 5; i++)
		budget_charge(&budget, BUDGET_OVERFLOWS, at(50));
	cr_expect_eq(left(BUDGET_OVERFLOWS, 50), 0);
	cr_expect_eq(budget_moved(&budget, BUDGET_OVERFLOWS, at(50)), 3);
	cr_expect_eq(left(BUDGET_OVERFLOWS, 250), 1);
	budget_refund(&budget, BUDGET_OVERFLOWS, at(50));
	cr_expect_eq(left(BUDGET_OVERFLOWS, 50), 1);
	/* What came before the first reading was counted in that. */
	budget_charge(&budget, BUDGET_OVERFLOWS, at(-1));
	cr_expect_eq(left(BUDGET_OVERFLOWS, 50), 1);
	budget_release(&budget);
}

Test(budget, older_gaps_are_merged_and_lose_nothing)
{
	start();
	for (int i = 0; i < 4 * BUDGET_GAPS_MAX; i++)
		reading(COUNTERS_DURING, 400 + i, COUNTER_LISTEN_OVERFLOWS, 105 + (uint64_t)i);
	cr_expect_leq(budget.count, BUDGET_GAPS_MAX);
	uint64_t sum = 0;
	for (size_t i = 0; i < budget.count; i++) {
		sum += budget.gaps[i].moved[BUDGET_OVERFLOWS];
		cr_assert(i == 0 || budget.gaps[i].from_ns > budget.gaps[i - 1].from_ns);
	}
	cr_expect_eq(sum, 4 + 4 * BUDGET_GAPS_MAX);
	cr_expect_geq(left(BUDGET_OVERFLOWS, 50), 3);
	budget_release(&budget);
}
