/*
 * Chunks of places that rows share.
 */
#include "report/queue/search/placements.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"

bool placements_init(struct placements *placements, uint32_t slots)
{
	*placements = (struct placements){
	    .chunks = calloc(64, sizeof(*placements->chunks)),
	    .count = 1,
	    .room = 64,
	    .row_words = (slots + PLACEMENTS_CHUNK - 1) / PLACEMENTS_CHUNK,
	};
	return placements->chunks != NULL;
}

void placements_release(struct placements *placements)
{
	free(placements->chunks);
	placements->chunks = NULL;
}

bool placements_set(struct placements *s, uint32_t *row, uint32_t slot, uint8_t place)
{
	uint32_t *chunk = &row[slot / PLACEMENTS_CHUNK];

	if (s->chunks[*chunk][slot % PLACEMENTS_CHUNK] == place)
		return true;
	if (s->count == s->room) {
		void *bigger = array_grow(s->chunks, &s->room, sizeof(*s->chunks), 1, UINT32_MAX);

		if (!bigger)
			return false;
		s->chunks = bigger;
	}
	memcpy(s->chunks[s->count], s->chunks[*chunk], PLACEMENTS_CHUNK);
	s->chunks[s->count][slot % PLACEMENTS_CHUNK] = place;
	*chunk = (uint32_t)s->count++;
	return true;
}
