/*
 * Interface for one listener's queue: what arrived at it and left it, rebuilt
 * from packets and accepts, settled against its samples.
 *
 * Theory of operation. An arrival is first judged by the rebuilt depth: a final
 * ACK enters when depth <= limit (sk_acceptq_is_full() is depth > limit). The
 * judgement stands until a sample from after the arrival is settled. A sample
 * says the depth at some instant of an interval, and how many packets the
 * socket dropped by then (sk_drops); both are compared with what the arrivals
 * predict, as ranges, since what lies within the interval may be counted or not.
 * Where they differ the youngest unproven judgement is turned round, or, for a
 * listener whose accepts are not reported, a departure is inferred. Samples are
 * settled SETTLE_DELAY_NS late, so that a SYN-ACK, and the report of an accept()
 * that the scheduler delayed, are there by then.
 */
#ifndef REPORT_QUEUE_QUEUE_H
#define REPORT_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "event/host.h"
#include "report/attempt/detail.h"
#include "report/attempt/report.h"
#include "report/attempt/table.h"
#include "report/measure/latencies.h"
#include "report/measure/rate_counter.h"
#include "report/measure/gaps.h"
#include "report/measure/series.h"
#include "report/measure/spread.h"
#include "report/queue/past/limits.h"
#include "report/queue/past/stalls.h"
#include "report/queue/past/tenures.h"
#include "report/queue/sizing/sizing.h"
#include "report/queue/past/stillness.h"
#include "report/queue/tally.h"
#include "report/queue/entry/waiting.h"

#define QUEUE_ARRIVALS_MAX (1u << 18)
#define QUEUE_SAMPLES_MAX  256
#define QUEUE_EPISODES_MAX 1024
#define SETTLE_DELAY_NS	   (50 * NS_PER_MS)
/* A packet is timestamped before the kernel works on it: it may enter this much later. */
#define CAPTURE_LEAD_NS (100 * NS_PER_US)
/* And so much at the most, where its processor is held up, or has others to work on before it. */
#define CAPTURE_LEAD_MAX_NS (5 * NS_PER_MS)

enum arrival_kind {
	ARRIVAL_SYN,	 /* wants a request, or a cookie */
	ARRIVAL_REPEAT,	 /* a SYN whose request exists: answered again */
	ARRIVAL_ENTER,	 /* a final ACK that entered the queue */
	ARRIVAL_REFUSED, /* a final ACK that did not: the queue was full */
	ARRIVAL_AGAIN,	 /* it would be one, if its client had not entered before */
	ARRIVAL_DEFERRED,
	ARRIVAL_RST,	 /* in SYN_RECV */
	ARRIVAL_STRAY,	 /* a RST that ends nothing, or flags that mean nothing */
	ARRIVAL_ICMP,	 /* an error that ends a request */
	ARRIVAL_JOIN,	 /* the final ACK of an MPTCP subflow: no place is taken */
	ARRIVAL_LEAVE,	 /* accept() */
	ARRIVAL_LOOKUP,	 /* somebody looked where its attempt stands */
	ARRIVAL_COUNT,	 /* and how many requests there are: half_open */
	ARRIVAL_SETTLED, /* nothing more to say of it */
};

/* What a lookup found, or a packet shows as well. */
enum found {
	FOUND_DOUBT,	/* something arrived meanwhile */
	FOUND_CHILD,	/* its socket: it has entered */
	FOUND_NO_CHILD, /* not that */
	FOUND_EXPIRED,	/* no child, and no request if there was one */
	FOUND_REQUEST,
	FOUND_NOTHING,
};

struct queue;
struct reasons;
/* Of a final ACK, by the kernel itself: see entries.h. */
enum told {
	TOLD_NOTHING,
	TOLD_ENTERED,
	TOLD_DOUBT,   /* it entered, or one of its attempt that follows at once */
	TOLD_REFUSED, /* or not taken for another reason */
};

