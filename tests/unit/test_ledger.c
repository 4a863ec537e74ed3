#include "report/ledger.h"

#include <criterion/criterion.h>

static void reading(struct ledger *ledger, enum counters_when when, uint64_t overflows)
{
	struct counters counters = {.when = when, .known = UINT64_C(1) << COUNTER_LISTEN_OVERFLOWS};

	counters.value[COUNTER_LISTEN_OVERFLOWS] = overflows;
	ledger_take(ledger, &counters);
}

static int64_t observed(struct ledger *ledger)
{
	struct queues_options options = {0};
	struct queues *queues;
	int64_t result = -1;

	cr_assert_eq(queues_new(&options, &queues), 0);
	cr_assert_eq(ledger_balance(ledger, queues, NULL, 0), 0);
	for (size_t i = 0; i < ledger->rows_count; i++)
		if (strcmp(ledger->rows[i].counter, "ListenOverflows") == 0)
			result = ledger->rows[i].observed;
	ledger_release(ledger);
	queues_free(queues);
	return result;
}

Test(ledger, counts_from_the_first_reading_to_the_last)
{
	struct ledger ledger = {0};

	reading(&ledger, COUNTERS_BEFORE, 10);
	reading(&ledger, COUNTERS_DURING, 13);
	reading(&ledger, COUNTERS_AFTER, 15);
	cr_expect_eq(observed(&ledger), 5);
}

Test(ledger, takes_what_it_has_when_the_last_reading_was_never_made)
{
	struct ledger ledger = {0};

	reading(&ledger, COUNTERS_BEFORE, 10);
	reading(&ledger, COUNTERS_DURING, 13);
	cr_expect_eq(observed(&ledger), 3);
}

/* The verdicts count up to the last reading: what moved behind it is not theirs. */
Test(ledger, a_reading_on_the_way_that_comes_after_the_last_is_passed_over)
{
	struct ledger ledger = {0};

	reading(&ledger, COUNTERS_BEFORE, 10);
	reading(&ledger, COUNTERS_AFTER, 15);
	reading(&ledger, COUNTERS_DURING, 16);
	cr_expect_eq(observed(&ledger), 5);
}
