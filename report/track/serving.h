/*
 * Interface for serving: who accepted an open attempt's connection, which child was
 * forked for it, and when that ended -> its detail. The server's own reports, looks
 * at processes and the order of forks (forks.h) come together here.
 */
#ifndef REPORT_TRACK_SERVING_H
#define REPORT_TRACK_SERVING_H

#include <stdint.h>

#include "event/event.h"
#include "report/attempt/detail.h"
#include "report/attempt/table.h"

struct serving;
struct queues;

/* All stay the caller's. queues may be NULL: then nothing is matched by order. */
int serving_new(struct table *table, struct details *details, const struct queues *queues,
		struct serving **out) __attribute__((warn_unused_result));
void serving_free(struct serving *serving);

/* PROC_FORK. */
void serving_fork(struct serving *serving, const struct proc_fork *fork, int64_t time_ns);

/* When the process was forked, and by whom; TIME_UNKNOWN and 0. */
int64_t serving_forked_ns(struct serving *serving, int32_t pid, int32_t *parent_pid);

/* The server says that it forked pid for this attempt. */
void serving_forked_for(struct serving *serving, const struct open_attempt *attempt, int32_t pid,
			int64_t time_ns);

/* A process has ended. */
void serving_exit(struct serving *serving, int32_t pid, int64_t time_ns);

/* HOLDER. attempt: of its flow, NULL when there is none. */
void serving_holder(struct serving *serving, struct open_attempt *attempt,
		    const struct holder *holder);

/* Its accept() has become known; the bounds are in its detail. */
void serving_accepted(struct serving *serving, const struct open_attempt *attempt);

/* Time went on; INT64_MAX: observation ended. */
void serving_settle(struct serving *serving, int64_t now_ns);

#endif
