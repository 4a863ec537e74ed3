/*
 * Interface for standings: where each attempt stands, of many histories that differ in
 * few of them. A row has a chunk's number for every STANDINGS_CHUNK attempts; a chunk
 * is never changed, but copied for the row that needs another.
 */
#ifndef REPORT_QUEUE_SEARCH_STANDINGS_H
#define REPORT_QUEUE_SEARCH_STANDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STANDINGS_CHUNK 64u

struct standings {
	uint8_t (*chunks)[STANDINGS_CHUNK]; /* the first is that of nobody: all 0 */
	size_t count;
	size_t room;
	size_t row_words; /* uint32_t of a row; a row of zeros is a row of places 0 */
};

/* slots: attempts. False without memory; standings_release() in any case. */
bool standings_init(struct standings *standings, uint32_t slots)
    __attribute__((warn_unused_result));
void standings_release(struct standings *standings);

static inline uint8_t standings_get(const struct standings *standings, const uint32_t *row,
				    uint32_t slot)
{
	return standings->chunks[row[slot / STANDINGS_CHUNK]][slot % STANDINGS_CHUNK];
}

/* False without memory. */
bool standings_set(struct standings *standings, uint32_t *row, uint32_t slot, uint8_t place)
    __attribute__((warn_unused_result));

#endif
