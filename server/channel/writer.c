/*
 * The writing end of the channel: takes a slot of the ring, fills it, and says so.
 */
#include "server/channel/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/channel/ring.h"

struct channel_writer {
	int fd; /* open, so that the channel does not end */
	struct channel_ring *ring;
	uint32_t slots_count;
};

/* The size of the ring in fd; 0 when it is none, or one that could shrink. */
static size_t ring_size(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 ||
	    st.st_size < (off_t)sizeof(struct channel_ring))
		return 0;
	return (size_t)st.st_size;
}

int channel_writer_new(int fd, struct channel_writer **out)
{
	struct channel_writer *writer;
	size_t size;
	void *memory;

	if (fcntl(fd, F_GETFD) < 0)
		return -errno;
	size = ring_size(fd);
	if (size == 0)
		return -EINVAL;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED) {
		int r = -errno;

		free(writer);
		return r == -ENOMEM ? r : -EINVAL;
	}
	writer->fd = fd;
	writer->ring = memory;
	writer->slots_count = writer->ring->slots_count;
	if (writer->ring->magic != CHANNEL_MAGIC || writer->slots_count == 0 ||
	    size != channel_ring_size(writer->slots_count)) {
		munmap(memory, size);
		free(writer);
		return -EINVAL;
	}
	*out = writer;
	return 0;
}

/* A slot of this writer's own and the state it was found in; NULL: the ring is full. */
static struct channel_slot *take_slot(const struct channel_writer *writer, uint64_t *free_state)
{
	struct channel_ring *ring = writer->ring;
	uint64_t position = atomic_load_explicit(&ring->head, memory_order_relaxed);

	for (;;) {
		struct channel_slot *slot = channel_ring_slot(ring, writer->slots_count, position);
		uint64_t state = atomic_load_explicit(&slot->state, memory_order_acquire);

		*free_state = channel_ring_free_state(writer->slots_count, position);
		if (state < *free_state)
			return NULL; /* the reader has not been here since the last lap */
		if (state == *free_state && atomic_compare_exchange_weak_explicit(
						&ring->head, &position, position + 1,
						memory_order_release, memory_order_relaxed))
			return slot;
		if (state != *free_state)
			position = atomic_load_explicit(&ring->head, memory_order_relaxed);
	}
}

void channel_write(const struct channel_writer *writer, const struct event *event)
{
	struct channel_record record;
	struct channel_slot *slot = NULL;
	uint64_t free_state;

	if (channel_record_from_event(event, &record))
		slot = take_slot(writer, &free_state);
	if (!slot) {
		atomic_fetch_add_explicit(&writer->ring->lost, 1, memory_order_relaxed);
		return;
	}
	slot->record = record;
	/* Fails when this process stood still for so long that the reader gave the slot up. */
	atomic_compare_exchange_strong_explicit(&slot->state, &free_state, free_state + 1,
						memory_order_release, memory_order_relaxed);
}

uint64_t channel_writer_lost(const struct channel_writer *writer)
{
	return atomic_load_explicit(&writer->ring->lost, memory_order_relaxed);
}

void channel_writer_free(struct channel_writer *writer)
{
	if (!writer)
		return;
	munmap(writer->ring, channel_ring_size(writer->slots_count));
	close(writer->fd);
	free(writer);
}
