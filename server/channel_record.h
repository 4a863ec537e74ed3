/*
 * Interface for the record of the channel: one server event in a fixed number
 * of bytes. Both ends are the same program on the same machine, so it is a plain
 * struct in host byte order; magic refuses what somebody else wrote.
 */
#ifndef SERVER_CHANNEL_RECORD_H
#define SERVER_CHANNEL_RECORD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

#define CHANNEL_MAGIC 0x53634531u /* "ScE1" */

struct channel_record {
	uint32_t magic;
	uint32_t kind; /* enum event_kind; EVENT_LOSS is a writer's last word */
	int64_t time_ns;
	int64_t before_ns; /* ACCEPT */
	uint64_t writer;   /* which of the writers with a count of their own; 0: none of these */
	uint64_t lost;	   /* by that writer, by now */
	uint8_t saddr[16];
	uint8_t daddr[16];
	uint16_t sport;
	uint16_t dport;
	int32_t pid;
	int32_t tid;
	int32_t value; /* LISTEN: backlog; ACCEPT: fd; steps: bytes; EXIT: status */
};

_Static_assert(sizeof(struct channel_record) == 88, "the record has no padding");
_Static_assert(sizeof(struct channel_record) <= _POSIX_PIPE_BUF, "its write is atomic, pipe(7)");

/* Fills *record but for writer and lost. False for a kind that no server reports. */
bool channel_record_from_event(const struct event *event, struct channel_record *record);

/* The other way. False when the magic or the kind is wrong. */
bool channel_record_to_event(const struct channel_record *record, struct event *event);

#endif
