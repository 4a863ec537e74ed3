/*
 * Interface for the children that wait: which connections' sockets to look up,
 * in which order and how often, so that each one's accept() is bounded closely
 * at few look-ups. The looks themselves are the caller's.
 *
 * Theory of operation. A handshake that is told of (push) is looked at once, in
 * the next round. Most are accepted by then: told, forgotten. One that waits
 * joins the FIFO of its listener (and is told where the queue was full lately, since
 * not everybody found room). A round looks at the first few of it (CHILD_WINDOW), and at some
 * of those of which the first proves nothing (CHILD_TURNS; netlink/child/fifo.h).
 *
 * Two kinds have no place in an order and take turns in a pool, within a share
 * of the time that the caller allows: children of SO_REUSEPORT siblings (each
 * sibling has a queue, and a child does not say whose it is), and connections
 * that entered the queue late. A socket that is no child (a request socket,
 * since its final ACK was dropped; or nothing, since it was a SYN cookie) may
 * still become one when the client sends again: it is told once and then looked
 * at ever more rarely, without holding up the others.
 */
#ifndef NETLINK_CHILD_QUEUE_H
#define NETLINK_CHILD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

#define CHILD_WINDOW 4
#define CHILD_TURNS  8

/* Flows that are kept at once, over all queues. */
#define CHILDREN_MAX 65536

struct child_queues;

enum child_status {
	CHILD_WAITING,	 /* in the accept queue */
	CHILD_ACCEPTED,	 /* it has an owner, or had one that closed it */
	CHILD_HALF_OPEN, /* a request socket */
	CHILD_GONE,	 /* no socket */
};

/* What a look found. */
enum child_status child_status(const struct child *child);

/* What the queues ask of their owner, with its context. */
struct child_queues_owner {
	/*
	 * Looks a flow up: fills all of event but child.waiting_ns. 0, or a value that ends the
	 * round.
	 */
	int (*look)(void *context, const struct flow *flow, struct event *event);
	/* Receives what was learnt. 0, or a value that ends the round. */
	int (*tell)(void *context, struct event *event);
	void *context;
};

struct child_queues *child_queues_new(void);
void child_queues_free(struct child_queues *queues);

/*
 * A handshake is done. key names the accept queue (any number that stays; the
 * listener's cookie), 0 when it is not known or shared among siblings. It may
 * be told again, when its client sent the final ACK again. acked_ns: when the first
 * segment was captured that can have let it in, by the clock of the looks. now_ns: monotonic.
 */
void child_queues_push(struct child_queues *queues, uint64_t key, const struct flow *flow,
		       int64_t acked_ns, int64_t now_ns);

/*
 * A queue was seen full at now_ns: connections told of until a second later that are
 * found without a socket may have lost their final ACK.
 */
void child_queues_full(struct child_queues *queues, uint64_t key, int64_t now_ns);

/*
 * The accept queue is no longer one FIFO (it got siblings, or closed): its children join the pool.
 */
void child_queues_disband(struct child_queues *queues, uint64_t key);

/*
 * Which listeners there were at time_ns is known, by the clock of the looks, and each whose queue
 * is no FIFO any more has been disbanded: whose handshake was done by then is in the queue whose
 * key it was pushed with. Of later ones a listener that has joined since may have some: the first
 * of a FIFO proves nothing of them until the next call.
 */
void child_queues_know(struct child_queues *queues, int64_t time_ns);

/*
 * One round. pool_ns is what the pool may cost in it. Returns 0 or what look
 * or tell returned.
 */
int child_queues_round(struct child_queues *queues, const struct child_queues_owner *owner,
		       int64_t now_ns, int64_t pool_ns) __attribute__((warn_unused_result));

/* Children kept now, and those that were refused for want of room since the start. */
size_t child_queues_count(const struct child_queues *queues);
uint64_t child_queues_skipped(const struct child_queues *queues);

#endif
