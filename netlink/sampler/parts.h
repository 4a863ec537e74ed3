/*
 * What the files of the sampler share, and nobody else: its state, and the way
 * its events go out.
 */
#ifndef NETLINK_SAMPLER_PARTS_H
#define NETLINK_SAMPLER_PARTS_H

#include "netlink/child/queue.h"
#include "netlink/child/request_queue.h"
#include "netlink/counters.h"
#include "netlink/diag/diag.h"
#include "netlink/diag/half_open.h"
#include "netlink/diag/locality.h"
#include "netlink/diag/watch.h"
#include "netlink/owner/ownership.h"
#include "netlink/route/links.h"
#include "netlink/sampler/sampler.h"

struct sampler {
	struct diag *diag;
	struct locality *locality;
	struct links *links; /* NULL: devices have no names */
	int64_t links_ns;    /* monotonic: read last */
	struct watch watch;
	struct child_queues *children;
	struct request_queue requests;
	struct half_open_counts half_open;
	struct counters_reader counters;
	struct counters counted;  /* what was told of each counter last */
	bool dropped;		  /* a listener's sk_drops moved since they were read */
	int64_t counted_ns;	  /* monotonic: when that was */
	int64_t counters_cost_ns; /* as it usually is */
	struct ownership ownership;
	bool look_up_children;
	bool owners_told;     /* not looked for here */
	bool listeners_told;  /* those of the asked targets, when they begin */
	bool rescan;	      /* at the next chance */
	int64_t rescan_ns;    /* monotonic: the next dump of listeners */
	int64_t dump_ns;      /* monotonic: the last of them */
	int64_t round_ns;     /* monotonic: the last round; 0: there was none */
	int64_t look_cost_ns; /* as it usually is: which way of sampling is cheaper? */
	int64_t dump_cost_ns;
	int64_t last_ns; /* of the last event */
	uint32_t depth;
	uint64_t waiting_skipped; /* of those that waited at the start */
	bool no_packets;	  /* lists alone tell of connections */
	struct flow *listed;	  /* who waited when they were listed last, in order; its own */
	size_t listed_count;
	int64_t list_ns; /* monotonic: not listed again before */
	struct sampler_stats stats;
	event_fn fn; /* of the call that runs */
	void *context;
};

/* Stamps the event and hands it to the receiver of the call that runs. */
int sampler_deliver(struct sampler *sampler, struct event *event, int64_t time_ns)
    __attribute__((warn_unused_result));

/* A watch_fn: tells of the change, with all that follows from it. */
int sampler_on_change(void *sampler, struct watched *watched, enum listener_change change)
    __attribute__((warn_unused_result));

/* The accept queue's name among the child queues, 0 when it is not one alone. */
static inline uint64_t sampler_queue_key(const struct watched *w, bool alone)
{
	return w && alone ? w->listener.cookie : 0;
}

/* A sample of each listener, and the listeners that came or went: queues.c. */
int sampler_round_queues(struct sampler *sampler, int64_t now_ns)
    __attribute__((warn_unused_result));

/* The name and the ports of the device that it is bound to. True when they changed. */
bool sampler_describe_device(struct sampler *sampler, struct watched *watched);

/* What it usually costs: down at once, up in steps, since much that is measured is others' time. */
static inline void sampler_usual(int64_t *cost_ns, int64_t measured_ns)
{
	int64_t step_ns = *cost_ns / 4 + 1;

	*cost_ns = measured_ns < *cost_ns + step_ns ? measured_ns : *cost_ns + step_ns;
}

/* What is under way when observation begins -> WAITING: waiting.c. */
int sampler_list_waiting(struct sampler *sampler) __attribute__((warn_unused_result));

/* Without packets: those that have come to wait since the last list -> WAITING. */
int sampler_list_newly_waiting(struct sampler *sampler, int64_t now_ns)
    __attribute__((warn_unused_result));

#endif
