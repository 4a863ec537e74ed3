#include "report/track/ways.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct ways ways;

static void end(void)
{
	ways_release(&ways);
}

TestSuite(ways, .fini = end);

static struct address address_of(const char *text)
{
	struct endpoint e;
	char with_port[64];

	snprintf(with_port, sizeof(with_port), strchr(text, ':') ? "[%s]:1" : "%s:1", text);
	cr_assert_eq(endpoint_parse(with_port, &e), 0, "%s", text);
	return e.address;
}

static void change(const char *address, uint8_t bits, bool gone)
{
	struct address_change c = {.prefix = {address_of(address), bits}, .gone = gone};

	ways_take(&ways, &c);
}

static enum role role(const char *from, const char *to)
{
	struct flow flow = {.saddr = address_of(from), .daddr = address_of(to)};

	return ways_role(&ways, &flow);
}

Test(ways, nothing_is_known_without_addresses)
{
	cr_assert_eq(role("192.0.2.1", "192.0.2.2"), ROLE_UNKNOWN);
	change("192.0.2.2", 128, true);
	cr_assert_eq(role("192.0.2.1", "192.0.2.2"), ROLE_UNKNOWN);
}

Test(ways, by_addresses_of_both_families)
{
	change("192.0.2.1", 128, false);
	change("2001:db8::1", 128, false);
	change("127.0.0.0", 104, false);
	cr_assert_eq(role("192.0.2.9", "192.0.2.1"), ROLE_INBOUND);
	cr_assert_eq(role("192.0.2.1", "192.0.2.9"), ROLE_OUTBOUND);
	cr_assert_eq(role("192.0.2.8", "192.0.2.9"), ROLE_FORWARDED);
	cr_assert_eq(role("192.0.2.1", "192.0.2.1"), ROLE_INBOUND, "to itself");
	cr_assert_eq(role("127.0.0.1", "127.8.8.8"), ROLE_INBOUND);
	cr_assert_eq(role("2001:db8::9", "2001:db8::1"), ROLE_INBOUND);
	cr_assert_eq(role("2001:db8::1", "2001:db8::9"), ROLE_OUTBOUND);
	cr_assert_eq(role("2001:db8::8", "2001:db8::9"), ROLE_FORWARDED);
}

Test(ways, prefixes_end_within_a_byte)
{
	change("203.0.113.64", 96 + 26, false);
	cr_assert_eq(role("192.0.2.9", "203.0.113.64"), ROLE_INBOUND);
	cr_assert_eq(role("192.0.2.9", "203.0.113.127"), ROLE_INBOUND);
	cr_assert_eq(role("192.0.2.9", "203.0.113.128"), ROLE_FORWARDED);
	cr_assert_eq(role("192.0.2.9", "203.0.113.63"), ROLE_FORWARDED);
}

Test(ways, addresses_come_and_go)
{
	change("192.0.2.1", 128, false);
	change("192.0.2.3", 128, false);
	change("192.0.2.3", 128, false);
	cr_assert_eq(ways.count, 2);
	cr_assert_eq(role("192.0.2.9", "192.0.2.3"), ROLE_INBOUND);
	change("192.0.2.3", 128, true);
	cr_assert_eq(role("192.0.2.9", "192.0.2.3"), ROLE_FORWARDED);
	change("192.0.2.3", 128, true);
	change("192.0.2.3", 128, false);
	cr_assert_eq(role("192.0.2.9", "192.0.2.3"), ROLE_INBOUND);
}

Test(ways, any_prefix_of_a_file_is_cut)
{
	change("192.0.2.77", 255, false);
	change("192.0.2.77", 0, false);
	cr_assert_eq(role("192.0.2.9", "2001:db8::5"), ROLE_INBOUND, "everything");
}

Test(ways, as_many_as_there_is_room_for)
{
	struct address_change c = {.prefix.bits = 128};

	for (uint32_t i = 0; i < WAYS_ADDRESSES_MAX + 10; i++) {
		memcpy(c.prefix.address.bytes + 12, &i, 4);
		ways_take(&ways, &c);
	}
	cr_assert_eq(ways.count + ways.refused, WAYS_ADDRESSES_MAX + 10);
	cr_assert_gt(ways.refused, 0u);
}
