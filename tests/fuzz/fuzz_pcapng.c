/*
 * pcapng files. Input: the file.
 */
#include "reading.h"

enum goal { SEGMENTS, DROPS, CUT, DAMAGED, REFUSED, UNKNOWN_LINK };

struct fuzz_goal fuzz_goals[] = {
    [SEGMENTS] = {"segments", 0},
    [DROPS] = {"counts of what was dropped", 0},
    [CUT] = {"a cut file", 0},
    [DAMAGED] = {"a damaged file", 0},
    [REFUSED] = {"a file that is refused", 0},
    [UNKNOWN_LINK] = {"a link type that is not known", 0},
    {NULL, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_reading r;

	if (size < 4 || memcmp(data, "\n\r\r\n", 4) != 0)
		return 0;
	fuzz_read(&r, data, size);
	fuzz_goals[REFUSED].reached += r.open < 0;
	if (r.open)
		return 0;
	fuzz_goals[SEGMENTS].reached += r.stats.segments > 0;
	fuzz_goals[DROPS].reached += r.stats.dropped && r.stats.interface_dropped;
	fuzz_goals[CUT].reached += r.stats.cut && strstr(r.stats.note, "is cut");
	fuzz_goals[DAMAGED].reached += r.read < 0 || strstr(r.stats.note, "is damaged");
	fuzz_goals[UNKNOWN_LINK].reached += r.stats.skipped[SKIP_LINK_TYPE] > 0;
	return 0;
}
