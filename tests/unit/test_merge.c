#include "report/track/merge.h"

#include <criterion/criterion.h>

static struct merge *merge;
static int64_t passed[4096];
static int passed_source[4096];
static uint64_t passed_counts[4096];
static size_t passed_count;

static int keep(void *context, const struct event *event)
{
	(void)context;
	passed[passed_count] = event->time_ns;
	passed_counts[passed_count] = event->loss.count;
	passed_source[passed_count++] = event->source;
	return 0;
}

static void push(enum source source, int64_t time_ns)
{
	struct event e = {.source = source, .kind = EVENT_LOSS, .time_ns = time_ns};

	cr_assert_eq(merge_push(merge, &e), 0);
	cr_assert_eq(merge_run(merge), 0);
}

static void start(void)
{
	passed_count = 0;
	cr_assert_eq(merge_new(keep, NULL, &merge), 0);
}

Test(merge, nothing_goes_on_before_every_source_has_promised)
{
	start();
	merge_watermark(merge, SOURCE_SAMPLER, 0);
	push(SOURCE_CAPTURE, 10);
	push(SOURCE_CAPTURE, 20);
	cr_assert_eq(passed_count, 0);
	merge_watermark(merge, SOURCE_SAMPLER, 15);
	merge_watermark(merge, SOURCE_CAPTURE, 100);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, 1);
	push(SOURCE_SAMPLER, 17);
	cr_assert_eq(passed_count, 2);
	cr_assert_eq(passed[1], 17);
	merge_close(merge, SOURCE_SAMPLER);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, 3);
	cr_assert_eq(merge_late(merge), 0);
	merge_free(merge);
}

Test(merge, equal_times_go_by_source_and_then_by_arrival)
{
	start();
	merge_watermark(merge, SOURCE_CAPTURE, 0);
	merge_watermark(merge, SOURCE_SERVER, 0);
	push(SOURCE_SERVER, 5);
	push(SOURCE_SERVER, 5);
	push(SOURCE_CAPTURE, 5);
	merge_close(merge, SOURCE_CAPTURE);
	merge_close(merge, SOURCE_SERVER);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, 3);
	cr_assert_eq(passed_source[0], SOURCE_CAPTURE);
	cr_assert_eq(passed_source[1], SOURCE_SERVER);
	merge_free(merge);
}

/* A loss of the capture that stands in the file of events promises nothing of packets. */
Test(merge, an_event_that_comes_another_way_waits_there)
{
	struct event lost = {.source = SOURCE_CAPTURE, .kind = EVENT_LOSS, .time_ns = 1000};

	start();
	merge_watermark(merge, SOURCE_CAPTURE, 0);
	merge_watermark(merge, SOURCE_SAMPLER, 0);
	cr_assert_eq(merge_push_by(merge, SOURCE_SAMPLER, &lost), 0);
	push(SOURCE_BPF, 500);
	cr_assert_eq(passed_count, 0);
	push(SOURCE_CAPTURE, 10);
	cr_assert_eq(passed_count, 1);
	merge_close(merge, SOURCE_CAPTURE);
	merge_close(merge, SOURCE_SAMPLER);
	merge_close(merge, SOURCE_BPF);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, 3);
	cr_assert_eq(passed[2], 1000);
	cr_assert_eq(passed_source[2], SOURCE_CAPTURE);
	cr_assert_eq(merge_late(merge), 0);
	merge_free(merge);
}

Test(merge, a_broken_promise_is_counted_and_nothing_is_lost)
{
	start();
	push(SOURCE_CAPTURE, 50);
	merge_watermark(merge, SOURCE_CAPTURE, 60);
	cr_assert_eq(merge_run(merge), 0);
	push(SOURCE_CAPTURE, 40);
	merge_close(merge, SOURCE_CAPTURE);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, 2);
	cr_assert_eq(merge_late(merge), 1);
	merge_free(merge);
}

