/*
 * Interface for the finished report: what the renderers get. Constant, complete
 * data; a renderer asks nobody anything. Pointers belong to the reporter and
 * live until the sink's finish() returns.
 *
 * The member names follow the contract synscope.report/1 (docs/report.md).
 */
#ifndef REPORT_ATTEMPT_REPORT_H
#define REPORT_ATTEMPT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "event/host.h"
#include "event/recording/recording.h"
#include "event/skip.h"
#include "report/attempt/attempt.h"
#include "report/attempt/stall.h"

struct filter;

enum report_kind { REPORT_RECORDING, REPORT_PCAP, REPORT_LIVE };

enum latency {
	LATENCY_SYN_TO_SYNACK,
	LATENCY_SYNACK_TO_ACK,
	LATENCY_CONNECT,
	LATENCY_ACCEPT_WAIT,
	LATENCY_ACCEPT_TO_FORK,
	LATENCY_COUNT,
};

/* "syn_to_synack", ... */
const char *latency_name(enum latency latency);

/* All zero when count is. */
struct latency_summary {
	uint64_t count;
	int64_t min;
	int64_t p50;
	int64_t p90;
	int64_t p99;
	int64_t p999;
	int64_t max;
};

/* One bar of a latency histogram: values in [from_ns, to_ns). */
struct latency_bar {
	int64_t from_ns;
	int64_t to_ns;
	uint64_t count;
};

/* A step of the accept queue's depth: from time_ns on, until the next point. */
struct depth_point {
	int64_t time_ns;
	uint32_t min;
	uint32_t max;
};

struct depth_series {
	size_t count;
	const struct depth_point *points;
	uint64_t merged; /* points that were folded into neighbours to keep the bound */
};

/* Nothing was sampled within: what held before is not known to hold. */
struct depth_gap {
	int64_t start_ns;
	int64_t end_ns;
};

struct full_episode {
	int64_t start_ns;
	int64_t end_ns;
};

/* The limit of an accept queue from a time on. */
struct report_limit {
	int64_t time_ns;   /* it was seen */
	int64_t before_ns; /* the one before was seen last */
	uint32_t limit;
};

/* A process that had a listener open. */
struct report_owner {
	int32_t pid;
	const char *comm; /* may be empty */
	int64_t from_ns;
	int64_t to_ns; /* TIME_UNKNOWN: it still had it at the end */
};

struct report_listener {
	struct endpoint local;
	uint32_t interface;   /* that it is bound to; 0: to none */
	const char *device;   /* its name; empty where it is not known; NULL: to none */
	uint64_t cookie;      /* 0 when only packets told of it */
	int64_t backlog;      /* as given to listen(); -1 unknown */
	int64_t limit;	      /* -1 unknown */
	int64_t capacity;     /* limit + 1; -1 unknown */
	int64_t queue_peak;   /* highest sampled or rebuilt depth; -1 when neither is known */
	int64_t sampled_peak; /* highest sampled depth; -1 */
	uint64_t samples;
	int64_t full_ns; /* total length of the full episodes */
	size_t episodes_count;
	const struct full_episode *episodes;
	uint64_t episodes_lost; /* beyond the bound of the list */
	uint64_t
	    drops; /* packets of attempts that this listener's queues dropped, by the verdicts */
	uint64_t drops_beside;	/* of them, before or after what the ledger compares */
	int64_t sk_drops;	/* change of the socket's own counter; -1 unknown */
	uint64_t disagreements; /* samples that the rebuilt depth cannot explain */
	int32_t defer_accept_s;
	int32_t fastopen;
	bool closed;
	int64_t closed_ns; /* when that was known; TIME_UNKNOWN */
	bool v6only;	   /* one of :: that takes no IPv4 */
	bool reuseport;	   /* another listener has the same address and port */
	size_t pids_count;
	const int32_t *pids;
	const char *comm;
	const char *unit;      /* of systemd, and */
	const char *container; /* what the owner runs in; NULL or empty: none */
	size_t limits_count;
	const struct report_limit *limits;
	size_t owners_count;
	const struct report_owner *owners;
	struct depth_series sampled;
	struct depth_series rebuilt;
	struct depth_series half_open;
	size_t gaps_count;
	const struct depth_gap *gaps;
	bool rebuilt_in_gaps; /* each accept() was reported: what was rebuilt holds there too */
	uint64_t attempts;
	uint64_t
	    group_attempts; /* besides, of its SO_REUSEPORT group, and of which socket is not known
			     */
	uint64_t group_drops; /* and packets that it dropped, and which socket did is not known */
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t causes[CAUSE_COUNT]; /* attempts that have it */
	uint64_t cause_packets[CAUSE_COUNT];
	struct latency_summary latency[LATENCY_COUNT]; /* of its attempts */
	struct report_stall stall;
	enum refusal refusal; /* the last that the server said at its limit */
};

