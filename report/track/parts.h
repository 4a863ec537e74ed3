/*
 * What the files of the tracker share, and nobody else: its state, and what each
 * kind of event does to an attempt.
 */
#ifndef REPORT_TRACK_PARTS_H
#define REPORT_TRACK_PARTS_H

#include "report/attempt/detail.h"
#include "report/attempt/table.h"
#include "report/queue/queues.h"
#include "report/track/early.h"
#include "report/track/nat.h"
#include "report/track/serving.h"
#include "report/track/tracker.h"
#include "report/track/ways.h"

/* Servers' RSTs that a sample of the listener will tell the reason of, soon. */
#define TRACKER_RESETS_MAX 256

struct tracker_resets {
	uint32_t count;
	uint32_t index[TRACKER_RESETS_MAX]; /* of the attempt in the table */
	uint32_t isn[TRACKER_RESETS_MAX];   /* and its own: the index may be another's by now */
};

struct tracker_ghosts {
	uint32_t count;
	uint32_t index[TRACKER_GHOSTS_MAX]; /* as above */
	uint32_t isn[TRACKER_GHOSTS_MAX];
	uint64_t refused;
};

struct tracker {
	struct tracker_options options;
	struct table *table;
	struct details *details;
	struct serving *serving;
	struct early *early;
	struct ways ways;
	struct tracker_resets resets;
	struct tracker_ghosts ghosts;
	struct nat nat;
	int64_t now_ns;
	int64_t aged_ns;
	uint32_t hand;
	uint32_t round_events; /* since the hand began its round */
	uint32_t open_peak;
	uint64_t begun;
	uint64_t finished;
	uint64_t other_segments;
	uint64_t seen_syn_acks;
	uint64_t unseen_syn_acks; /* that their clients acknowledged */
	uint64_t entries_alone;	  /* into accept queues, of no attempt */
	uint64_t fronted;	  /* attempts that something in front of the listener answered */
	uint64_t stray_syn_acks;  /* whose SYN was not captured */
	uint64_t crowded;	  /* attempts beyond TRACKER_FLOW_MAX */
	struct rate_counter elsewhere; /* of attempts whose listener is not known */
	uint32_t unnumbered; /* open attempts that began before, and whose ISNs are not known */
	int error;	     /* of a sink, met where no error can be returned */
	struct attempt scratch;
};

/* The attempt of this flow (client to server) that began last, or NULL. */
struct open_attempt *tracker_find(struct tracker *tracker, const struct flow *client_to_server);

/*
 * The same, for who looks at an accepted socket: NULL as long as nobody has answered the SYN,
 * since what was seen is of an earlier connection of these addresses and ports then.
 */
struct open_attempt *tracker_find_answered(struct tracker *tracker,
					   const struct flow *client_to_server);

/* For its queue: this segment of this attempt. */
struct queue_packet tracker_packet(struct tracker *tracker, struct open_attempt *attempt,
				   const struct event *event);

/* Where its handshake and its accept() count. */
struct rate_counter *tracker_rate_counter(struct tracker *tracker,
					  const struct open_attempt *attempt);

/*
 * The record of a new attempt, of its first SYN; hash is that of its flow. May finish
 * another attempt that gives way. NULL: there is no memory.
 */
struct open_attempt *tracker_begin(struct tracker *tracker, const struct event *event,
				   uint32_t hash);

/* Its SYN again: the address may be this host's by now (a failover), and it meets a listener. */
void tracker_meet_address(struct tracker *tracker, struct open_attempt *attempt);

/* Device and direction of a segment, for open_attempt.device. */
static inline uint32_t tracker_device(const struct segment *segment)
{
	return segment->device << 1 | segment->outgoing;
}

/* The same for one that was under way before; its ISNs and its SYN are not known. */
struct open_attempt *tracker_begin_unseen(struct tracker *tracker, const struct flow *flow,
					  int64_t time_ns);

/* before.c: WAITING. */
void tracker_on_waiting(struct tracker *tracker, const struct event *event);

/* LISTENER_SEEN, after the queues have it: what it has answered by then is its own. */
void tracker_adopt(struct tracker *tracker, const struct event *event);

