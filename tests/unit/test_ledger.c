#include "report/explain/ledger.h"

#include <criterion/criterion.h>

#include "report/queue/tally.h"
#include "tests/unit/listener_stage.h"

static void reading(struct ledger *ledger, enum counters_when when, uint64_t overflows)
{
	struct counters counters = {.when = when, .known = UINT64_C(1) << COUNTER_LISTEN_OVERFLOWS};

	counters.value[COUNTER_LISTEN_OVERFLOWS] = overflows;
	ledger_take(ledger, &counters);
}

static int64_t observed(struct ledger *ledger)
{
	struct queues_options options = {0};
	struct queues *none;
	int64_t result = -1;

	cr_assert_eq(queues_new(&options, &none), 0);
	cr_assert_eq(ledger_balance(ledger, none, NULL, 0), 0);
	for (size_t i = 0; i < ledger->rows_count; i++)
		if (strcmp(ledger->rows[i].counter, "ListenOverflows") == 0)
			result = ledger->rows[i].observed;
	ledger_release(ledger);
	queues_free(none);
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

/* A reading on the way says only what has changed. */
Test(ledger, what_a_reading_leaves_out_is_as_it_was)
{
	struct ledger ledger = {0};
	struct counters nothing = {.when = COUNTERS_DURING};

	reading(&ledger, COUNTERS_BEFORE, 10);
	reading(&ledger, COUNTERS_DURING, 13);
	ledger_take(&ledger, &nothing);
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

/* The listener defers; the data of one client is captured just before its bare ACK. */
static void data_beside_its_ack(struct ledger *ledger, int64_t apart_us, uint64_t deferred)
{
	struct counters counters = {.known = UINT64_C(1) << COUNTER_DEFER_ACCEPT_DROP};
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER};

	counters.when = COUNTERS_BEFORE;
	ledger_take(ledger, &counters);
	start(1, false);
	e.time_ns = now_ns;
	e.listener = (struct listener){.cookie = 1,
				       .local = server,
				       .limit = LIMIT,
				       .defer_accept_s = 31,
				       .change = LISTENER_CHANGED};
	deliver(&e);
	sample(0);
	syn(1);
	syn_ack(1);
	first_data(1);
	pass(apart_us);
	ack(1);
	pass(6000);
	sample(1);
	finish();
	counters.when = COUNTERS_AFTER;
	counters.value[COUNTER_DEFER_ACCEPT_DROP] = deferred;
	ledger_take(ledger, &counters);
	cr_assert_eq(ledger_balance(ledger, queues, listeners, 1), 0);
}

static const struct ledger_row *row_of(const struct ledger *ledger, const char *counter)
{
	for (size_t i = 0; i < ledger->rows_count; i++)
		if (strcmp(ledger->rows[i].counter, counter) == 0)
			return &ledger->rows[i];
	cr_assert_fail("%s has no row", counter);
	return NULL;
}

static void expect_deferred(int64_t apart_us, uint64_t observed, int64_t explained)
{
	struct ledger ledger = {0};
	const struct ledger_row *row;

	data_beside_its_ack(&ledger, apart_us, observed);
	row = row_of(&ledger, "TCPDeferAcceptDrop");
	cr_expect_eq(row->explained, explained);
	cr_expect_eq(row->unexplained, (int64_t)observed - explained);
	ledger_release(&ledger);
	end();
}

Test(ledger, what_may_have_counted_is_explained_as_far_as_it_was_counted)
{
	expect_deferred(3, 0, 0);
	expect_deferred(3, 1, 1);
	expect_deferred(3, 2, 1);
	expect_deferred(300, 1, 0);
}