/*
 * Where connections went: those that this host made itself or passed on, or that found no
 * listener here.
 */
struct report_peer {
	enum role role;
	struct endpoint server;
	int64_t first_ns; /* the SYNs of the first and of the last attempt */
	int64_t last_ns;
	uint64_t attempts;
	uint64_t again; /* of these: sent their SYN more than once */
	uint64_t outcomes[OUTCOME_COUNT];
};

struct ledger_part {
	const char *class; /* "SYN, accept queue full" */
	uint64_t count;
};

#define LEDGER_PARTS_MAX 8

struct ledger_row {
	const char *counter; /* "ListenOverflows", or "sk_drops 127.0.0.1:8080" */
	bool observed_known;
	int64_t observed;
	int64_t explained;
	int64_t unexplained; /* observed - explained; 0 when observed is not known */
	size_t parts_count;
	struct ledger_part parts[LEDGER_PARTS_MAX];
};

#define ADVICE_EVIDENCE_MAX 8

/* Texts are whole sentences, without markup. */
struct advice {
	const char *rule; /* "backlog-binds": stable, for scripts */
	uint64_t clients; /* that it would have helped, about; 0: not estimated */
	const char *text;
	size_t evidence_count;
	const char *evidence[ADVICE_EVIDENCE_MAX];
};

/* A bounded table that was full. */
struct overflow {
	const char *table;
	uint64_t bound;
	uint64_t count;
};

/* Rates on the common time axis, in equal buckets from report.start_ns. */
struct rate_bucket {
	uint32_t syns;
	uint32_t handshakes;
	uint32_t accepts;
	uint32_t drops[CAUSE_COUNT];
};

struct rate_series {
	int64_t bucket_ns;
	size_t count;
	const struct rate_bucket *buckets;
};

struct report {
	const char *version;
	enum report_kind kind;
	const char *path;
	int64_t start_ns; /* TIME_UNKNOWN when nothing was seen */
	int64_t end_ns;
	bool more_before; /* this is a period of what was recorded: there is more before it, */
	bool more_after;  /* and after it */
	uint64_t packets;
	uint64_t packets_dropped;
	uint64_t skipped[SKIP_REASON_COUNT];
	uint64_t other_segments; /* segments that belong to no attempt that was seen to begin */
	uint64_t late_events;	 /* came after their watermark */
	bool host_known;
	struct host host;
	bool meta_known;
	const struct recording_meta *meta;

	/*
	 * What the attempts were chosen by; NULL: all are here. It leaves nothing out of what is of
	 * queues and counters: listeners, rates, ledger, advice, drops_seen.
	 */
	const struct filter *filter;
	uint64_t left_out; /* attempts by the filter */

	uint64_t attempts;
	uint64_t began_before; /* of these, under way when observation began */
	uint64_t outcomes[OUTCOME_COUNT];
	uint64_t causes[CAUSE_COUNT]; /* attempts that have it */
	uint64_t cause_packets[CAUSE_COUNT];
	/*
	 * One direction is missing: SYN-ACKs that clients acknowledged, though they were not
	 * captured, and SYN-ACKs whose SYN was not.
	 */
	uint64_t unseen_syn_acks;
	uint64_t stray_syn_acks;
	/* Connections that entered a queue, or were led here by NAT, without a captured packet. */
	uint64_t without_packets;
	struct endpoint without_asked; /* port 0: NAT did not lead them, as far as is known */
	struct endpoint without_server;
	uint64_t answered_in_front; /* attempts: by a SYNPROXY */
	uint64_t roles[ROLE_COUNT];
	uint64_t led_away; /* of these: by NAT, to a server that is not this host */
	/* Of those that may have met a listener here: inbound, or of an unknown role. */
	uint64_t inbound;
	uint64_t not_here; /* not of these: to an address that is not this host's, not passed on */
	uint64_t unanswered_elsewhere; /* of these: to this host, where nobody listens */
	uint64_t reset_by_full_queue;  /* and where tcp_abort_on_overflow is 1 */
	/* Attempts that were answered, and whose final ACK, or data, came to no counter of TCP. */
	uint64_t acks_stopped;
	uint64_t acks_stopped_packets;
	/*
	 * Attempts of clients that sent their SYN again after it was answered, and not for a queue.
	 */
	uint64_t synacks_lost;
	uint64_t inbound_outcomes[OUTCOME_COUNT];
	uint64_t inbound_causes[CAUSE_COUNT];
	size_t peers_count; /* outbound and forwarded, most attempts first */
	const struct report_peer *peers;
	size_t absent_count; /* refused, since nobody listened there; most attempts first */
	const struct report_peer *absent;
	struct latency_summary latency[LATENCY_COUNT]; /* of these too */
	size_t bars_count[LATENCY_COUNT];
	const struct latency_bar *bars[LATENCY_COUNT];

