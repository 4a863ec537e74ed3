/*
 * zstd by libzstd. Frames that follow each other are one file.
 */
#include "capture/file/codec.h"

#include <stdlib.h>
#include <zstd.h>

struct zstd {
	ZSTD_DStream *stream;
	bool between; /* frames */
};

static void zstd_free(void *state)
{
	struct zstd *z = state;

	(void)ZSTD_freeDStream(z->stream);
	free(z);
}

static void *zstd_new(void)
{
	struct zstd *z = calloc(1, sizeof(*z));

	if (!z)
		return NULL;
	z->stream = ZSTD_createDStream();
	if (!z->stream || ZSTD_isError(ZSTD_initDStream(z->stream)) ||
	    ZSTD_isError(
		ZSTD_DCtx_setParameter(z->stream, ZSTD_d_windowLogMax, CODEC_MEMORY_LOG))) {
		zstd_free(z);
		return NULL;
	}
	return z;
}

static enum codec_result zstd_run(void *state, struct codec_io *io)
{
	ZSTD_inBuffer in = {io->in, io->in_left, 0};
	ZSTD_outBuffer out = {io->out, io->out_left, 0};
	struct zstd *z = state;
	size_t result;

	if (z->between && !io->in_left && io->last)
		return CODEC_END;
	result = ZSTD_decompressStream(z->stream, &out, &in);
	io->in += in.pos;
	io->in_left -= in.pos;
	io->out += out.pos;
	io->out_left -= out.pos;
	if (ZSTD_isError(result))
		return CODEC_BAD;
	z->between = result == 0;
	return z->between && io->last && !io->in_left ? CODEC_END : CODEC_MORE;
}

const struct codec codec_zstd = {
    .name = "zstd",
    .magic = {0x28, 0xb5, 0x2f, 0xfd},
    .magic_size = 4,
    .new = zstd_new,
    .run = zstd_run,
    .free = zstd_free,
};
