/*
 * The names of the reasons for skipped frames.
 */
#include "event/skip.h"

const char *skip_reason_name(enum skip_reason reason)
{
	static const char *const names[SKIP_REASON_COUNT] = {
	    [SKIP_NOT_IP] = "not-ip",
	    [SKIP_NOT_TCP] = "not-tcp",
	    [SKIP_TRUNCATED] = "truncated",
	    [SKIP_MALFORMED] = "malformed",
	    [SKIP_FRAGMENT] = "fragment",
	    [SKIP_FRAGMENT_TABLE] = "fragment-table-full",
	    [SKIP_ENCAPSULATION] = "encapsulation",
	    [SKIP_ENCRYPTED] = "encrypted",
	    [SKIP_LINK_TYPE] = "link-type",
	    [SKIP_OUTGOING_COPY] = "outgoing-copy",
	};

	return reason < SKIP_REASON_COUNT ? names[reason] : "unknown";
}
