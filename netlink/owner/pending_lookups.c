/*
 * A direct-mapped table: inodes come in order, so that those of one moment seldom
 * share a slot. The newer one wins.
 */
#include "netlink/owner/pending_lookups.h"

static struct pending_lookup *slot_of(struct pending_lookups *table, uint32_t inode)
{
	return &table->slots[inode & (PENDING_LOOKUPS_MAX - 1)];
}

static void forget(struct pending_lookups *table, struct pending_lookup *s)
{
	if (!s->in_owner)
		table->missed++;
	pending_lookups_remove(table, s);
}

void pending_lookups_add(struct pending_lookups *table, const struct flow *flow, uint32_t inode,
			 int64_t since_ns)
{
	struct pending_lookup *s = slot_of(table, inode);

	if (s->since_ns && s->inode != inode)
		forget(table, s);
	if (s->since_ns)
		pending_lookups_remove(table, s);
	table->count++;
	table->unmet++;
	*s = (struct pending_lookup){.flow = *flow, .since_ns = since_ns, .inode = inode};
}

struct pending_lookup *pending_lookups_find(struct pending_lookups *table, uint32_t inode)
{
	struct pending_lookup *s = slot_of(table, inode);

	return s->since_ns && s->inode == inode ? s : NULL;
}

void pending_lookups_met(struct pending_lookups *table, struct pending_lookup *lookup)
{
	table->unmet -= !lookup->in_owner;
	lookup->in_owner = true;
}

void pending_lookups_remove(struct pending_lookups *table, struct pending_lookup *lookup)
{
	if (!lookup->since_ns)
		return;
	table->count--;
	table->unmet -= !lookup->in_owner;
	lookup->since_ns = 0;
}

void pending_lookups_expire(struct pending_lookups *table, int64_t since_ns)
{
	for (size_t i = 0; table->count && i < PENDING_LOOKUPS_MAX; i++) {
		struct pending_lookup *s = &table->slots[i];

		if (s->since_ns && s->since_ns < since_ns)
			forget(table, s);
	}
}
