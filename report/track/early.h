/*
 * Interface for segments that stand in a capture before the one that they
 * answer: a SYN-ACK, or a refusal, before its SYN, or a final ACK before its
 * SYN-ACK. Interfaces with several queues, `any`, and files that were joined
 * have them. What is kept here is given back when the earlier one comes.
 *
 * A small table that forgets: what does not come back soon was of a connection
 * that began before the capture did.
 */
#ifndef REPORT_TRACK_EARLY_H
#define REPORT_TRACK_EARLY_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

#define EARLY_SLOTS	   256 /* connections, a power of two; a newer one takes the place */
#define EARLY_SEGMENTS_MAX 4   /* of each; what comes when there are as many is not kept */
/* How far an answer may stand in front of what it answers, and behind it, by their timestamps. */
#define EARLY_BEFORE_NS (100 * NS_PER_MS)
#define EARLY_BEHIND_NS (1 * NS_PER_SEC)

struct early_segments {
	struct flow flow; /* client to server */
	uint32_t count;
	bool stray; /* they belonged to no attempt */
	int64_t time_ns[EARLY_SEGMENTS_MAX];
	struct segment segments[EARLY_SEGMENTS_MAX];
};

struct early;

int early_new(struct early **out) __attribute__((warn_unused_result));
void early_free(struct early *early);

/* Nothing waits: mostly. */
bool early_is_empty(const struct early *early);

/*
 * A segment of no attempt: kept when it answers a SYN (SYN-ACK, RST with ACK),
 * or belongs to the same connection as one that is kept. hash: of its flow.
 */
void early_stray(struct early *early, uint32_t hash, const struct event *event);

/* A client's segment with ACK, of an attempt without a SYN-ACK as yet. */
void early_ack(struct early *early, uint32_t hash, const struct event *event);

/*
 * Moves to *out what was kept, in its order, when it answers this SYN, or
 * acknowledges this SYN-ACK. Otherwise returns false.
 */
bool early_take_syn(struct early *early, uint32_t hash, const struct event *syn,
		    struct early_segments *out);
bool early_take_syn_ack(struct early *early, uint32_t hash, const struct event *syn_ack,
			struct early_segments *out);

#endif
