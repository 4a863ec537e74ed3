/*
 * Interface for events: the one record that every source hands to the tracker.
 *
 * Sources (capture/, netlink/, server/) fill a struct event by value, in host
 * byte order, and keep nothing about connections. report/ merges the sources
 * by time and is the only place that knows what an attempt is.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "event/clock.h"
#include "event/counter.h"
#include "event/drop_place.h"
#include "event/flow.h"
#include "event/refusal.h"

/* Who saw it. Each source delivers its own events in an order of its own, and has a watermark. */
enum source {
	SOURCE_CAPTURE, /* libpcap */
	SOURCE_SAMPLER, /* sock_diag and /proc/net: listeners, samples, children, counters */
	SOURCE_PROC,	/* the proc connector: forks and exits of every process */
	SOURCE_SERVER,	/* the bundled server's own reports */
	SOURCE_BPF,	/* BPF programs: what the kernel did itself */
	SOURCE_COUNT,
};

enum event_kind {
	EVENT_SEGMENT,	   /* capture */
	EVENT_ICMP,	   /* capture */
	EVENT_LISTENER,	   /* sampler: a listener appeared, changed or closed */
	EVENT_SAMPLE,	   /* sampler: one accept queue */
	EVENT_HALF_OPEN,   /* sampler: request sockets of one listener */
	EVENT_CHILD,	   /* sampler: the socket of one connection */
	EVENT_ROUTE,	   /* sampler: whether there is a route back to a client */
	EVENT_WAITING,	   /* sampler: a connection that waited when observation began */
	EVENT_COUNTERS,	   /* sampler: the counters of the namespace */
	EVENT_PROC_FORK,   /* proc connector */
	EVENT_PROC_EXIT,   /* proc connector */
	EVENT_HOLDER,	   /* sampler: a process has an accepted connection open */
	EVENT_ADDRESS,	   /* sampler: the namespace has an address now, or no longer */
	EVENT_TRANSLATION, /* sampler: NAT leads a connection to another socket */
	EVENT_OWNER,	   /* sampler: a process has a listener open now, or no longer */
	EVENT_ACTIVITY,	   /* sampler: what an owner does while connections wait */
	EVENT_ENTRY,	   /* BPF: a connection entered its accept queue */
	EVENT_DROP,	   /* BPF: a listener dropped a SYN or a final ACK */
	EVENT_LISTEN,	   /* server: listen() called, with its backlog */
	EVENT_ACCEPT,	   /* server or BPF: accept() returned this connection */
	EVENT_FORK,	   /* server: the child that serves it */
	EVENT_FIRST_BYTE,  /* server: first byte of the request read */
	EVENT_REPLY,	   /* server: reply written */
	EVENT_CLOSE,	   /* server: its side closed */
	EVENT_EXIT,	   /* server: a child was reaped */
	EVENT_LOSS,	   /* any: something was not delivered */
	EVENT_KIND_COUNT,
};

/* TCP flags, RFC 9293 section 3.1, as they stand in the header's 14th byte. */
enum tcp_flag {
	TCP_FLAG_FIN = 0x01,
	TCP_FLAG_SYN = 0x02,
	TCP_FLAG_RST = 0x04,
	TCP_FLAG_PSH = 0x08,
	TCP_FLAG_ACK = 0x10,
	TCP_FLAG_URG = 0x20,
	TCP_FLAG_ECE = 0x40,
	TCP_FLAG_CWR = 0x80,
};

enum segment_option {
	SEGMENT_TIMESTAMP = 0x01, /* kind 8, RFC 7323 */
	SEGMENT_FASTOPEN =
	    0x02, /* kind 34 (or 254 with its magic), RFC 7413: a cookie or a request */
	SEGMENT_FASTOPEN_COOKIE = 0x04, /* the same, with a cookie in it */
	SEGMENT_MPTCP = 0x08,		/* kind 30, RFC 8684 */
	SEGMENT_SACK_PERMITTED = 0x10,	/* kind 4 */
	SEGMENT_WINDOW_SCALE = 0x20,	/* kind 3 */
	SEGMENT_OPTIONS_CUT = 0x40,	/* the snaplen or a bad length ended the reading */
	SEGMENT_MP_JOIN = 0x80, /* SEGMENT_MPTCP of subtype 1: a subflow of an MPTCP connection */
};

