/*
 * The names of events, sources and losses as the recording and the report print
 * them, and what a look at a child proves.
 */
#include "event/event.h"

/* include/net/tcp_states.h: FIN_WAIT1, FIN_WAIT2, TIME_WAIT, LAST_ACK, CLOSING. */
bool child_accepted(const struct child *child)
{
	return child->inode || child->state == 4 || child->state == 5 || child->state == 6 ||
	       child->state == 9 || child->state == 11;
}

void counters_update(struct counters *counters, const struct counters *later)
{
	counters->before_ns = later->before_ns;
	counters->when = later->when;
	counters->known |= later->known;
	for (int i = 0; i < COUNTER_COUNT; i++)
		if (later->known >> i & 1)
			counters->value[i] = later->value[i];
}

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[EVENT_KIND_COUNT] = {
	    [EVENT_SEGMENT] = "segment",
	    [EVENT_ICMP] = "icmp",
	    [EVENT_LISTENER] = "listener",
	    [EVENT_SAMPLE] = "sample",
	    [EVENT_HALF_OPEN] = "half-open",
	    [EVENT_CHILD] = "child",
	    [EVENT_WAITING] = "waiting",
	    [EVENT_COUNTERS] = "counters",
	    [EVENT_PROC_FORK] = "proc-fork",
	    [EVENT_PROC_EXIT] = "proc-exit",
	    [EVENT_HOLDER] = "holder",
	    [EVENT_ADDRESS] = "address",
	    [EVENT_TRANSLATION] = "translation",
	    [EVENT_OWNER] = "owner",
	    [EVENT_ACTIVITY] = "activity",
	    [EVENT_ENTRY] = "entry",
	    [EVENT_DROP] = "drop",
	    [EVENT_ROUTE] = "route",
	    [EVENT_LISTEN] = "listen",
	    [EVENT_ACCEPT] = "accept",
	    [EVENT_FORK] = "fork",
	    [EVENT_FIRST_BYTE] = "first-byte",
	    [EVENT_REPLY] = "reply",
	    [EVENT_CLOSE] = "close",
	    [EVENT_EXIT] = "exit",
	    [EVENT_LOSS] = "loss",
	};

	return kind < EVENT_KIND_COUNT ? names[kind] : "unknown";
}

const char *source_name(enum source source)
{
	static const char *const names[SOURCE_COUNT] = {
	    [SOURCE_CAPTURE] = "capture", [SOURCE_SAMPLER] = "sampler", [SOURCE_PROC] = "proc",
	    [SOURCE_SERVER] = "server",	  [SOURCE_BPF] = "bpf",
	};

	return source < SOURCE_COUNT ? names[source] : "unknown";
}

const char *loss_kind_name(enum loss_kind kind)
{
	static const char *const names[LOSS_KIND_COUNT] = {
	    [LOSS_PACKETS_KERNEL] = "packets-kernel",
	    [LOSS_PACKETS_INTERFACE] = "packets-interface",
	    [LOSS_SAMPLES_LATE] = "samples-late",
	    [LOSS_NETLINK] = "netlink",
	    [LOSS_PROC_EVENTS] = "proc-events",
	    [LOSS_SERVER_EVENTS] = "server-events",
	    [LOSS_BPF_EVENTS] = "bpf-events",
	    [LOSS_LOOKUPS] = "lookups",
	    [LOSS_RECORDING] = "recording",
	    [LOSS_PACKETS_BACKLOG] = "packets-backlog",
	};

	return kind < LOSS_KIND_COUNT ? names[kind] : "unknown";
}
