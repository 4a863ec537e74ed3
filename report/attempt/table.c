/*
 * The table of open attempts. It knows how to find, add and give up records, and
 * nothing of what their members mean but for the choice of whom to evict.
 */
#include "report/attempt/table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HEADS_MIN	1024u
#define EVICTION_SEARCH 64u

int table_new(uint32_t max, struct table **out)
{
	struct table *t = calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	if (!t)
		return -ENOMEM;
	t->max = max ? max : TABLE_DEFAULT_MAX;
	t->free = TABLE_NONE;
	t->heads_mask = HEADS_MIN - 1;
	t->heads = malloc(HEADS_MIN * sizeof(*t->heads));
	if (!t->heads)
		goto free_table;
	memset(t->heads, 0xff, HEADS_MIN * sizeof(*t->heads));
	t->records = mmap(NULL, (size_t)t->max * sizeof(*t->records), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->records == MAP_FAILED) {
		rc = -errno;
		goto free_heads;
	}
	t->links = malloc((size_t)t->max * sizeof(*t->links)); /* touched as the records are */
	if (!t->links)
		goto unmap;
	/* Look-ups are at random: huge pages spare them most misses of the TLB. Only a hint. */
	(void)madvise(t->records, (size_t)t->max * sizeof(*t->records), MADV_HUGEPAGE);
	rc = hash_secret_new(&t->secret);
	if (rc)
		goto free_links;
	*out = t;
	return 0;
free_links:
	free(t->links);
unmap:
	munmap(t->records, (size_t)t->max * sizeof(*t->records));
free_heads:
	free(t->heads);
free_table:
	free(t);
	return rc;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	munmap(table->records, (size_t)table->max * sizeof(*table->records));
	free(table->links);
	free(table->heads);
	free(table);
}

/* Doubles the heads when every chain has one record on average. Without memory the chains grow. */
static void grow(struct table *t)
{
	uint32_t size = (t->heads_mask + 1) * 2;
	uint32_t *heads;

	if (t->count <= t->heads_mask)
		return;
	heads = malloc(size * sizeof(*heads));
	if (!heads)
		return;
	memset(heads, 0xff, size * sizeof(*heads));
	free(t->heads);
	t->heads = heads;
	t->heads_mask = size - 1;
	for (uint32_t i = 0; i < t->high; i++) {
		uint32_t *head = &heads[t->links[i].hash & t->heads_mask];

		if (!open_is_used(&t->records[i]))
			continue;
		t->links[i].next = *head;
		*head = i;
	}
}

/* Smaller goes first: a flood leaves half-open handshakes, and they say the least. */
static int eviction_rank(const struct open_attempt *a)
{
	if (a->end_ns != TIME_UNKNOWN || open_was_reset(a))
		return 0;
	if (!open_is_acknowledged(a))
		return a->syns <= 1 ? 1 : 2;
	return open_is_queued(a) ? 4 : 3;
}

static void evict(struct table *t, table_end_fn end, void *context)
{
	struct open_attempt *victim = NULL;
	int rank = 0;

	for (uint32_t i = 0; i < EVICTION_SEARCH; i++) {
		struct open_attempt *a = &t->records[t->hand];
		int r;

		t->hand = t->hand + 1 < t->high ? t->hand + 1 : 0;
		if (!open_is_used(a))
			continue;
		r = eviction_rank(a);
		if (!victim || r < rank || (r == rank && a->touched_ns < victim->touched_ns)) {
			victim = a;
			rank = r;
		}
	}
	if (!victim)
		return;
	t->evicted++;
	end(context, victim, true);
	if (open_is_used(victim))
		table_remove(t, victim);
}

struct open_attempt *table_add(struct table *table, const struct flow *flow, uint32_t hash,
			       table_end_fn end, void *context)
{
	struct open_attempt *a;
	uint32_t index, *head;

	if (table->count == table->max)
		evict(table, end, context);
	if (table->free != TABLE_NONE) {
		index = table->free;
		table->free = table->links[index].next;
	} else if (table->high < table->max) {
		index = table->high++;
	} else {
		return NULL;
	}
	a = &table->records[index];
	memset(a, 0, sizeof(*a));
	a->flow = *flow;
	open_move(a, MOVE_BEGIN);
	a->syn_ns = a->last_syn_ns = TIME_UNKNOWN;
	a->synack_ns = a->last_synack_ns = TIME_UNKNOWN;
	a->ack_ns = a->end_ns = a->touched_ns = TIME_UNKNOWN;
	a->detail = TABLE_NONE;
	a->listener = LISTENER_NONE;
	table->count++;
	head = &table->heads[hash & table->heads_mask];
	table->links[index] = (struct link){.hash = hash, .next = *head};
	*head = index;
	grow(table);
	return a;
}

void table_remove(struct table *table, struct open_attempt *attempt)
{
	uint32_t index = table_index(table, attempt);
	struct link *own = &table->links[index];
	uint32_t *to = &table->heads[own->hash & table->heads_mask];

	while (*to != index)
		to = &table->links[*to].next;
	*to = own->next;
	open_move(attempt, MOVE_END);
	own->next = table->free;
	table->free = index;
	table->count--;
}
