/*
 * Interface for the watch on SYN-ACKs: when did this host's IP layer get the
 * SYN-ACK of a connect? The kernel's own stamp, for clients whose process looks
 * too late. By a raw socket, so it needs CAP_NET_RAW in the network namespace.
 */
#ifndef SERVER_LOAD_SYNACK_H
#define SERVER_LOAD_SYNACK_H

#include <stdint.h>

#include "event/flow.h"

struct synack_watch;

/* client: the port the SYN-ACK was sent to, and its address where IPv4 tells (else ::). */
typedef void (*synack_fn)(void *context, const struct endpoint *client, int64_t time_ns);

/* Watches the SYN-ACKs of this server. 0; -EPERM without the privilege; another -errno. */
int synack_watch_new(const struct endpoint *server, struct synack_watch **out)
    __attribute__((warn_unused_result));

/*
 * Delivers what came by now, never waiting: a connection that is known to be
 * established has been queued here before. What did not fit into the socket's
 * buffer is missing.
 */
void synack_watch_read(struct synack_watch *watch, synack_fn fn, void *context);

/* NULL is legal. */
void synack_watch_free(struct synack_watch *watch);

#endif
