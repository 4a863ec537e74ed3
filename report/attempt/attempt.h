/*
 * Interface for a finished attempt: one try of a client to connect, that is one
 * 4-tuple and one client ISN. The tracker makes it, the sinks get it constant.
 */
#ifndef REPORT_ATTEMPT_ATTEMPT_H
#define REPORT_ATTEMPT_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

enum outcome {
	OUTCOME_ACCEPTED,
	OUTCOME_ESTABLISHED,
	OUTCOME_WAITING,
	OUTCOME_REFUSED,
	OUTCOME_UNREACHABLE,
	OUTCOME_UNANSWERED,
	OUTCOME_HALF_OPEN,
	OUTCOME_ABORTED,
	OUTCOME_RESET,
	OUTCOME_ZOMBIE,
	OUTCOME_OPEN,
	OUTCOME_JOINED,
	OUTCOME_COUNT,
};

/* Which end of the connection this host has. */
enum role {
	ROLE_UNKNOWN,
	ROLE_INBOUND,	/* its destination, after NAT, is this host's */
	ROLE_OUTBOUND,	/* this host is the client */
	ROLE_FORWARDED, /* neither */
	ROLE_COUNT,
};

enum cause {
	CAUSE_ACCEPT_QUEUE_FULL_SYN,
	CAUSE_ACCEPT_QUEUE_FULL_ACK,
	CAUSE_SYN_QUEUE_FULL,
	CAUSE_SYN_COOKIE,
	CAUSE_MAX_SYN_BACKLOG_RESERVE,
	CAUSE_COOKIE_ACK_DROPPED,
	CAUSE_NO_LISTENER,
	CAUSE_UNANSWERED_NO_COUNTER,
	CAUSE_NO_ROUTE,
	CAUSE_EXISTING_CONNECTION,
	CAUSE_DISCARDED_BEFORE_QUEUE,
	CAUSE_MD5_MISMATCH,
	CAUSE_TTL_TOO_SMALL,
	CAUSE_RP_FILTER,
	CAUSE_DEFER_ACCEPT,
	CAUSE_CLIENT_RESET,
	CAUSE_SERVER_RESET,
	CAUSE_SLOW_ACCEPT,
	CAUSE_SYNACK_UNACKNOWLEDGED,
	CAUSE_CLIENT_LEFT,
	CAUSE_CLOSED_UNSERVED,
	CAUSE_SERVER_FULL,
	CAUSE_SERVER_NOT_READY,
	CAUSE_LISTENER_CLOSED,
	CAUSE_RESET_IN_FRONT,
	CAUSE_ANSWER_STOPPED,
	CAUSE_COUNT,
};

/* A wait in the accept queue longer than this is CAUSE_SLOW_ACCEPT. */
#define SLOW_ACCEPT_NS (100 * NS_PER_MS)

enum confidence {
	CONFIDENCE_EXACT,    /* nothing else fits what was recorded */
	CONFIDENCE_BOUNDED,  /* it happened within an interval that was measured */
	CONFIDENCE_INFERRED, /* it fits best; something that would decide is missing */
	CONFIDENCE_COUNT,
};

struct attempt_cause {
	enum cause cause;
	enum confidence confidence;
	uint32_t packets; /* how many of the attempt's packets it took */
};

/* One packet or call of an attempt, for timelines and as evidence. */
enum mark_kind {
	MARK_SYN,
	MARK_SYN_ACK,
	MARK_ACK,  /* every acknowledgement of the SYN-ACK until the connection is known to live */
	MARK_DATA, /* first data segment of the client */
	MARK_SERVER_DATA, /* first data segment of the server */
	MARK_RST_CLIENT,
	MARK_RST_SERVER,
	MARK_FIN_CLIENT,
	MARK_FIN_SERVER,
	MARK_ICMP,
	MARK_KIND_COUNT,
};

#define MARK_DEPTH_UNKNOWN UINT32_MAX

struct mark {
	int64_t time_ns;
	uint64_t frame;
	enum mark_kind kind : 8;
	enum cause cause : 8;
	enum confidence confidence : 8;
	bool dropped; /* the kernel dropped it: cause says why */
	bool cause_known;
	bool counted; /* dropped: a counter moved for it, and for nothing else */
	bool refused; /* of a final ACK: that it did not enter is certain, whatever the cause */
	/*
	 * Which of these packets, this one among them, a full queue dropped is not known; 0: it is,
	 * or how many were dropped is not. They saturate. In finished attempts alone.
	 */
	uint16_t among;
	uint16_t among_dropped;
	uint16_t dropper; /* 1 + index of the listener whose queue dropped it; 0: not known */
	uint32_t depth;	  /* of the accept queue then, at most; MARK_DEPTH_UNKNOWN */
	uint32_t limit;	  /* of the accept queue then; 0 with an unknown depth */
};

