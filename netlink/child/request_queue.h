/*
 * Interface for the requests that are followed: of listeners whose accept queue has been
 * full lately, whether each SYN-ACK left a request or was a SYN cookie, and when a request
 * is gone. No packet shows either. The looks themselves are the caller's.
 *
 * A handshake that begins (push) is looked at once, in the next round. What is no request
 * is told and forgotten; a request is told, and looked at in turn with the others until it
 * is gone or became a connection, of which queue.h tells.
 */
#ifndef NETLINK_CHILD_REQUEST_QUEUE_H
#define NETLINK_CHILD_REQUEST_QUEUE_H

#include <stddef.h>

#include "netlink/child/queue.h"
#include "netlink/child/ring.h"

#define REQUESTS_MAX 4096

/* Zero is ready. */
struct request_queue {
	struct child_ring fresh;
	struct child_ring followed;
	uint64_t skipped; /* for want of room */
};

void request_queue_release(struct request_queue *queue);

/*
 * The listener answered a SYN; or once: its client has sent something since, and one look
 * at what became of it is told, whatever it finds. now_ns: monotonic.
 */
void request_queue_push(struct request_queue *queue, const struct flow *client_to_server,
			int64_t now_ns, bool once);

/* Those that are followed or to be looked at now. */
size_t request_queue_count(const struct request_queue *queue);

/* One round. A request that is gone is told with the last look that saw it, as waiting_ns. */
int request_queue_round(struct request_queue *queue, const struct child_queues_owner *owner,
			int64_t now_ns) __attribute__((warn_unused_result));

#endif
