/*
 * Interface for the sampler: the accept queue of each watched listener by
 * sock_diag, its half-open count, the sockets of the connections that wait, and
 * the counters of the namespace -> sampler events.
 *
 * It works in the network namespace that the thread was in when it was made.
 */
#ifndef NETLINK_SAMPLER_SAMPLER_H
#define NETLINK_SAMPLER_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"

struct sampler;

struct sampler_options {
	const struct endpoint
	    *targets; /* address :: takes every listener of the port, whatever its address */
	size_t targets_count;  /* 0: every listener of the namespace */
	bool look_up_children; /* for accept() bounds; off when exact accepts are at hand */
};

int sampler_new(const struct sampler_options *options, struct sampler **out)
    __attribute__((warn_unused_result));

/*
 * One round: a sample of each watched listener (where there are more than 16, an
 * empty queue that stays empty only every 100 ms); with LISTENER events for what
 * appeared, changed or closed since; and half-open counts when their own pace,
 * which follows their cost, says so. Delivers events with
 * ever increasing times. Returns 0 or what fn returned, or -errno when netlink
 * itself fails for good; interrupted dumps and ENOBUFS are retried and counted.
 */
int sampler_round(struct sampler *sampler, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/*
 * Reads the counters of the namespace -> one EVENT_COUNTERS. Of COUNTERS_DURING only
 * those that have changed since the reading before are known. A round reads them too
 * where a listener's sk_drops has moved, at most for a twentieth of the time.
 */
int sampler_counters(struct sampler *sampler, enum counters_when when, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/*
 * The same between two samples of every listener, again until no listener has dropped anything
 * between these: then they and the counters are of one instant. After some tries it is left at
 * that. The samples go to sample_fn, and then the last reading to counters_fn.
 */
int sampler_bracket(struct sampler *sampler, enum counters_when when, event_fn sample_fn,
		    event_fn counters_fn, void *context) __attribute__((warn_unused_result));

/*
 * Tells of a handshake whose final ACK was just seen, and when it was captured
 * (CLOCK_REALTIME): the sampler keeps those flows in a FIFO for each listener and
 * looks mostly the oldest up in each round, until it is accepted or gone
 * (netlink/child/queue.h has the theory).
 * EVENT_CHILD comes when something is learnt: accepted, gone, or only half-open
 * (its final ACK was dropped); "still waiting" comes with what follows it, as
 * child.waiting_ns. Tell again when its client sends the final ACK again: it
 * may have a place in the queue now. Bounded: what does not fit is counted. A
 * flow to an address that is not this host's is passed over.
 */
void sampler_watch_child(struct sampler *sampler, const struct flow *client_to_server,
			 int64_t acked_ns);

/* Tells of a SYN or its answer, or that there may have been some; and of a final ACK, the first. */
void sampler_watch_syn(struct sampler *sampler);
void sampler_watch_finished(struct sampler *sampler);

/*
 * Whether every SYN to the watched listeners is told of, and every answer. Then requests are
 * not counted while there can be none.
 */
void sampler_expect_every_packet(struct sampler *sampler, bool every_packet);

/*
 * Tells of a handshake whose SYN was just answered. Where the accept queue was full within
 * the last ten seconds, an EVENT_CHILD tells whether there is a request (state SYN_RECV) or
 * none (0: it was a SYN cookie), and another when a request is gone without a connection;
 * child.waiting_ns is the last look that saw it then.
 */
void sampler_watch_request(struct sampler *sampler, const struct flow *client_to_server);

/*
 * Tells of a segment that may be a final ACK again. Where the accept queue was full lately
 * an EVENT_CHILD tells where the connection stands after it.
 */
void sampler_watch_again(struct sampler *sampler, const struct flow *client_to_server);

/* Another target, that NAT leads to. 0 or -ENOMEM. */
int sampler_add_target(struct sampler *sampler, const struct endpoint *target)
    __attribute__((warn_unused_result));

/*
 * No packets are captured: connections that wait in the accept queues are listed again and again
 * (WAITING), and followed to their accept().
 */
void sampler_expect_no_packets(struct sampler *sampler);

/*
 * Somebody else tells when a listener of the asked targets has begun: by sampler_find_listeners().
 * Until then none is looked for but once a second.
 */
void sampler_expect_listeners(struct sampler *sampler);

/* The next round looks for listeners that nobody knows of. */
void sampler_find_listeners(struct sampler *sampler);

/* Somebody else looks for the owners of the listeners, and tells by sampler_owned(). */
void sampler_expect_owners(struct sampler *sampler);

/*
 * The owners of the listener of this cookie, and with them its options (pids, comm,
 * defer_accept_s, fastopen) -> LISTENER, if it is watched.
 */
int sampler_owned(struct sampler *sampler, const struct listener *owned, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/*
 * Looks one connection's server-side socket up now -> one EVENT_CHILD. Of a flow to an
 * address that is not this host's nothing is told: it passes through, or goes out.
 */
int sampler_look_up(struct sampler *sampler, const struct flow *client_to_server, event_fn fn,
		    void *context) __attribute__((warn_unused_result));

/*
 * The same of a SYN that was not answered, if it is to a watched listener: what is found is
 * what it met, unless that is younger. A failed look-up is passed over. Where it can have met the
 * listener alone, whose accept queue has room, an EVENT_ROUTE tells whether there is a route back.
 */
int sampler_look_up_unanswered(struct sampler *sampler, const struct flow *client_to_server,
			       event_fn fn, void *context) __attribute__((warn_unused_result));

/* How many listeners are watched now; their highest depth in the last round. */
size_t sampler_listeners(const struct sampler *sampler);
/* Whether connections may come to more than one of them: SO_REUSEPORT, or bound to devices. */
bool sampler_has_siblings(const struct sampler *sampler);
uint32_t sampler_depth(const struct sampler *sampler);

/*
 * Listeners that are watched now, since before that monotonic time, and whose owners are not
 * known.
 */
size_t sampler_ownerless(const struct sampler *sampler, int64_t before_ns);

/* Every listener is bound to an address of the loopback interface. */
bool sampler_on_loopback(const struct sampler *sampler);

/*
 * The last round found nothing that can change without another SYN or listener: empty accept
 * queues, no request, and no connection that is followed.
 */
bool sampler_rests(const struct sampler *sampler);

/* Every accept queue was less than half full when it was looked at last. */
bool sampler_has_room(const struct sampler *sampler);

struct sampler_stats {
	uint64_t rounds;
	uint64_t samples;
	uint64_t netlink_lost; /* replies lost or dumps interrupted, retries exhausted */
	uint64_t lookups;
	uint64_t lookups_skipped; /* the FIFO was full */
};

void sampler_stats(const struct sampler *sampler, struct sampler_stats *stats);
void sampler_free(struct sampler *sampler);

#endif
