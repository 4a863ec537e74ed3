/*
 * What the files of the queues share, and nobody else: those of this folder, past/ and entry/.
 */
#ifndef REPORT_QUEUE_PARTS_H
#define REPORT_QUEUE_PARTS_H

#include "report/queue/arrival.h"
#include "report/queue/entry/entries.h"
#include "report/queue/listening.h"
#include "report/queue/queue.h"
#include "report/queue/queues.h"
#include "report/queue/reason/reason.h"
#include "report/queue/timestamps.h"

/* The last entries of clients that nobody saw connect. */
#define ENTRIES_OF_NOBODY 64

struct entry_of_nobody {
	struct endpoint client;
	int64_t time_ns;
};

struct queues {
	struct host host;
	bool children_looked_up;
	bool lo_only;
	const struct endpoint *targets;
	size_t targets_count;
	bool forks_told;   /* and each fork, and exit */
	bool entries_told; /* each entry into an accept queue is, so that none is proof too */
	bool drops_told;   /* and each drop of a full queue */
	struct entry_of_nobody nobody[ENTRIES_OF_NOBODY]; /* a ring */
	size_t nobody_next;
	struct accept_observer accept_observer; /* of accepts that the depths show */
	struct rates *rates;
	unsigned live_slots;
	struct queue_window window;
	struct reasons reasons;
	struct listening listening;
	struct devices devices;
	uint64_t undecided; /* attempts that one of several listeners got, by a device not known */
	struct timestamps *timestamps;
	unsigned histograms;		 /* see latencies_add() */
	uint64_t elsewhere[TALLY_COUNT]; /* of what met no listener here */
	struct report_listener *report;
	struct report_owner *report_owners;
	uint8_t owners[1u << 13]; /* a bit for each pid modulo 2^16 that was an owner */
};

/* The queue of an attempt that queues_syn() has assigned, or NULL. */
static inline struct queue *queues_of(const struct queues *queues, const struct open_attempt *a)
{
	return a->listener < queues->listening.count ? queues->listening.queues[a->listener] : NULL;
}

/*
 * queues.c: the queue that a segment to a listener reaches, by the device on which it was seen; of
 * siblings their leader. NULL: none, or it is not known which; see listening_for() for *doubt.
 */
struct queue *queues_reached(const struct queues *queues, const struct segment *segment,
			     bool *doubt);
/* The same for the first SYN of this attempt. */
struct queue *queues_reached_by(const struct queues *queues, const struct open_attempt *attempt);
/* The one that has this address and port for its own end, where no device tells. */
struct queue *queues_answering(const struct queues *queues, const struct endpoint *local);

/*
 * entry/entries.c: somebody who came to this port has entered the queue of one of its listeners, or
 * may have, and of which is not known: what a depth says of the others is less for it.
 */
void queues_doubt(struct queues *queues, uint16_t port, int64_t time_ns);

/* The same of one of these siblings, whose own depths count it. */
void queues_doubt_order(struct queues *queues, const struct queue *leader, int64_t time_ns);

/* past/owning.c: the owners that a LISTENER names. */
void queues_learn_owners(struct queues *queues, struct queue *queue,
			 const struct listener *listener, int64_t time_ns);

/* past/closing.c: the listener closed; found out at time_ns. */
void queues_close(struct queues *queues, struct queue *queue, int64_t time_ns, struct table *table,
		  struct details *details);

/* The attempt of a queue that is over is one of the listener that is there now; NULL: none is. */
struct queue *queues_move_on(struct queues *queues, struct queue *queue,
			     struct open_attempt *attempt);

/*
 * past/siblings.c: what a group has dropped, of which it is not known who did; only: who must
 * have, since sk_drops of nobody else counted more than what is known, or NULL.
 */
uint64_t queues_group_drops(const struct queues *queues, const struct queue *leader,
			    const struct queue **only);

/* Keeps the timestamp of a SYN's answer, where it is doubtful whether that was a cookie. */
void queues_remember_timestamp(struct queues *queues, const struct queue_packet *packet,
			       const struct queue *queue, struct arrival *syn,
			       const struct segment *syn_ack);

#endif
