/*
 * Rates over time.
 */
#include "report/measure/rates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int rates_init(struct rates *rates, int64_t start_ns)
{
	*rates = (struct rates){.start_ns = start_ns, .bucket_ns = RATES_BUCKET_NS};
	rates->buckets = calloc(RATES_BUCKETS_MAX, sizeof(*rates->buckets));
	return rates->buckets ? 0 : -ENOMEM;
}

void rates_release(struct rates *rates)
{
	free(rates->buckets);
	*rates = (struct rates){.start_ns = TIME_UNKNOWN};
}

/* A bucket holds 4,294,967,295 of a kind, or more. */
static void add(uint32_t *to, uint32_t count)
{
	if (__builtin_add_overflow(*to, count, to))
		*to = UINT32_MAX;
}

static void add_bucket(struct rate_bucket *to, const struct rate_bucket *from)
{
	add(&to->syns, from->syns);
	add(&to->handshakes, from->handshakes);
	add(&to->accepts, from->accepts);
	for (int c = 0; c < CAUSE_COUNT; c++)
		add(&to->drops[c], from->drops[c]);
}

/* Twice the width, half the buckets. */
static void widen(struct rates *r)
{
	size_t n = (r->count + 1) / 2;

	for (size_t i = 0; i < n; i++) {
		struct rate_bucket sum = r->buckets[2 * i];

		if (2 * i + 1 < r->count)
			add_bucket(&sum, &r->buckets[2 * i + 1]);
		r->buckets[i] = sum;
	}
	memset(r->buckets + n, 0, (r->count - n) * sizeof(*r->buckets));
	r->count = n;
	r->bucket_ns *= 2;
	r->current = NULL;
}

struct rate_bucket *rates_find(struct rates *rates, int64_t time_ns)
{
	uint64_t since, index;

	if (rates->start_ns == TIME_UNKNOWN)
		rates->start_ns = time_ns;
	since = time_ns > rates->start_ns ? (uint64_t)time_ns - (uint64_t)rates->start_ns : 0;
	while ((index = since / (uint64_t)rates->bucket_ns) >= RATES_BUCKETS_MAX)
		widen(rates);
	if (index >= rates->count)
		rates->count = (size_t)index + 1;
	rates->current = &rates->buckets[index];
	rates->current_ns =
	    (int64_t)((uint64_t)rates->start_ns + index * (uint64_t)rates->bucket_ns);
	return rates->current;
}

struct rate_series rates_view(struct rates *rates, int64_t end_ns)
{
	if (rates->start_ns != TIME_UNKNOWN && end_ns != TIME_UNKNOWN)
		rates_find(rates, end_ns);
	return (struct rate_series){
	    .bucket_ns = rates->bucket_ns, .count = rates->count, .buckets = rates->buckets};
}
