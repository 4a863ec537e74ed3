/*
 * Interface for the live look-out for handshakes: which captured segment is a
 * SYN-ACK or a final ACK, so that the sampler can look the request or the
 * connection's socket up at once. A hint and no verdict: it forgets by being overwritten.
 */
#ifndef CMD_HANDSHAKES_H
#define CMD_HANDSHAKES_H

#include <stdbool.h>

#include "event/event.h"

struct handshakes;

int handshakes_new(struct handshakes **out) __attribute__((warn_unused_result));
void handshakes_free(struct handshakes *handshakes);

enum handshake_step {
	HANDSHAKE_OTHER,
	HANDSHAKE_ANSWERED, /* a SYN-ACK, the first of its number */
	HANDSHAKE_FINISHED, /* the first segment of a client that acknowledges its SYN-ACK */
	HANDSHAKE_AGAIN,    /* a later one, and no word of the server came between */
};

/* What this segment is to its handshake. */
enum handshake_step handshakes_take(struct handshakes *handshakes, const struct segment *segment);

#endif
