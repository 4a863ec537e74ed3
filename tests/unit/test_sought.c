#include "netlink/owner/sought.h"

#include <criterion/criterion.h>

static struct sought_table table;

static struct flow flow_of(uint16_t port)
{
	return (struct flow){.sport = port, .dport = 80};
}

static void add(uint32_t inode, int64_t since_ns)
{
	struct flow flow = flow_of((uint16_t)inode);

	sought_add(&table, &flow, inode, since_ns);
}

Test(sought, is_found_by_its_inode_until_removed)
{
	add(7, 1);
	add(8, 2);
	cr_assert_eq(table.count, 2);
	cr_assert_eq(sought_find(&table, 7)->flow.sport, 7);
	cr_assert_null(sought_find(&table, 9));
	cr_assert_null(sought_find(&table, 7 + SOUGHT_MAX), "another of the same slot");
	sought_remove(&table, sought_find(&table, 7));
	cr_assert_null(sought_find(&table, 7));
	cr_assert_eq(table.count, 1);
	cr_assert_eq(table.unmet, 1);
	cr_assert_eq(table.missed, 0);
}

Test(sought, told_again_is_one)
{
	add(7, 1);
	add(7, 2);
	cr_assert_eq(table.count, 1);
	cr_assert_eq(table.unmet, 1);
	cr_assert_eq(sought_find(&table, 7)->since_ns, 2);
}

Test(sought, the_younger_has_the_slot)
{
	add(7, 1);
	add(7 + SOUGHT_MAX, 2);
	cr_assert_null(sought_find(&table, 7));
	cr_assert_not_null(sought_find(&table, 7 + SOUGHT_MAX));
	cr_assert_eq(table.count, 1);
	cr_assert_eq(table.missed, 1);
}

Test(sought, what_an_owner_has_is_kept_and_not_missed)
{
	add(7, 1);
	add(8, 5);
	sought_met(&table, sought_find(&table, 7));
	sought_met(&table, sought_find(&table, 7));
	cr_assert_eq(table.unmet, 1);
	cr_assert_not_null(sought_find(&table, 7));
	sought_expire(&table, 3);
	cr_assert_null(sought_find(&table, 7));
	cr_assert_eq(table.missed, 0);
	sought_expire(&table, 6);
	cr_assert_eq(table.count, 0);
	cr_assert_eq(table.unmet, 0);
	cr_assert_eq(table.missed, 1);
}
