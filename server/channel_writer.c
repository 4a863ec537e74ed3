/*
 * The writing end of the channel. A record is one write() of less than PIPE_BUF
 * bytes: whole or not at all, whatever other process writes at the same time.
 */
#include "server/channel_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/channel_count.h"
#include "server/channel_record.h"

struct channel_writer {
	int fd;
	uint64_t name; /* 0: the reader sees the count itself */
	struct channel_count *count;
};

int channel_writer_new(int fd, struct channel_count *count, struct channel_writer **out)
{
	struct channel_writer *writer;
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISFIFO(st.st_mode) || (flags & O_ACCMODE) == O_RDONLY)
		return -EINVAL;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->fd = fd;
	writer->count = count;
	if (!count) {
		/* Nanoseconds since boot: no two servers begin in the same one. */
		writer->name = (uint64_t)clock_monotonic_ns() | 1;
		writer->count = channel_count_new();
		if (!writer->count) {
			free(writer);
			return -ENOMEM;
		}
	}
	*out = writer;
	return 0;
}

static bool put(const struct channel_writer *writer, struct channel_record *record)
{
	ssize_t n;

	record->writer = writer->name;
	record->lost = atomic_load_explicit(&writer->count->lost, memory_order_relaxed);
	do
		n = write(writer->fd, record, sizeof(*record));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*record);
}

void channel_write(const struct channel_writer *writer, const struct event *event)
{
	struct channel_record record;

	if (!channel_record_from_event(event, &record) || !put(writer, &record))
		atomic_fetch_add_explicit(&writer->count->lost, 1, memory_order_relaxed);
}

uint64_t channel_writer_lost(const struct channel_writer *writer)
{
	return atomic_load_explicit(&writer->count->lost, memory_order_relaxed);
}

int channel_writer_finish(const struct channel_writer *writer, int timeout_ms)
{
	const struct event last = {.time_ns = clock_now_ns(), .kind = EVENT_LOSS};
	int64_t end_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	struct channel_record record;

	if (!channel_record_from_event(&last, &record))
		return -EINVAL;
	for (;;) {
		struct pollfd p = {.fd = writer->fd, .events = POLLOUT};
		int64_t left_ns = end_ns - clock_monotonic_ns();

		if (put(writer, &record))
			return 0;
		if (errno != EAGAIN)
			return -errno;
		if (left_ns <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)(left_ns / NS_PER_MS) + 1) < 0 && errno != EINTR)
			return -errno;
	}
}

void channel_writer_free(struct channel_writer *writer)
{
	if (!writer)
		return;
	close(writer->fd);
	if (writer->name)
		channel_count_free(writer->count);
	free(writer);
}
