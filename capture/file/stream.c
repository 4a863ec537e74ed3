/*
 * Streams: a descriptor, a decompressor where one is needed, and the first
 * bytes, which tell what the rest is.
 */
#include "capture/file/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/file/codec.h"

#define INPUT_SIZE ((size_t)64 * 1024)
#define FILE_SIZE  ((size_t)256 * 1024)

struct stream {
	int fd;
	bool input_ended;
	bool ended;
	bool cut;
	const char *reason;
	const struct codec *codec; /* NULL: the bytes are as they are */
	void *state;		   /* the codec's */
	uint8_t *input;		   /* compressed, INPUT_SIZE */
	size_t input_at;
	size_t input_size;
	uint8_t peeked[STREAM_PEEK_SIZE];
	size_t peeked_size;
	size_t peeked_given; /* bytes of it that a reader got already */
	char *file_buffer;
};

/* As read(), never interrupted. */
static ssize_t read_some(int fd, uint8_t *to, size_t size)
{
	ssize_t n;

	do
		n = read(fd, to, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Reads the next of the compressed data when what there was is used up. */
static int refill(struct stream *s)
{
	ssize_t n;

	if (s->input_at < s->input_size || s->input_ended)
		return 0;
	n = read_some(s->fd, s->input, INPUT_SIZE);
	if (n < 0)
		return (int)n;
	s->input_at = 0;
	s->input_size = (size_t)n;
	s->input_ended = n == 0;
	return 0;
}

static void end_early(struct stream *s, const char *reason)
{
	s->reason = reason;
	s->ended = true;
}

static ssize_t read_codec(struct stream *s, uint8_t *to, size_t size)
{
	struct codec_io io = {.out = to, .out_left = size};

	while (!s->ended && io.out_left == size) {
		size_t in_left;
		int result = refill(s);

		if (result)
			return result;
		io.in = s->input + s->input_at;
		io.in_left = in_left = s->input_size - s->input_at;
		io.last = s->input_ended;
		switch (s->codec->run(s->state, &io)) {
		case CODEC_MORE:
			if (io.out_left == size && s->input_ended) {
				end_early(s, "the compressed data ends too early");
				s->cut = true;
			} else if (io.out_left == size && io.in_left && io.in_left == in_left) {
				end_early(s, "the compressed data makes no progress");
			}
			break;
		case CODEC_END:
			s->ended = true;
			break;
		case CODEC_BAD:
			end_early(s, "the compressed data is damaged");
			break;
		}
		s->input_at = s->input_size - io.in_left;
	}
	return (ssize_t)(size - io.out_left);
}

static ssize_t read_content(struct stream *s, uint8_t *to, size_t size)
{
	return s->codec ? read_codec(s, to, size) : read_some(s->fd, to, size);
}

/* Reads until size or the end. Returns the number of bytes or -errno. */
static ssize_t read_full(struct stream *s, uint8_t *to, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read_content(s, to + n, size - n);

		if (got < 0)
			return got;
		if (!got)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

/* What has been read of the file turns out to be the beginning of compressed data. */
static int set_codec(struct stream *s, const struct codec *codec, const char **reason)
{
	if (!codec->new) {
		*reason = "compressed with a format that this build does not support";
		return -ENOTSUP;
	}
	s->input = malloc(INPUT_SIZE);
	s->state = codec->new ();
	if (!s->input || !s->state)
		return -ENOMEM;
	memcpy(s->input, s->peeked, s->peeked_size);
	s->input_size = s->peeked_size;
	s->codec = codec;
	return 0;
}

static int peek(struct stream *s, const char **reason)
{
	ssize_t n = read_full(s, s->peeked, sizeof(s->peeked));
	const struct codec *codec;
	int result;

	if (n < 0)
		return (int)n;
	s->peeked_size = (size_t)n;
	codec = codec_find(s->peeked, s->peeked_size);
	if (!codec)
		return 0;
	result = set_codec(s, codec, reason);
	if (result)
		return result;
	n = read_full(s, s->peeked, sizeof(s->peeked));
	s->peeked_size = n < 0 ? 0 : (size_t)n;
	return n < 0 ? (int)n : 0;
}

static int open_path(const char *path)
{
	struct stat st;
	int fd, error = 0;

	if (strcmp(path, "-") == 0)
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	else
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		error = -errno;
	else if (S_ISDIR(st.st_mode))
		error = -EISDIR;
	if (!error)
		return fd;
	close(fd);
	return error;
}

int stream_open(const char *path, struct stream **out, const char **reason)
{
	struct stream *s = calloc(1, sizeof(*s));
	int result;

	*reason = NULL;
	if (!s)
		return -ENOMEM;
	s->fd = open_path(path);
	result = s->fd < 0 ? s->fd : peek(s, reason);
	if (result) {
		stream_free(s);
		return result;
	}
	*out = s;
	return 0;
}

size_t stream_peek(const struct stream *s, const uint8_t **bytes)
{
	*bytes = s->peeked;
	return s->peeked_size;
}

ssize_t stream_read(struct stream *s, uint8_t *to, size_t size)
{
	size_t rest = s->peeked_size - s->peeked_given;

	if (!rest)
		return read_content(s, to, size);
	if (size > rest)
		size = rest;
	memcpy(to, s->peeked + s->peeked_given, size);
	s->peeked_given += size;
	return (ssize_t)size;
}

static ssize_t cookie_read(void *cookie, char *to, size_t size)
{
	ssize_t n = stream_read(cookie, (uint8_t *)to, size);

	if (n >= 0)
		return n;
	errno = (int)-n;
	return -1;
}

FILE *stream_file(struct stream *s)
{
	FILE *file = fopencookie(s, "r", (cookie_io_functions_t){.read = cookie_read});

	if (!file)
		return NULL;
	/* For one thread, and read in small pieces: locks would cost as much as the reading. */
	s->file_buffer = malloc(FILE_SIZE);
	if (s->file_buffer)
		(void)setvbuf(file, s->file_buffer, _IOFBF, FILE_SIZE);
	(void)__fsetlocking(file, FSETLOCKING_BYCALLER);
	return file;
}

const char *stream_reason(const struct stream *s)
{
	return s->reason;
}

bool stream_is_cut(const struct stream *s)
{
	return s->cut;
}

void stream_free(struct stream *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	if (s->state)
		s->codec->free(s->state);
	free(s->input);
	free(s->file_buffer);
	free(s);
}
