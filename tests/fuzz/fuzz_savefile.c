/*
 * Classic pcap files. Input: the file.
 */
#include "reading.h"

enum goal { SEGMENTS, BIG_ENDIAN, ODD_VARIANT, CUT, DAMAGED, REFUSED, UNKNOWN_LINK };

struct fuzz_goal fuzz_goals[] = {
    [SEGMENTS] = {"segments", 0},
    [BIG_ENDIAN] = {"a file in the other byte order", 0},
    [ODD_VARIANT] = {"a variant that libpcap reads", 0},
    [CUT] = {"a cut file", 0},
    [DAMAGED] = {"a damaged file", 0},
    [REFUSED] = {"a file that is refused", 0},
    [UNKNOWN_LINK] = {"a link type that is not known", 0},
    {NULL, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_reading r;

	/* The other formats have targets of their own. */
	if (size < 4 || data[0] == 0x0a || data[0] == 0x1f || data[0] == 0x28 || data[0] == 0xfd)
		return 0;
	fuzz_read(&r, data, size);
	fuzz_goals[REFUSED].reached += r.open < 0;
	if (r.open)
		return 0;
	fuzz_goals[SEGMENTS].reached += r.stats.segments > 0;
	fuzz_goals[BIG_ENDIAN].reached += data[0] == 0xa1 && r.stats.segments > 0;
	fuzz_goals[ODD_VARIANT].reached += data[1] == 0xcd && r.stats.segments > 0;
	fuzz_goals[CUT].reached += r.stats.cut && strstr(r.stats.note, "is cut");
	fuzz_goals[DAMAGED].reached += r.read < 0 || strstr(r.stats.note, "is damaged");
	fuzz_goals[UNKNOWN_LINK].reached += r.stats.skipped[SKIP_LINK_TYPE] > 0;
	return 0;
}
