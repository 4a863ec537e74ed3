/*
 * Attempts in a temporary file. Records are the struct itself up to its marks,
 * then the marks that are used: only this process reads them.
 */
#include "report/sink/spool.h"

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

struct spool {
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

int spool_new(size_t memory_bytes, struct spool **out)
{
	struct spool *spool = calloc(1, sizeof(*spool));

	*out = NULL;
	if (!spool)
		return -ENOMEM;
	spool->size = memory_bytes ? memory_bytes : MEMORY_DEFAULT;
	if (spool->size < RECORD_MAX)
		spool->size = RECORD_MAX;
	spool->buffer = malloc(spool->size);
	if (!spool->buffer) {
		free(spool);
		return -ENOMEM;
	}
	spool->fd = open_temporary();
	if (spool->fd < 0)
		spool->fd = -1;
	*out = spool;
	return 0;
}

/* Moves the buffer's records to the file, all of them or none. */
static int spill(struct spool *spool)
{
	size_t written = 0;

	if (spool->fd < 0) {
		int fd = open_temporary();

		if (fd < 0)
			return fd;
		spool->fd = fd;
	}
	while (written < spool->used) {
		ssize_t n = pwrite(spool->fd, spool->buffer + written, spool->used - written,
				   (off_t)(spool->in_file + written));

		if (n > 0)
			written += (size_t)n;
		else if (n == 0)
			return -EIO;
		else if (errno != EINTR)
			return -errno;
	}
	spool->in_file += spool->used;
	spool->used = 0;
	return 0;
}

static size_t record_size(const struct attempt *attempt)
{
	return HEAD_SIZE + attempt->marks_count * sizeof(struct mark);
}

int spool_add(struct spool *spool, const struct attempt *attempt)
{
	size_t size;

	if (attempt->marks_count > ATTEMPT_MARKS_MAX)
		return -EINVAL;
	size = record_size(attempt);
	if (spool->size - spool->used < size) {
		int result = spill(spool);

		if (result)
			return result;
	}
	memcpy(spool->buffer + spool->used, attempt, size);
	spool->used += size;
	spool->count++;
	return 0;
}

uint64_t spool_count(const struct spool *spool)
{
	return spool->count;
}

void spool_rewind(struct spool *spool)
{
	spool->read_from = 0;
	spool->window_start = 0;
	spool->window_used = 0;
	spool->buffer_read = 0;
}

/* Moves what is left of the window to its start and reads on. */
static int fill_window(struct spool *spool)
{
	size_t left = spool->window_used - spool->window_start;

	if (!spool->window) {
		spool->window = malloc(WINDOW_SIZE);
		if (!spool->window)
			return -ENOMEM;
	}
	memmove(spool->window, spool->window + spool->window_start, left);
	spool->window_start = 0;
	spool->window_used = left;
	while (spool->window_used < WINDOW_SIZE && spool->read_from < spool->in_file) {
		uint64_t rest = spool->in_file - spool->read_from;
		size_t room = WINDOW_SIZE - spool->window_used;
		ssize_t n = pread(spool->fd, spool->window + spool->window_used,
				  rest < room ? (size_t)rest : room, (off_t)spool->read_from);

		if (n == 0)
			return -EIO; /* somebody cut the file */
		if (n > 0) {
			spool->window_used += (size_t)n;
			spool->read_from += (uint64_t)n;
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

int spool_next(struct spool *spool, struct attempt *attempt)
{
	size_t size;

	if (spool->window_start < spool->window_used || spool->read_from < spool->in_file) {
		size = spool->window_used > spool->window_start
			   ? take(spool->window + spool->window_start,
				  spool->window_used - spool->window_start, attempt)
			   : 0;
		if (!size) {
			int result = fill_window(spool);

			if (result)
				return result;
			size = take(spool->window, spool->window_used, attempt);
			if (!size)
				return -EIO;
		}
		spool->window_start += size;
		return 1;
	}
	if (spool->buffer_read == spool->used)
		return 0;
	size = take(spool->buffer + spool->buffer_read, spool->used - spool->buffer_read, attempt);
	spool->buffer_read += size;
	return size ? 1 : -EIO;
}

void spool_free(struct spool *spool)
{
	if (!spool)
		return;
	if (spool->fd >= 0)
		close(spool->fd);
	free(spool->window);
	free(spool->buffer);
	free(spool);
}
