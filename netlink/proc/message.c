/*
 * Reads and builds messages of the proc connector.
 */
#include "netlink/proc/message.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <string.h>

/* Up to and with the event's own part; older kernels send less of that for an exit. */
#define PART_OFFSET offsetof(struct proc_event, event_data)

enum proc_result proc_message_read(const void *datagram, size_t size, struct proc_message *message)
{
	const uint8_t *at = datagram;
	struct nlmsghdr header;
	struct cn_msg connector;
	struct proc_event event;
	size_t length;

	if (size < sizeof(header))
		return PROC_MALFORMED;
	memcpy(&header, at, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > size)
		return PROC_MALFORMED;
	if (header.nlmsg_type != NLMSG_DONE)
		return PROC_NOT_OURS;
	length = header.nlmsg_len - sizeof(header);
	at += sizeof(header);
	if (length < sizeof(connector))
		return PROC_MALFORMED;
	memcpy(&connector, at, sizeof(connector));
	if (connector.id.idx != CN_IDX_PROC || connector.id.val != CN_VAL_PROC)
		return PROC_NOT_OURS;
	length -= sizeof(connector);
	at += sizeof(connector);
	if (connector.len > length || connector.len < PART_OFFSET + sizeof(event.event_data.ack))
		return PROC_MALFORMED;
	length = connector.len < sizeof(event) ? connector.len : sizeof(event);
	memset(&event, 0, sizeof(event));
	memcpy(&event, at, length);
	length -= PART_OFFSET;

	message->cpu = event.cpu;
	message->sequence = connector.seq;
	message->ack = connector.ack;
	message->monotonic_ns = (int64_t)event.timestamp_ns;
	switch ((uint32_t)event.what) {
	case PROC_EVENT_NONE:
		message->error = (int)event.event_data.ack.err;
		return PROC_ACK;
	case PROC_EVENT_FORK:
		if (length < sizeof(event.event_data.fork))
			return PROC_MALFORMED;
		message->fork = (struct proc_fork){
		    .parent_pid = event.event_data.fork.parent_tgid,
		    .child_pid = event.event_data.fork.child_tgid,
		    .child_tid = event.event_data.fork.child_pid,
		};
		return PROC_FORK;
	case (uint32_t)PROC_EVENT_EXIT:
		if (length < offsetof(struct exit_proc_event, exit_signal))
			return PROC_MALFORMED;
		message->exit = (struct proc_exit){
		    .pid = event.event_data.exit.process_tgid,
		    .tid = event.event_data.exit.process_pid,
		    .exit_code = event.event_data.exit.exit_code,
		};
		return PROC_EXIT;
	default:
		return PROC_OTHER;
	}
}

size_t proc_message_build(void *buffer, uint32_t ack, bool listen)
{
	uint32_t operation = listen ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE;
	struct cn_msg connector = {
	    .id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC},
	    .ack = ack,
	    .len = sizeof(operation),
	};
	struct nlmsghdr header = {
	    .nlmsg_len = sizeof(header) + sizeof(connector) + sizeof(operation),
	    .nlmsg_type = NLMSG_DONE,
	};
	uint8_t *at = buffer;

	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), &connector, sizeof(connector));
	memcpy(at + sizeof(header) + sizeof(connector), &operation, sizeof(operation));
	return header.nlmsg_len;
}
