/*
 * Interface for details: what an open attempt needs beyond its record, and only
 * when it is not a plain handshake. A mark for each packet that was repeated,
 * dropped or unusual; a service for what the server did with the connection.
 * Pools with named bounds, grown by need; what does not fit is counted.
 */
#ifndef REPORT_ATTEMPT_DETAIL_H
#define REPORT_ATTEMPT_DETAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "report/attempt/attempt.h"
#include "report/attempt/table.h"

#define DETAIL_NONE	  UINT32_MAX
#define DETAIL_MARKS_MAX  (1u << 21) /* 2,097,152 marks in 96 MiB */
#define DETAIL_OPENED_MAX (1u << 20)
#define DETAIL_ISNS_MAX	  3 /* of SYN-ACKs, beside the last one's */

/* In a chain, oldest first. */
struct detail_mark {
	struct mark mark;
	uint32_t next;
};

struct detail {
	uint32_t first_mark;
	uint32_t last_mark;
	uint32_t marks;
	uint32_t marks_lost;
	uint32_t other_isns[DETAIL_ISNS_MAX]; /* of SYN-ACKs before the last, newest first */
	uint32_t other_isns_count;
	bool served;	     /* the members below are meaningful */
	bool exact;	     /* accept_ns is a point */
	bool entered_again;  /* another connection of its addresses and ports did, without a SYN */
	bool heard;	     /* the client acknowledged data of the server, or its FIN */
	bool child_inferred; /* child_pid and what belongs to it: by the order of forks alone */
	int32_t accept_pid;
	int32_t child_pid;
	int64_t waiting_ns; /* seen in the accept queue; the last time */
	int64_t entered_ns; /* into the accept queue, by the kernel's word */
	int64_t accept_ns;
	int64_t accept_after_ns;
	int64_t accept_before_ns;
	int64_t fork_ns;
	int64_t first_byte_ns;
	int64_t reply_ns;
	int64_t close_ns;
	int64_t exit_ns;
	uint32_t sibling; /* of a SO_REUSEPORT group: index of its listener, plus 1; 0: not known */
	int64_t
	    sibling_ns; /* that listener dropped its SYN of then; INT64_MAX: it has entered there */
	int64_t
	    asked_ns; /* on the wire: the first data of the client, if they came later than this, */
	int64_t answer_ns;	  /* and the first of the server */
	int64_t queued_before_ns; /* in the queue when observation began: since about then */
};

struct details;

int details_new(struct details **out) __attribute__((warn_unused_result));
void details_free(struct details *details);

/* A new detail, all unknown; DETAIL_NONE when the pool is full (counted). */
uint32_t details_add(struct details *details);
struct detail *details_at(struct details *details, uint32_t index);

/*
 * The attempt's detail, made now if it has none: what its plain handshake has
 * shown so far becomes marks. NULL when the pool is full.
 */
struct detail *details_open(struct details *details, struct open_attempt *attempt);

/* Gives the detail and its marks back. DETAIL_NONE is legal. */
void details_remove(struct details *details, uint32_t index);

/*
 * Appends a mark, or counts it in marks_lost when the attempt has
 * ATTEMPT_MARKS_MAX or the pool is full. Returns its index or DETAIL_NONE. The
 * pointers of details_at() and details_mark() are valid until the next call
 * that adds.
 */
uint32_t details_mark_add(struct details *details, uint32_t index, const struct mark *mark);
struct detail_mark *details_mark(struct details *details, uint32_t mark);

/* Details and marks refused because a pool was full. */
uint64_t details_refused(const struct details *details);
uint64_t details_marks_refused(const struct details *details);

#endif