/* One TCP segment: the innermost TCP header of a frame with its innermost IP header. */
struct segment {
	struct flow flow;
	uint32_t seq;
	uint32_t ack;
	uint32_t payload; /* bytes of data by the IP length, whatever the snaplen kept */
	uint32_t tsval;	  /* valid with SEGMENT_TIMESTAMP */
	uint32_t tsecr;
	uint16_t window;
	uint16_t ip_id; /* 0 for IPv6 without a fragment header */
	uint8_t ttl;
	uint8_t flags;	      /* enum tcp_flag */
	uint8_t options;      /* enum segment_option */
	uint8_t window_scale; /* valid with SEGMENT_WINDOW_SCALE */
	bool outgoing;	      /* the link header says that this host sent it */
	bool loopback;	      /* it passes over lo, by its link header */
	bool copy;	      /* a packet that was captured before, on another device */
	uint8_t refusal;      /* enum refusal: its data, if they are the first of a server */
	uint32_t device; /* interface index, or what tells devices of a file apart; 0 unknown */
	uint64_t frame;	 /* number in the capture, from 1: what Wireshark shows */
};

/* An ICMP or ICMPv6 error that quotes a TCP segment (RFC 792, RFC 4443). */
struct icmp_error {
	struct flow flow; /* of the quoted segment, as its sender sent it */
	uint32_t seq;	  /* of the quoted segment */
	struct address from;
	uint8_t type;
	uint8_t code;
	bool ipv6; /* type and code are ICMPv6's */
	uint64_t frame;
};

enum listener_change {
	LISTENER_SEEN,	  /* there when observation began, or found since */
	LISTENER_CHANGED, /* its limit or owners changed: listen() called again */
	LISTENER_CLOSED,
};

#define LISTENER_PIDS_MAX  16
#define LISTENER_COMM_SIZE 16

#define DEVICE_NAME_SIZE       16 /* IFNAMSIZ */
#define LISTENER_PORTS_MAX     32
#define LISTENER_PORTS_UNKNOWN (LISTENER_PORTS_MAX + 1)

#define WORKLOAD_UNIT_SIZE	128
#define WORKLOAD_CONTAINER_SIZE 65

/* What a process belongs to, by its cgroup: NUL-terminated printable ASCII, empty where there is
 * none. */
struct workload {
	char unit[WORKLOAD_UNIT_SIZE];		 /* of systemd: "nginx.service" */
	char container[WORKLOAD_CONTAINER_SIZE]; /* its ID or name */
};

/* A listening socket. The socket cookie is its name: SO_REUSEPORT siblings differ in nothing else.
 */
struct listener {
	uint64_t cookie;
	struct endpoint local;
	enum listener_change change;
	uint32_t limit; /* min(backlog, somaxconn) as fixed by listen(); capacity is limit + 1 */
	uint32_t inode;
	uint32_t uid;
	uint32_t interface;	       /* SO_BINDTODEVICE, 0 for any */
	char device[DEVICE_NAME_SIZE]; /* its name then, NUL-terminated; empty where not known */
	/* Devices that have it for master (VRF, bond, bridge): what they receive comes from it. */
	uint16_t device_ports_count; /* LISTENER_PORTS_UNKNOWN: not known, or too many */
	uint32_t device_ports[LISTENER_PORTS_MAX]; /* in order */
	bool v6only;				   /* meaningful for :: */
	bool transparent;	/* IP_TRANSPARENT: TPROXY may lead connections to others here */
	int32_t defer_accept_s; /* TCP_DEFER_ACCEPT; 0 off, -1 unknown */
	int32_t fastopen;	/* fastopenq.max_qlen; 0 off, -1 unknown */
	uint16_t pids_count;	/* owners; 0: nobody found (no privilege) */
	int32_t pids[LISTENER_PIDS_MAX];
	char comm[LISTENER_COMM_SIZE]; /* of the first owner, NUL-terminated, may be empty */
	struct workload workload;      /* of the first owner */
	int64_t sampled_ns; /* of one that closed: its last sample began then; not recorded */
};

/* One look at one listener. True at some instant within [before_ns, event.time_ns]. */
struct sample {
	uint64_t cookie;
	int64_t before_ns;
	uint32_t depth; /* idiag_rqueue of a LISTEN socket: sk_ack_backlog */
	uint32_t limit; /* idiag_wqueue of a LISTEN socket: sk_max_ack_backlog */
	uint32_t drops; /* sk_drops; wraps */
	bool drops_known;
};

/* Request sockets (SYN_RECV) of one listener's port. Cookie connections are not among them. */
struct half_open {
	uint64_t cookie;
	int64_t before_ns;
	uint32_t count;
};

/*
 * The server-side socket of one connection. True at some instant within
 * [before_ns, event.time_ns].
 *
 * inode 0 means "nobody accepted it yet" in ESTABLISHED and CLOSE_WAIT alone:
 * in a later state, or TIME_WAIT, its owner has closed it. State SYN_RECV (3)
 * is a request socket: the final ACK has not arrived, or was dropped.
 *
 * waiting_ns: when the last look began that proved it was still waiting (at it,
 * or at one ahead of it in the same queue), or in state 0 that it still was a
 * request; TIME_UNKNOWN when there was none.
 * listener: in state 0, the cookie of the listener (of the sibling, in a
 * SO_REUSEPORT group) that a SYN of this flow reaches; else 0, as when nobody
 * listens.
 */
