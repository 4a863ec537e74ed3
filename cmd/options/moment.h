/*
 * Interface for moments on the command line: --since 03:10, --until -10m.
 * Text in, a time out; the caller says what was wrong with which option.
 */
#ifndef CMD_OPTIONS_MOMENT_H
#define CMD_OPTIONS_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * CLOCK_REALTIME in nanoseconds, of
 *   "2026-11-29T03:10:00Z", "2026-11-29T03:10:00.5+01:00"  RFC 3339
 *   "2026-11-29 03:10[:05]", "2026-11-29"                  in the local time zone; midnight
 *   "03:10[:05]"        the last time it was that late at or before end_ns
 *   "-10m", "-1.5h"     so long before end_ns
 * utc: times without a zone are in UTC. 0 or -EINVAL.
 */
int moment_parse(const char *text, int64_t end_ns, bool utc, int64_t *out_ns)
    __attribute__((warn_unused_result));

#endif
