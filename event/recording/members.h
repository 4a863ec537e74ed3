/*
 * Interface for the members that each kind of event has in events.jsonl: one
 * table that both the writer and the reader of a line follow, so that they
 * cannot disagree. Only they include it.
 */
#ifndef EVENT_RECORDING_MEMBERS_H
#define EVENT_RECORDING_MEMBERS_H

#include <stddef.h>

#include "event/event.h"

enum member_type {
	MEMBER_U64,   /* above INT64_MAX: a string of digits, since JSON readers stop there */
	MEMBER_TIME,  /* int64_t ns; TIME_UNKNOWN is null */
	MEMBER_LATER, /* a MEMBER_TIME that older recordings do not have: TIME_UNKNOWN then */
	MEMBER_KNOWN, /* int64_t that cannot be negative; -1 is null */
	MEMBER_U32,
	MEMBER_I32,
	MEMBER_U8,
	MEMBER_LETTER, /* uint8_t: a string of one letter */
	MEMBER_BOOL,
	MEMBER_INDEX,	 /* uint32_t that older recordings do not have: 0 (no device, no count) then */
	MEMBER_DEVICE,	 /* char[DEVICE_NAME_SIZE]: as MEMBER_UNIT */
	MEMBER_PORTS,	 /* struct listener: device_ports, an array; null, or not there: unknown */
	MEMBER_FLAG,	 /* a bool that older recordings do not have: false then */
	MEMBER_ENDPOINT, /* "127.0.0.1:8080" */
	MEMBER_ADDRESS,	 /* "127.0.0.1" */
	MEMBER_FLOW,	 /* two members: "client" and "server", endpoints */
	MEMBER_DROPS,	 /* struct sample: drops, null unless drops_known */
	MEMBER_PIDS,	 /* struct listener: pids_count and pids, an array */
	MEMBER_COMM, /* char[LISTENER_COMM_SIZE]: a string; "comm_hex" too when it is not UTF-8 */
	MEMBER_UNIT, /* char[WORKLOAD_UNIT_SIZE]: a string; null, or not there: empty */
	MEMBER_CONTAINER, /* char[WORKLOAD_CONTAINER_SIZE]: likewise */
	MEMBER_CHANGE,	  /* enum listener_change */
	MEMBER_WHEN,	  /* enum counters_when */
	MEMBER_PLACE,	  /* enum drop_place */
	MEMBER_COUNTERS,  /* struct counters: known and value, an object by the kernel's names */
	MEMBER_LOSS,	  /* enum loss_kind */
};

struct member {
	const char *prefix; /* ,"name": */
	const char *name;
	enum member_type type;
	size_t offset; /* in struct event */
};

/* The members of a kind after time_ns, event and source; ends with a NULL name. NULL: not recorded.
 */
const struct member *recording_members(enum event_kind kind);

/* "seen", "changed", "closed"; NULL when out of range. */
const char *listener_change_name(enum listener_change change);

/* "before", "during", "after"; NULL when out of range. */
const char *counters_when_name(enum counters_when when);
const char *drop_place_name(enum drop_place place);

#endif
