/*
 * Interface for the live look-out for handshakes: which captured segment is a
 * SYN-ACK or a final ACK, so that the sampler can look the request or the
 * connection's socket up. A hint and no verdict: it forgets by being overwritten.
 *
 * A connection that the server has closed by then is not told: there is no socket to
 * be found, and the server's FIN proves its accept().
 */
#ifndef PIPELINE_HANDSHAKES_H
#define PIPELINE_HANDSHAKES_H

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

/*
 * What this segment is to its handshake. captured_ns: CLOCK_REALTIME; now_ns:
 * CLOCK_MONOTONIC, when it was read.
 */
enum handshake_step handshakes_take(struct handshakes *handshakes, const struct segment *segment,
				    int64_t captured_ns, int64_t now_ns);

struct handshake_finished {
	struct flow flow; /* client to server */
	int64_t acked_ns; /* when the segment that finished it was captured */
};

/*
 * The next connection whose finish was read by then_ns and that is still open. Each is told
 * once; false when there is none left.
 */
bool handshakes_next(struct handshakes *handshakes, int64_t then_ns,
		     struct handshake_finished *out);

/*
 * The next SYN that was read by then_ns and to which no SYN-ACK has been captured since, in the
 * order in which they were read; false when there is none left. Of more than there is room for
 * the older ones are forgotten.
 */
bool handshakes_unanswered(struct handshakes *handshakes, int64_t then_ns,
			   struct flow *client_to_server);

/*
 * How long a look-up may wait, by how many there are: 0, and from thousands a second
 * on some milliseconds. Most connections are over by then, and looking each of them up
 * would cost the server more than it tells.
 */
int64_t handshakes_delay_ns(const struct handshakes *handshakes);

/* How many were finished in the last full tenth of a second, as of a second. */
uint32_t handshakes_rate(const struct handshakes *handshakes);

#endif
