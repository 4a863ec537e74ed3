/*
 * Interface for a second look at listeners where connections wait: what keeps the owners from
 * calling accept(), judged as the report and the live view do.
 */
#ifndef CMD_STALLED_H
#define CMD_STALLED_H

#include <stdbool.h>

#include "netlink/listener/listeners.h"
#include "report/attempt/stall.h"

/*
 * One for each listener of the snapshot, in its order: what it says of those where nobody waits,
 * and where look is false, is STALL_NONE. Takes no time where connections are accepted, else up
 * to 1.2 s. NULL when out of memory; the caller frees it.
 */
struct stall_now *stalled_look(const struct listeners_options *options, bool look,
			       const struct listeners_snapshot *snapshot);

#endif
