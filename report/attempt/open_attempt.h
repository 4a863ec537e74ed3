/*
 * Interface for an open attempt: one try of a client to connect while it is under way.
 *
 * What is recorded of it is of three kinds, kept apart:
 *
 * events	what was seen of it on the wire (enum open_event). Recorded as they come, and
 *		true whatever the kernel made of them.
 * state	where the kernel keeps it now (enum open_state), as in tcp_conn_request(),
 *		tcp_check_req() and inet_csk_accept(). It changes in open_move() alone, by
 *		the table in open_attempt.c, each of whose rows names the row of
 *		docs/kernel.md that it follows.
 * known	what is known beyond the state (enum open_known); moved_by says which
 *		transition led to the state, and with it what that rests on (open_basis()).
 *
 * The state is a judgement: no packet shows whether a final ACK entered the accept queue.
 * What comes later proves it, or has it corrected; both are transitions too.
 */
#ifndef REPORT_ATTEMPT_OPEN_ATTEMPT_H
#define REPORT_ATTEMPT_OPEN_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

#define LISTENER_NONE UINT16_MAX

/* Of open_attempt.events, 22 bits. But for those that say so, once seen is seen for good. */
enum open_event {
	SEEN_RST_SERVER = 1u << 0,
	SEEN_RST_CLIENT = 1u << 1, /* of both sides' RSTs the first is recorded alone */
	SEEN_ICMP = 1u << 2,	   /* an error about its SYN or SYN-ACK */
	SEEN_FIN_CLIENT = 1u << 3,
	SEEN_FIN_SERVER = 1u << 4,
	SEEN_SYN_DATA = 1u << 5,	 /* a SYN of it had data */
	SEEN_FASTOPEN = 1u << 6,	 /* and the SYN-ACK acknowledged them (RFC 7413) */
	SEEN_CLIENT_ACK = 1u << 7,	 /* the client acknowledged the SYN-ACK: ack_ns */
	SEEN_CLIENT_DATA = 1u << 8,	 /* and sent data */
	SEEN_SYNACK_AFTER_ACK = 1u << 9, /* the SYN-ACK came again after that */
	SEEN_SERVER = 1u << 10,	    /* and more than SYN-ACKs of the server: its socket lives */
	SEEN_RST_QUEUED = 1u << 11, /* the client's RST, while it was in the accept queue */
	SEEN_NO_ANSWER = 1u << 12,  /* to the last SYN: until the answer comes */
	/*
	 * The last SYN met a request, a TIME_WAIT or a live connection of its 4-tuple: a bare ACK
	 * answered it (RFC 5961 section 4), or must have. Until the next SYN.
	 */
	SEEN_CHALLENGE = 1u << 13,
	SEEN_CLIENT_ENDED = 1u << 14, /* of FINs and RSTs the client's came first */
	SEEN_CLOSED_EMPTY = 1u << 15, /* or the server's, which had sent nothing by then */
	SEEN_HALF_CLOSED = 1u << 16,  /* after its FIN the client still acknowledged data */
	SEEN_RST_UNASKED = 1u << 17,  /* the server's RST has ACK, so it answers no segment
					 (tcp_send_active_reset()) */
	/* The client acknowledged a SYN-ACK that was not captured: server_isn is from the ACK. */
	SEEN_UNSEEN_SYNACK = 1u << 18,
	SEEN_JOIN = 1u << 19,	      /* the SYN-ACK takes it for a subflow of an MPTCP connection
					 (MP_JOIN, RFC 8684 section 3.2) */
	SEEN_ENTRY = 1u << 20,	      /* the kernel told that it entered the accept queue */
	/*
	 * The RST in its client's name came over lo, and the client is elsewhere: a rule of this
	 * host's firewall rejected what the server sent (nf_send_reset() in an output chain).
	 */
	SEEN_REJECTED = 1u << 21,
};

