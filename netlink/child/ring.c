/*
 * A ring of children.
 */
#include "netlink/child/ring.h"

#include <errno.h>
#include <stdlib.h>

int child_ring_append(struct child_ring *ring, const struct child_entry *entry)
{
	if (ring->count == ring->capacity) {
		size_t capacity = ring->capacity ? 2 * ring->capacity : 16;
		struct child_entry *slots = malloc(capacity * sizeof(*slots));

		if (!slots)
			return -ENOMEM;
		for (size_t i = 0; i < ring->count; i++)
			slots[i] = *child_ring_at(ring, i);
		free(ring->slots);
		ring->slots = slots;
		ring->head = 0;
		ring->capacity = capacity;
	}
	ring->count++;
	*child_ring_at(ring, ring->count - 1) = *entry;
	return 0;
}

void child_ring_remove(struct child_ring *ring, size_t i)
{
	for (; i > 0; i--)
		*child_ring_at(ring, i) = *child_ring_at(ring, i - 1);
	ring->head = (ring->head + 1) & (ring->capacity - 1);
	ring->count--;
}

void child_ring_release(struct child_ring *ring)
{
	free(ring->slots);
	*ring = (struct child_ring){0};
}
