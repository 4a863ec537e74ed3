/*
 * A direct-mapped table: inodes come in order, so that those of one moment seldom
 * share a slot. The younger one wins.
 */
#include "netlink/owner/sought.h"

static struct sought *slot_of(struct sought_table *table, uint32_t inode)
{
	return &table->slots[inode & (SOUGHT_MAX - 1)];
}

static void forget(struct sought_table *table, struct sought *s)
{
	if (!s->in_owner)
		table->missed++;
	sought_remove(table, s);
}

void sought_add(struct sought_table *table, const struct flow *flow, uint32_t inode,
		int64_t since_ns)
{
	struct sought *s = slot_of(table, inode);

	if (s->since_ns && s->inode != inode)
		forget(table, s);
	if (s->since_ns)
		sought_remove(table, s);
	table->count++;
	table->unmet++;
	*s = (struct sought){.flow = *flow, .since_ns = since_ns, .inode = inode};
}

struct sought *sought_find(struct sought_table *table, uint32_t inode)
{
	struct sought *s = slot_of(table, inode);

	return s->since_ns && s->inode == inode ? s : NULL;
}

void sought_met(struct sought_table *table, struct sought *sought)
{
	table->unmet -= !sought->in_owner;
	sought->in_owner = true;
}

void sought_remove(struct sought_table *table, struct sought *sought)
{
	if (!sought->since_ns)
		return;
	table->count--;
	table->unmet -= !sought->in_owner;
	sought->since_ns = 0;
}

void sought_expire(struct sought_table *table, int64_t since_ns)
{
	for (size_t i = 0; table->count && i < SOUGHT_MAX; i++) {
		struct sought *s = &table->slots[i];

		if (s->since_ns && s->since_ns < since_ns)
			forget(table, s);
	}
}