enum route_known { ROUTE_NOT_ASKED, ROUTE_FOUND, ROUTE_MISSING };

struct arrival {
	int64_t time_ns;
	int64_t done_ns;       /* a sample shows that it was worked on by then; 0: none yet */
	int64_t from_ns;       /* LEAVE, LOOKUP, COUNT: it may have happened from here on */
	uint32_t index;	       /* of the attempt in the table */
	uint32_t isn;	       /* of the attempt: the index may be another's by now */
	uint32_t half_open;    /* rebuilt, before it */
	uint32_t before;       /* the number of an earlier one, perhaps of its attempt */
	uint32_t told_depth;   /* TOLD_ENTERED, TOLD_DOUBT: of the accept queue, just before */
	struct queue *dropper; /* of siblings the one that dropped it; NULL: not known */
	uint8_t dropped_at;    /* 1 + enum drop_place, by the kernel itself; 0: it told of none */
	uint8_t kind;	       /* enum arrival_kind */
	uint8_t told;	       /* enum told */
	uint8_t found;	       /* LOOKUP, COUNT: enum found */
	uint8_t timestamp;     /* SYN: enum timestamp, what timestamps said of its SYN-ACK */
	uint8_t window_scale;  /* SYN: that of its client */
	uint8_t route;	       /* SYN: enum route_known, back to its client just after */
	bool answered;	       /* SYN; a final ACK: with a bare ACK */
	bool synacked;	       /* and with a SYN-ACK */
	bool wants_place;      /* a final ACK, or what stands for one */
	bool bare;	       /* and a request may take it for a bare ACK of TCP_DEFER_ACCEPT, */
	bool deferred;	       /* and does */
	bool exact;	       /* RST, STRAY: it ends a request, if there is one */
	bool decided;	       /* by the beam search: dropped is known */
	bool dropped;	       /* SYN, STRAY: the listener did, not something in front of it */
	bool requested;	       /* SYN: taken to have made a request, which half_open counts */
	bool proven;	    /* ENTER, REFUSED: not to be turned round; STRAY: it met the listener */
	bool counted;	    /* REFUSED: ListenOverflows moved for it, and for nothing else */
	bool cookie;	    /* its attempt has no request */
	bool cookie_proven; /* SYN: by more than the rebuilt SYN queue */
	bool kept;	 /* SYN: no full queue has dropped it: that would have been told */
	bool no_cookie;	 /* SYN: the counter leaves room for none */
	bool challenged; /* SYN: another attempt of its 4-tuple has a request */
	bool met_old;	 /* SYN: a connection of its 4-tuple, or TIME_WAIT, answered it */
	bool aborted;	 /* REFUSED: and reset, by tcp_abort_on_overflow */
	bool rejected;	 /* STRAY: a final ACK whose timestamps its request does not like */
	bool acknowledges; /* STRAY: a final ACK that found room and did not enter */
	bool passed_over;  /* STRAY: a RST with ACK, which a listener does not count, but a request */
	bool ahead;	   /* a final ACK, or what stands for one: not the first that it sent */
	bool sure;	   /* decided: no other way to share out the drops between two samples;
			      of a final ACK: nothing else can have been among them */
	bool ipv4;
};

struct queue_sample {
	int64_t before_ns;
	int64_t time_ns;
	uint32_t depth;
	uint32_t drops;
	uint32_t fullest; /* of SO_REUSEPORT siblings: the highest depth over its limit, plus 1;
			     else 0 */
	/* Each queue has many of these: they are kept small. */
	uint32_t reach : 28; /* arrivals_until(), while it is settled */
	bool drops_known : 1;
	bool off : 1; /* by the search: its drops are not those of what arrived by then */
	bool
	    early : 1; /* by the search: it looked before an arrival from before it was worked on */
	bool droppers : 1;     /* of siblings: the sk_drops of several moved since the last one */
	struct queue *dropper; /* whose alone; NULL: nobody's */
};

