/*
 * Interface for retention: which parts of a long recording are kept. Numbers,
 * times and sizes in, the number of the part to remove next out; it touches no file.
 *
 * A part with an incident (a listener dropped something, or an accept() was slow)
 * outlives the others: of those the newest keep_incidents stay whatever their age
 * and number, and only keep_bytes takes them, when nothing else is left to take.
 */
#ifndef PIPELINE_FOLDER_RETENTION_H
#define PIPELINE_FOLDER_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All 0: everything is kept. The part that is written now is never removed. */
struct retention_policy {
	uint32_t keep;	      /* parts, the one that is written among them */
	int64_t keep_time_ns; /* since the end of a part */
	uint64_t keep_bytes;  /* of all parts, the one that is written among them */
	uint32_t keep_incidents;
};

static inline bool retention_is_on(const struct retention_policy *policy)
{
	return policy->keep || policy->keep_time_ns || policy->keep_bytes;
}

struct retention_part {
	uint32_t number;
	int64_t start_ns;
	int64_t end_ns;
	uint64_t bytes;
	bool incident;
};

/* Embedded; all 0 but for the policy is empty. */
struct retention {
	struct retention_policy policy;
	struct retention_part *parts; /* those that have ended, by number, ascending */
	size_t count;
	size_t room;
};

/* A part has ended; numbers ascend. 0 or -ENOMEM. */
int retention_add(struct retention *retention, const struct retention_part *part)
    __attribute__((warn_unused_result));

/*
 * The part that is to go next, taken out of the list; 0: none. bytes: of the part that
 * is written now.
 */
uint32_t retention_next(struct retention *retention, int64_t now_ns, uint64_t bytes);

/*
 * Something happened at time_ns: the part of that time becomes one with an incident.
 * Returns its number; 0 when that part had one already, or is not among these.
 */
uint32_t retention_incident(struct retention *retention, int64_t time_ns);

void retention_release(struct retention *retention);

#endif
