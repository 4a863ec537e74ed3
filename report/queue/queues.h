/*
 * Interface for the queues, the set of the watched listeners: the accept queue of each listener,
 * rebuilt from handshakes and accepts, held against its samples, and with both the cause of each
 * packet that the listener did not answer.
 *
 * It rests on tcp_conn_request() (SYN), tcp_check_req() and tcp_v4_syn_recv_sock() (final ACK),
 * cookie_v4_check() (ACK of a cookie), inet_csk_accept() and their IPv6 twins; docs/kernel.md has
 * what each does to which counter. Times are ns since 1970, depths and limits connections. Nothing
 * here fails: what a bound leaves out is counted (queues_left_out()).
 */
#ifndef REPORT_QUEUE_QUEUES_H
#define REPORT_QUEUE_QUEUES_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "event/host.h"
#include "report/attempt/detail.h"
#include "report/attempt/report.h"
#include "report/attempt/table.h"
#include "report/measure/rate_counter.h"
#include "report/queue/entry/waiting.h"
#include "report/queue/sizing/sizing.h"
#include "report/queue/tally.h"
#include "report/queue/verdict_context.h"

struct queue;
struct queues;

/* One packet or call of one attempt, at the time of its event. */
struct queue_packet {
	int64_t time_ns;
	uint64_t frame;
	struct open_attempt *attempt;
	uint32_t index; /* of the attempt in the table */
	struct details *details;
};

struct queues_options {
	struct host host;
	bool children_looked_up; /* connections that wait are looked up in sock_diag */
	bool blind;		 /* no packets are captured */
	bool forks_told;	 /* each fork on this host is told, and its exit */
	bool entries_told;	 /* BPF programs tell each entry into an accept queue */
	bool drops_told;	 /* and each packet that a full queue drops */
	/* Of these ports alone, where there are any; NAT may lead to others. They must outlive the
	 * queues. */
	const struct endpoint *targets;
	size_t targets_count;
	bool lo_only;		  /* every client is of this namespace */
	uint32_t interface_index; /* see struct recording_meta */
	bool interface_alone;
	struct rates *rates; /* of the run, or NULL; must outlive the queues */
	unsigned live_slots; /* see rate_counter_init() */
};

int queues_new(const struct queues_options *options, struct queues **out)
    __attribute__((warn_unused_result));
void queues_free(struct queues *queues);

/* An attempt that was in a queue when observation began: of this listener (0: not known). */
void queues_waiting(struct queues *queues, const struct queue_packet *packet, uint64_t cookie);

/*
 * An attempt that was answered before its listener was known: true where it is of the one with
 * this cookie.
 */
bool queues_adopt(struct queues *queues, const struct queue_packet *packet, uint64_t cookie)
    __attribute__((warn_unused_result));

/* When the counters were read first; INT64_MIN. */
int64_t queues_observed_ns(const struct queues *queues);

/* There is one listener with IP_TRANSPARENT, to which TPROXY may lead what is to others. */
bool queues_have_transparent(const struct queues *queues);

/* The attempt was taken for one of that listener's, and is passed on. */
void queues_give_back(struct queues *queues, const struct queue_packet *packet);

/* The address and port of the attempt's listener; NULL: it has none. */
const struct endpoint *queues_local(const struct queues *queues,
				    const struct open_attempt *attempt);

/* What the tracker sees, in order of time. */
void queues_syn(struct queues *queues, const struct queue_packet *packet,
		const struct segment *segment);
/* Its first SYN again, as another device hands it on: TCP may have it from that one. */
void queues_syn_moved(struct queues *queues, const struct queue_packet *packet,
		      const struct segment *segment);

/* Attempts of a port whose listeners are bound to devices, and which of them each is of is unknown.
 */
uint64_t queues_undecided(const struct queues *queues);

/*
 * The connection of an attempt for which several listeners were possible, since they are bound to
 * devices or not, is bound to this: see struct child. So is its listener.
 */
void queues_decide(struct queues *queues, const struct queue_packet *packet, uint32_t bound);

/* This host, as a client of another, sent its SYN again. */
void queues_own_syn_again(struct queues *queues, int64_t time_ns);

/* The first SYN that was told of, of a client of this namespace, was not its first: TCPSynRetrans
 * counted it. */
void queues_syn_was_repeated(struct queues *queues, const struct queue_packet *packet);

/* The SYN that was told of did not reach the listener: something in front of it answered. */
void queues_withdraw_syn(struct queues *queues, const struct queue_packet *packet);

void queues_syn_ack(struct queues *queues, const struct queue_packet *packet,
		    const struct segment *segment);