_Static_assert(sizeof(struct queue_sample) == 40, "what reach and the flags share");

/* From the first reading of the counters to the last: what the ledger counts. */
struct queue_window {
	int64_t from_ns;
	int64_t to_ns;
	bool blind; /* no packets are captured: samples alone tell of the queues */
};

/* What arrived and is not settled, in order of time. */
struct queue_arrivals {
	struct arrival *list;
	size_t count;
	size_t room;
	uint32_t gone;	  /* the number of the first: each has the next one */
	uint32_t *newest; /* by a hash of the attempt: the number of the youngest; room of them */
	uint64_t lost;	  /* beyond QUEUE_ARRIVALS_MAX */
	uint32_t told;	  /* the number of the first that may still be told of */
};

/* What the sampler saw. In a SO_REUSEPORT group the leader has pending, early and round. */
struct queue_samples {
	struct queue_sample pending[QUEUE_SAMPLES_MAX]; /* not settled, in order of time */
	size_t pending_count;
	int64_t early_ns; /* the first of the last samples that were passed over; TIME_UNKNOWN */
	struct queue_sample round; /* of the siblings, while it is not complete */
	uint32_t round_count;
	struct queue *dropper; /* of the last round that was settled, */
	bool droppers;	       /* or several were */
	uint64_t count;	       /* ever taken */
	uint32_t last_depth;
	uint64_t left;	    /* by how much it ever fell: only accept() takes somebody out */
	int64_t peak;	    /* -1: none */
	uint32_t turn_peak; /* the highest since the live view turned, */
	uint32_t news_peak; /* and since the metrics were collected */
	struct series series;
	int64_t half_open; /* the last count of requests; -1: none */
	struct series half_open_series;
	struct gaps gaps;
};

#define FATES_MAX 64

/* A SYN without an answer that is settled. */
struct fate {
	int64_t time_ns;
	uint32_t isn;
	uint32_t index : 31;  /* of the attempt in the table */
	uint32_t dropped : 1; /* by the listener */
};

/* The socket's counter of drops, by the samples. */
struct queue_sk_drops {
	bool seen; /* first and last, of this socket alone */
	bool cut;  /* it closed before the last of them were sampled */
	uint32_t first;
	uint32_t last;
	bool ended;		      /* the counters were read for the last time: */
	uint32_t end;		      /* last was this then */
	bool group_settled;	      /* in the leader: of all members, also those that closed */
	uint32_t group;		      /* since each was first seen */
	uint32_t group_first;	      /* what of that came before the first sample settled */
	int64_t settled;	      /* what the settled arrivals explain of last - first */
	struct fate fates[FATES_MAX]; /* a ring: of the last SYNs without an answer */
	uint32_t fates_count;	      /* ever */
	bool shown;		      /* by a sample that was settled: */
	uint32_t shown_drops;
	int64_t shown_ns;
};

/* Rebuilt, after all that has arrived. */
struct queue_now {
	int64_t depth;	   /* of the last sample where accepts are not reported */
	int64_t half_open; /* requests in the SYN queue */
};

/* Rebuilt, before the first arrival that is not settled. */
struct queue_settled {
	bool known; /* depth is */
	int64_t depth;
	int64_t entry_ns; /* the last entry that was told */
	int64_t owed;	  /* departures counted before their accept() was settled */
	int64_t requests;
	int32_t unattributed; /* fewer by so many, by a count, than those whose end is known */
	int64_t peak;	      /* of depth; -1: none */
	struct series series; /* of depth */
};

/* Since when, how long and when the accept queue was full, by the settled depth. */
struct queue_full {
	bool is_full;
	int64_t since_ns; /* where it is */
	int64_t total_ns; /* of the episodes that have ended */
	int64_t turn_ns;  /* how long it had been full when the live view turned */
	struct full_episode *episodes;
	size_t episodes_count;
	uint64_t episodes_lost; /* beyond QUEUE_EPISODES_MAX */
};

