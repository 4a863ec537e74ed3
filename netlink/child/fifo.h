/*
 * Interface for the FIFO of the children that wait in one accept queue, in the order in which
 * they were seen there, and for what the first of them proves of the others. Used by
 * queue.c alone.
 *
 * Theory of operation. The accept queue is first in, first out: while the first waits, so does
 * everybody whose final ACK was captured after that one had been seen in the queue. Of those
 * that finished with it nobody knows the order: two processors may be at their packets in
 * another order than that of the capture, and an ACK that a full queue refused is made good by
 * the data behind it, when others have entered. They take turns at being looked at.
 *
 * Nor is it known of those that came last whether they are in this queue at all: the listener may
 * have got a sibling that no dump of listeners has shown yet (known_ns).
 */
#ifndef NETLINK_CHILD_FIFO_H
#define NETLINK_CHILD_FIFO_H

#include "netlink/child/ring.h"

struct child_fifo {
	struct child_ring ring;
	int64_t proof_ns;  /* see struct child: of those that were acked after behind_ns */
	int64_t behind_ns; /* when the one that proves it was first seen waiting */
	size_t unproven;   /* those before it were acked by then */
	size_t turn;	   /* the next of these to be looked at */
};

void child_fifo_init(struct child_fifo *fifo);
void child_fifo_release(struct child_fifo *fifo);

static inline struct child_entry *child_fifo_at(const struct child_fifo *fifo, size_t i)
{
	return child_ring_at(&fifo->ring, i);
}

/*
 * What is proven of the entry becomes its own: before it is looked at, or leaves. Who was acked
 * before known_ns is in this queue.
 */
void child_fifo_take_proof(const struct child_fifo *fifo, struct child_entry *entry,
			   int64_t known_ns);

/* The first was seen waiting again. */
void child_fifo_prove(struct child_fifo *fifo, int64_t known_ns);

/*
 * The one behind the first `window` whose turn it is, of those of which nothing is proven; 0: none.
 */
size_t child_fifo_turn(struct child_fifo *fifo, size_t window);

void child_fifo_remove(struct child_fifo *fifo, size_t i);

#endif
