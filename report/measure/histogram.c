/*
 * Log-linear histograms. Values below 2^7 have a bucket each; above, each power
 * of two is cut into 2^7 buckets of equal width.
 */
#include "report/measure/histogram.h"

#include <string.h>

#define SUB_COUNT (1u << HISTOGRAM_SUB_BITS)

static size_t bucket_of(uint64_t value)
{
	unsigned top, shift;

	if (value < SUB_COUNT)
		return (size_t)value;
	top = 63u - (unsigned)__builtin_clzll(value);
	shift = top - HISTOGRAM_SUB_BITS;
	return ((size_t)(shift + 1) << HISTOGRAM_SUB_BITS) + (size_t)((value >> shift) - SUB_COUNT);
}

static int64_t bucket_start(size_t bucket)
{
	size_t octave = bucket >> HISTOGRAM_SUB_BITS;

	if (octave == 0)
		return (int64_t)bucket;
	return (int64_t)((uint64_t)(SUB_COUNT + (bucket & (SUB_COUNT - 1))) << (octave - 1));
}

static int64_t bucket_end(size_t bucket)
{
	if (bucket + 1 >= HISTOGRAM_BUCKETS)
		return INT64_MAX;
	return bucket_start(bucket + 1);
}

void histogram_init(struct histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
}

void histogram_add(struct histogram *histogram, int64_t value)
{
	if (histogram->count == 0 || value < histogram->min)
		histogram->min = value;
	if (histogram->count == 0 || value > histogram->max)
		histogram->max = value;
	histogram->count++;
	histogram->buckets[bucket_of(value < 0 ? 0 : (uint64_t)value)]++;
}

int64_t histogram_percentile(const struct histogram *histogram, unsigned permille)
{
	uint64_t rank, seen = 0;

	if (histogram->count == 0)
		return 0;
	/* The smallest rank r with r / count >= permille / 1000, counted from 1. */
	rank = (histogram->count / 1000) * permille +
	       ((histogram->count % 1000) * permille + 999) / 1000;
	if (rank == 0)
		rank = 1;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->buckets[i];
		if (seen >= rank) {
			int64_t value = bucket_end(i) - 1;

			if (value > histogram->max)
				value = histogram->max;
			return value < histogram->min ? histogram->min : value;
		}
	}
	return histogram->max;
}

struct latency_summary histogram_summary(const struct histogram *histogram)
{
	if (histogram->count == 0)
		return (struct latency_summary){0};
	return (struct latency_summary){
	    .count = histogram->count,
	    .min = histogram->min,
	    .p50 = histogram_percentile(histogram, 500),
	    .p90 = histogram_percentile(histogram, 900),
	    .p99 = histogram_percentile(histogram, 990),
	    .p999 = histogram_percentile(histogram, 999),
	    .max = histogram->max,
	};
}

size_t histogram_bars(const struct histogram *histogram, struct latency_bar *bars, size_t max)
{
	const size_t step = SUB_COUNT / 4;
	size_t n = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i += step) {
		uint64_t count = 0;

		for (size_t j = i; j < i + step && j < HISTOGRAM_BUCKETS; j++)
			count += histogram->buckets[j];
		if (!count)
			continue;
		if (bars) {
			if (n == max)
				return n;
			bars[n] = (struct latency_bar){
			    .from_ns = bucket_start(i),
			    .to_ns = bucket_end(i + step - 1),
			    .count = count,
			};
		}
		n++;
	}
	return n;
}