struct child {
	struct flow flow; /* client to server */
	int64_t before_ns;
	int64_t waiting_ns;
	uint64_t listener;
	uint32_t inode;
	uint8_t state; /* enum tcp_state of the kernel; 0: there is no such socket */
	/*
	 * What it is bound to, and mostly its listener too (inet_request_bound_dev_if()): 1 + index
	 * of the device; 1: to none; 0: not known.
	 */
	uint32_t bound;
};

/*
 * Whether the kernel has a route back to this client, as RTM_GETROUTE says: without the mark and
 * the user of the listener, which rules of policy routing may ask for. True at some instant within
 * [before_ns, event.time_ns].
 */
struct route_back {
	struct flow flow; /* client to server */
	int64_t before_ns;
	bool found;
};

/*
 * A final ACK was taken: the child socket was made at the event's time, and entered
 * the accept queue microseconds later, in the same softirq. Where this is reported, a
 * connection without it has not entered (but for TCP Fast Open, whose child enters
 * at the SYN, and enters without it).
 */
struct queue_entry {
	struct flow flow;  /* client to server */
	uint64_t listener; /* its cookie; 0: not told, as where its queue was empty */
	uint32_t depth;	   /* of its accept queue, just before */
	uint32_t limit;	   /* of its accept queue */
	uint32_t bound;	   /* of the connection's socket: see struct child */
};

/* A segment that its listener dropped. event.time_ns is when it did, after it was captured. */
struct queue_drop {
	struct flow flow;  /* client to server */
	uint64_t listener; /* its cookie, of siblings too; 0: it has none yet */
	uint32_t depth;	   /* of its accept queue then */
	uint32_t limit;	   /* of its accept queue */
	enum drop_place place;
};

/*
 * A connection that was under way before its listener was observed, as sock_diag lists it.
 * True at some instant within [before_ns, event.time_ns]. In ESTABLISHED or CLOSE_WAIT it waits
 * in the accept queue; in SYN_RECV it is a request. SYN_SENT is the client's own socket, where
 * that is of this network namespace too: its SYN was sent before, and is not answered yet.
 */
struct waiting {
	struct flow flow; /* client to server */
	int64_t before_ns;
	int64_t born_ns;   /* about when its final ACK was taken, to some ms; TIME_UNKNOWN */
	uint64_t listener; /* cookie; 0: one of several that share the port */
	uint8_t state;	   /* enum tcp_state of the kernel */
	uint32_t syns;	   /* SYN_SENT: how many SYNs were sent by then; 0: not known */
};

/*
 * Addresses whose first bits of 128 (of IPv4: 96 and more) are those of address, the rest of
 * which is 0. The namespace takes what is sent to them for its own.
 */
struct address_prefix {
	struct address address;
	uint8_t bits;
};

/*
 * A conntrack entry whose two tuples differ: what the client sends from original.saddr to
 * original.daddr reaches the socket `server` as from `client`. fresh: it is of a connection
 * that began while it was observed. read_ns: by then the kernel had it; the event's own time is
 * before it, so that it comes before its SYN.
 */
struct translation {
	struct flow original;
	struct endpoint client;
	struct endpoint server;
	bool fresh;
	int64_t read_ns; /* TIME_UNKNOWN: not told */
};

struct address_change {
	struct address_prefix prefix;
	uint32_t device; /* that has it; 0: not known, or several have */
	bool gone;
};

enum counters_when { COUNTERS_BEFORE, COUNTERS_DURING, COUNTERS_AFTER };

/*
 * One reading of the counters, within [before_ns, event.time_ns]. What one made during
 * observation leaves out is as it was in the reading before (counters_update()).
 */
struct counters {
	int64_t before_ns;
	enum counters_when when;
	uint64_t known; /* bit i: value[i] was there */
	uint64_t value[COUNTER_COUNT];
};

struct proc_fork {
	int32_t parent_pid; /* thread group */
	int32_t child_pid;
	int32_t child_tid; /* != child_pid: a thread */
};

struct proc_exit {
	int32_t pid;
	int32_t tid;
	uint32_t exit_code; /* as wait() has it */
};

/*
 * What a process was seen to have open. True at some instant within [before_ns,
 * event.time_ns]. inode is that of the server's socket, as in struct child; 0: the
 * last of several looks at a child of a listener's owner, and it has none of the
 * connections whose holder was sought (flow says nothing then).
 */
