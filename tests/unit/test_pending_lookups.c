#include "netlink/owner/pending_lookups.h"

#include <criterion/criterion.h>

static struct pending_lookups table;

static struct flow flow_of(uint16_t port)
{
	return (struct flow){.sport = port, .dport = 80};
}

static void add(uint32_t inode, int64_t since_ns)
{
	struct flow flow = flow_of((uint16_t)inode);

	pending_lookups_add(&table, &flow, inode, since_ns);
}

Test(pending_lookups, is_found_by_its_inode_until_removed)
{
	add(7, 1);
	add(8, 2);
	cr_assert_eq(table.count, 2);
	cr_assert_eq(pending_lookups_find(&table, 7)->flow.sport, 7);
	cr_assert_null(pending_lookups_find(&table, 9));
	cr_assert_null(pending_lookups_find(&table, 7 + PENDING_LOOKUPS_MAX),
		       "another of the same slot");
	pending_lookups_remove(&table, pending_lookups_find(&table, 7));
	cr_assert_null(pending_lookups_find(&table, 7));
	cr_assert_eq(table.count, 1);
	cr_assert_eq(table.unmet, 1);
	cr_assert_eq(table.missed, 0);
}

Test(pending_lookups, told_again_is_one)
{
	add(7, 1);
	add(7, 2);
	cr_assert_eq(table.count, 1);
	cr_assert_eq(table.unmet, 1);
	cr_assert_eq(pending_lookups_find(&table, 7)->since_ns, 2);
}

Test(pending_lookups, the_newer_has_the_slot)
{
	add(7, 1);
	add(7 + PENDING_LOOKUPS_MAX, 2);
	cr_assert_null(pending_lookups_find(&table, 7));
	cr_assert_not_null(pending_lookups_find(&table, 7 + PENDING_LOOKUPS_MAX));
	cr_assert_eq(table.count, 1);
	cr_assert_eq(table.missed, 1);
}

Test(pending_lookups, what_an_owner_has_is_kept_and_not_missed)
{
	add(7, 1);
	add(8, 5);
	pending_lookups_met(&table, pending_lookups_find(&table, 7));
	pending_lookups_met(&table, pending_lookups_find(&table, 7));
	cr_assert_eq(table.unmet, 1);
	cr_assert_not_null(pending_lookups_find(&table, 7));
	pending_lookups_expire(&table, 3);
	cr_assert_null(pending_lookups_find(&table, 7));
	cr_assert_eq(table.missed, 0);
	pending_lookups_expire(&table, 6);
	cr_assert_eq(table.count, 0);
	cr_assert_eq(table.unmet, 0);
	cr_assert_eq(table.missed, 1);
}