/* Counted since the listener was first seen. */
struct queue_sums {
	uint64_t attempts;
	uint64_t
	    group_attempts;   /* in the leader: of those it is not known which sibling's they are */
	uint64_t group_drops; /* and of these packets, which sibling dropped them */
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t causes[CAUSE_COUNT]; /* attempts that have it */
	uint64_t cause_packets[CAUSE_COUNT];
	enum refusal refusal;	       /* the last that the server said */
	uint64_t syns_again;	       /* beyond the first of each attempt */
	struct spread connect;	       /* first SYN to final ACK, */
	struct spread accept_wait;     /* and from there to accept() */
	uint64_t tallies[TALLY_COUNT]; /* packets within the ledger's window */
	uint64_t drops;		       /* packets, by the verdicts */
	uint64_t drops_beside;	       /* of them, not within that window */
	uint64_t disagreements;	       /* samples that the rebuilt depth cannot explain */
};

#define QUEUE_EXITS_MAX 64

/* Of its owners: those that a signal ended. */
struct queue_exits {
	struct sizing_exit list[QUEUE_EXITS_MAX]; /* the first of them, in order of time */
	size_t count;
};

struct queue {
	struct listener listener;
	struct queue
	    *leader; /* of its SO_REUSEPORT group: keeps the arrivals of all; itself when alone */
	uint32_t siblings; /* in the leader: members that are open */
	uint32_t index;
	const struct host *host;
	const struct queue_window *window;
	struct reasons *reasons; /* of the namespace; NULL: none are looked for */
	unsigned gates; /* bits: those before it that are known to have dropped some of its packets */
	int64_t backlog;	 /* as given to listen(); -1 */
	int32_t defers_s; /* its TCP_DEFER_ACCEPT; until that is known that of who was here before;
			     -1: nobody knows */
	bool accept_exact;	 /* its accepts are reported */
	bool accept_visible;	 /* or its children are looked up */
	bool limit_known;
	bool closed;
	bool over;		      /* in the leader: no member is open any more */
	int64_t open_ns;	      /* the last time that it was known to be open */
	int64_t closed_ns;	      /* since some time between that and this; TIME_UNKNOWN */
	bool grouped;		      /* has, or had, SO_REUSEPORT siblings: nothing tells which of
					 them an attempt meets */
	int64_t seen_ns;	      /* when it was found first */
	int64_t last_cookie_ns;	      /* a SYN cookie was sent */
	int64_t last_accepted_ack_ns; /* the youngest handshake that was accepted */
	struct stillness stillness;   /* of the accept queue of a listener without siblings */

	struct queue_arrivals arrivals;
	struct queue_samples samples;
	struct queue_waiting waiting; /* where entries are told and accept() is not */
	struct queue_sk_drops sk_drops;
	struct queue_now now;
	struct queue_settled settled;
	struct queue_full full;
	struct queue_sums sums;
	struct rate_counter counter;
	struct latencies latencies;
	struct sizing sizing;
	struct limits limits;
	struct tenures tenures;
	struct stalls stalls;
	struct queue_exits exits;
};

void queue_init(struct queue *queue, const struct listener *listener, const struct host *host,
		const struct queue_window *window);
void queue_release(struct queue *queue);

/* How many connections accept() has returned by now, at least: as known, or as samples show. */
int64_t queue_accepts(const struct queue *queue);

/* Counts a packet of this class, if it came within the ledger's window. */
void queue_tally(struct queue *queue, enum tally tally, int64_t time_ns, int count);

/*
 * The counters of the namespace were read for the first time (COUNTERS_BEFORE), or the last: what
 * the ledger compares with them began, or ended.
 */
void queue_take_reading(struct queue *queue, enum counters_when when);

/* What sk_drops moved between these; -1: not known. */
int64_t queue_sk_drops(const struct queue *queue);

/*
 * The limit of then; the lower of two where listen() was called again at about that time. What
 * is settled lies back.
 */