struct holder {
	struct flow flow; /* client to server */
	int64_t before_ns;
	uint32_t inode;
	int32_t pid;
	int32_t parent_pid; /* an owner of a watched listener, 0: not known to be a child of one */
	bool listens;	    /* it has a watched listener open too */
};

/*
 * A process has a listening socket open from now on, or no longer. The change came within
 * [before_ns, event.time_ns]; before_ns is TIME_UNKNOWN where nobody had looked before.
 */
struct owner_change {
	uint64_t cookie; /* of the listener */
	int64_t before_ns;
	int32_t pid;
	bool owns;
	char comm[LISTENER_COMM_SIZE]; /* NUL-terminated; empty where it could not be read */
};

/*
 * What a process that has a listener open does while connections wait for accept(), within
 * [before_ns, event.time_ns]. Numbers are -1 where they could not be read.
 */
struct owner_activity {
	uint64_t cookie; /* of the listener */
	int64_t before_ns;
	int32_t pid;
	uint8_t state; /* of its main thread, as /proc/PID/stat has it: 'R', 'S', 'T', ... */
	bool frozen;   /* its cgroup is */
	uint32_t threads;
	int64_t run_ns;	 /* the main thread's time on a CPU so far */
	int64_t wait_ns; /* and runnable, without one */
	int64_t descriptors;
	int64_t descriptors_max; /* RLIMIT_NOFILE */
	int64_t
	    throttled_periods; /* of its cgroup and those above it, by their CPU quotas, so far */
	int64_t throttled_ns;
};

struct server_listen {
	struct endpoint local;
	int32_t backlog; /* as given to listen() */
	int32_t pid;
};

struct server_accept {
	struct flow flow;  /* client to server */
	int64_t before_ns; /* accept() was called, or BPF: equal to the event's time */
	int32_t pid;
	int32_t tid;
	int32_t fd;
};

/* FORK: pid is the child. FIRST_BYTE, REPLY, CLOSE: pid is who did it. */
struct server_step {
	struct flow flow; /* client to server */
	int32_t pid;
	uint32_t bytes; /* FIRST_BYTE: of the first read; REPLY: written; else 0 */
};

struct server_exit {
	int32_t pid;
	int32_t status; /* as waitpid() has it */
};

enum loss_kind {
	LOSS_PACKETS_KERNEL,	/* pcap_stats ps_drop */
	LOSS_PACKETS_INTERFACE, /* pcap_stats ps_ifdrop */
	LOSS_SAMPLES_LATE,	/* samples that came later than twice their interval */
	LOSS_NETLINK,		/* sock_diag replies lost or interrupted and not retried */
	LOSS_PROC_EVENTS,	/* gaps in the proc connector's sequence numbers */
	LOSS_SERVER_EVENTS,	/* the server's channel was full */
	LOSS_BPF_EVENTS,	/* the BPF ring was full */
	LOSS_LOOKUPS,		/* children not looked up: too many waited */
	LOSS_RECORDING,		/* events that could not be written */
	LOSS_PACKETS_BACKLOG,	/* the kernel's receive backlog was full: neither captured nor
				   received */
	LOSS_KIND_COUNT,
};

/* count is the total of its kind since the start of observation, not a difference. */
struct loss {
	enum loss_kind kind;
	uint64_t count;
};

struct event {
	int64_t time_ns;
	enum event_kind kind;
	enum source source;
	union {
		struct segment segment;
		struct icmp_error icmp;
		struct listener listener;
		struct sample sample;
		struct half_open half_open;
		struct child child;
		struct route_back route;
		struct waiting waiting;
		struct counters counters;
		struct proc_fork proc_fork;
		struct proc_exit proc_exit;
		struct holder holder;
		struct address_change address;
		struct translation translation;
		struct owner_change owner;
		struct owner_activity activity;
		struct queue_entry entry;
		struct queue_drop drop;
		struct server_listen listen;
		struct server_accept accept;
		struct server_step step;
		struct server_exit exit;
		struct loss loss;
	};
};

/*
 * Receives events in the order in which their source delivers them. The event
 * is the caller's: copy what is kept. Returns 0, or -errno to end the run.
 */
typedef int (*event_fn)(void *context, const struct event *event);

/*
 * True when the look proves that accept() has returned it: somebody owns it, or
 * closed it, which also takes an owner. False says nothing.
 */
bool child_accepted(const struct child *child);

/* Takes a later reading into what is known so far: all of it is as of then. */
void counters_update(struct counters *counters, const struct counters *later);

/* "segment", "sample", ...: the "event" member of events.jsonl. */
const char *event_kind_name(enum event_kind kind);
const char *source_name(enum source source);
const char *loss_kind_name(enum loss_kind kind);

#endif