#define ATTEMPT_MARKS_MAX  24
#define ATTEMPT_CAUSES_MAX 6

/* Times are TIME_UNKNOWN, differences -1, pids 0 where not known. */
struct attempt {
	uint64_t number; /* from 1, in order of the first SYN's arrival at the tracker */
	struct endpoint client;
	struct endpoint server;
	struct endpoint destination; /* what the client asked for, where NAT led it to server; or
					port 0 */
	uint32_t isn;
	uint32_t server_isn; /* of the last SYN-ACK; 0 when there was none */
	int64_t syn_ns;
	int64_t synack_ns;
	int64_t ack_ns;
	int64_t entered_ns;	 /* into the accept queue: ack_ns, or a later segment where that was
				    dropped */
	int64_t accept_ns;	 /* exact */
	int64_t accept_after_ns; /* accept() returned it in (after, before] */
	int64_t accept_before_ns;
	int64_t client_left_ns; /* its FIN or RST, where that came before accept() */
	int64_t fork_ns;
	int64_t first_byte_ns;
	int64_t reply_ns;
	int64_t close_ns; /* the server's close() */
	int64_t exit_ns;  /* the child's exit */
	int64_t end_ns;	  /* first FIN or RST after the handshake, else close_ns */
	int64_t syn_to_synack_ns;
	int64_t synack_to_ack_ns;
	int64_t connect_ns;
	int64_t accept_wait_ns; /* from ack_ns (began_before without it: entered_ns) to accept_ns;
				   with a bound alone: its upper end */
	int64_t queue_wait_ns;	/* the same from entered_ns: the time in the accept queue itself */
	int64_t accept_to_fork_ns;
	uint32_t syns;
	uint32_t synacks;
	uint32_t syn_copies; /* the same packets on other devices; they saturate at 255 */
	uint32_t synack_copies;
	enum role role;
	bool answer_unseen;	/* its client acknowledged a SYN-ACK that the file does not have */
	bool answered_in_front; /* its first SYN-ACK was of a SYNPROXY, not of the listener */
	int32_t accept_pid;
	int32_t child_pid;
	bool child_inferred; /* nobody saw it with the connection: by the order of forks */
	int32_t listener;    /* index into report.listeners, -1 when no listener is known */
	enum outcome outcome;
	bool ghost; /* reset by its client while it waited; accept() returned it all the same */
	bool
	    began_before; /* it was under way when observation began: counts and times are bounds */
	enum refusal refusal;	/* what the server said first, if that is one */
	bool unread;		/* the server closed it, and had read nothing */
	bool not_here;		/* to an address that is not this host's, and not passed on */
	bool greeted_late;	/* the server spoke first, and TCP_DEFER_ACCEPT waited for data */
	bool unanswered;	/* the server closed it, or its end did, and had sent nothing */
	bool silent;		/* accepted, and its client sent nothing */
	bool asked;		/* accepted, and its client sent something, ... */
	bool unreplied;		/* ... to which no reply is known to have come to it */
	int64_t answer_wait_ns; /* from accept(), or the client's first data after it, to the first
				   data of the server; -1 unknown */
	bool evicted;		/* its table was full: outcome is what was known by then */
	uint32_t causes_count;
	struct attempt_cause causes[ATTEMPT_CAUSES_MAX];
	uint32_t marks_count;
	uint32_t marks_lost; /* beyond ATTEMPT_MARKS_MAX, or the pool was empty */
	struct mark marks[ATTEMPT_MARKS_MAX];
};

/* NULL: it does not have this cause. */
static inline const struct attempt_cause *attempt_find_cause(const struct attempt *a,
							     enum cause cause)
{
	for (uint32_t i = 0; i < a->causes_count && i < ATTEMPT_CAUSES_MAX; i++)
		if (a->causes[i].cause == cause)
			return &a->causes[i];
	return NULL;
}

/* Contract names: "accepted", "half-open"; "accept-queue-full-syn"; "exact". */
const char *outcome_name(enum outcome outcome);
const char *cause_name(enum cause cause);
const char *role_name(enum role role); /* NULL for ROLE_UNKNOWN */
const char *confidence_name(enum confidence confidence);
const char *mark_kind_name(enum mark_kind kind);

/* True for the causes that mean: a packet of this attempt was dropped by the listener's queues. */
bool cause_is_drop(enum cause cause);

#endif
