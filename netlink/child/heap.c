/*
 * A binary heap of children by the time when they are due.
 */
#include "netlink/child/heap.h"

#include <errno.h>
#include <stdlib.h>

#include "event/array.h"

int child_heap_insert(struct child_heap *heap, const struct child_entry *entry, size_t count_max)
{
	size_t i = heap->count;

	if (i >= count_max)
		return -ENOSPC;
	if (i == heap->capacity) {
		struct child_entry *slots =
		    array_grow(heap->slots, &heap->capacity, sizeof(*slots), 64, ARRAY_UNBOUNDED);

		if (!slots)
			return -ENOMEM;
		heap->slots = slots;
	}
	heap->count++;
	while (i > 0 && heap->slots[(i - 1) / 2].due_ns > entry->due_ns) {
		heap->slots[i] = heap->slots[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap->slots[i] = *entry;
	return 0;
}

struct child_entry child_heap_take(struct child_heap *heap)
{
	struct child_entry first = heap->slots[0];
	struct child_entry last = heap->slots[--heap->count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child + 1 < heap->count &&
		    heap->slots[child + 1].due_ns < heap->slots[child].due_ns)
			child++;
		if (child >= heap->count || heap->slots[child].due_ns >= last.due_ns)
			break;
		heap->slots[i] = heap->slots[child];
		i = child;
	}
	heap->slots[i] = last;
	return first;
}

void child_heap_release(struct child_heap *heap)
{
	free(heap->slots);
	*heap = (struct child_heap){0};
}
