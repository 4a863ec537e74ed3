/*
 * The input of a recording. A damaged block is an error only once all that stands
 * before it has been given out.
 */
#include "event/recording/input.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

/* What recording_output writes has a window of 1 MiB; others may have repacked it. */
#define WINDOW_LOG_MAX 27

struct recording_input {
	int fd;
	bool ended;
	int error;
	ZSTD_DStream *stream; /* NULL: the bytes are as they are */
	uint8_t *packed;
	size_t packed_room;
	size_t packed_size;
	size_t packed_at;
	size_t wanted; /* to the end of the block that comes, as zstd says */
};

int recording_input_new(int fd, bool compressed, struct recording_input **out)
{
	struct recording_input *in = calloc(1, sizeof(*in));

	*out = NULL;
	if (!in) {
		close(fd);
		return -ENOMEM;
	}
	in->fd = fd;
	if (compressed) {
		in->packed_room = ZSTD_DStreamInSize();
		in->packed = malloc(in->packed_room);
		in->stream = ZSTD_createDStream();
		if (!in->packed || !in->stream ||
		    ZSTD_isError(
			ZSTD_DCtx_setParameter(in->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
			recording_input_free(in);
			return -ENOMEM;
		}
		in->wanted = ZSTD_initDStream(in->stream);
	}
	*out = in;
	return 0;
}

static ssize_t read_once(int fd, void *out, size_t size)
{
	ssize_t n;

	do
		n = read(fd, out, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Some bytes at least, unless the file ends; -errno. */
static ssize_t unpack(struct recording_input *in, void *out, size_t size)
{
	ZSTD_outBuffer to = {out, size, 0};

	while (!to.pos) {
		ZSTD_inBuffer from = {in->packed, 0, in->packed_at};
		size_t left;

		if (in->packed_at == in->packed_size) {
			ssize_t n = read_once(in->fd, in->packed, in->packed_room);

			if (n <= 0)
				return n;
			in->packed_size = (size_t)n;
			from.pos = 0;
		}
		/* A block at a time: one that is damaged takes all of its call's output along. */
		left = in->packed_size - from.pos;
		from.size = from.pos + (in->wanted && in->wanted < left ? in->wanted : left);
		in->wanted = ZSTD_decompressStream(in->stream, &to, &from);
		in->packed_at = from.pos;
		if (ZSTD_isError(in->wanted))
			return in->error = -EBADMSG;
	}
	return (ssize_t)to.pos;
}

ssize_t recording_input_read(struct recording_input *in, void *out, size_t size)
{
	size_t length = 0;

	while (length < size && !in->ended && !in->error) {
		uint8_t *to = (uint8_t *)out + length;
		ssize_t n = in->stream ? unpack(in, to, size - length)
				       : read_once(in->fd, to, size - length);

		if (n < 0)
			in->error = (int)n;
		else if (n == 0)
			in->ended = true;
		else
			length += (size_t)n;
	}
	return length || !in->error ? (ssize_t)length : in->error;
}

void recording_input_free(struct recording_input *in)
{
	if (!in)
		return;
	close(in->fd);
	(void)ZSTD_freeDStream(in->stream);
	free(in->packed);
	free(in);
}
