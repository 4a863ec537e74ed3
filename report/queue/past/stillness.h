/*
 * Interface for stillness: since when nobody has left an accept queue, by its samples and what
 * entered between them. The queue is first in, first out and has no other way out than accept():
 * who was in it since then, is.
 */
#ifndef REPORT_QUEUE_PAST_STILLNESS_H
#define REPORT_QUEUE_PAST_STILLNESS_H

#include <stdbool.h>
#include <stdint.h>

struct stillness {
	int64_t since_ns;	 /* nobody has left from here to until_ns; TIME_UNKNOWN */
	int64_t until_ns;	 /* the last sample without an entry near it */
	int64_t empty_ns;	 /* the last sample that found it empty began; TIME_UNKNOWN */
	int64_t last_entry_ns;	 /* TIME_UNKNOWN */
	uint64_t entered;	 /* ever, as judged when they came */
	uint64_t anchor_entered; /* at until_ns */
	uint32_t anchor_depth;
	bool doubtful; /* somebody may have entered since then, in the place of who left */
};

void stillness_init(struct stillness *stillness);

/* A connection enters. */
void stillness_enter(struct stillness *stillness, int64_t time_ns);

/* One may have entered, and is taken not to have found room. */
void stillness_doubt(struct stillness *stillness, int64_t time_ns);

/* True at some instant within [before_ns, time_ns]; entries up to time_ns have been told. */
void stillness_sample(struct stillness *stillness, uint32_t depth, int64_t before_ns);

#endif
