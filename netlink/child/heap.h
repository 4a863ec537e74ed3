/*
 * Interface for a heap of children: the one that is due first comes out first.
 * Init to zero; used by queue.c alone.
 */
#ifndef NETLINK_CHILD_HEAP_H
#define NETLINK_CHILD_HEAP_H

#include "netlink/child/ring.h"

struct child_heap {
	struct child_entry *slots; /* slots[0] is due first */
	size_t count;
	size_t capacity;
};

/* By entry->due_ns. -ENOMEM leaves the heap as it was; at count_max it is -ENOSPC. */
int child_heap_insert(struct child_heap *heap, const struct child_entry *entry, size_t count_max)
    __attribute__((warn_unused_result));

/* Takes slots[0] out; the heap is not empty. */
struct child_entry child_heap_take(struct child_heap *heap);

void child_heap_release(struct child_heap *heap);

#endif
