/*
 * Interface for recents: the worst attempts of the last seconds, finished ones
 * from a bounded memory of them, and those that are under way.
 */
#ifndef REPORT_WATCH_RECENT_H
#define REPORT_WATCH_RECENT_H

#include <stddef.h>
#include <stdint.h>

#include "report/track/tracker.h"
#include "report/watch/snapshot.h"

struct recent;

/* Remembers so many intervals. NULL when out of memory. */
struct recent *recent_new(unsigned slots);
void recent_free(struct recent *recent);

/* An attempt was finished; since_ns: what came to rest before that is no news. */
void recent_offer(struct recent *recent, const struct attempt *attempt, int64_t since_ns);
void recent_turn(struct recent *recent);

/*
 * The worst of what is remembered and of what the tracker has open, something of
 * which happened after since_ns or which still waits at now_ns; of what is open those that
 * match the filter (NULL: all). Returns their
 * number; *out is the recent's own until the next call.
 */
size_t recent_worst(struct recent *recent, struct tracker *tracker, const struct filter *filter,
		    int64_t since_ns, int64_t now_ns, const struct attempt **out);

/*
 * What the attempt has cost its client by now_ns, in ns: until it was connected,
 * and in the accept queue, or as long as it has waited; a failure counts as so
 * many seconds.
 */
int64_t recent_cost(const struct attempt *attempt, int64_t now_ns);

#endif
