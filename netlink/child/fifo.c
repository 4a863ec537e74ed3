/*
 * The FIFO of one accept queue.
 */
#include "netlink/child/fifo.h"

#include "event/clock.h"

void child_fifo_init(struct child_fifo *fifo)
{
	*fifo = (struct child_fifo){.proof_ns = TIME_UNKNOWN, .behind_ns = INT64_MAX};
}

void child_fifo_release(struct child_fifo *fifo)
{
	child_ring_release(&fifo->ring);
}

void child_fifo_take_proof(const struct child_fifo *fifo, struct child_entry *entry,
			   int64_t known_ns)
{
	if (entry->acked_ns < known_ns && entry->acked_ns > fifo->behind_ns &&
	    fifo->proof_ns > entry->waiting_ns)
		entry->waiting_ns = fifo->proof_ns;
}

void child_fifo_prove(struct child_fifo *fifo, int64_t known_ns)
{
	const struct child_entry *first;

	if (!fifo->ring.count)
		return;
	first = child_fifo_at(fifo, 0);
	if (first->waiting_ns <= fifo->proof_ns)
		return;
	/* If it is another one than before, those who finished with it keep what they have. */
	for (; fifo->unproven < fifo->ring.count; fifo->unproven++) {
		struct child_entry *entry = child_fifo_at(fifo, fifo->unproven);

		if (entry->acked_ns > first->seen_ns)
			break;
		child_fifo_take_proof(fifo, entry, known_ns);
	}
	fifo->behind_ns = first->seen_ns;
	fifo->proof_ns = first->waiting_ns;
}

size_t child_fifo_turn(struct child_fifo *fifo, size_t window)
{
	if (fifo->unproven <= window)
		return 0;
	if (fifo->turn < window || fifo->turn >= fifo->unproven)
		fifo->turn = window;
	return fifo->turn++;
}

void child_fifo_remove(struct child_fifo *fifo, size_t i)
{
	child_ring_remove(&fifo->ring, i);
	if (i < fifo->unproven)
		fifo->unproven--;
	if (i < fifo->turn)
		fifo->turn--;
}
