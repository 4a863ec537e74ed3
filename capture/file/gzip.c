/*
 * gzip by zlib. Members that follow each other are one file (RFC 1952 section
 * 2.2); what follows them and is none is passed over, as gzip does it.
 */
#include "capture/file/codec.h"

#ifdef HAVE_ZLIB
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_ALONE 16 /* added to the window's size: no zlib and no raw data */

struct gzip {
	z_stream z;
	bool between; /* members */
};

static void *gzip_new(void)
{
	struct gzip *g = calloc(1, sizeof(*g));

	if (g && inflateInit2(&g->z, MAX_WBITS + GZIP_ALONE) != Z_OK) {
		free(g);
		return NULL;
	}
	return g;
}

static enum codec_result gzip_run(void *state, struct codec_io *io)
{
	struct gzip *g = state;
	int result;

	if (g->between) {
		if (!io->in_left)
			return io->last ? CODEC_END : CODEC_MORE;
		if (*io->in != codec_gzip.magic[0])
			return CODEC_END;
		g->between = false;
		(void)inflateReset(&g->z);
	}
	g->z.next_in = (Bytef *)(uintptr_t)io->in;
	g->z.avail_in = io->in_left < UINT_MAX ? (uInt)io->in_left : UINT_MAX;
	g->z.next_out = io->out;
	g->z.avail_out = io->out_left < UINT_MAX ? (uInt)io->out_left : UINT_MAX;
	result = inflate(&g->z, Z_NO_FLUSH);
	io->in_left -= (size_t)(g->z.next_in - io->in);
	io->in = g->z.next_in;
	io->out_left -= (size_t)(g->z.next_out - io->out);
	io->out = g->z.next_out;
	switch (result) {
	case Z_OK:
	case Z_BUF_ERROR: /* nothing to do now */
		return CODEC_MORE;
	case Z_STREAM_END:
		g->between = true;
		return io->last && !io->in_left ? CODEC_END : CODEC_MORE;
	default:
		return CODEC_BAD;
	}
}

static void gzip_free(void *state)
{
	struct gzip *g = state;

	(void)inflateEnd(&g->z);
	free(g);
}
#else
#define gzip_new  NULL
#define gzip_run  NULL
#define gzip_free NULL
#endif

const struct codec codec_gzip = {
    .name = "gzip",
    .magic = {0x1f, 0x8b},
    .magic_size = 2,
    .new = gzip_new,
    .run = gzip_run,
    .free = gzip_free,
};
