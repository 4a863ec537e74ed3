/*
 * Interface for decompressors, one for each format: gzip (RFC 1952), zstd
 * (RFC 8878) and xz. Those whose library the build found.
 */
#ifndef CAPTURE_FILE_CODEC_H
#define CAPTURE_FILE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of the input and of the room for the output. run() moves both on. */
struct codec_io {
	const uint8_t *in;
	size_t in_left;
	uint8_t *out;
	size_t out_left;
	bool last; /* there is no input behind this */
};

enum codec_result {
	CODEC_MORE, /* one of the two is used up */
	CODEC_END,  /* the compressed data ends here, all of it */
	CODEC_BAD,  /* it is none, or needs more memory than CODEC_MEMORY_MAX */
};

/* A window of 128 MiB is what the tools decompress without being asked to. */
#define CODEC_MEMORY_LOG 27
#define CODEC_MEMORY_MAX (UINT64_C(1) << CODEC_MEMORY_LOG)

struct codec {
	const char *name;
	uint8_t magic[6];
	size_t magic_size;
	/* All three are NULL in a build without the library. new returns NULL without memory. */
	void *(*new)(void);
	enum codec_result (*run)(void *state, struct codec_io *io);
	void (*free)(void *state);
};

extern const struct codec codec_gzip;
extern const struct codec codec_zstd;
extern const struct codec codec_xz;

/* The codec of data that begins so; NULL when it is not compressed. */
const struct codec *codec_find(const uint8_t *bytes, size_t size);

#endif
