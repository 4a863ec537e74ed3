/*
 * Interface for reasons: why the kernel did not answer a SYN, or did not take a final ACK, by
 * its rules (docs/kernel.md), the depths of the queues and what its counters leave room for
 * (budget.h). A queue is the reason only where it was full and the counters of that moved.
 */
#ifndef REPORT_QUEUE_REASON_REASON_H
#define REPORT_QUEUE_REASON_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/attempt/detail.h"
#include "report/attempt/table.h"
#include "report/queue/queue.h"
#include "report/queue/reason/budget.h"

/* SYNs whose reason awaits the next reading of the counters. */
#define REASONS_WAITING_MAX 4096

enum waiting_kind {
	WAITING_UNANSWERED, /* no listener counted it */
	WAITING_ANSWERED,   /* an old connection answered it, as a packet shows */
	WAITING_OWN,	    /* it met the connection that it had led to */
};

struct waiting_syn {
	int64_t time_ns;
	uint32_t index; /* of the attempt in the table */
	uint32_t isn;
	struct queue *queue; /* NULL: none listens there */
	uint8_t kind;	     /* enum waiting_kind */
	bool sure;	     /* the listener's sk_drops did not move for it */
	bool kept;	     /* no full queue has dropped it */
	bool ipv4;
};

struct listening;

struct reasons {
	struct budget budget;
	const struct listening *listening; /* every listener; NULL: each queue is alone */
	struct waiting_syn *waiting;
	size_t waiting_count;
};

struct reason {
	enum tally tally;
	enum cause cause;
	enum confidence confidence;
};

/* How full the queue was when a packet met it. */
enum fullness {
	FULLNESS_NONE,
	FULLNESS_NEARLY, /* one less by the rebuilt depth, which may be one off */
	FULLNESS_FULL,
};

/* A SYN without an answer, or a final ACK without effect, that a full queue may have dropped. */
void reason_add_candidate(struct queue *queue, const struct arrival *packet);

/*
 * Where the counter of full queues moved for some of the packets around this one, and not for
 * all of them: how many, and for how many. False where its cause is certain, or no full queue's.
 */
bool reasons_share(const struct reasons *reasons, const struct mark *mark, uint32_t *dropped,
		   uint32_t *packets);

/* Whose queue dropped this packet; NULL: not known. */
struct queue *reasons_dropper(const struct reasons *reasons, const struct mark *mark);

/* Whether the kernel has this counter. */
bool reasons_know(const struct reasons *reasons, enum counter counter);

/* Zero is ready. */
void reasons_release(struct reasons *reasons);

/*
 * Whether some packet of this time can have met a full accept queue, by ListenOverflows.
 * done_ns: it was worked on by then; TIME_UNKNOWN.
 */
bool reason_allows_overflow(const struct queue *queue, int64_t time_ns, int64_t done_ns);

/* Whether ListenOverflows moved for more than is charged to others, and so perhaps for this one. */
bool reason_has_overflow(const struct queue *queue, const struct arrival *ack);

/*
 * A SYN that the listener dropped, by its sk_drops. sure: nothing else can have moved these.
 * The counters are charged with it.
 */
struct reason reason_of_syn(struct queue *queue, const struct arrival *syn, enum fullness fullness,
			    bool sure);

/* A SYN that a full queue dropped, as the kernel told. The counters are charged with it. */
struct reason reason_told(struct queue *queue, const struct arrival *syn);

/*
 * A final ACK that neither entered the accept queue nor found it full. drops: what sk_drops
 * may have counted. Its tally is TALLY_COUNT where it did not reach TCP, its cause is
 * CAUSE_COUNT where its request did not like it, for its timestamp.
 */
struct reason reason_of_ack(struct queue *queue, const struct arrival *ack, int drops);

/*
 * Whether ListenOverflows moved for more than what is and will be charged, when a SYN met a group
 * that was full at times: not each of its drops may have been sampled before a sibling closed.
 */
bool reason_has_rest(const struct queue *queue, const struct arrival *syn);

/* The counters are charged with a RST that ended a request. */
void reason_charge_reset(struct queue *queue, const struct arrival *rst);

/* It is taken to be no full queue's, and may be one all the same: of others no more is certain. */
void reason_doubt(struct queue *queue, const struct arrival *packet);

/* Charges the counters with a final ACK that a full accept queue dropped. */
void reason_charge_overflow(struct queue *queue, const struct arrival *ack);

/*
 * How sure it is that a full accept queue dropped a final ACK (before it is charged), that a
 * SYN-ACK was a cookie, and that TCP_DEFER_ACCEPT dropped a bare ACK, which is charged.
 * drops_known: sk_drops has room for it. The first sets ack->counted.
 */
enum confidence reason_confidence_of_overflow(const struct queue *queue, struct arrival *ack,
					      bool drops_known);
enum confidence reason_confidence_of_cookie(const struct queue *queue, const struct arrival *syn);
enum confidence reason_confidence_of_deferral(struct queue *queue, const struct arrival *ack);

/* Whether TCP_DEFER_ACCEPT can have dropped a bare ACK then, by TCPDeferAcceptDrop. */
bool reason_allows_deferral(const struct queue *queue, const struct arrival *ack);

/* No cookie was sent then that is not spoken for already, by the counter of those decided on. */
bool reason_excludes_cookie(const struct queue *queue, const struct arrival *syn);

/* The same with one that its request rejected for its timestamps. */
void reason_charge_timestamp(struct queue *queue, const struct arrival *ack);

/* The same with a SYN that was answered with a cookie, and with a cookie ACK that entered. */
void reason_charge_cookie_sent(struct queue *queue, const struct arrival *syn);
void reason_charge_cookie(struct queue *queue, const struct arrival *ack);

/* A SYN that got no SYN-ACK and that no listener dropped: its reason comes with a reading. */
void reasons_wait(struct reasons *reasons, const struct waiting_syn *syn);

/* The listener's sk_drops may have counted this one after all. */
void reasons_doubt(struct reasons *reasons, uint32_t index, uint32_t isn, int64_t time_ns);

/* Takes an EVENT_COUNTERS, and gives those their reason that waited for it. */
void reasons_take(struct reasons *reasons, const struct counters *counters, int64_t time_ns,
		  struct table *table, struct details *details);

/* Observation ended: the rest gets what is known of it. */
void reasons_end(struct reasons *reasons, struct table *table, struct details *details);

#endif
