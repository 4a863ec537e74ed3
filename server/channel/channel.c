/*
 * The reading end of the channel. It makes the ring, takes records out of it
 * without waiting, and tells what was lost. It does not write:
 * writer.c does.
 *
 * How does it know that all writers are gone? A lock on the ring's file belongs to the
 * open file description of the write end (fcntl(2), "Open file description
 * locks"), which fork() and exec() share out; the kernel drops it with the last
 * copy, also of a process that was killed.
 */
#include "server/channel/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/channel/ring.h"

/* A writer that is alive fills the slot that it took in less than this, if it runs at all. */
#define HOLE_PATIENCE_NS NS_PER_SEC

struct channel_reader {
	int fd; /* of its own open file description: it sees the writers' lock */
	struct channel_ring *ring;
	uint32_t slots_count;  /* not the ring's: a writer could spoil that */
	uint64_t position;     /* of the next record */
	int64_t hole_since_ns; /* monotonic; 0: the slot at position is no hole so far */
	uint64_t told;	       /* the count in the last EVENT_LOSS */
};

static int lock_for_writers(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static bool has_writers(const struct channel_reader *reader)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(reader->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static uint64_t head_of(const struct channel_reader *reader)
{
	return atomic_load_explicit(&reader->ring->head, memory_order_acquire);
}

/* A second open file description of the same memory. */
static int open_again(int fd)
{
	char path[32];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	return again < 0 ? -errno : again;
}

int channel_open(struct channel_reader **out, int *write_fd)
{
	return channel_open_sized(CHANNEL_RECORDS, out, write_fd);
}

int channel_open_sized(uint32_t records, struct channel_reader **out, int *write_fd)
{
	size_t size = channel_ring_size(records);
	struct channel_reader *reader;
	void *memory;
	int fd, r;

	if (records == 0 || records > CHANNEL_RECORDS_MAX || (records & (records - 1)) != 0)
		return -EINVAL;
	reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->slots_count = records;
	fd = memfd_create("synscope-events", MFD_ALLOW_SEALING);
	if (fd < 0) {
		r = -errno;
		goto free_reader;
	}
	/* Sealed, it cannot shrink under a mapping, which would be a SIGBUS. */
	if (ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		r = -errno;
		goto close_writer;
	}
	r = lock_for_writers(fd);
	if (r < 0)
		goto close_writer;
	reader->fd = r = open_again(fd);
	if (r < 0)
		goto close_writer;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, reader->fd, 0);
	if (memory == MAP_FAILED) {
		r = -errno;
		goto close_reader;
	}
	reader->ring = memory;
	reader->ring->magic = CHANNEL_MAGIC;
	reader->ring->slots_count = records;
	*write_fd = fd;
	*out = reader;
	return 0;

close_reader:
	close(reader->fd);
close_writer:
	close(fd);
free_reader:
	free(reader);
	return r;
}

uint64_t channel_lost(const struct channel_reader *reader)
{
	return atomic_load(&reader->ring->lost);
}

/* 1 when there was something to tell, 0 when not, or what fn returned. */
static int tell_loss(struct channel_reader *reader, int64_t time_ns, event_fn fn, void *context)
{
	struct event event = {
	    .time_ns = time_ns,
	    .kind = EVENT_LOSS,
	    .source = SOURCE_SERVER,
	    .loss = {.kind = LOSS_SERVER_EVENTS, .count = channel_lost(reader)},
	};
	int r;

	if (event.loss.count <= reader->told)
		return 0;
	r = fn(context, &event);
	if (r)
		return r;
	reader->told = event.loss.count;
	return 1;
}

/* Frees the slot at the reader's position for the next lap, and goes on. */
static void advance(struct channel_reader *reader, struct channel_slot *slot)
{
	uint64_t next = channel_ring_free_state(reader->slots_count, reader->position) + 2;

	atomic_store_explicit(&slot->state, next, memory_order_release);
	reader->position++;
	reader->hole_since_ns = 0;
}

static uint64_t state_of(struct channel_slot *slot)
{
	return atomic_load_explicit(&slot->state, memory_order_acquire);
}

/* Nobody has filled the slot, though somebody took it: true when it is given up. */
static bool is_given_up(struct channel_reader *reader, struct channel_slot *slot,
			uint64_t free_state)
{
	int64_t now_ns = clock_monotonic_ns();

	if (reader->hole_since_ns == 0)
		reader->hole_since_ns = now_ns;
	if (now_ns - reader->hole_since_ns >= HOLE_PATIENCE_NS)
		return true;
	/* In this order: what was written before the last writer went is seen. */
	return !has_writers(reader) && state_of(slot) == free_state;
}

/* The number of events, or what fn returned; stops at a slot that is still being filled. */
static int deliver(struct channel_reader *reader, uint64_t head, event_fn fn, void *context)
{
	int events = 0;

	while (reader->position != head) {
		struct channel_slot *slot =
		    channel_ring_slot(reader->ring, reader->slots_count, reader->position);
		uint64_t free_state =
		    channel_ring_free_state(reader->slots_count, reader->position);
		struct event event;

		if (state_of(slot) == free_state) {
			if (!is_given_up(reader, slot, free_state))
				return events;
			atomic_fetch_add(&reader->ring->lost, 1);
		} else if (channel_record_to_event(&slot->record, &event)) {
			int r = fn(context, &event);

			if (r)
				return r;
			events++;
		} else {
			atomic_fetch_add(&reader->ring->lost, 1);
		}
		advance(reader, slot);
	}
	return events;
}

int channel_read(struct channel_reader *reader, event_fn fn, void *context)
{
	int events = deliver(reader, head_of(reader), fn, context), r;

	if (events < 0)
		return events;
	r = tell_loss(reader, clock_now_ns(), fn, context);
	return r < 0 ? r : events + r;
}

bool channel_ended(const struct channel_reader *reader)
{
	/* In this order, as above. */
	return !has_writers(reader) && reader->position == head_of(reader) &&
	       reader->told == channel_lost(reader);
}

void channel_reader_free(struct channel_reader *reader)
{
	if (!reader)
		return;
	munmap(reader->ring, channel_ring_size(reader->slots_count));
	close(reader->fd);
	free(reader);
}
