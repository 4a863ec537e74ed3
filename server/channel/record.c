/*
 * A server event as the record of the channel, and back.
 */
#include "server/channel/record.h"

#include <string.h>

static void put_flow(const struct flow *flow, struct channel_record *record)
{
	memcpy(record->saddr, flow->saddr.bytes, sizeof(record->saddr));
	memcpy(record->daddr, flow->daddr.bytes, sizeof(record->daddr));
	record->sport = flow->sport;
	record->dport = flow->dport;
}

static struct flow get_flow(const struct channel_record *record)
{
	return (struct flow){
	    .saddr = address_from_ipv6(record->saddr),
	    .daddr = address_from_ipv6(record->daddr),
	    .sport = record->sport,
	    .dport = record->dport,
	};
}

bool channel_record_from_event(const struct event *event, struct channel_record *record)
{
	*record = (struct channel_record){
	    .kind = (uint32_t)event->kind,
	    .time_ns = event->time_ns,
	};
	switch (event->kind) {
	case EVENT_LISTEN:
		memcpy(record->daddr, event->listen.local.address.bytes, sizeof(record->daddr));
		record->dport = event->listen.local.port;
		record->value = event->listen.backlog;
		record->pid = event->listen.pid;
		return true;
	case EVENT_ACCEPT:
		put_flow(&event->accept.flow, record);
		record->before_ns = event->accept.before_ns;
		record->pid = event->accept.pid;
		record->tid = event->accept.tid;
		record->value = event->accept.fd;
		return true;
	case EVENT_FORK:
	case EVENT_FIRST_BYTE:
	case EVENT_REPLY:
	case EVENT_CLOSE:
		put_flow(&event->step.flow, record);
		record->pid = event->step.pid;
		record->value = (int32_t)event->step.bytes;
		return true;
	case EVENT_EXIT:
		record->pid = event->exit.pid;
		record->value = event->exit.status;
		return true;
	case EVENT_SEGMENT:
	case EVENT_ICMP:
	case EVENT_LISTENER:
	case EVENT_SAMPLE:
	case EVENT_HALF_OPEN:
	case EVENT_CHILD:
	case EVENT_ROUTE:
	case EVENT_WAITING:
	case EVENT_COUNTERS:
	case EVENT_PROC_FORK:
	case EVENT_PROC_EXIT:
	case EVENT_HOLDER:
	case EVENT_ADDRESS:
	case EVENT_TRANSLATION:
	case EVENT_OWNER:
	case EVENT_ACTIVITY:
	case EVENT_ENTRY:
	case EVENT_DROP:
	case EVENT_LOSS:
	case EVENT_KIND_COUNT:
		return false;
	}
	return false;
}

bool channel_record_to_event(const struct channel_record *record, struct event *event)
{
	*event = (struct event){.time_ns = record->time_ns, .source = SOURCE_SERVER};
	switch (record->kind) {
	case EVENT_LISTEN:
		event->listen.local.address = address_from_ipv6(record->daddr);
		event->listen.local.port = record->dport;
		event->listen.backlog = record->value;
		event->listen.pid = record->pid;
		break;
	case EVENT_ACCEPT:
		event->accept.flow = get_flow(record);
		event->accept.before_ns = record->before_ns;
		event->accept.pid = record->pid;
		event->accept.tid = record->tid;
		event->accept.fd = record->value;
		break;
	case EVENT_FORK:
	case EVENT_FIRST_BYTE:
	case EVENT_REPLY:
	case EVENT_CLOSE:
		event->step.flow = get_flow(record);
		event->step.pid = record->pid;
		event->step.bytes = (uint32_t)record->value;
		break;
	case EVENT_EXIT:
		event->exit.pid = record->pid;
		event->exit.status = record->value;
		break;
	default: /* bytes of somebody else */
		return false;
	}
	event->kind = (enum event_kind)record->kind;
	return true;
}
