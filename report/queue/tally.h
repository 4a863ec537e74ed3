/*
 * Interface for tallies: what happened to packets at a listener, by class, and
 * what one packet of each class adds to the kernel's counters. The ledger is
 * their product.
 */
#ifndef REPORT_QUEUE_TALLY_H
#define REPORT_QUEUE_TALLY_H

#include <stdbool.h>

#include "event/counter.h"

enum tally {
	TALLY_SYN_ACCEPT_FULL, /* SYN dropped: accept queue full */
	TALLY_SYN_BOTH_FULL,   /* the same, and a cookie had been decided on first */
	TALLY_SYN_QUEUE_FULL,  /* SYN dropped: SYN queue full, cookies off */
	TALLY_SYN_RESERVE,     /* SYN dropped: three-quarter rule of tcp_max_syn_backlog */
	TALLY_SYN_COOKIE,      /* SYN answered with a cookie */
	TALLY_ACK_ACCEPT_FULL, /* final ACK dropped: accept queue full, the request stays */
	TALLY_ACK_ABORTED,     /* the same with tcp_abort_on_overflow: reset */
	TALLY_COOKIE_ACK_FULL, /* valid cookie ACK dropped: accept queue full */
	TALLY_COOKIE_ACK,      /* valid cookie ACK that made a connection */
	TALLY_COOKIE_RACE,     /* another, at once: see tally_is_possible() */
	TALLY_COOKIE_BAD,      /* ACK that carries no valid cookie */
	TALLY_DEFERRED_ACK,    /* bare ACK under TCP_DEFER_ACCEPT */
	TALLY_DEFERRED_RACE,   /* the same, at once with the data: see tally_is_possible() */
	TALLY_SYN_REPEATED,    /* SYN retransmitted while in SYN_RECV, answered again */
	TALLY_SYN_SKIPPED,  /* the same, not answered: tcp_invalid_ratelimit, or dropped on its way
			       out */
	TALLY_RST_SYN_RECV, /* RST while in SYN_RECV */
	TALLY_STRAY, /* dropped by the listener: a RST that ends nothing, flags without sense */
	TALLY_ACK_TIMESTAMP, /* ACK that its request rejects for its timestamps (tcp_check_req) */
	TALLY_ICMP_REQUEST,	  /* ICMP error that ends a request */
	TALLY_SYNACK_REPEATED,	  /* SYN-ACK retransmitted by its timer */
	TALLY_SYN_NO_ROUTE,	   /* SYN dropped: no route back to its client */
	TALLY_SYN_NO_ROUTE_COOKIE, /* the same, and a cookie had been decided on first */
	TALLY_ACK_NO_ROUTE,	   /* final ACK dropped: no route back */
	TALLY_COOKIE_ACK_NO_ROUTE, /* valid cookie ACK dropped: no route back */
	TALLY_NO_ROUTE_IPV4,	   /* what these count in IP besides */
	TALLY_NO_ROUTE_IPV6,
	TALLY_SYNACK_NO_ROUTE_IPV4, /* its timer may have found none for the SYN-ACK either */
	TALLY_SYNACK_NO_ROUTE_IPV6,
	TALLY_SYN_DISCARDED, /* SYN discarded before any queue, by a filter of the listener's */
	TALLY_ACK_DISCARDED, /* the same of a final ACK */
	TALLY_MD5_NOT_FOUND, /* discarded by TCP-MD5 */
	TALLY_MD5_UNEXPECTED,
	TALLY_MD5_FAILURE,
	TALLY_MIN_TTL,	      /* discarded by IP_MINTTL */
	TALLY_RP_FILTER,      /* SYN, or final ACK, dropped by rp_filter */
	TALLY_SYN_CHALLENGED, /* SYN that met a connection of its 4-tuple */
	TALLY_SYN_TIME_WAIT,  /* SYN that met TIME_WAIT, with an older timestamp */
	TALLY_LOCAL_SYN_REPEATED, /* SYN retransmitted by a client of this namespace */
	TALLY_COUNT,
};

/* "SYN, accept queue full": the class in the ledger's parts. */
const char *tally_name(enum tally tally);

/* What one packet of this class adds to the counter. */
int tally_weight(enum tally tally, enum counter counter);

/* What one packet of this class adds to sk_drops of its listener. */
int tally_sk_drops(enum tally tally);

/*
 * Whether each packet of this class may or may not have counted, so that the counters
 * decide: two packets of a handshake on two processors at once (tcp_check_req(),
 * tcp_get_cookie_sock()), or what leaves no packet.
 */
bool tally_is_possible(enum tally tally);

#endif
