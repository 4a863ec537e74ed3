/*
 * The reading end of the channel. It makes the pipe, takes records out of it
 * without waiting, and adds up what the writers say they lost. It does not
 * write: channel_writer.c does.
 */
#include "server/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/channel_count.h"
#include "server/channel_record.h"

/* 1 MiB is what /proc/sys/fs/pipe-max-size lets anybody have; less where the user has many pipes.
 */
#define PIPE_BYTES	 (1 << 20)
#define PIPE_BYTES_LEAST (1 << 16)

#define READ_RECORDS 512
/* A call ends after this many, so that a fast writer cannot hold the reader for ever. */
#define CALL_RECORDS (2 * PIPE_BYTES / (int)sizeof(struct channel_record))

/* Servers with a count of their own on one channel: COMMAND may start several. */
#define WRITERS_MAX 64

struct writer_count {
	uint64_t writer;
	uint64_t lost;
	bool ended;
};

struct channel_reader {
	int fd;
	bool ended;
	struct channel_count *count;
	uint64_t malformed; /* records that are none: each stands for a lost event */
	uint64_t told;	    /* the total in the last EVENT_LOSS */
	size_t writers_count;
	struct writer_count writers[WRITERS_MAX];
	size_t next, filled; /* bytes of buffer */
	_Alignas(
	    struct channel_record) uint8_t buffer[READ_RECORDS * sizeof(struct channel_record)];
};

int channel_open(struct channel_reader **out, int *write_fd)
{
	struct channel_reader *reader = calloc(1, sizeof(*reader));
	int fds[2], r;

	if (!reader)
		return -ENOMEM;
	reader->count = channel_count_new();
	if (!reader->count) {
		r = -ENOMEM;
		goto free_reader;
	}
	if (pipe2(fds, O_NONBLOCK) < 0) {
		r = -errno;
		goto free_count;
	}
	if (fcntl(fds[0], F_SETFD, FD_CLOEXEC) < 0) {
		r = -errno;
		goto close_pipe;
	}
	for (int bytes = PIPE_BYTES; bytes > PIPE_BYTES_LEAST; bytes /= 2)
		if (fcntl(fds[1], F_SETPIPE_SZ, bytes) >= 0)
			break;
	reader->fd = fds[0];
	*write_fd = fds[1];
	*out = reader;
	return 0;

close_pipe:
	close(fds[0]);
	close(fds[1]);
free_count:
	channel_count_free(reader->count);
free_reader:
	free(reader);
	return r;
}

struct channel_count *channel_count(struct channel_reader *reader)
{
	return reader->count;
}

void channel_leave(struct channel_reader *reader)
{
	close(reader->fd);
	reader->fd = -1;
	reader->ended = true;
}

/* The last slot is shared by those who come when all are taken. */
static struct writer_count *find_writer(struct channel_reader *reader, uint64_t writer)
{
	for (size_t i = 0; i < reader->writers_count; i++)
		if (reader->writers[i].writer == writer)
			return &reader->writers[i];
	if (reader->writers_count == WRITERS_MAX)
		return &reader->writers[WRITERS_MAX - 1];
	reader->writers[reader->writers_count].writer = writer;
	return &reader->writers[reader->writers_count++];
}

/* Processes of one writer may deliver their readings of its count out of order. */
static void note_writer(struct channel_reader *reader, const struct channel_record *record)
{
	struct writer_count *w;

	if (!record->writer)
		return;
	w = find_writer(reader, record->writer);
	if (record->lost > w->lost)
		w->lost = record->lost;
	if (record->kind == EVENT_LOSS)
		w->ended = true;
}

uint64_t channel_lost(const struct channel_reader *reader)
{
	uint64_t total = atomic_load(&reader->count->lost) + reader->malformed;

	for (size_t i = 0; i < reader->writers_count; i++)
		total += reader->writers[i].lost;
	return total;
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

	if (event.loss.count == reader->told)
		return 0;
	r = fn(context, &event);
	if (r)
		return r;
	reader->told = event.loss.count;
	return 1;
}

/* Takes one record out of the buffer. The number of events it gave, or what fn returned. */
static int deliver(struct channel_reader *reader, event_fn fn, void *context)
{
	struct channel_record record;
	struct event event;
	int64_t now_ns;
	bool valid;
	int r, told;

	memcpy(&record, reader->buffer + reader->next, sizeof(record));
	valid = channel_record_to_event(&record, &event);
	now_ns = valid ? record.time_ns : clock_now_ns();
	if (valid)
		note_writer(reader, &record);
	else
		reader->malformed++;
	told = tell_loss(reader, now_ns, fn, context);
	if (told < 0) {
		if (!valid)
			reader->malformed--; /* it is looked at again */
		return told;
	}
	if (valid && event.kind != EVENT_LOSS) {
		r = fn(context, &event);
		if (r)
			return r;
		told++;
	}
	reader->next += sizeof(record);
	return told;
}

/* 1: there is a whole record in the buffer; 0: nothing there now; -errno. */
static int fill(struct channel_reader *reader)
{
	size_t left = reader->filled - reader->next;
	ssize_t n;

	if (left >= sizeof(struct channel_record))
		return 1;
	/* Writes are whole records, so only somebody else's bytes leave a rest. */
	memmove(reader->buffer, reader->buffer + reader->next, left);
	reader->next = 0;
	reader->filled = left;
	do
		n = read(reader->fd, reader->buffer + left, sizeof(reader->buffer) - left);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0) {
		reader->ended = true;
		return 0;
	}
	reader->filled += (size_t)n;
	return reader->filled >= sizeof(struct channel_record);
}

int channel_read(struct channel_reader *reader, event_fn fn, void *context)
{
	int events = 0, r = 0;

	for (int records = 0; records < CALL_RECORDS && !reader->ended; records++) {
		r = fill(reader);
		if (r <= 0)
			break;
		r = deliver(reader, fn, context);
		if (r < 0)
			return r;
		events += r;
	}
	if (r < 0)
		return r;
	r = tell_loss(reader, clock_now_ns(), fn, context);
	return r < 0 ? r : events + r;
}

bool channel_ended(const struct channel_reader *reader)
{
	return reader->ended;
}

bool channel_complete(const struct channel_reader *reader)
{
	for (size_t i = 0; i < reader->writers_count; i++)
		if (!reader->writers[i].ended)
			return false;
	return true;
}

void channel_reader_free(struct channel_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	channel_count_free(reader->count);
	free(reader);
}
