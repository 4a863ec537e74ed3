/*
 * Interface for arrivals, between the files of this room: what one packet or
 * call means for the depth and for the counters of its listener, and its verdict.
 */
#ifndef REPORT_QUEUE_ARRIVAL_H
#define REPORT_QUEUE_ARRIVAL_H

#include "report/queue/queue.h"

/* Did it certainly, possibly or certainly not happen before the sample looked? */
enum arrival_order { ARRIVED_BEFORE, ARRIVED_WITHIN, ARRIVED_AFTER };

static inline enum arrival_order arrival_order(const struct arrival *a,
					       const struct queue_sample *s)
{
	if (a->kind == ARRIVAL_LEAVE) {
		if (a->time_ns <= s->before_ns)
			return ARRIVED_BEFORE;
		return a->from_ns > s->time_ns ? ARRIVED_AFTER : ARRIVED_WITHIN;
	}
	if (a->time_ns + CAPTURE_LEAD_NS <= s->before_ns)
		return ARRIVED_BEFORE;
	return a->time_ns > s->time_ns ? ARRIVED_AFTER : ARRIVED_WITHIN;
}

/*
 * How many of the first arrivals a sample can have seen: all behind them are ARRIVED_AFTER. A
 * queue settles late (SETTLE_DELAY_NS), so that on a busy one they are a few of hundreds.
 */
size_t arrivals_until(const struct queue *q, const struct queue_sample *s);

/* What it adds to the depth: 1, 0 or -1. */
static inline int arrival_delta(const struct arrival *a)
{
	if (a->kind == ARRIVAL_ENTER)
		return 1;
	return a->kind == ARRIVAL_LEAVE ? -1 : 0;
}

/* What it can add to sk_drops, however it is judged. */
uint32_t arrival_drops_most(const struct arrival *a);

/* What it adds to sk_drops; those of arrival_may_drop() are decided apart. */
int arrival_sk_drops(const struct arrival *a);

/* Whether sk_drops counted it, only sk_drops itself can tell. */
bool arrival_may_drop(const struct arrival *a);

/*
 * The kernel itself told of its drop, or reset it. That a final ACK did not enter is not enough: a
 * firewall may have dropped it.
 */
bool arrival_is_told_drop(const struct arrival *a);

/* Its attempt, or NULL when that is gone. */
struct open_attempt *arrival_attempt(const struct arrival *a, struct table *table);

/* Any segment of a client whose final ACK was dropped is a final ACK again. */
bool mark_stands_for_ack(const struct mark *mark);

/* Writes a verdict on the mark of this packet. */
void arrival_judge(struct queue *q, const struct arrival *a, enum mark_kind kind, bool dropped,
		   enum cause cause, enum confidence confidence, uint32_t depth,
		   struct table *table, struct details *details);

/* How sure the drops of one settling are. */
struct drops_view {
	bool known;
	int64_t room_min; /* packets of arrival_may_drop() that sk_drops has room for */
	int64_t room_max;
	int64_t asking; /* and those that ask for it */
	int64_t syns;	/* of them SYNs that a full queue may have dropped */
	bool mixed;	/* sk_drops moved for some of them alone: for which is not certain */
	bool shared; /* or for one that it is taken to count, which a firewall may have dropped */
	uint32_t fullest;
	struct queue *member; /* of siblings: who alone has dropped something; NULL */
};

/*
 * A drop was counted that nothing explains, by a sample that began at this time: one of the
 * SYNs shortly before it may be the one, although it seemed to be lost elsewhere.
 */
void queue_doubt_fates(struct queue *q, int64_t before_ns, struct table *table,
		       struct details *details);

/* Gives the arrival its verdict and its place in the sums; it is ARRIVAL_SETTLED then. */
void arrival_settle(struct queue *q, struct arrival *a, struct drops_view *view,
		    struct table *table, struct details *details);

/* A packet of this time was dropped; dropper: of siblings by whom, NULL where that is not known. */
void queue_count_drop(struct queue *q, struct queue *dropper, int64_t time_ns, enum cause cause);
/* It was no drop after all. */
void queue_take_back_drop(struct queue *q, const struct mark *mark);
void queue_correct_half_open(struct queue *q, const struct arrival *from, int change);

/* The settled depth changes; full episodes and the series follow it. */
void queue_step(struct queue *q, int64_t time_ns, int64_t change);
void queue_track_full(struct queue *q, int64_t time_ns, int64_t depth);
/* Of a sibling, whose depth is not rebuilt: by its samples. */
void queue_set_full(struct queue *q, int64_t time_ns, bool full);

#endif
