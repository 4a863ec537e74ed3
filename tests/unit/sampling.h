/*
 * For the tests of the sampler: what it delivers is kept.
 */
#ifndef TESTS_UNIT_SAMPLING_H
#define TESTS_UNIT_SAMPLING_H

#include <criterion/criterion.h>

#include "netlink/sampler/sampler.h"
#include "tests/unit/sockets.h"

/* Everything that a sampler has delivered, in order. */
static struct event events[20000];
static size_t count;

static inline int note(void *context, const struct event *event)
{
	(void)context;
	cr_assert_eq(event->source, SOURCE_SAMPLER);
	if (count)
		cr_assert_gt(event->time_ns, events[count - 1].time_ns, "times must increase");
	cr_assert_lt(count, sizeof(events) / sizeof(events[0]));
	events[count++] = *event;
	return 0;
}

static inline void go(struct sampler *sampler)
{
	cr_assert_eq(sampler_round(sampler, note, NULL), 0);
}

static inline const struct event *last(enum event_kind kind)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == kind)
			return &events[i];
	return NULL;
}

static inline const struct sample *last_sample(uint64_t cookie)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == EVENT_SAMPLE && events[i].sample.cookie == cookie)
			return &events[i].sample;
	return NULL;
}

/* Rounds until there is a sample of it; where dumps take long, not every round has one. */
static inline const struct sample *next_sample(struct sampler *s, uint64_t cookie)
{
	count = 0;
	for (int i = 0; i < 2000 && !last_sample(cookie); i++) {
		go(s);
		if (!last_sample(cookie))
			usleep(100);
	}
	cr_assert_not_null(last_sample(cookie));
	return last_sample(cookie);
}

static inline const struct listener *last_listener(enum listener_change change)
{
	for (size_t i = count; i-- > 0;)
		if (events[i].kind == EVENT_LISTENER && events[i].listener.change == change)
			return &events[i].listener;
	return NULL;
}

/* Rounds with a pause, until something is there or a bound on their number is met. */
static inline const struct listener *wait_for(struct sampler *s, enum listener_change change)
{
	for (int i = 0; i < 2000; i++) {
		const struct listener *l;

		count = 0;
		go(s);
		l = last_listener(change);
		if (l)
			return l;
		usleep(1000);
	}
	return NULL;
}

static inline struct sampler *sampler_of(const char *target)
{
	struct endpoint e = endpoint(target);
	struct sampler_options options = {&e, 1, true};
	struct sampler *sampler;

	cr_assert_eq(sampler_new(&options, &sampler), 0);
	return sampler;
}

#endif
