/*
 * Which decompressor a file needs, by its first bytes.
 */
#include "capture/file/codec.h"

#include <string.h>

static const struct codec *const codecs[] = {&codec_gzip, &codec_zstd, &codec_xz};

const struct codec *codec_find(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++)
		if (codecs[i]->magic_size <= size &&
		    memcmp(codecs[i]->magic, bytes, codecs[i]->magic_size) == 0)
			return codecs[i];
	return NULL;
}
