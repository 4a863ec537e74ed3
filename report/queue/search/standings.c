/*
 * Chunks of places that rows share.
 */
#include "report/queue/search/standings.h"

#include <stdlib.h>
#include <string.h>

bool standings_init(struct standings *standings, uint32_t slots)
{
	*standings = (struct standings){
	    .chunks = calloc(64, sizeof(*standings->chunks)),
	    .count = 1,
	    .room = 64,
	    .row_words = (slots + STANDINGS_CHUNK - 1) / STANDINGS_CHUNK,
	};
	return standings->chunks != NULL;
}

void standings_release(struct standings *standings)
{
	free(standings->chunks);
	standings->chunks = NULL;
}

bool standings_set(struct standings *s, uint32_t *row, uint32_t slot, uint8_t place)
{
	uint32_t *chunk = &row[slot / STANDINGS_CHUNK];

	if (s->chunks[*chunk][slot % STANDINGS_CHUNK] == place)
		return true;
	if (s->count == s->room) {
		size_t room = 2 * s->room;
		void *bigger =
		    room > UINT32_MAX ? NULL : realloc(s->chunks, room * sizeof(*s->chunks));

		if (!bigger)
			return false;
		s->chunks = bigger;
		s->room = room;
	}
	memcpy(s->chunks[s->count], s->chunks[*chunk], STANDINGS_CHUNK);
	s->chunks[s->count][slot % STANDINGS_CHUNK] = place;
	*chunk = (uint32_t)s->count++;
	return true;
}
