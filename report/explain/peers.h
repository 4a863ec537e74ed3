/*
 * Interface for the peers: attempts that are of no listener here, added up by where they went.
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

/* Zero is ready. */
void peers_add(struct peers *peers, const struct attempt *attempt);

/* Puts them in order, most attempts first. */
void peers_sort(struct peers *peers);

#endif