/* Where the kernel keeps it. */
enum open_state {
	STATE_FREE,	  /* the record is not in use */
	STATE_NO_REQUEST, /* nowhere: no SYN of it was answered with a SYN-ACK */
	STATE_REQUEST,	  /* in the SYN queue (TCP_NEW_SYN_RECV), unless its timer gave it up */
	STATE_COOKIE,	  /* nowhere: its SYN-ACK was a SYN cookie */
	STATE_GONE,	  /* nowhere: a RST ended its request */
	STATE_QUEUED,	  /* in the accept queue */
	/*
	 * It has a child socket that no depth counts: a look at the socket told of it, or its
	 * listener closed.
	 */
	STATE_CHILD,
	STATE_ACCEPTED, /* accept() returned it */
	STATE_COUNT,
};

/* Of open_attempt.known; in brackets what can show it. */
enum open_known {
	KNOWN_COOKIE = 1u << 0,	     /* its last SYN-ACK was a SYN cookie, also once it has entered
					[the rebuilt SYN queue; timestamps; a lookup of its socket] */
	KNOWN_ACK_DROPPED = 1u << 1, /* its last final ACK did not enter the accept queue
					[the rebuilt depth, samples; a SYN-ACK or data sent again;
					a lookup of its socket] */
	KNOWN_DEFERRED = 1u << 2,    /* TCP_DEFER_ACCEPT dropped a bare ACK of it [the listener's
					option; a request in spite of room] */
	KNOWN_NO_CHILD = 1u << 3,    /* since its last final ACK no child was found [a lookup] */
	KNOWN_NEARLY_FULL = 1u << 4, /* at its last final ACK there was room for one more at most
					[the rebuilt depth] */
	KNOWN_BEFORE = 1u << 5,	     /* under way when observation began [sock_diag's list] */
	KNOWN_UNNUMBERED = 1u << 6,  /* and its ISNs are not known yet */
	KNOWN_DISLIKED = 1u << 7,    /* a final ACK of it was dropped, and not by a full queue
					[a request in spite of room; sk_drops in spite of it] */
};

/* What a state rests on. */
enum open_basis {
	BASIS_SEGMENT, /* a packet shows it */
	BASIS_REBUILT, /* the rebuilt depths of the queues, and the samples that correct them */
	BASIS_LOOKUP,  /* sock_diag, or a segment that only an accepted connection sends */
	BASIS_SERVER,  /* a report of the server, or of a probe: accept() returned */
};

/* What changes the state: the rows of the table in open_attempt.c. */
enum open_move {
	MOVE_BEGIN, /* a record for its first SYN */
	MOVE_END,   /* finished: the record is free again */

	MOVE_SYNACK,	     /* a SYN-ACK was seen */
	MOVE_REQUEST,	     /* by the rebuilt SYN queue it came from a request */
	MOVE_COOKIE,	     /* or it was a cookie */
	MOVE_REQUEST_PROVEN, /* the same, by timestamps, a timer or a look */
	MOVE_COOKIE_PROVEN,
	MOVE_REQUEST_RESET, /* the client's RST met its request */

	MOVE_ENTER,	/* final ACK, or Fast Open SYN: by the rebuilt depth there is room */
	MOVE_REFUSE,	/* final ACK: by the rebuilt depth there is none */
	MOVE_DEFER,	/* bare ACK, dropped by TCP_DEFER_ACCEPT */
	MOVE_ABORT,	/* answered with a RST by tcp_abort_on_overflow */
	MOVE_NOT_VALID, /* answered with a RST: neither request nor cookie took it */

