/*
 * A recording whose packets are cut off: what comes after the last reading of the counters that
 * they lead up to is not in it.
 */
#include "pipeline/replay_window.h"

#include <criterion/criterion.h>

static struct replay_window window;
static int64_t given_ns[64];
static enum counters_when last_when;
static size_t given;

static int take(void *context, const struct event *event)
{
	(void)context;
	cr_assert_lt(given, 64);
	if (event->kind == EVENT_COUNTERS)
		last_when = event->counters.when;
	given_ns[given++] = event->time_ns;
	return 0;
}

static void tell(enum event_kind kind, int64_t time_ms)
{
	struct event event = {.kind = kind, .time_ns = time_ms * NS_PER_MS};

	if (kind == EVENT_COUNTERS)
		event.counters.when = COUNTERS_DURING;
	cr_assert_eq(replay_window_event(&window, &event), 0);
}

/* One packet at 1 s, the last reading before it at 500 ms; the packets end at 2 s. */
static void begin(void)
{
	given = 0;
	replay_window_init(&window, INT64_MIN, INT64_MAX);
	window.fn = take;
	tell(EVENT_COUNTERS, 500);
	tell(EVENT_SEGMENT, 1000);
	replay_window_cut(&window, 0, 2000 * NS_PER_MS - REPLAY_WINDOW_CUT_NS);
	cr_assert_eq(given, 2);
}

Test(replay_window, a_reading_just_before_the_packets_end_is_the_last)
{
	begin();
	tell(EVENT_SEGMENT, 1950);
	tell(EVENT_COUNTERS, 1980);
	tell(EVENT_SEGMENT, 1990);
	cr_expect_eq(given, 4);
	cr_expect_eq(given_ns[2], 1950 * NS_PER_MS);
	cr_expect_eq(last_when, COUNTERS_AFTER);
	cr_expect_eq(window.to_ns, 1980 * NS_PER_MS);
	replay_window_release(&window);
}

Test(replay_window, without_one_what_came_since_is_left_out)
{
	begin();
	tell(EVENT_SEGMENT, 1950);
	tell(EVENT_SEGMENT, 2001);
	tell(EVENT_COUNTERS, 2002);
	cr_expect_eq(given, 3);
	cr_expect_eq(given_ns[2], 1900 * NS_PER_MS, "the last reading, as of the end");
	cr_expect_eq(last_when, COUNTERS_AFTER);
	cr_expect_eq(window.to_ns, 1900 * NS_PER_MS);
	replay_window_release(&window);
}
