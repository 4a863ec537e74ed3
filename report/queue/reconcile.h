/*
 * Interface for reconciling: the arrivals of a queue, as they are judged, are held against one
 * sample of it, and where the two differ unproven judgements are turned round. Where nobody
 * reports accepts and a queue is nearly full that is not enough (search/beam.h).
 */
#ifndef REPORT_QUEUE_RECONCILE_H
#define REPORT_QUEUE_RECONCILE_H

#include "report/queue/arrival.h"

/* Of a sample that is passed on reach is set. */

/* A SYN that a RST, an ICMP error or a bare ACK answered was not dropped. sample NULL: all. */
void queue_see_answers(struct queue *q, const struct queue_sample *sample, struct table *table);

/*
 * Makes the rebuilt depth and the drops agree with the sample. Returns departures that are to
 * be inferred, where accepts are not reported.
 */
int64_t queue_reconcile(struct queue *q, const struct queue_sample *sample, struct table *table);

/*
 * Whether this pending sample shows too little of packets so young that they may not have been
 * worked on when it looked, and another follows: then that is waited for, as long as it can be.
 */
bool queue_sampled_early(struct queue *q, size_t sample, struct table *table);

/*
 * The listener has got a sibling, found just now: who came lately may have come to that one. That
 * this queue was full says nothing of them.
 */
void queue_meet_sibling(struct queue *q, struct table *table);

#endif
