/*
 * What the files of the queues (queues*.c) share, and nobody else.
 */
#ifndef REPORT_QUEUE_PARTS_H
#define REPORT_QUEUE_PARTS_H

#include "report/queue/listening.h"
#include "report/queue/queue.h"
#include "report/queue/queues.h"
#include "report/queue/stamps.h"

struct queues {
	struct host host;
	bool children_looked_up;
	bool lo_only;
	struct rates *rates;
	unsigned live_slots;
	struct queue_window window;
	struct listening listening;
	struct stamps *stamps;
	struct report_listener *report;
};

/* The queue of an attempt that queues_syn() has assigned, or NULL. */
static inline struct queue *queues_of(const struct queues *queues, const struct open_attempt *a)
{
	return a->listener < queues->listening.count ? queues->listening.queues[a->listener] : NULL;
}

/* Keeps the timestamp of a SYN's answer, where it is doubtful whether that was a cookie. */
void queues_remember_stamp(struct queues *queues, const struct queue_packet *packet,
			   const struct queue *queue, struct arrival *syn,
			   const struct segment *syn_ack);

#endif
