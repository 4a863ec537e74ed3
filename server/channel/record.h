/*
 * Interface for the record of the channel: one server event in a fixed number
 * of bytes. Both ends are the same program on the same machine, so it is a plain
 * struct in host byte order.
 */
#ifndef SERVER_CHANNEL_RECORD_H
#define SERVER_CHANNEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"

struct channel_record {
	int64_t time_ns;
	int64_t before_ns; /* ACCEPT */
	uint8_t saddr[16];
	uint8_t daddr[16];
	uint16_t sport;
	uint16_t dport;
	uint32_t kind; /* enum event_kind */
	int32_t pid;
	int32_t tid;
	int32_t value; /* LISTEN: backlog; ACCEPT: fd; steps: bytes; EXIT: status */
	uint32_t unused;
};

_Static_assert(sizeof(struct channel_record) == 72, "the record has no padding");

/* Fills *record. False for a kind that no server reports. */
bool channel_record_from_event(const struct event *event, struct channel_record *record);

/* The other way. False when the kind is wrong. */
bool channel_record_to_event(const struct channel_record *record, struct event *event);

#endif
