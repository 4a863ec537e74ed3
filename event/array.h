/*
 * Interface for arrays that grow: each time to twice as many elements, up to a bound.
 */
#ifndef EVENT_ARRAY_H
#define EVENT_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* For most: there is no bound but memory. */
#define ARRAY_UNBOUNDED SIZE_MAX

/*
 * The array with room for twice as many elements of this size, or for first of them where it had
 * no room; *room is how many. NULL where that are more than most, or there is no memory: the array
 * and *room are as they were.
 */
static inline void *array_grow(void *array, size_t *room, size_t size, size_t first, size_t most)
{
	size_t more = *room ? 2 * *room : first;
	void *bigger;

	if (*room > SIZE_MAX / 2 || more > most || more > SIZE_MAX / size)
		return NULL;
	bigger = realloc(array, more * size);
	if (bigger)
		*room = more;
	return bigger;
}

#endif
