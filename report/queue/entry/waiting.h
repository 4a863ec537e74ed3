/*
 * Interface for who waits in an accept queue, in the order of entry, where entries are told
 * (entries.h). The queue is first in, first out (inet_csk_accept() takes the first): when it
 * is no deeper than D, all but the last D of those that are certainly in by then were
 * accepted. That needs no look at a connection.
 *
 * Not everybody who enters is always told of here: with several listeners at one port it may not
 * be known which of them somebody entered, and reports may be lost. Who is not in the list makes
 * the queue deeper, so that fewer are taken to have left: that stays true. But a depth of as many
 * as are in the list no longer says that all of them are still there.
 */
#ifndef REPORT_QUEUE_WAITING_H
#define REPORT_QUEUE_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/attempt/detail.h"
#include "report/attempt/table.h"

#define WAITING_MAX (1u << 16)

struct waiter {
	int64_t entered_ns;
	int64_t waiting_ns; /* when it was known to wait, last */
	uint32_t index;	    /* of its attempt in the table */
	uint32_t isn;
};

/* Is told at once of each attempt that a depth has just shown accepted, by before_ns. */
struct accept_observer {
	void (*accepted)(void *context, const struct open_attempt *attempt, int64_t before_ns);
	void *context;
};

/* Zero is ready. */
struct queue_waiting {
	const struct accept_observer *observer; /* not owned; NULL: nobody is told */
	int64_t still_ns; /* all that had entered by then were still in the queue; 0: not known */
	int64_t unlisted_ns; /* the last time that somebody may have entered who is not listed; 0 */
	struct waiter *list; /* from first on, oldest first */
	size_t first;
	size_t count;
	size_t room;
	bool off; /* more than WAITING_MAX, or connections that no depth counts */
};

void waiting_release(struct queue_waiting *waiting);

/* Nobody waits there any more: the listener closed. */
void waiting_clear(struct queue_waiting *waiting);

/* Depths say nothing here from now on. */
void waiting_give_up(struct queue_waiting *waiting);

/* This attempt entered at entered_ns. */
void waiting_add(struct queue_waiting *waiting, const struct open_attempt *attempt, uint32_t index,
		 int64_t entered_ns);

/* Somebody may have entered at entered_ns, or before, who is not told of by waiting_add(). */
void waiting_doubt(struct queue_waiting *waiting, int64_t entered_ns);

/*
 * The queue was no deeper than depth at some instant within [from_ns, to_ns]: who must have
 * left by then is accepted, in (the last time that it was known to wait, to_ns]. The observer
 * is told of those that were not known to be accepted before.
 */
void waiting_observe(struct queue_waiting *waiting, uint32_t depth, int64_t from_ns, int64_t to_ns,
		     struct table *table, struct details *details);

#endif
