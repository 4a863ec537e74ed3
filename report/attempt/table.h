/*
 * Interface for the table of open attempts: a hash of flows whose records live
 * in one reserved mapping, so that memory is touched as attempts are open and
 * no packet allocates. 128 bytes a record and at most 8 of the hash's heads.
 *
 * Both directions of a connection have the same hash; the heads are keyed by a
 * secret, so that chosen addresses cannot make long chains.
 */
#ifndef REPORT_ATTEMPT_TABLE_H
#define REPORT_ATTEMPT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "event/event.h"
#include "event/hash.h"

#define TABLE_NONE UINT32_MAX

/* The bound without --max-open: 1,048,576 open attempts in 136 MiB. */
#define TABLE_DEFAULT_MAX (1u << 20)

enum open_flag {
	OPEN_USED = 1u << 0,
	OPEN_RST_SERVER = 1u << 1,
	OPEN_RST_CLIENT = 1u << 2,
	OPEN_ICMP = 1u << 3,
	OPEN_FIN_CLIENT = 1u << 4,
	OPEN_FIN_SERVER = 1u << 5,
	OPEN_SERVER_ALIVE =
	    1u << 6, /* the server acknowledged data, or sent some: its socket lives */
	OPEN_CLIENT_DATA = 1u << 7, /* the client sent data */
	OPEN_SYNACK_AFTER_ACK =
	    1u << 8,		/* the SYN-ACK came again after the client had acknowledged it */
	OPEN_ENTERED = 1u << 9, /* it entered the accept queue */
	OPEN_QUEUED = 1u << 10, /* and is in it now */
	OPEN_ACK_DROPPED = 1u << 11, /* its last final ACK did not enter the queue */
	OPEN_ACCEPTED = 1u << 12,
	OPEN_FASTOPEN = 1u << 13,    /* SYN with data, acknowledged by the SYN-ACK */
	OPEN_SYN_PENDING = 1u << 14, /* the last SYN has no answer yet */
	OPEN_RST_QUEUED = 1u << 15,  /* reset by its client while it waited */
	OPEN_COOKIE = 1u << 16,	     /* its SYN-ACK was a SYN cookie */
	OPEN_DEFERRED = 1u << 17,    /* a bare ACK was dropped by TCP_DEFER_ACCEPT */
	OPEN_GONE = 1u << 18,	     /* looked up after its ACK: no socket */
	OPEN_REQUEST = 1u << 19,     /* looked up after its ACK: still a request */
	OPEN_CLIENT_ACK = 1u << 20,  /* ack_ns is known */
	OPEN_CHALLENGED =
	    1u << 21, /* a bare ACK answered the SYN (TIME_WAIT, RFC 5961), or must have */
	OPEN_NEARLY_FULL = 1u << 22, /* at its last final ACK there was room for one more at most */
	OPEN_IDLE = 1u << 23,	     /* no packet since the sweep's last round found it over */
	OPEN_REQUEST_RESET = 1u << 24, /* a RST of its client ended its request */
	OPEN_ABORTED = 1u << 25,       /* tcp_abort_on_overflow ended its request */
	/* Where it stood after the last of its arrivals that is settled: */
	OPEN_WAS_ENTERED = 1u << 26,
	OPEN_WAS_REQUEST = 1u << 27,
	OPEN_WAS_COOKIE = 1u << 28,
	OPEN_SYN_DATA = 1u << 29, /* a SYN of it had data */
};

struct open_attempt {
	struct flow flow; /* client to server */
	uint32_t isn;
	uint32_t server_isn; /* of the last SYN-ACK */
	uint32_t next;	     /* in its chain, or in the free list */
	int64_t syn_ns;
	int64_t last_syn_ns;
	int64_t synack_ns;
	int64_t last_synack_ns; /* the last before the final ACK */
	int64_t ack_ns;
	int64_t end_ns;
	int64_t touched_ns; /* the last packet that mattered */
	uint32_t flags;	    /* enum open_flag */
	uint16_t syns;	    /* saturates */
	uint16_t synacks;   /* saturates */
	uint32_t detail;    /* in the pool of details, TABLE_NONE */
	uint32_t listener;  /* index of its listener, TABLE_NONE */
	uint32_t device;    /* of its first SYN, see struct segment */
	uint8_t role;	    /* enum role */
	uint8_t syn_copies; /* on other devices; they saturate */
	uint8_t synack_copies;
};

_Static_assert(sizeof(struct open_attempt) <= 128, "an open attempt is two lines of a cache");

/* Its members are table.c's own; they stand here so that the look-ups are inlined. */
struct table {
	struct open_attempt *records; /* a mapping of max records, touched from the start */
	uint32_t *heads;
	uint32_t heads_mask;
	uint32_t max;
	uint32_t high;
	uint32_t count;
	uint32_t free;
	uint32_t hand; /* of the eviction's clock */
	uint64_t evicted;
	struct hash_secret secret;
};

/* Called before a record is given up: by the sweep, or because the table is full (evicted). */
typedef void (*table_end_fn)(void *context, struct open_attempt *attempt, bool evicted);

/* max: records at most, 0 for the default. The caller ends *out with table_free(). */
int table_new(uint32_t max, struct table **out) __attribute__((warn_unused_result));
void table_free(struct table *table);

static inline uint32_t table_hash(const struct table *table, const struct flow *flow)
{
	return hash_flow(&table->secret, flow);
}

static inline struct open_attempt *table_at(const struct table *table, uint32_t index)
{
	return index == TABLE_NONE ? NULL : &table->records[index];
}

static inline uint32_t table_index(const struct table *table, const struct open_attempt *attempt)
{
	return (uint32_t)(attempt - table->records);
}

/* The first record of the chain in which flow, in either direction, would be; or NULL. */
static inline struct open_attempt *table_first(const struct table *table, uint32_t hash)
{
	return table_at(table, table->heads[hash & table->heads_mask]);
}

static inline struct open_attempt *table_next(const struct table *table,
					      const struct open_attempt *attempt)
{
	return table_at(table, attempt->next);
}

/*
 * A new record for this flow, zeroed but for flow, the unknown times and
 * OPEN_USED. When the table is full, one is given up first: of those that a
 * bounded search meets, an unfinished handshake before any other, the oldest
 * first. NULL only when memory itself is refused.
 */
struct open_attempt *table_add(struct table *table, const struct flow *flow, uint32_t hash,
			       table_end_fn end, void *context);
void table_remove(struct table *table, struct open_attempt *attempt);

/* The records are 0 .. table_high() - 1; those without OPEN_USED are free. */
static inline uint32_t table_high(const struct table *table)
{
	return table->high;
}

static inline uint32_t table_count(const struct table *table)
{
	return table->count;
}

static inline uint32_t table_max(const struct table *table)
{
	return table->max;
}

static inline uint64_t table_evicted(const struct table *table)
{
	return table->evicted;
}

#endif
