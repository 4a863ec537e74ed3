/*
 * Sliding windows of latencies. Values below 2^5 have a bucket each; above, each
 * power of two is cut into 2^5 buckets of equal width.
 */
#include "report/measure/window.h"

#include <stdlib.h>
#include <string.h>

#define SUB_COUNT (1u << WINDOW_SUB_BITS)
#define VALUE_MAX ((INT64_C(1) << WINDOW_TOP_BITS) - 1)

struct slot {
	uint32_t count;
	int64_t min;
	int64_t max;
	uint32_t buckets[WINDOW_BUCKETS];
};

struct window {
	unsigned count;
	unsigned current;
	struct slot slots[];
};

struct window *window_new(unsigned slots)
{
	struct window *window = calloc(1, sizeof(*window) + slots * sizeof(window->slots[0]));

	if (window)
		window->count = slots;
	return window;
}

void window_free(struct window *window)
{
	free(window);
}

static size_t bucket_of(int64_t value)
{
	unsigned shift;

	if (value < (int64_t)SUB_COUNT)
		return (size_t)value;
	shift = 63u - (unsigned)__builtin_clzll((uint64_t)value) - WINDOW_SUB_BITS;
	return ((size_t)(shift + 1) << WINDOW_SUB_BITS) + (size_t)(value >> shift) - SUB_COUNT;
}

/* The largest value of this bucket. */
static int64_t bucket_last(size_t bucket)
{
	size_t octave = bucket >> WINDOW_SUB_BITS;
	int64_t sub = (int64_t)(bucket & (SUB_COUNT - 1));

	if (octave == 0)
		return sub;
	return ((SUB_COUNT + sub + 1) << (octave - 1)) - 1;
}

void window_add(struct window *window, int64_t value)
{
	struct slot *s = &window->slots[window->current];

	if (value < 0)
		value = 0;
	if (value > VALUE_MAX)
		value = VALUE_MAX;
	if (s->count == 0 || value < s->min)
		s->min = value;
	if (s->count == 0 || value > s->max)
		s->max = value;
	s->count++;
	s->buckets[bucket_of(value)]++;
}

void window_turn(struct window *window)
{
	window->current = (window->current + 1) % window->count;
	memset(&window->slots[window->current], 0, sizeof(window->slots[0]));
}

void window_sum_init(struct window_sum *sum)
{
	memset(sum, 0, sizeof(*sum));
}

void window_sum_add(struct window_sum *sum, const struct window *window)
{
	for (unsigned i = 0; i < window->count; i++) {
		const struct slot *s = &window->slots[i];

		if (!s->count)
			continue;
		if (sum->count == 0 || s->min < sum->min)
			sum->min = s->min;
		if (sum->count == 0 || s->max > sum->max)
			sum->max = s->max;
		sum->count += s->count;
		for (size_t b = 0; b < WINDOW_BUCKETS; b++)
			sum->buckets[b] += s->buckets[b];
	}
}

static int64_t percentile(const struct window_sum *sum, unsigned permille)
{
	uint64_t rank = (sum->count * permille + 999) / 1000, seen = 0;

	for (size_t b = 0; b < WINDOW_BUCKETS; b++) {
		seen += sum->buckets[b];
		if (seen >= rank) {
			int64_t value = bucket_last(b);

			if (value > sum->max)
				value = sum->max;
			return value < sum->min ? sum->min : value;
		}
	}
	return sum->max;
}

struct latency_summary window_sum_summary(const struct window_sum *sum)
{
	if (sum->count == 0)
		return (struct latency_summary){0};
	return (struct latency_summary){
	    .count = sum->count,
	    .min = sum->min,
	    .p50 = percentile(sum, 500),
	    .p90 = percentile(sum, 900),
	    .p99 = percentile(sum, 990),
	    .p999 = percentile(sum, 999),
	    .max = sum->max,
	};
}