	MOVE_ENTERED_AFTER_ALL,	 /* samples show that the refused one entered */
	MOVE_REFUSED_AFTER_ALL,	 /* or that the entered one did not */
	MOVE_ALIVE,		 /* the server speaks: the refused one had entered */
	MOVE_SYNACK_RESENT,	 /* after the final ACK: it did not enter */
	MOVE_DATA_RESENT,	 /* what the client sent first, unanswered: it did not enter */
	MOVE_LOOKUP_CHILD,	 /* a lookup found a child: the refused one had entered */
	MOVE_LOOKUP_NO_CHILD,	 /* a lookup found none */
	MOVE_LOOKUP_REFUSED,	 /* and so it did not enter */
	MOVE_DEFERRED_AFTER_ALL, /* it did not enter, in spite of room: TCP_DEFER_ACCEPT */
	MOVE_DISLIKED,		 /* nor for that: the request did not take it */

	MOVE_JOIN,	      /* final ACK of an MPTCP subflow: its connection takes it */
	MOVE_ENTRY,	      /* the kernel tells that it entered */
	MOVE_NO_ENTRY,	      /* or tells nothing, and so it did not */
	MOVE_CHILD,	      /* a lookup found its child, whatever was known before */
	MOVE_LISTENER_CLOSED, /* on its accept queue */
	MOVE_LISTENER_GONE,   /* and its request with it */
	MOVE_ACCEPTED_SEEN,   /* by a lookup, or a segment that shows it */
	MOVE_ACCEPTED,	      /* reported */
	MOVE_COUNT,
};

/*
 * Where an attempt stood when the last of its arrivals was settled (report/queue/settle.c), as
 * bits: who entered by a cookie is both.
 */
enum place {
	PLACE_ENTERED = 1, /* in the accept queue, or was */
	PLACE_REQUEST = 2,
	PLACE_COOKIE = 4,
};

/*
 * Something in front of the listener that finishes handshakes for it, as SYNPROXY does: it
 * answers the client with a SYN-ACK of window 0, which no Linux TCP sends, so that no data come
 * before it has connected to the listener itself, over lo, with the client's ISN
 * (net/netfilter/nf_synproxy_core.c). It swallows the listener's SYN-ACK.
 */
enum open_front {
	FRONT_NONE,
	FRONT_ANSWERED,	 /* it has answered the client: the listener knows nothing */
	FRONT_CONNECTS,	 /* its own SYN was sent */
	FRONT_CONNECTED, /* and its ACK: from here on the client and the listener talk */
};

/* What a look at the socket of its addresses and ports found when its last SYN had no answer. */
enum open_look {
	LOOK_NONE,    /* nobody looked */
	LOOK_FREE,    /* nothing but the listener */
	LOOK_REQUEST, /* a request: the SYN was answered, or its answer got nowhere */
	LOOK_TAKEN,   /* another connection, also in TIME_WAIT: a SYN meets that first */
};

/* Times are TIME_UNKNOWN where not known. */
struct open_attempt {
	struct flow flow; /* client to server */
	uint32_t isn;
	uint32_t server_isn; /* of the last SYN-ACK */
	int64_t syn_ns;
	int64_t last_syn_ns;
	int64_t synack_ns;
	int64_t last_synack_ns; /* the last before the final ACK */
	int64_t ack_ns;
	int64_t end_ns;
	int64_t touched_ns;   /* the last packet that mattered */
	uint32_t events : 22; /* enum open_event */
	uint32_t settled : 4; /* enum place: after the last of its arrivals that is settled */
	uint32_t transparent : 1; /* to another host, and taken for a transparent listener's */
	uint16_t listener;	  /* index of its listener, LISTENER_NONE */
	uint8_t known;		  /* enum open_known */
	uint8_t moved_by : 7;	  /* enum open_move: the last that changed the state */
	uint8_t idle : 1; /* no packet since the sweep's last round found it over */
	uint16_t syns;	      /* saturates */
	uint16_t synacks;     /* saturates */
	uint32_t detail;      /* in the pool of details, TABLE_NONE */
	uint32_t device;      /* of its first SYN, see struct segment */
	/*
	 * Not beside events: a word of which a part was just written is read only when that and
	 * all written before it have reached the cache.
	 */
	uint8_t state : 3;    /* enum open_state; open_move() alone writes it */
	uint8_t role : 2;     /* enum role */
	uint8_t spoke : 1;    /* the server sent data */
	uint8_t guessed : 1;  /* server_isn is of a later segment: there may have been data */
	uint8_t unread : 1;   /* SEEN_CLOSED_EMPTY, before the server had read anything */
	uint8_t syn_copies;   /* on other devices; they saturate */
	uint8_t synack_copies;
	uint8_t front : 2;	 /* enum open_front */
	uint8_t look : 2;	 /* enum open_look */
	uint8_t had_request : 1; /* a look found LOOK_REQUEST, and no SYN-ACK was seen before */
	uint8_t refusal : 3;	 /* enum refusal: the first data of the server */
};

