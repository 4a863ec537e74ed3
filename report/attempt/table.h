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
#include "report/attempt/open_attempt.h"

#define TABLE_NONE UINT32_MAX

/* The bound without --max-open: 1,048,576 open attempts in 136 MiB. */
#define TABLE_DEFAULT_MAX (1u << 20)

/* Its members are table.c's own; they stand here so that the lookups are inlined. */
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
 * its state, STATE_NO_REQUEST. When the table is full, one is given up first: of those that a
 * bounded search meets, an unfinished handshake before any other, the oldest
 * first. NULL only when memory itself is refused.
 */
struct open_attempt *table_add(struct table *table, const struct flow *flow, uint32_t hash,
			       table_end_fn end, void *context);
void table_remove(struct table *table, struct open_attempt *attempt);

/* The records are 0 .. table_high() - 1; those in STATE_FREE are not used. */
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
