/*
 * Streams: what a capture file is read through.
 *
 * libpcap calls fread() twice for every frame. A big buffer and a FILE without
 * locks are what makes that cheap.
 */
#include "capture/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fits the second-level cache: the copy into it and the copy out of it stay there. */
#define BUFFER_SIZE ((size_t)256 * 1024)

struct stream {
	int fd;
	uint8_t magic[STREAM_MAGIC_SIZE];
	size_t magic_size;
	size_t magic_given; /* bytes of it that a reader got already */
	char *buffer;	    /* of the FILE */
};

/* Reads until size or the end. Returns the number of bytes or -errno. */
static ssize_t read_full(int fd, uint8_t *to, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, to + n, size - n);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int stream_open(const char *path, struct stream **out, const char **reason)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct stat st;
	ssize_t n;
	int error;

	*reason = NULL;
	if (!s)
		return -ENOMEM;
	if (strcmp(path, "-") == 0)
		s->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (s->fd < 0) {
		error = -errno;
		goto free_stream;
	}
	if (fstat(s->fd, &st) < 0) {
		error = -errno;
		goto close_fd;
	}
	if (S_ISDIR(st.st_mode)) {
		error = -EISDIR;
		goto close_fd;
	}
	n = read_full(s->fd, s->magic, sizeof(s->magic));
	if (n < 0) {
		error = (int)n;
		goto close_fd;
	}
	s->magic_size = (size_t)n;
	*out = s;
	return 0;

close_fd:
	close(s->fd);
free_stream:
	free(s);
	return error;
}

size_t stream_magic(const struct stream *s, const uint8_t **magic)
{
	*magic = s->magic;
	return s->magic_size;
}

static ssize_t cookie_read(void *cookie, char *to, size_t size)
{
	struct stream *s = cookie;
	ssize_t n;

	if (s->magic_given < s->magic_size) {
		size_t rest = s->magic_size - s->magic_given;

		if (size > rest)
			size = rest;
		memcpy(to, s->magic + s->magic_given, size);
		s->magic_given += size;
		return (ssize_t)size;
	}
	do
		n = read(s->fd, to, size);
	while (n < 0 && errno == EINTR);
	return n;
}

FILE *stream_file(struct stream *s)
{
	FILE *file = fopencookie(s, "r", (cookie_io_functions_t){.read = cookie_read});

	if (!file)
		return NULL;
	s->buffer = malloc(BUFFER_SIZE);
	if (s->buffer)
		(void)setvbuf(file, s->buffer, _IOFBF, BUFFER_SIZE);
	(void)__fsetlocking(file, FSETLOCKING_BYCALLER);
	return file;
}

const char *stream_reason(const struct stream *s)
{
	(void)s;
	return NULL;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	close(s->fd);
	free(s->buffer);
	free(s);
}