_Static_assert(sizeof(struct open_attempt) <= 128, "an open attempt is two lines of a cache");

/*
 * Moves the attempt, if the transition leaves the state that it is in, and puts what it
 * shows into known in any case.
 */
void open_move(struct open_attempt *attempt, enum open_move move);

/* What the attempt's state rests on. */
enum open_basis open_basis(const struct open_attempt *attempt);

/* The row of docs/kernel.md (its first cell) that the transition follows; NULL: no packet's. */
const char *open_move_row(enum open_move move);

/* One of these events, or all of them. */
static inline bool open_saw(const struct open_attempt *attempt, unsigned events)
{
	return attempt->events & events;
}

static inline bool open_knows(const struct open_attempt *attempt, enum open_known known)
{
	return attempt->known & known;
}

static inline bool open_is_used(const struct open_attempt *attempt)
{
	return attempt->state != STATE_FREE;
}

static inline bool open_is_queued(const struct open_attempt *attempt)
{
	return attempt->state == STATE_QUEUED;
}

static inline bool open_is_accepted(const struct open_attempt *attempt)
{
	return attempt->state == STATE_ACCEPTED;
}

/* Its final ACK, or its Fast Open SYN, has made a socket. */
static inline bool open_has_child(const struct open_attempt *attempt)
{
	return attempt->state >= STATE_QUEUED;
}

/* In the SYN queue: a request, and no RST has been seen that may have ended it. */
static inline bool open_has_request(const struct open_attempt *attempt)
{
	return attempt->state == STATE_REQUEST;
}

static inline bool open_was_reset(const struct open_attempt *attempt)
{
	return open_saw(attempt, SEEN_RST_CLIENT | SEEN_RST_SERVER);
}

/* Something ended it before it was a connection: a RST or an ICMP error. */
static inline bool open_has_failed(const struct open_attempt *attempt)
{
	return open_saw(attempt, SEEN_RST_CLIENT | SEEN_RST_SERVER | SEEN_ICMP);
}

static inline bool open_is_acknowledged(const struct open_attempt *attempt)
{
	return open_saw(attempt, SEEN_CLIENT_ACK);
}

/* When it can have entered the accept queue first: a Fast Open child does at its SYN. */
static inline int64_t open_entry_ns(const struct open_attempt *attempt)
{
	return open_saw(attempt, SEEN_FASTOPEN) ? attempt->last_syn_ns : attempt->ack_ns;
}

/* It was answered, and the next ACK of its client is the final one. */
static inline bool open_awaits_ack(const struct open_attempt *attempt)
{
	return attempt->synacks && !open_is_acknowledged(attempt) && attempt->state != STATE_GONE;
}

/* What became of its final ACK is certain: its server spoke or reset it, or it was accepted. */
static inline bool open_is_certain(const struct open_attempt *attempt)
{
	return open_is_accepted(attempt) || open_saw(attempt, SEEN_SERVER | SEEN_RST_SERVER);
}

/* Both FINs, or a RST: what still comes is of whoever has its addresses now. */
static inline bool open_is_closed(const struct open_attempt *attempt)
{
	return open_was_reset(attempt) ||
	       (open_saw(attempt, SEEN_FIN_CLIENT) && open_saw(attempt, SEEN_FIN_SERVER));
}

#endif
