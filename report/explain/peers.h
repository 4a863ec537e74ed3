/*
 * Interface for the peers: the connections that this host made itself, or passed on, added up
 * by where they went. They are of no listener here.
 */
#ifndef REPORT_EXPLAIN_PEERS_H
#define REPORT_EXPLAIN_PEERS_H

#include "report/attempt/attempt.h"
#include "report/attempt/report.h"

#define PEERS_MAX 256

struct peers {
	struct report_peer peers[PEERS_MAX];
	size_t count;
	size_t last;	  /* the one found last */
	uint64_t refused; /* attempts to others, beyond PEERS_MAX */
};

/* Zero is ready. Takes outbound and forwarded attempts, and passes over the rest. */
void peers_take(struct peers *peers, const struct attempt *attempt);

/* Puts them in order, most attempts first. */
void peers_sort(struct peers *peers);

#endif
