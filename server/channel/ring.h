/*
 * Interface for the memory of the channel.
 *
 * Theory of operation. Positions count records from 0 and never wrap; position
 * p uses slot p % slots_count on lap p / slots_count. A slot's state says whose it is:
 *   2 * lap      free for the writer of that lap
 *   2 * lap + 1  written, for the reader
 * so that zeroed memory is an empty ring. A writer takes position p by moving head
 * from p to p + 1 while the slot is free, fills the record, and sets the state. The
 * reader, who keeps its own position to itself, frees the slot for the next lap.
 *
 * A writer may be killed after it took its position: then the slot stays
 * free, yet head has passed it. The reader gives such a slot some time, then frees it
 * for the next lap, and counts the record as lost. Should its
 * writer come back, it finds that the state is no more what it was.
 */
#ifndef SERVER_CHANNEL_RING_H
#define SERVER_CHANNEL_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "server/channel/record.h"

#define CHANNEL_MAGIC 0x32634553u /* tells a ring of this layout from any other file */

struct channel_slot {
	_Atomic uint64_t state;
	struct channel_record record;
};

struct channel_ring {
	uint32_t magic;
	uint32_t slots_count; /* a power of two */
	_Alignas(64) _Atomic uint64_t head;
	_Alignas(64) _Atomic uint64_t lost;
	_Alignas(64) struct channel_slot slots[];
};

static inline size_t channel_ring_size(uint32_t slots_count)
{
	return sizeof(struct channel_ring) + (size_t)slots_count * sizeof(struct channel_slot);
}

static inline struct channel_slot *channel_ring_slot(struct channel_ring *ring,
						     uint32_t slots_count, uint64_t position)
{
	return &ring->slots[position & (slots_count - 1)];
}

/* The state in which the slot of this position is free for its writer. */
static inline uint64_t channel_ring_free_state(uint32_t slots_count, uint64_t position)
{
	return 2 * (position / slots_count);
}

#endif
