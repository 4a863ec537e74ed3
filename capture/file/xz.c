/*
 * xz by liblzma. Streams that follow each other are one file.
 */
#include "capture/file/codec.h"

#ifdef HAVE_LZMA
#include <lzma.h>
#include <stdlib.h>

static void *xz_new(void)
{
	lzma_stream *x = calloc(1, sizeof(*x));

	if (x && lzma_stream_decoder(x, CODEC_MEMORY_MAX, LZMA_CONCATENATED) != LZMA_OK) {
		free(x);
		return NULL;
	}
	return x;
}

static enum codec_result xz_run(void *state, struct codec_io *io)
{
	lzma_stream *x = state;
	int result;

	x->next_in = io->in;
	x->avail_in = io->in_left;
	x->next_out = io->out;
	x->avail_out = io->out_left;
	result = (int)lzma_code(x, io->last ? LZMA_FINISH : LZMA_RUN);
	io->in = x->next_in;
	io->in_left = x->avail_in;
	io->out = x->next_out;
	io->out_left = x->avail_out;
	switch (result) {
	case LZMA_OK:
	case LZMA_BUF_ERROR: /* nothing to do now */
		return CODEC_MORE;
	case LZMA_STREAM_END:
		return CODEC_END;
	default:
		return CODEC_BAD;
	}
}

static void xz_free(void *state)
{
	lzma_end(state);
	free(state);
}
#else
#define xz_new	NULL
#define xz_run	NULL
#define xz_free NULL
#endif

const struct codec codec_xz = {
    .name = "xz",
    .magic = {0xfd, '7', 'z', 'X', 'Z', 0x00},
    .magic_size = 6,
    .new = xz_new,
    .run = xz_run,
    .free = xz_free,
};