static inline uint32_t queue_limit_at(const struct queue *queue, int64_t time_ns)
{
	uint32_t lowest, highest;

	if (queue->limits.count <= 1)
		return queue->listener.limit;
	limits_within(&queue->limits, time_ns, time_ns, &lowest, &highest);
	return lowest;
}

/* Depth and limit known, and depth > limit. */
bool queue_is_full(const struct queue *queue);

/* Limit known, and so many requests are more than it (inet_csk_reqsk_queue_is_full()). */
bool queue_requests_are_full(const struct queue *queue, int64_t requests);

/* Whether tcp_conn_request() decides on a cookie for a SYN that finds so many requests. */
bool queue_wants_cookie(const struct queue *queue, int64_t requests);

/*
 * Puts the depth right by change, after a judgement was turned round. Where accepts
 * are not reported the last sample has said already how deep the queue is.
 */
void queue_correct_depth(struct queue *queue, int change);

/* Appends an arrival; NULL when the bound is reached (counted). Valid until the next. */
struct arrival *queue_arrive(struct queue *queue, enum arrival_kind kind, int64_t time_ns,
			     const struct open_attempt *attempt, uint32_t index);

/*
 * A look at this attempt (LOOKUP), or a count of all requests (COUNT), in [from_ns, time_ns].
 * Returns found, or FOUND_DOUBT when something arrived meanwhile that changes the answer: of a
 * child nothing does.
 */
enum found queue_lookup(struct queue *queue, enum arrival_kind kind, int64_t from_ns,
			int64_t time_ns, const struct open_attempt *attempt, uint32_t index,
			enum found found, uint32_t count);

/* A request is gone that nobody saw end: one fewer, unless a count has said so before. */
void queue_miss_request(struct queue *queue);

/* The youngest arrival of this attempt, and the one before that; or NULL. */
struct arrival *queue_newest(struct queue *queue, uint32_t index, uint32_t isn);
struct arrival *queue_earlier(struct queue *queue, const struct arrival *arrival);

/* The first count arrivals are settled and done with. */
void queue_forget(struct queue *queue, size_t count);

/* The youngest arrival of this attempt and kind that is not settled, or NULL. */
struct arrival *queue_find(struct queue *queue, enum arrival_kind kind, uint32_t index,
			   uint32_t isn);

/*
 * It is certain now that this attempt's SYN-ACK was a cookie, or that it was none.
 * Corrects what was judged, also if that was settled.
 */
void queue_prove_cookie(struct queue *queue, struct open_attempt *attempt, uint32_t index,
			struct details *details, bool cookie);

/*
 * It is certain now that this attempt entered, although every final ACK of it was
 * taken to be dropped: the last of them was not. Its place in the depth is one that
 * another attempt was given, wrongly.
 */
void queue_prove_entered(struct queue *queue, struct open_attempt *attempt,
			 struct details *details);

/*
 * It is certain now that this attempt's last final ACK did not enter the queue: its
 * SYN-ACK came again, or its socket was looked for and is not there. Corrects what
 * was judged, also if that was settled. shown: MOVE_SYNACK_RESENT, MOVE_DATA_RESENT or
 * MOVE_LOOKUP_REFUSED, whichever shows it.
 */
void queue_prove_refused(struct queue *queue, struct open_attempt *attempt, uint32_t index,
			 struct details *details, enum open_move shown);

/* Takes a sample of this socket, and settles those that are old enough by now. */
void queue_take_sample(struct queue *queue, const struct sample *sample, int64_t time_ns,
		       struct table *table, struct details *details);

/* Settles every sample, and without samples every arrival, older than now - SETTLE_DELAY_NS. */
void queue_settle(struct queue *queue, int64_t now_ns, struct table *table,
		  struct details *details);

/* Observation ended: settles all there is and closes the last full episode. */
void queue_end(struct queue *queue, int64_t end_ns, struct table *table, struct details *details);

#endif
