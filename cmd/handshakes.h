/*
 * Interface for the live look-out for finished handshakes: which captured
 * segment is a final ACK, so that the sampler can look the connection's socket
 * up at once. A hint and no verdict: it forgets by being overwritten.
 */
#ifndef CMD_HANDSHAKES_H
#define CMD_HANDSHAKES_H

#include <stdbool.h>

#include "event/event.h"

struct handshakes;

int handshakes_new(struct handshakes **out) __attribute__((warn_unused_result));
void handshakes_free(struct handshakes *handshakes);

/* True when this segment is the first of a client that acknowledges its SYN-ACK. */
bool handshakes_finished_by(struct handshakes *handshakes, const struct segment *segment);

#endif
