/*
 * Interface for the phases of an attempt: what it waited for, and when. For
 * whoever draws it as a bar; report/html/page/attempts.js does the same for the page.
 */
#ifndef REPORT_ATTEMPT_PHASE_H
#define REPORT_ATTEMPT_PHASE_H

#include <stddef.h>
#include <stdint.h>

#include "report/attempt/attempt.h"

enum phase {
	PHASE_CONNECT,	 /* first SYN to SYN-ACK: the client waits for an answer */
	PHASE_HANDSHAKE, /* SYN-ACK to the final ACK, or, under TCP_DEFER_ACCEPT, to data */
	PHASE_WAIT,	 /* in the accept queue */
	PHASE_BOUND,	 /* accepted at some time within */
	PHASE_SPAWN,	 /* accept() to fork */
	PHASE_SERVE,	 /* until the reply */
	PHASE_CLOSE,	 /* until all of it has ended, or what is known of it */
	/* The client believes that it is connected, the server dropped all that says so. */
	PHASE_ZOMBIE,
	PHASE_COUNT,
};

struct attempt_phase {
	enum phase phase;
	int64_t from_ns;
	int64_t to_ns; /* >= from_ns */
};

#define ATTEMPT_PHASES_MAX 9

/* A few words: "waiting for the SYN-ACK". */
const char *phase_name(enum phase phase);

/* The attempt's first known time; TIME_UNKNOWN when there is none. */
int64_t attempt_first_ns(const struct attempt *attempt);

/* Its last known time; end_ns (of observation) when it was under way then. */
int64_t attempt_last_ns(const struct attempt *attempt, int64_t end_ns);

/* In order, without gaps but for times that run backwards. Returns how many. */
size_t attempt_phases(const struct attempt *attempt, int64_t end_ns,
		      struct attempt_phase phases[ATTEMPT_PHASES_MAX]);

#endif