/* A SYN-ACK that was not captured, but that the client has acknowledged now. */
void queues_unseen_syn_ack(struct queues *queues, const struct queue_packet *packet,
			   const struct segment *segment);
void queues_client_ack(struct queues *queues, const struct queue_packet *packet,
		       const struct segment *segment);

/* What its client sends may still be its final ACK, if that was not taken before. */
bool queues_doubt_entry(const struct queues *queues, const struct open_attempt *attempt);

/*
 * The final ACK of a SYNPROXY. What it echoes is not the timestamp of the SYN-ACK: on its way
 * to the listener that is shifted as one of the client's is (synproxy_tstamp_adjust()), which its
 * TSval and TSecr did not need. A kernel that counts TSEcrRejected rejects it (tcp_check_req()),
 * and what the client sends next is the final ACK.
 */
void queues_front_ack(struct queues *queues, const struct queue_packet *packet,
		      const struct segment *segment);

/*
 * The bare ACK of a handshake that the data behind it has finished, by the order of
 * the frames. On two processors at once the kernel may have taken the ACK first, or
 * while the data still made the connection: then TCP_DEFER_ACCEPT has dropped it.
 */
void queues_ack_beside_data(struct queues *queues, const struct queue_packet *packet);

/* The client sends again what it sent first: nobody has heard it, so nobody has its final ACK. */
void queues_unheard(struct queues *queues, const struct queue_packet *packet);

/* Each RST, not only the first. ended: the attempt had ended before. */
void queues_client_reset(struct queues *queues, const struct queue_packet *packet,
			 const struct segment *segment);
void queues_server_reset(struct queues *queues, const struct queue_packet *packet,
			 const struct segment *segment, bool ended);
/* The server answered with a bare ACK that acknowledges the SYN alone: a challenge, or a child's.
 */
void queues_ack_answered(struct queues *queues, const struct queue_packet *packet);
void queues_server_alive(struct queues *queues, const struct queue_packet *packet);

/* Any segment after the SYN-ACK, for what its timestamps say of that (timestamps.h). */
void queues_hear(struct queues *queues, const struct queue_packet *packet,
		 const struct segment *segment, bool from_server);

/* An ICMP error ended the request of this attempt. */
void queues_request_error(struct queues *queues, const struct queue_packet *packet);

/*
 * A segment of or to a listener's address that belongs to no open handshake, or
 * has flags that no handshake has: a RST that answers, or what the listener drops.
 * inbound: its destination may be this host's.
 */
void queues_other_segment(struct queues *queues, int64_t time_ns, const struct segment *segment,
			  bool inbound);

/* accept() returned it in [from_ns, packet.time_ns]. */
void queues_accept(struct queues *queues, const struct queue_packet *packet, int64_t from_ns);
void queues_child(struct queues *queues, const struct queue_packet *packet,
		  const struct child *child);

/* This attempt's accept() is not reported, but looked for from outside. */
bool queues_accept_sampled(const struct queues *queues, const struct open_attempt *attempt);

/* LISTENER, LISTEN, SAMPLE, HALF_OPEN, COUNTERS, ADDRESS. */
void queues_event(struct queues *queues, const struct event *event, struct table *table,
		  struct details *details);

/* This process has the listener, or a sibling in its SO_REUSEPORT group, open. */
bool queues_owns(const struct queues *queues, uint32_t listener, int32_t pid);

/* ACTIVITY: what an owner of a listener did while connections waited there. */
void queues_activity(struct queues *queues, const struct owner_activity *activity, int64_t time_ns);

/* OWNER. forked_ns, parent_pid: of its process; TIME_UNKNOWN and 0 where that is not known. */
void queues_owner(struct queues *queues, const struct owner_change *change, int64_t time_ns,
		  int64_t forked_ns, int32_t parent_pid);

/* This process is known to have had the attempt's listener, or a sibling of it, open then. */
bool queues_had_open(const struct queues *queues, const struct open_attempt *attempt, int32_t pid,
		     int64_t time_ns);

/* A process has ended: it has nothing open any more. */
void queues_exit(struct queues *queues, int32_t pid, int64_t time_ns);

/* And before that: a signal ended it. parent_pid: who forked it, where that was seen; 0. */
void queues_killed(struct queues *queues, int32_t pid, int32_t parent_pid, int32_t signal,
		   int64_t time_ns);

/* Those of the listener's owners that a signal ended; in order of time. */
const struct sizing_exit *queues_killed_owners(const struct queues *queues, size_t index,
					       size_t *count);

/*
 * The process that accepted it within (after_ns, before_ns], where only one can have had its
 * listener open then; else 0.
 */
