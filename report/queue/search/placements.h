/*
 * Interface for placements: the place (enum place) of each attempt in each of many hypotheses
 * that differ in few of them; an array that is copied on write. A row has a chunk's number for
 * every PLACEMENTS_CHUNK attempts; a chunk is never changed, but copied for the row that
 * needs another.
 */
#ifndef REPORT_QUEUE_SEARCH_PLACEMENTS_H
#define REPORT_QUEUE_SEARCH_PLACEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACEMENTS_CHUNK 64u

struct placements {
	uint8_t (*chunks)[PLACEMENTS_CHUNK]; /* the first is that of nobody: all 0 */
	size_t count;
	size_t room;
	size_t row_words; /* uint32_t of a row; a row of zeros is a row of places 0 */
};

/* slots: attempts. False without memory; placements_release() in any case. */
bool placements_init(struct placements *placements, uint32_t slots)
    __attribute__((warn_unused_result));
void placements_release(struct placements *placements);

static inline uint8_t placements_get(const struct placements *placements, const uint32_t *row,
				     uint32_t slot)
{
	return placements->chunks[row[slot / PLACEMENTS_CHUNK]][slot % PLACEMENTS_CHUNK];
}

/* False without memory. */
bool placements_set(struct placements *placements, uint32_t *row, uint32_t slot, uint8_t place)
    __attribute__((warn_unused_result));

#endif
