/*
 * Which members each kind of event has in events.jsonl, in order.
 */
#include "event/recording/members.h"

#define MEMBER(NAME, TYPE, FIELD)                                           \
	{                                                                   \
		",\"" NAME "\":", NAME, TYPE, offsetof(struct event, FIELD) \
	}
#define MEMBERS_END                       \
	{                                 \
		NULL, NULL, MEMBER_U64, 0 \
	}

static const struct member listener_members[] = {
    MEMBER("cookie", MEMBER_U64, listener.cookie),
    MEMBER("local", MEMBER_ENDPOINT, listener.local),
    MEMBER("change", MEMBER_CHANGE, listener.change),
    MEMBER("limit", MEMBER_U32, listener.limit),
    MEMBER("inode", MEMBER_U32, listener.inode),
    MEMBER("uid", MEMBER_U32, listener.uid),
    MEMBER("interface", MEMBER_U32, listener.interface),
    MEMBER("device", MEMBER_DEVICE, listener.device),
    MEMBER("device_ports", MEMBER_PORTS, listener),
    MEMBER("v6only", MEMBER_BOOL, listener.v6only),
    MEMBER("transparent", MEMBER_FLAG, listener.transparent),
    MEMBER("defer_accept_s", MEMBER_I32, listener.defer_accept_s),
    MEMBER("fastopen", MEMBER_I32, listener.fastopen),
    MEMBER("pids", MEMBER_PIDS, listener),
    MEMBER("comm", MEMBER_COMM, listener.comm),
    MEMBER("unit", MEMBER_UNIT, listener.workload.unit),
    MEMBER("container", MEMBER_CONTAINER, listener.workload.container),
    MEMBERS_END,
};

static const struct member sample_members[] = {
    MEMBER("cookie", MEMBER_U64, sample.cookie), MEMBER("before_ns", MEMBER_TIME, sample.before_ns),
    MEMBER("depth", MEMBER_U32, sample.depth),	 MEMBER("limit", MEMBER_U32, sample.limit),
    MEMBER("drops", MEMBER_DROPS, sample),	 MEMBERS_END,
};

static const struct member half_open_members[] = {
    MEMBER("cookie", MEMBER_U64, half_open.cookie),
    MEMBER("before_ns", MEMBER_TIME, half_open.before_ns),
    MEMBER("count", MEMBER_U32, half_open.count),
    MEMBERS_END,
};

static const struct member child_members[] = {
    MEMBER("", MEMBER_FLOW, child.flow),
    MEMBER("before_ns", MEMBER_TIME, child.before_ns),
    MEMBER("waiting_ns", MEMBER_TIME, child.waiting_ns),
    MEMBER("listener", MEMBER_U64, child.listener),
    MEMBER("inode", MEMBER_U32, child.inode),
    MEMBER("state", MEMBER_U8, child.state),
    MEMBER("bound", MEMBER_INDEX, child.bound),
    MEMBERS_END,
};

static const struct member waiting_members[] = {
    MEMBER("", MEMBER_FLOW, waiting.flow),
    MEMBER("before_ns", MEMBER_TIME, waiting.before_ns),
    MEMBER("born_ns", MEMBER_TIME, waiting.born_ns),
    MEMBER("listener", MEMBER_U64, waiting.listener),
    MEMBER("state", MEMBER_U8, waiting.state),
    MEMBER("syns", MEMBER_INDEX, waiting.syns),
    MEMBERS_END,
};

static const struct member route_members[] = {
    MEMBER("", MEMBER_FLOW, route.flow),
    MEMBER("before_ns", MEMBER_TIME, route.before_ns),
    MEMBER("found", MEMBER_BOOL, route.found),
    MEMBERS_END,
};

static const struct member counters_members[] = {
    MEMBER("before_ns", MEMBER_TIME, counters.before_ns),
    MEMBER("when", MEMBER_WHEN, counters.when),
    MEMBER("value", MEMBER_COUNTERS, counters),
    MEMBERS_END,
};

