#include "netlink/diag/locality.h"

#include <criterion/criterion.h>

#include "tests/unit/netns.h"

static bool is_local(struct locality *locality, const char *text)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse(text, &e), 0);
	return locality_is_local(locality, &e.address);
}

Test(locality, what_is_delivered_here_is_ours)
{
	struct locality *locality;

	if (!netns_enter())
		cr_skip_test("no private network namespace to be had");
	cr_assert_eq(locality_new(&locality), 0);
	for (int i = 0; i < 2; i++) { /* asked, and remembered */
		cr_assert(is_local(locality, "127.0.0.1:1"));
		cr_assert(is_local(locality, "127.9.9.9:1"), "127.0.0.0/8 is routed to lo");
		cr_assert(is_local(locality, "[::1]:1"));
		cr_assert_not(is_local(locality, "192.0.2.1:1"));
		cr_assert_not(is_local(locality, "[2001:db8::1]:1"));
		cr_assert(is_local(locality, "[fe80::1]:1"), "nobody knows on which interface");
	}
	locality_free(locality);
}

Test(locality, more_addresses_than_are_remembered)
{
	struct locality *locality;
	struct address address = address_from_ipv4((const uint8_t[]){192, 0, 2, 0});

	if (!netns_enter())
		cr_skip_test("no private network namespace to be had");
	cr_assert_eq(locality_new(&locality), 0);
	for (int i = 0; i < 2000; i++) {
		address.bytes[14] = (uint8_t)(i >> 8);
		address.bytes[15] = (uint8_t)i;
		address.bytes[12] = i % 2 ? 127 : 198;
		cr_assert_eq(locality_is_local(locality, &address), i % 2);
	}
	locality_free(locality);
}

Test(locality, link_local_is_told_by_its_prefix)
{
	struct endpoint e;

	cr_assert_eq(endpoint_parse("[fe80::1]:1", &e), 0);
	cr_assert(address_is_link_local(&e.address));
	cr_assert_eq(endpoint_parse("[febf::1]:1", &e), 0);
	cr_assert(address_is_link_local(&e.address));
	cr_assert_eq(endpoint_parse("[fec0::1]:1", &e), 0);
	cr_assert_not(address_is_link_local(&e.address));
	cr_assert_eq(endpoint_parse("254.128.0.1:1", &e), 0);
	cr_assert_not(address_is_link_local(&e.address));
}
