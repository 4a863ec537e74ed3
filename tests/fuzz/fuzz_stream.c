/*
 * Compressed files. Input: the file.
 */
#include "capture/file/codec.h"
#include "reading.h"

enum goal { GZIP, ZSTD, XZ, EARLY_END, DAMAGED };

struct fuzz_goal fuzz_goals[] = {
    [GZIP] = {"segments out of gzip", 0},
    [ZSTD] = {"segments out of zstd", 0},
    [XZ] = {"segments out of xz", 0},
    [EARLY_END] = {"an early end", 0},
    [DAMAGED] = {"damage", 0},
    {NULL, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct codec *codec = codec_find(data, size);
	struct fuzz_reading r;

	if (!codec)
		return 0;
	fuzz_read(&r, data, size);
	if (!codec->new) { /* a build without this library */
		FUZZ_ASSERT(r.open < 0);
		fuzz_goals[codec == &codec_gzip	  ? GZIP
			   : codec == &codec_zstd ? ZSTD
						  : XZ]
		    .reached++;
		return 0;
	}
	if (r.open)
		return 0;
	fuzz_goals[GZIP].reached += codec == &codec_gzip && r.stats.segments;
	fuzz_goals[ZSTD].reached += codec == &codec_zstd && r.stats.segments;
	fuzz_goals[XZ].reached += codec == &codec_xz && r.stats.segments;
	fuzz_goals[EARLY_END].reached += strstr(r.stats.note, "too early") != NULL;
	fuzz_goals[DAMAGED].reached += strstr(r.stats.note, "data is damaged") != NULL;
	return 0;
}
