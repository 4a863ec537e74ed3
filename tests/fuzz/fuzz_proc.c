/*
 * Messages of the proc connector: one datagram.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "netlink/proc/message.h"

struct fuzz_goal fuzz_goals[] = {
    [PROC_FORK] = {"a fork", 0},
    [PROC_EXIT] = {"an exit", 0},
    [PROC_ACK] = {"an answer", 0},
    [PROC_OTHER] = {"an event of another kind", 0},
    [PROC_NOT_OURS] = {"a message of another connector", 0},
    [PROC_MALFORMED] = {"something malformed", 0},
    {NULL, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct proc_message message;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	memset(&message, 0xa5, sizeof(message));
	fuzz_goals[proc_message_read(copy, size, &message)].reached++;
	free(copy);
	return 0;
}
