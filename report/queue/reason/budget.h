/*
 * Interface for the budget: what the counters of the namespace have moved between two
 * readings, and how much of it no packet has been charged with yet.
 *
 * A packet that the kernel drops for one reason moves the counters of that reason: where
 * they did not move, it was another reason; and they cannot have moved for more packets
 * than they say. A packet is worked on some time between its timestamp and what shows that it
 * was, and a reading counts it or not when it was made meanwhile: a question is about every
 * gap between readings that the packet may belong to (struct budget_time).
 */
#ifndef REPORT_QUEUE_REASON_BUDGET_H
#define REPORT_QUEUE_REASON_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

/* Of more gaps the older ones are merged, two and two. */
#define BUDGET_GAPS_MAX 1024

enum budget_kind {
	BUDGET_OVERFLOWS,	/* ListenOverflows */
	BUDGET_LISTEN_DROPS,	/* ListenDrops */
	BUDGET_SYN_QUEUE,	/* TCPReqQFullDrop */
	BUDGET_COOKIE_WANTED, /* TCPReqQFullDoCookies */
	BUDGET_SYNCOOKIES_RECV, /* SyncookiesRecv */
	BUDGET_NO_ROUTE,	/* IPv4: OutNoRoutes */
	BUDGET_IP6_NO_ROUTE,	/* Ip6OutNoRoutes */
	BUDGET_MD5_NOT_FOUND,
	BUDGET_MD5_UNEXPECTED,
	BUDGET_MD5_FAILURE,
	BUDGET_AO, /* TCP-AO */
	BUDGET_MIN_TTL,		/* TCPMinTTLDrop */
	BUDGET_POLICY,		/* IPsec */
	BUDGET_OUT_POLICY,	/* XfrmOutPolBlock */
	BUDGET_REVERSE_PATH,	/* IPReversePathFilter */
	BUDGET_CHALLENGE, /* TCPSYNChallenge: a SYN met a connection of its 4-tuple */
	BUDGET_TIME_WAIT, /* PAWSTimewait: or TIME_WAIT, with an older timestamp */
	BUDGET_TIME_WAIT_SKIPPED, /* TCPACKSkippedTimeWait: and the answer was left out */
	BUDGET_DEFERRED, /* TCPDeferAcceptDrop */
	BUDGET_TIMESTAMP, /* PAWSEstab, TSEcrRejected: a request refused an ACK for its timestamp */
	BUDGET_IN_ERRORS,	/* what IP or TCP discarded as broken, or for want of memory */
	BUDGET_EMBRYONIC,	/* EmbryonicRsts: a request was reset */
	BUDGET_OUT_RESETS,	/* OutRsts: RSTs of TCP, and of nobody else */
	BUDGET_CLOSES_RESET,	/* TCPAbortOnClose, TCPAbortOnData: RSTs of a close() */
	BUDGET_KIND_COUNT,
};

/* When a packet was worked on. */
struct budget_time {
	int64_t from_ns;
	int64_t to_ns;
};

struct budget_gap {
	int64_t from_ns; /* the reading before it began */
	int64_t to_ns;	 /* the reading after it ended */
	uint32_t candidates; /* packets that a full queue may have dropped */
	uint32_t doubtful;   /* packets that were charged for a reason that may be another one's */
	uint32_t moved[BUDGET_KIND_COUNT];
	uint32_t charged[BUDGET_KIND_COUNT];
};

struct budget {
	struct counters last; /* all that is known */
	bool begun;
	int64_t last_ns; /* the last reading ended */
	uint32_t candidates; /* the same, since the last reading */
	uint32_t doubtful;
	uint32_t known;	 /* bit kind: the kernel has a counter of it */
	size_t count;
	struct budget_gap *gaps;
};

/* Zero is ready. */
void budget_release(struct budget *budget);

/* Takes an EVENT_COUNTERS. False when there is no memory: then nothing is known. */
bool budget_take(struct budget *budget, const struct counters *counters, int64_t time_ns);

/* Whether a reading has begun since. */
bool budget_is_closed(const struct budget *budget, struct budget_time when);

/*
 * What has moved in the gaps that a packet of this time may belong to and is not charged:
 * -1 when that is not known. Before budget_is_closed() it is what has moved so far.
 */
int64_t budget_left(const struct budget *budget, enum budget_kind kind, struct budget_time when);

/* The same with what is charged. */
int64_t budget_moved(const struct budget *budget, enum budget_kind kind, struct budget_time when);

/* A packet that a full queue may have dropped was worked on then. */
void budget_add_candidate(struct budget *budget, struct budget_time when);

/* How many of them there are in the gaps that a packet of this time may belong to. */
uint32_t budget_candidates(const struct budget *budget, struct budget_time when);

/* From when to when those gaps last. */
struct budget_time budget_span(const struct budget *budget, struct budget_time when);

/* Charges a packet of this time, where there is something left. */
void budget_charge(struct budget *budget, enum budget_kind kind, struct budget_time when);

/* A packet of this time is charged, though the counter moved for fewer than may have moved it. */
void budget_doubt(struct budget *budget, struct budget_time when);

/* How many of them there are in the gaps that a packet of this time may belong to. */
uint32_t budget_doubtful(const struct budget *budget, struct budget_time when);

/* Takes a charge back. */
void budget_refund(struct budget *budget, enum budget_kind kind, struct budget_time when);

#endif
