/*
 * Interface for a ring of children: a queue in one piece of memory that grows
 * by doubling. Init to zero; used by the queues of children alone.
 */
#ifndef NETLINK_CHILD_RING_H
#define NETLINK_CHILD_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/flow.h"

struct child_entry {
	struct flow flow;
	uint32_t round; /* that looked at it last */
	uint8_t told;	/* enum child_status, where it has been told */
	bool once;	/* the next look is the last */
	uint64_t key;
	int64_t acked_ns;   /* when its final ACK was captured */
	int64_t seen_ns;    /* when it was first seen waiting */
	int64_t pushed_ns;  /* monotonic */
	int64_t due_ns;	    /* monotonic */
	int64_t waiting_ns; /* see struct child */
};

struct child_ring {
	struct child_entry *slots;
	size_t head;
	size_t count;
	size_t capacity; /* a power of two, or 0 */
};

static inline struct child_entry *child_ring_at(const struct child_ring *ring, size_t i)
{
	return &ring->slots[(ring->head + i) & (ring->capacity - 1)];
}

/* -ENOMEM leaves the ring as it was. */
int child_ring_append(struct child_ring *ring, const struct child_entry *entry)
    __attribute__((warn_unused_result));

/* Takes the i-th out; costs i moves. */
void child_ring_remove(struct child_ring *ring, size_t i);

void child_ring_release(struct child_ring *ring);

#endif
