/*
 * Interface for the table of open attempts: a hash of flows whose records live
 * in one reserved mapping, so that memory is touched as attempts are open and
 * no packet allocates. 128 bytes a record, 8 of its link, and at most 8 of the hash's heads.
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

/* The bound without --max-open: 1,048,576 open attempts in 144 MiB. */
#define TABLE_DEFAULT_MAX (1u << 20)

/*
 * Of a record, and apart from it: records are too many for a cache, and those that another's
 * look-up would meet in its chain are out of it.
 */
struct link {
	uint32_t hash;
	uint32_t next; /* in its chain, or in the free list */
};

/* Its members are table.c's own; they stand here so that the lookups are inlined. */
struct table {
	struct open_attempt *records; /* a mapping of max records, touched from the start */
	struct link *links; /* of as many */
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

/* Asks for a record without waiting for it. Any index will do. */
static inline void table_prefetch(const struct table *table, uint32_t index)
{
	if (index >= table->high)
		return;
	__builtin_prefetch(&table->records[index]);
	__builtin_prefetch((const char *)&table->records[index] + 64);
}

static inline uint32_t table_index(const struct table *table, const struct open_attempt *attempt)
{
	return (uint32_t)(attempt - table->records);
}

/* The first record from index on, along its chain, whose flow has this hash; or NULL. */
static inline struct open_attempt *table_follow(const struct table *table, uint32_t index,
						uint32_t hash)
{
	while (index != TABLE_NONE && table->links[index].hash != hash)
		index = table->links[index].next;
	return table_at(table, index);
}

/* The first record whose flow, in either direction, has this hash; or NULL. */
static inline struct open_attempt *table_first(const struct table *table, uint32_t hash)
{
	return table_follow(table, table->heads[hash & table->heads_mask], hash);
}

static inline struct open_attempt *table_next(const struct table *table,
					      const struct open_attempt *attempt)
{
	const struct link *link = &table->links[table_index(table, attempt)];

	return table_follow(table, link->next, link->hash);
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