/* Where unnumbered is not 0: this segment may tell the numbers of such an attempt. */
void tracker_number(struct tracker *tracker, const struct event *event, uint32_t hash);

/* The pace of its SYNs shows that the first that was seen was not the first. */
bool tracker_began_before(const struct attempt *attempt, int64_t observed_ns);

/* A mark of this packet, of an attempt that is not, or no longer, a plain handshake. */
void tracker_mark(struct tracker *tracker, struct open_attempt *attempt, const struct event *event,
		  uint64_t frame, enum mark_kind kind);
void tracker_mark_if_detailed(struct tracker *tracker, struct open_attempt *attempt,
			      const struct event *event, uint64_t frame, enum mark_kind kind);

/* The first FIN or RST is the end of the attempt's connection. */
void tracker_set_end(struct open_attempt *attempt, const struct segment *segment, bool from_client,
		     int64_t time_ns);

/* A segment of no attempt that may have met a listener. */
void tracker_other_segment(struct tracker *tracker, const struct event *event);

/* segments.c */
void tracker_on_segment(struct tracker *tracker, const struct event *event);

/* handshake.c: a SYN, of a new attempt or of one that is open. */
void handshake_syn(struct tracker *tracker, const struct event *event, uint32_t hash);
/* The attempt that a SYN-ACK belongs to, or NULL: its SYN, or SYN with data, is acknowledged. */
struct open_attempt *handshake_find(struct tracker *tracker, const struct segment *syn_ack,
				    uint32_t hash);
void handshake_syn_ack(struct tracker *tracker, const struct event *event,
		       struct open_attempt *attempt);
/* The RST of an output rule rejects the SYN-ACK that answered the last SYN: nobody saw that. */
void handshake_rejected(struct tracker *tracker, const struct event *rst,
			struct open_attempt *attempt);
/* A segment of its client, or of its server, without SYN and RST. */
void handshake_client_segment(struct tracker *tracker, const struct event *event,
			      struct open_attempt *attempt);
void handshake_server_segment(struct tracker *tracker, const struct event *event,
			      struct open_attempt *attempt);

void tracker_on_icmp(struct tracker *tracker, const struct event *event);

/*
 * acceptance.c: the event is a segment of the server that only who has accepted the
 * connection can send, or the client's answer to one.
 */
void tracker_server_spoke(struct tracker *tracker, struct open_attempt *attempt,
			  const struct event *event);
/* It was accepted before this time, as is known now; the queue has been told. */
void tracker_accepted_before(struct tracker *tracker, struct open_attempt *attempt,
			     int64_t before_ns);
/* For queues_observe_accepts(): the queue's depth shows that it was accepted. */
void tracker_saw_accept(void *tracker, const struct open_attempt *attempt, int64_t before_ns);
/* The attempt is about to go, and its verdict is that it was accepted. */
void tracker_finished_accepted(struct tracker *tracker, const struct open_attempt *attempt);
void tracker_on_entry(struct tracker *tracker, const struct event *event);
void tracker_on_drop(struct tracker *tracker, const struct event *event);
void tracker_on_accept(struct tracker *tracker, const struct event *event);
void tracker_on_step(struct tracker *tracker, const struct event *event);
void tracker_on_child(struct tracker *tracker, const struct event *event);
void tracker_on_route(struct tracker *tracker, const struct event *event);

/*
 * resets.c: the server's RST took it from the queue; and there was a sample since. True when
 * that proves that accept() had returned it: it is accepted then.
 */
void tracker_await_sample(struct tracker *tracker, const struct open_attempt *attempt);
bool tracker_conclude_reset(struct tracker *tracker, struct open_attempt *attempt);
void tracker_conclude_resets(struct tracker *tracker);

/* Its client reset it while it waited; and a sample ended at time_ns. */
void tracker_await_ghost(struct tracker *tracker, const struct open_attempt *attempt);
void tracker_conclude_ghosts(struct tracker *tracker, int64_t time_ns);

/* When its server reset it; TIME_UNKNOWN. */
int64_t tracker_reset_ns(const struct tracker *tracker, const struct open_attempt *attempt);

#endif
