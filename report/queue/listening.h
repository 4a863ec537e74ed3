/*
 * Interface for the listening: the queues of all listeners that were ever seen, and
 * which of them a name (a socket cookie), an address or a packet means.
 */
#ifndef REPORT_QUEUE_LISTENING_H
#define REPORT_QUEUE_LISTENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/queue/devices.h"
#include "report/queue/queue.h"

#define LISTENING_MAX 4096

struct listening {
	struct queue **queues; /* owned; by queue.index */
	/* Of each queue again, close together: a search that meets no queue is short. */
	uint64_t cookies[LISTENING_MAX];
	uint16_t ports[LISTENING_MAX]; /* 0: closed */
	size_t count;
	size_t bound;	  /* of these, to devices; those that closed too */
	size_t last;	  /* the last one that listening_by_cookie() found */
	uint64_t refused; /* beyond LISTENING_MAX */
};

/* Zero is ready. Releases and frees the queues. */
void listening_release(struct listening *listening);

/*
 * Takes over a queue that queue_init() made, gives it its index, and joins it to the
 * SO_REUSEPORT siblings that are open. False when there are too many, or no memory:
 * then it stays the caller's.
 */
bool listening_add(struct listening *listening, struct queue *queue)
    __attribute__((warn_unused_result));

/* What is known of the queue's listener now; it is open. */
void listening_update(struct listening *listening, struct queue *queue,
		      const struct listener *listener);

/* The listener closed: its siblings go on without it, and no packet finds it. */
void listening_close(struct listening *listening, struct queue *queue);

/* Each is NULL when there is none. */
struct queue *listening_by_cookie(struct listening *listening, uint64_t cookie);
/* The open listener of just this address and port that was seen first. */
struct queue *listening_at(const struct listening *listening, const struct endpoint *local);
/* The same, of those that have no cookie yet. */
struct queue *listening_nameless(const struct listening *listening, const struct endpoint *local);
/*
 * The open listener that gets a SYN to this destination from that device, as
 * inet_lookup_listener() finds it; of siblings their leader. Where the device decides and is not
 * known, or several that are bound or not get what comes from it, NULL, and *doubt (may be NULL) is
 * true.
 */
struct queue *listening_for(const struct listening *listening, const struct endpoint *destination,
			    struct packet_device from, bool *doubt);

/*
 * The same where it is known that the listener is bound to this device (0: to none); NULL: several
 * may be it, or none.
 */
struct queue *listening_bound(const struct listening *listening, const struct endpoint *destination,
			      uint32_t device);

/* The only open listener with IP_TRANSPARENT; of siblings their leader; NULL: none, or several. */
struct queue *listening_transparent(const struct listening *listening);

#endif