/* However the sources' deliveries interleave, the merged order is one. */
Test(merge, the_order_does_not_depend_on_when_events_arrive)
{
	int64_t first[4096];
	size_t first_count = 0;

	for (unsigned round = 0; round < 20; round++) {
		int64_t next[3] = {0, 0, 0};
		unsigned random = round * 2654435761u + 1;

		start();
		for (int s = 0; s < 3; s++)
			merge_watermark(merge, (enum source)s, -1);
		for (int left = 3 * 200; left > 0;) {
			enum source s;

			random = random * 1664525u + 1013904223u;
			s = (enum source)((random >> 16) % 3);
			if (next[s] == 200)
				continue;
			push(s, 7 * next[s] * (s + 1));
			next[s]++;
			left--;
		}
		for (int s = 0; s < 3; s++)
			merge_close(merge, (enum source)s);
		cr_assert_eq(merge_run(merge), 0);
		cr_assert_eq(passed_count, 600);
		cr_assert_eq(merge_late(merge), 0);
		if (round == 0) {
			first_count = passed_count;
			memcpy(first, passed, sizeof(passed));
		}
		cr_assert_eq(first_count, passed_count);
		cr_assert_arr_eq(first, passed, sizeof(passed[0]) * passed_count);
		merge_free(merge);
	}
}

Test(merge, what_is_held_goes_on_when_the_clock_is_set_back)
{
	const int64_t hour_ns = 3600 * NS_PER_SEC;

	start();
	merge_watermark(merge, SOURCE_CAPTURE, 2 * hour_ns);
	merge_watermark(merge, SOURCE_SAMPLER, 2 * hour_ns);
	push(SOURCE_CAPTURE, 2 * hour_ns + 20);
	push(SOURCE_SAMPLER, 2 * hour_ns + 30);
	cr_assert_leq(passed_count, 1);
	cr_assert_eq(merge_restart(merge), 0);
	cr_assert_eq(passed_count, 2);
	cr_expect_eq(passed[0], 2 * hour_ns + 20);
	cr_expect_eq(passed[1], 2 * hour_ns + 30);

	/*
	 * An hour earlier: in order again, nothing late, and held until every source has promised.
	 */
	push(SOURCE_CAPTURE, hour_ns + 50);
	cr_expect_eq(passed_count, 2);
	push(SOURCE_SAMPLER, hour_ns + 40);
	merge_watermark(merge, SOURCE_CAPTURE, hour_ns + 100);
	merge_watermark(merge, SOURCE_SAMPLER, hour_ns + 100);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, 4);
	cr_expect_eq(passed[2], hour_ns + 40);
	cr_expect_eq(passed[3], hour_ns + 50);
	cr_expect_eq(merge_late(merge), 0);
	merge_free(merge);
}

/* What passes is sorted by time, and what is equal is in the order of arrival. */
Test(merge, a_source_out_of_order_is_sorted_like_by_a_stable_sort)
{
	enum { COUNT = 2000 };
	unsigned random = 1;

	start();
	merge_watermark(merge, SOURCE_CAPTURE, TIME_UNKNOWN);
	for (unsigned i = 0; i < COUNT; i++) {
		struct event e = {.source = SOURCE_SERVER, .kind = EVENT_LOSS};

		random = random * 1664525u + 1013904223u;
		/* The order of arrival is below what the order by time is made of. */
		e.time_ns = (int64_t)((random >> 16) % 100);
		e.loss.count = i;
		cr_assert_eq(merge_push(merge, &e), 0);
	}
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, 0);
	merge_close(merge, SOURCE_CAPTURE);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(passed_count, COUNT);
	for (size_t i = 1; i < COUNT; i++) {
		cr_assert_leq(passed[i - 1], passed[i]);
		if (passed[i - 1] == passed[i])
			cr_assert_lt(passed_counts[i - 1], passed_counts[i]);
	}
	cr_assert_eq(merge_late(merge), 0);
	merge_free(merge);
}

static int64_t last_ns;

static int check_order(void *context, const struct event *event)
{
	size_t *count = context;

	cr_assert_geq(event->time_ns, last_ns);
	last_ns = event->time_ns;
	++*count;
	return 0;
}

/* A hostile recording: were each sorted in by itself, this would not end. */
Test(merge, a_source_whose_time_runs_backwards)
{
	const int64_t many = 1 << 18;
	struct event e = {.source = SOURCE_SERVER, .kind = EVENT_LOSS};
	size_t count = 0;

	last_ns = 0;
	cr_assert_eq(merge_new(check_order, &count, &merge), 0);
	merge_watermark(merge, SOURCE_CAPTURE, TIME_UNKNOWN);
	for (int64_t i = many; i > 0; i--) {
		e.time_ns = i;
		cr_assert_eq(merge_push(merge, &e), 0);
	}
	cr_assert_eq(count, 0);
	merge_close(merge, SOURCE_CAPTURE);
	cr_assert_eq(merge_run(merge), 0);
	cr_assert_eq(count, many);
	merge_free(merge);
}
