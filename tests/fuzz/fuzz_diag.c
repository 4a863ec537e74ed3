/*
 * Replies of sock_diag: a buffer as one recv() filled it, read to its end. The
 * request had the sequence number 7.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "netlink/diag/message.h"

enum goal {
	LISTENER,
	CHILD,
	IPV6,
	DROPS,
	AGE,
	DONE,
	INTERRUPTED,
	ERROR,
	OTHER,
	TRUNCATED,
	MALFORMED
};

struct fuzz_goal fuzz_goals[] = {
    [LISTENER] = {"a listener with its queue", 0},
    [CHILD] = {"a connection", 0},
    [IPV6] = {"an IPv6 socket that takes IPv6 alone", 0},
    [DROPS] = {"drops", 0},
    [AGE] = {"an age", 0},
    [DONE] = {"the end of a dump", 0},
    [INTERRUPTED] = {"an interrupted dump", 0},
    [ERROR] = {"an error", 0},
    [OTHER] = {"a message of another request", 0},
    [TRUNCATED] = {"something truncated", 0},
    [MALFORMED] = {"something malformed", 0},
    {NULL, 0},
};

static void look(const struct diag_socket *s)
{
	if (s->state == DIAG_LISTEN) {
		fuzz_goals[LISTENER].reached += s->limit > 0;
	} else {
		FUZZ_ASSERT(s->depth == 0 && s->limit == 0);
		fuzz_goals[CHILD].reached++;
	}
	FUZZ_ASSERT(s->ipv6 ||
		    (address_is_ipv4(&s->local.address) && address_is_ipv4(&s->remote.address)));
	FUZZ_ASSERT(s->last_sent_ms >= -1);
	fuzz_goals[IPV6].reached += s->ipv6 && s->v6only;
	fuzz_goals[DROPS].reached += s->drops_known && s->drops;
	fuzz_goals[AGE].reached += s->last_sent_ms > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct diag_cursor cursor = {copy, size, 7};
	struct diag_message message;
	enum diag_result result;
	size_t left;

	if (!copy)
		return 0;
	if (size)
		memcpy(copy, data, size);
	memset(&message, 0xa5, sizeof(message));
	do {
		left = cursor.left;
		result = diag_next(&cursor, &message);
		switch (result) {
		case DIAG_SOCKET:
			look(&message.socket);
			break;
		case DIAG_DONE:
			fuzz_goals[DONE].reached++;
			break;
		case DIAG_ERROR:
			fuzz_goals[ERROR].reached += message.error < 0;
			break;
		case DIAG_OTHER:
			fuzz_goals[OTHER].reached++;
			break;
		case DIAG_MALFORMED:
			fuzz_goals[MALFORMED].reached++;
			break;
		case DIAG_TRUNCATED:
			fuzz_goals[TRUNCATED].reached++;
			break;
		case DIAG_END:
			FUZZ_ASSERT(cursor.left == 0);
			break;
		}
		if (result == DIAG_SOCKET || result == DIAG_DONE)
			fuzz_goals[INTERRUPTED].reached += message.interrupted;
		/* It goes on, or it has come to an end. */
		FUZZ_ASSERT(cursor.left < left || result == DIAG_END || result == DIAG_TRUNCATED);
	} while (result != DIAG_END && result != DIAG_TRUNCATED);
	free(copy);
	return 0;
}