	size_t listeners_count;
	const struct report_listener *listeners;
	size_t ledger_count;
	const struct ledger_row *ledger;
	size_t advice_count;
	const struct advice *advice;
	uint64_t losses[LOSS_KIND_COUNT];
	size_t overflows_count;
	const struct overflow *overflows;
	size_t notes_count; /* what is not known, and why: one line each */
	const char *const *notes;
	struct rate_series rates;
	size_t worst_count; /* the worst attempts, worst first */
	const struct attempt *worst;
	/* The cause rests on a counter that is not explained in full: say "inferred" at most. */
	bool cause_doubted[CAUSE_COUNT];
	bool drops_seen; /* what --fail-on drops asks */
	/* Why it cannot be told whether a queue dropped anything; NULL: it can. */
	const char *drops_unobserved;
	bool packets_missing;  /* see struct reporter_source */
	int64_t passive_opens; /* connections of the namespace that the kernel let in; -1 unknown */
};

/* How sure a cause is once the ledger is known: what renderers print. */
static inline enum confidence report_confidence(const struct report *report, enum cause cause,
						enum confidence confidence)
{
	return report->cause_doubted[cause] ? CONFIDENCE_INFERRED : confidence;
}

/* As endpoint_format_on(); text has ENDPOINT_TEXT_SIZE bytes. */
static inline size_t report_listener_format(const struct report_listener *listener, char *text)
{
	return endpoint_format_on(&listener->local, listener->interface,
				  listener->device ? listener->device : "", text,
				  ENDPOINT_TEXT_SIZE);
}

/* One address, port and device: where both are of SO_REUSEPORT, they are of one group. */
static inline bool report_same_place(const struct report_listener *a,
				     const struct report_listener *b)
{
	return a->interface == b->interface && endpoint_equal(&a->local, &b->local);
}

/* Clients were reset by the kernel, since the accept queue was full. */
static inline bool report_aborts(const struct report *report)
{
	return report->reset_by_full_queue && report->host_known &&
	       report->host.tcp_abort_on_overflow == 1;
}

/*
 * No packet of its clients was captured, though its queue held some, or its socket dropped some:
 * they came by another interface than was watched.
 */
static inline bool report_passed_by(const struct report_listener *listener)
{
	return !listener->attempts && !listener->group_attempts &&
	       (listener->sk_drops > 0 || listener->sampled_peak > 0);
}

/*
 * Of its SO_REUSEPORT group so many attempts are of no socket in particular that the others, mostly
 * those that were dropped, say nothing of how this one fared.
 */
static inline bool report_is_mixed(const struct report_listener *listener)
{
	return listener->reuseport && listener->group_attempts * 10 > listener->attempts;
}

/* How long its accept queue was full; -1 where that was not observed. */
static inline int64_t report_full_ns(const struct report_listener *listener)
{
	bool seen = listener->limit >= 0 && (listener->samples || listener->sampled.count ||
					     listener->rebuilt.count || listener->episodes_count);
	bool missed = report_passed_by(listener) && !listener->full_ns &&
		      listener->sampled_peak > listener->limit;

	return seen && !missed ? listener->full_ns : -1;
}

/* What the listener's queues dropped; -1 where that was not observed. */
static inline int64_t report_drops(const struct report *report,
				   const struct report_listener *listener)
{
	if (listener->drops || listener->sk_drops == 0)
		return (int64_t)listener->drops;
	if (report->packets_missing || report_passed_by(listener))
		return -1;
	return listener->samples || listener->sk_drops > 0 ? 0 : -1;
}

#endif
