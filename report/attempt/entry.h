/*
 * Interface for the entry: when a connection entered the accept queue, from the
 * marks of its attempt in their order. At its final ACK; or where that was dropped,
 * or deferred, at the first segment after it that was not.
 */
#ifndef REPORT_ATTEMPT_ENTRY_H
#define REPORT_ATTEMPT_ENTRY_H

#include <stdint.h>

#include "event/event.h"
#include "report/attempt/attempt.h"

/*
 * Begin with the time of the final ACK, and take each mark. accepted_ns: of the
 * accept(), at the latest, or TIME_UNKNOWN. before: the mark before it, or NULL: data and
 * FIN of one packet share its fate. Returns TIME_UNKNOWN as long as nothing has entered.
 */
static inline int64_t entry_take(int64_t entered_ns, const struct mark *mark,
				 const struct mark *before, int64_t accepted_ns)
{
	if (before && before->dropped && before->frame == mark->frame &&
	    before->time_ns == mark->time_ns)
		return TIME_UNKNOWN;
	if (mark->kind != MARK_ACK && mark->kind != MARK_DATA && mark->kind != MARK_FIN_CLIENT)
		return entered_ns;
	if (mark->dropped || (mark->cause_known && mark->cause == CAUSE_DEFER_ACCEPT))
		return TIME_UNKNOWN;
	if (entered_ns == TIME_UNKNOWN &&
	    (accepted_ns == TIME_UNKNOWN || mark->time_ns <= accepted_ns))
		return mark->time_ns;
	return entered_ns;
}

#endif
