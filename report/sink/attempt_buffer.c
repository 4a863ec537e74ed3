/*
 * Attempts in a temporary file. Records are the struct itself up to its marks,
 * then the marks that are used: only this process reads them.
 */
#include "report/sink/attempt_buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY_DEFAULT ((size_t)1024 * 1024)
#define RECORD_MAX     sizeof(struct attempt)
#define HEAD_SIZE      offsetof(struct attempt, marks)

struct attempt_buffer {
	int fd; /* -1: not there (yet) */
	uint64_t count;
	uint64_t in_file; /* bytes */
	size_t size;	  /* of the buffer */
	size_t used;	  /* bytes of it that are not in the file: the newest records */
	char *buffer;
	/* Reading: a window of the file, then the buffer itself. */
	uint64_t read_from; /* offset in the file of the window's end */
	size_t window_start;
	size_t window_used;
	size_t buffer_read;
	char *window;
};

#define WINDOW_SIZE ((size_t)256 * 1024)

/* A file without a name; where the filesystem has no O_TMPFILE, one whose name is taken away. */
static int open_temporary(void)
{
	const char *folder = getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	if (!folder || !*folder)
		folder = "/tmp";
	fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
		return fd >= 0 ? fd : -errno;
	if (snprintf(path, sizeof(path), "%s/synscope-XXXXXX", folder) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int attempt_buffer_new(size_t memory_bytes, struct attempt_buffer **out)
{
	struct attempt_buffer *buffer = calloc(1, sizeof(*buffer));

	*out = NULL;
	if (!buffer)
		return -ENOMEM;
	buffer->size = memory_bytes ? memory_bytes : MEMORY_DEFAULT;
	if (buffer->size < RECORD_MAX)
		buffer->size = RECORD_MAX;
	buffer->buffer = malloc(buffer->size);
	if (!buffer->buffer) {
		free(buffer);
		return -ENOMEM;
	}
	buffer->fd = open_temporary();
	if (buffer->fd < 0)
		buffer->fd = -1;
	*out = buffer;
	return 0;
}

/* Moves the buffer's records to the file, all of them or none. */
static int spill(struct attempt_buffer *buffer)
{
	size_t written = 0;

	if (buffer->fd < 0) {
		int fd = open_temporary();

		if (fd < 0)
			return fd;
		buffer->fd = fd;
	}
	while (written < buffer->used) {
		ssize_t n = pwrite(buffer->fd, buffer->buffer + written, buffer->used - written,
				   (off_t)(buffer->in_file + written));

		if (n > 0)
			written += (size_t)n;
		else if (n == 0)
			return -EIO;
		else if (errno != EINTR)
			return -errno;
	}
	buffer->in_file += buffer->used;
	buffer->used = 0;
	return 0;
}

static size_t record_size(const struct attempt *attempt)
{
	return HEAD_SIZE + attempt->marks_count * sizeof(struct mark);
}

int attempt_buffer_add(struct attempt_buffer *buffer, const struct attempt *attempt)
{
	size_t size;

	if (attempt->marks_count > ATTEMPT_MARKS_MAX)
		return -EINVAL;
	size = record_size(attempt);
	if (buffer->size - buffer->used < size) {
		int result = spill(buffer);

		if (result)
			return result;
	}
	memcpy(buffer->buffer + buffer->used, attempt, size);
	buffer->used += size;
	buffer->count++;
	return 0;
}

uint64_t attempt_buffer_count(const struct attempt_buffer *buffer)
{
	return buffer->count;
}

void attempt_buffer_rewind(struct attempt_buffer *buffer)
{
	buffer->read_from = 0;
	buffer->window_start = 0;
	buffer->window_used = 0;
	buffer->buffer_read = 0;
}

/* Moves what is left of the window to its start and reads on. */
static int fill_window(struct attempt_buffer *buffer)
{
	size_t left = buffer->window_used - buffer->window_start;

	if (!buffer->window) {
		buffer->window = malloc(WINDOW_SIZE);
		if (!buffer->window)
			return -ENOMEM;
	}
	memmove(buffer->window, buffer->window + buffer->window_start, left);
	buffer->window_start = 0;
	buffer->window_used = left;
	while (buffer->window_used < WINDOW_SIZE && buffer->read_from < buffer->in_file) {
		uint64_t rest = buffer->in_file - buffer->read_from;
		size_t room = WINDOW_SIZE - buffer->window_used;
		ssize_t n = pread(buffer->fd, buffer->window + buffer->window_used,
				  rest < room ? (size_t)rest : room, (off_t)buffer->read_from);

		if (n == 0)
			return -EIO; /* somebody cut the file */
		if (n > 0) {
			buffer->window_used += (size_t)n;
			buffer->read_from += (uint64_t)n;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

/* Copies the record at data, where available bytes are; returns its size, 0 when it is not whole.
 */
static size_t take(const char *data, size_t available, struct attempt *attempt)
{
	size_t size;

	if (available < HEAD_SIZE)
		return 0;
	memcpy(attempt, data, HEAD_SIZE);
	size = record_size(attempt);
	if (available < size)
		return 0;
	memcpy(attempt->marks, data + HEAD_SIZE, size - HEAD_SIZE);
	return size;
}

int attempt_buffer_next(struct attempt_buffer *buffer, struct attempt *attempt)
{
	size_t size;

	if (buffer->window_start < buffer->window_used || buffer->read_from < buffer->in_file) {
		size = buffer->window_used > buffer->window_start
			   ? take(buffer->window + buffer->window_start,
				  buffer->window_used - buffer->window_start, attempt)
			   : 0;
		if (!size) {
			int result = fill_window(buffer);

			if (result)
				return result;
			size = take(buffer->window, buffer->window_used, attempt);
			if (!size)
				return -EIO;
		}
		buffer->window_start += size;
		return 1;
	}
	if (buffer->buffer_read == buffer->used)
		return 0;
	size =
	    take(buffer->buffer + buffer->buffer_read, buffer->used - buffer->buffer_read, attempt);
	buffer->buffer_read += size;
	return size ? 1 : -EIO;
}

void attempt_buffer_free(struct attempt_buffer *buffer)
{
	if (!buffer)
		return;
	if (buffer->fd >= 0)
		close(buffer->fd);
	free(buffer->window);
	free(buffer->buffer);
	free(buffer);
}