static const struct member proc_fork_members[] = {
    MEMBER("parent_pid", MEMBER_I32, proc_fork.parent_pid),
    MEMBER("child_pid", MEMBER_I32, proc_fork.child_pid),
    MEMBER("child_tid", MEMBER_I32, proc_fork.child_tid),
    MEMBERS_END,
};

static const struct member proc_exit_members[] = {
    MEMBER("pid", MEMBER_I32, proc_exit.pid),
    MEMBER("tid", MEMBER_I32, proc_exit.tid),
    MEMBER("exit_code", MEMBER_U32, proc_exit.exit_code),
    MEMBERS_END,
};

static const struct member holder_members[] = {
    MEMBER("", MEMBER_FLOW, holder.flow),
    MEMBER("before_ns", MEMBER_TIME, holder.before_ns),
    MEMBER("inode", MEMBER_U32, holder.inode),
    MEMBER("pid", MEMBER_I32, holder.pid),
    MEMBER("parent_pid", MEMBER_I32, holder.parent_pid),
    MEMBER("listens", MEMBER_BOOL, holder.listens),
    MEMBERS_END,
};

static const struct member address_members[] = {
    MEMBER("address", MEMBER_ADDRESS, address.prefix.address),
    MEMBER("bits", MEMBER_U8, address.prefix.bits),
    MEMBER("device", MEMBER_INDEX, address.device),
    MEMBER("gone", MEMBER_BOOL, address.gone),
    MEMBERS_END,
};

static const struct member translation_members[] = {
    MEMBER("", MEMBER_FLOW, translation.original),
    MEMBER("to_client", MEMBER_ENDPOINT, translation.client),
    MEMBER("to_server", MEMBER_ENDPOINT, translation.server),
    MEMBER("fresh", MEMBER_BOOL, translation.fresh),
    MEMBER("read_ns", MEMBER_LATER, translation.read_ns),
    MEMBERS_END,
};

static const struct member owner_members[] = {
    MEMBER("cookie", MEMBER_U64, owner.cookie), MEMBER("before_ns", MEMBER_TIME, owner.before_ns),
    MEMBER("pid", MEMBER_I32, owner.pid),	MEMBER("owns", MEMBER_BOOL, owner.owns),
    MEMBER("comm", MEMBER_COMM, owner.comm),	MEMBERS_END,
};

static const struct member activity_members[] = {
    MEMBER("cookie", MEMBER_U64, activity.cookie),
    MEMBER("before_ns", MEMBER_TIME, activity.before_ns),
    MEMBER("pid", MEMBER_I32, activity.pid),
    MEMBER("state", MEMBER_LETTER, activity.state),
    MEMBER("frozen", MEMBER_BOOL, activity.frozen),
    MEMBER("threads", MEMBER_U32, activity.threads),
    MEMBER("run_ns", MEMBER_KNOWN, activity.run_ns),
    MEMBER("wait_ns", MEMBER_KNOWN, activity.wait_ns),
    MEMBER("descriptors", MEMBER_KNOWN, activity.descriptors),
    MEMBER("descriptors_max", MEMBER_KNOWN, activity.descriptors_max),
    MEMBER("throttled_periods", MEMBER_KNOWN, activity.throttled_periods),
    MEMBER("throttled_ns", MEMBER_KNOWN, activity.throttled_ns),
    MEMBERS_END,
};

static const struct member entry_members[] = {
    MEMBER("", MEMBER_FLOW, entry.flow),	MEMBER("listener", MEMBER_U64, entry.listener),
    MEMBER("depth", MEMBER_U32, entry.depth),	MEMBER("limit", MEMBER_U32, entry.limit),
    MEMBER("bound", MEMBER_INDEX, entry.bound), MEMBERS_END,
};

static const struct member drop_members[] = {
    MEMBER("", MEMBER_FLOW, drop.flow),	       MEMBER("listener", MEMBER_U64, drop.listener),
    MEMBER("depth", MEMBER_U32, drop.depth),   MEMBER("limit", MEMBER_U32, drop.limit),
    MEMBER("place", MEMBER_PLACE, drop.place), MEMBERS_END,
};

