/*
 * Interface for verdicts: an open attempt with its details -> a finished
 * attempt with its outcome, its causes and their confidence. Pure: what it says
 * depends on its arguments alone.
 */
#ifndef REPORT_TRACK_VERDICT_H
#define REPORT_TRACK_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "report/attempt/attempt.h"
#include "report/attempt/detail.h"
#include "report/attempt/table.h"
#include "report/queue/verdict_context.h"

/* Fills all of *out but number. */
void verdict_attempt(const struct open_attempt *open, struct details *details,
		     const struct verdict_context *context, struct attempt *out);

/* So long after its last SYN the client of an attempt without an answer may send another one. */
int64_t verdict_next_syn_ns(const struct attempt *attempt);

#endif
