/*
 * The texts of /proc/net/netstat and /proc/net/snmp.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "netlink/counters.h"

enum goal { EXTENDED, PLAIN, NOTHING };

struct fuzz_goal fuzz_goals[] = {
    [EXTENDED] = {"a counter of TcpExt", 0},
    [PLAIN] = {"a counter of Tcp", 0},
    [NOTHING] = {"text without any", 0},
    {NULL, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct counters counters = {0};
	char *copy = malloc(size ? size : 1);

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	counters_parse(copy, size, &counters);
	free(copy);
	FUZZ_ASSERT(counters.known >> COUNTER_COUNT == 0);
	for (int i = 0; i < COUNTER_COUNT; i++)
		FUZZ_ASSERT((counters.known >> i & 1) || counters.value[i] == 0);
	fuzz_goals[EXTENDED].reached += counters.known >> COUNTER_LISTEN_DROPS & 1;
	fuzz_goals[PLAIN].reached += counters.known >> COUNTER_OUT_RSTS & 1;
	fuzz_goals[NOTHING].reached += counters.known == 0;
	return 0;
}