static const struct member listen_members[] = {
    MEMBER("local", MEMBER_ENDPOINT, listen.local),
    MEMBER("backlog", MEMBER_I32, listen.backlog),
    MEMBER("pid", MEMBER_I32, listen.pid),
    MEMBERS_END,
};

static const struct member accept_members[] = {
    MEMBER("", MEMBER_FLOW, accept.flow),  MEMBER("before_ns", MEMBER_TIME, accept.before_ns),
    MEMBER("pid", MEMBER_I32, accept.pid), MEMBER("tid", MEMBER_I32, accept.tid),
    MEMBER("fd", MEMBER_I32, accept.fd),   MEMBERS_END,
};

static const struct member step_members[] = {
    MEMBER("", MEMBER_FLOW, step.flow),
    MEMBER("pid", MEMBER_I32, step.pid),
    MEMBER("bytes", MEMBER_U32, step.bytes),
    MEMBERS_END,
};

static const struct member exit_members[] = {
    MEMBER("pid", MEMBER_I32, exit.pid),
    MEMBER("status", MEMBER_I32, exit.status),
    MEMBERS_END,
};

static const struct member loss_members[] = {
    MEMBER("kind", MEMBER_LOSS, loss.kind),
    MEMBER("count", MEMBER_U64, loss.count),
    MEMBERS_END,
};

const struct member *recording_members(enum event_kind kind)
{
	switch (kind) {
	case EVENT_SEGMENT:
	case EVENT_ICMP:
		return NULL; /* they are in packets.pcap */
	case EVENT_LISTENER:
		return listener_members;
	case EVENT_SAMPLE:
		return sample_members;
	case EVENT_HALF_OPEN:
		return half_open_members;
	case EVENT_CHILD:
		return child_members;
	case EVENT_WAITING:
		return waiting_members;
	case EVENT_COUNTERS:
		return counters_members;
	case EVENT_PROC_FORK:
		return proc_fork_members;
	case EVENT_PROC_EXIT:
		return proc_exit_members;
	case EVENT_HOLDER:
		return holder_members;
	case EVENT_ADDRESS:
		return address_members;
	case EVENT_TRANSLATION:
		return translation_members;
	case EVENT_OWNER:
		return owner_members;
	case EVENT_ACTIVITY:
		return activity_members;
	case EVENT_ENTRY:
		return entry_members;
	case EVENT_ROUTE:
		return route_members;
	case EVENT_DROP:
		return drop_members;
	case EVENT_LISTEN:
		return listen_members;
	case EVENT_ACCEPT:
		return accept_members;
	case EVENT_FORK:
	case EVENT_FIRST_BYTE:
	case EVENT_REPLY:
	case EVENT_CLOSE:
		return step_members;
	case EVENT_EXIT:
		return exit_members;
	case EVENT_LOSS:
		return loss_members;
	case EVENT_KIND_COUNT:
		break;
	}
	return NULL;
}

const char *listener_change_name(enum listener_change change)
{
	switch (change) {
	case LISTENER_SEEN:
		return "seen";
	case LISTENER_CHANGED:
		return "changed";
	case LISTENER_CLOSED:
		return "closed";
	}
	return NULL;
}

const char *counters_when_name(enum counters_when when)
{
	switch (when) {
	case COUNTERS_BEFORE:
		return "before";
	case COUNTERS_DURING:
		return "during";
	case COUNTERS_AFTER:
		return "after";
	}
	return NULL;
}

const char *drop_place_name(enum drop_place place)
{
	switch (place) {
	case DROP_SYN_ACCEPT_QUEUE:
		return "syn-accept-queue";
	case DROP_SYN_QUEUE:
		return "syn-queue";
	case DROP_SYN_OTHER:
		return "syn-other";
	case DROP_ACK_ACCEPT_QUEUE:
		return "ack-accept-queue";
	case DROP_ACK_OTHER:
		return "ack-other";
	case DROP_PLACE_COUNT:
		break;
	}
	return NULL;
}
