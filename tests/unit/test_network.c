#include "report/attempt/network.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

static bool has(const char *text, const char *address)
{
	struct network network, one;

	cr_assert_eq(network_parse(text, &network), 0, "%s", text);
	cr_assert_eq(network_parse(address, &one), 0, "%s", address);
	return network_has(&network, &one.address);
}

Test(network, addresses_and_networks)
{
	cr_expect(has("192.0.2.1", "192.0.2.1"));
	cr_expect_not(has("192.0.2.1", "192.0.2.2"));
	cr_expect(has("192.0.2.128/25", "192.0.2.129"));
	cr_expect_not(has("192.0.2.128/25", "192.0.2.127"));
	cr_expect(has("0.0.0.0/0", "192.0.2.1"));
	cr_expect_not(has("0.0.0.0/0", "2001:db8::1"));
	cr_expect(has("::/0", "192.0.2.1"));
	cr_expect(has("2001:db8::/33", "2001:db8:7fff::1"));
	cr_expect_not(has("2001:db8::/33", "2001:db8:8000::1"));
}

Test(network, text_is_read_again)
{
	static const char *const texts[] = {"192.0.2.1", "10.0.0.0/8",	  "0.0.0.0/0",
					    "::1",	 "2001:db8::/33", "::/0"};
	char text[NETWORK_TEXT_SIZE];
	struct network network;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert_eq(network_parse(texts[i], &network), 0);
		cr_expect_str_eq(network_format(&network, text), texts[i]);
	}
}

Test(network, what_is_none)
{
	static const char *const wrong[] = {"",		  "x",		"1.2.3",    "1.2.3.4/33",
					    "::/129",	  "/24",	"1.2.3.4/", "1.2.3.4/-1",
					    "1.2.3.4/8 ", "1.2.3.4:80", "[::1]",    "1.2.3.4/+8"};
	struct network network;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(network_parse(wrong[i], &network), -EINVAL, "%s", wrong[i]);
}
