/*
 * Attempts in a temporary file. Records are the struct itself up to its last mark: only this
 * process reads them. Of it those words are left out that are as in the attempt before, three of
 * four: writing them, and reading them again, costs more than finding that out.
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
#define HEAD_SIZE      offsetof(struct attempt, marks)
#define WORDS	       (sizeof(struct attempt) / sizeof(uint64_t))
#define GROUP_WORDS    64

_Static_assert(sizeof(struct attempt) % sizeof(uint64_t) == 0, "an attempt is words");
_Static_assert(HEAD_SIZE % sizeof(uint64_t) == 0, "marks begin with one");

/*
 * A record: its size, then of each group of words a bit for each that differs, and those that
 * do. No more than this.
 */
#define RECORD_MAX (sizeof(uint64_t) * (1 + WORDS + (WORDS + GROUP_WORDS - 1) / GROUP_WORDS))

struct attempt_buffer {
	int fd; /* -1: not there (yet) */
	uint64_t count;
	uint64_t in_file; /* bytes */
	size_t size;	  /* of the buffer */
	size_t used;	  /* bytes of it that are not in the file: the newest records */
	char *buffer;
	uint64_t added[WORDS]; /* the attempts so far, each over the one before; at first zeros */
	uint64_t given[WORDS]; /* the same of those that were read */
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

static char *put_word(char *p, uint64_t word)
{
	memcpy(p, &word, sizeof(word));
	return p + sizeof(word);
}

static const char *take_word(const char *p, uint64_t *word)
{
	memcpy(word, p, sizeof(*word));
	return p + sizeof(*word);
}

/* Writes those of up to GROUP_WORDS words that differ. */
static char *put_group(char *p, uint64_t *last, const uint64_t *words, size_t count)
{
	uint64_t differ = 0;

	for (size_t i = 0; i < count; i++)
		differ |= (uint64_t)(words[i] != last[i]) << i;
	p = put_word(p, differ);
	for (; differ; differ &= differ - 1) {
		size_t i = (size_t)__builtin_ctzll(differ);

		last[i] = words[i];
		p = put_word(p, words[i]);
	}
	return p;
}

/* Writes the record at p, where there is room for it; returns its size. */
static size_t put(char *p, uint64_t last[WORDS], const struct attempt *attempt)
{
	const size_t marks = attempt->marks_count * sizeof(struct mark);
	const size_t count = (HEAD_SIZE + marks) / sizeof(uint64_t);
	char *end = p + sizeof(uint64_t);
	uint64_t words[WORDS];

	memcpy(words, attempt, HEAD_SIZE + marks);
	for (size_t i = 0; i < count; i += GROUP_WORDS)
		end = put_group(end, last + i, words + i,
				count - i < GROUP_WORDS ? count - i : GROUP_WORDS);
	put_word(p, (uint64_t)(end - p));
	return (size_t)(end - p);
}

int attempt_buffer_add(struct attempt_buffer *buffer, const struct attempt *attempt)
{
	if (attempt->marks_count > ATTEMPT_MARKS_MAX)
		return -EINVAL;
	if (buffer->size - buffer->used < RECORD_MAX) {
		int result = spill(buffer);

		if (result)
			return result;
	}
	buffer->used += put(buffer->buffer + buffer->used, buffer->added, attempt);
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
	memset(buffer->given, 0, sizeof(buffer->given));
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

/*
 * Reads the record at data, where available bytes are; returns its size, 0 when it is not whole.
 */
static size_t take(const char *data, size_t available, uint64_t last[WORDS],
		   struct attempt *attempt)
{
	const char *p = data;
	uint64_t size, differ;

	if (available < sizeof(size))
		return 0;
	p = take_word(p, &size);
	if (available < size)
		return 0;
	for (uint64_t *group = last; p < data + size; group += GROUP_WORDS) {
		p = take_word(p, &differ);
		for (; differ; differ &= differ - 1)
			p = take_word(p, &group[__builtin_ctzll(differ)]);
	}
	memcpy(attempt, last, HEAD_SIZE);
	memcpy(attempt->marks, last + HEAD_SIZE / sizeof(uint64_t),
	       attempt->marks_count * sizeof(struct mark));
	return size;
}

int attempt_buffer_next(struct attempt_buffer *buffer, struct attempt *attempt)
{
	size_t size;

	if (buffer->window_start < buffer->window_used || buffer->read_from < buffer->in_file) {
		size = buffer->window_used > buffer->window_start
			   ? take(buffer->window + buffer->window_start,
				  buffer->window_used - buffer->window_start, buffer->given,
				  attempt)
			   : 0;
		if (!size) {
			int result = fill_window(buffer);

			if (result)
				return result;
			size = take(buffer->window, buffer->window_used, buffer->given, attempt);
			if (!size)
				return -EIO;
		}
		buffer->window_start += size;
		return 1;
	}
	if (buffer->buffer_read == buffer->used)
		return 0;
	size = take(buffer->buffer + buffer->buffer_read, buffer->used - buffer->buffer_read,
		    buffer->given, attempt);
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