int32_t queues_acceptor(const struct queues *queues, const struct open_attempt *attempt,
			int64_t after_ns, int64_t before_ns);

/*
 * Of SO_REUSEPORT siblings: which of them the attempt is of, and who accepted it there; its
 * listener is -1 where that is not known.
 */
void queues_assign(const struct queues *queues, const struct open_attempt *attempt,
		   const struct detail *detail, struct attempt *out);

/* In its packets: which of how many were dropped is not known (struct mark, among). */
void queues_share(const struct queues *queues, struct attempt *out);

/* The listener of this attempt closed, and it can have been what reset it at time_ns. */
bool queues_closed_at(const struct queues *queues, const struct open_attempt *attempt,
		      int64_t time_ns);

/*
 * The TCP of this host sent no RST at this time, on any port: OutRsts did not move. One that was
 * captured came from something in front of it, such as nf_send_reset() of a firewall rule, which
 * counts nothing.
 */
bool queues_sent_no_reset(const struct queues *queues, int64_t time_ns);

/* Whether there is a route back to the client of this attempt, as of after its last SYN. */
void queues_route(struct queues *queues, const struct queue_packet *packet, bool found);

/*
 * No close() sent a RST at this time, on any port: TCPAbortOnClose and TCPAbortOnData did not
 * move. Who closes what accept() returned counts there, and a listener that closes with
 * connections in its queue does not (inet_csk_listen_stop()).
 */
bool queues_reset_by_no_close(const struct queues *queues, int64_t time_ns);

/* Its listener, with all siblings, was open after this time. */
bool queues_open_after(const struct queues *queues, const struct open_attempt *attempt,
		       int64_t time_ns);

/*
 * Of one that entered, and that its client reset, in the queue of a listener without siblings:
 * accept() has returned it by now, since the queue was empty or a later one came out; and until
 * when it is certain that it waited, waiting_ns being what is known already.
 */
bool queues_has_left(const struct queues *queues, const struct open_attempt *attempt);
int64_t queues_still_waiting_ns(const struct queues *queues, const struct open_attempt *attempt,
				int64_t waiting_ns);

/* accept() returned it before it left the queue, as is known now. */
void queues_accepted_before(struct queues *queues, struct open_attempt *attempt);

/*
 * From here on this one is told of the attempts that the queues find accepted by themselves: by
 * a sample, or by what is told of another's entry. What it points to must outlive the last event.
 */
void queues_observe_accepts(struct queues *queues, const struct accept_observer *observer);

/* When its listener was found closed, with all siblings; TIME_UNKNOWN. */
int64_t queues_closed_ns(const struct queues *queues, const struct open_attempt *attempt);

/* What the queue of this attempt's listener adds to its verdict. */
void queues_context(const struct queues *queues, const struct open_attempt *attempt,
		    struct verdict_context *context);

/* The attempt is finished: its verdict has been given, and its record is about to go. */
void queues_finished(struct queues *queues, struct open_attempt *open,
		     const struct attempt *attempt);

/* Time went on: settles what is old enough, also where no samples come. */
void queues_age(struct queues *queues, int64_t now_ns, struct table *table,
		struct details *details);

/* Observation ended: settles what still waits for a sample. */
void queues_end(struct queues *queues, struct table *table, struct details *details,
		int64_t end_ns);

/*
 * What the bounds left out: listeners beyond LISTENING_MAX, arrivals beyond QUEUE_ARRIVALS_MAX,
 * of limits and owners of the past what went beyond QUEUE_LIMITS_MAX and QUEUE_TENURES_MAX, and
 * values beyond LATENCIES_HISTOGRAMS_MAX histograms.
 */
void queues_left_out(const struct queues *queues, uint64_t *listeners, uint64_t *arrivals,
		     uint64_t *past, uint64_t *latencies);

/* Fills the report's listeners; the arrays live until queues_free(). */
size_t queues_report(struct queues *queues, const struct report_listener **out);

/* Of the listener that queues_syn() found for this attempt; NULL when there was none. */
struct rate_counter *queues_rate_counter(struct queues *queues, const struct open_attempt *attempt);

/* What the replay of one listener's clients needs; index < queues_count(). */
struct sizing *queues_sizing(struct queues *queues, size_t index);

size_t queues_count(const struct queues *queues);

/* index < queues_count(); for the live view, which shows what they hold now. */
struct queue *queues_at(struct queues *queues, size_t index);

/* What moved counters of the namespace and met no listener of it. */
const uint64_t *queues_elsewhere(const struct queues *queues);

/* The tallies of one listener; index < queues_count(). */
const uint64_t *queues_tallies(const struct queues *queues, size_t index);

#endif
