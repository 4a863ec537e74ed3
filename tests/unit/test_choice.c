#include "report/text/choice.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct attempt attempt_of(const char *client, uint64_t number)
{
	struct attempt a = {.number = number};

	cr_assert_eq(endpoint_parse(client, &a.client), 0);
	return a;
}

static bool matches(const char *wanted, const char *client)
{
	struct attempt a = attempt_of(client, 12);
	struct choice choice;

	cr_assert_eq(choice_parse(wanted, &choice), 0, "%s", wanted);
	return choice_matches(&choice, &a);
}

Test(choice, clients_and_networks)
{
	cr_expect(matches("192.0.2.1", "192.0.2.1:40112"));
	cr_expect_not(matches("192.0.2.1", "192.0.2.2:40112"));
	cr_expect(matches("192.0.2.1:40112", "192.0.2.1:40112"));
	cr_expect_not(matches("192.0.2.1:40112", "192.0.2.1:40113"));
	cr_expect(matches("192.0.2.128/25", "192.0.2.129:1"));
	cr_expect_not(matches("192.0.2.128/25", "192.0.2.127:1"));
	cr_expect(matches("192.0.2.77/24", "192.0.2.1:1"));
	cr_expect(matches("0.0.0.0/0", "192.0.2.1:1"));
	cr_expect_not(matches("0.0.0.0/0", "[2001:db8::1]:1"));
	cr_expect(matches("::/0", "192.0.2.1:1"));
	cr_expect(matches("2001:db8::/33", "[2001:db8:7fff::1]:1"));
	cr_expect_not(matches("2001:db8::/33", "[2001:db8:8000::1]:1"));
	cr_expect(matches("[2001:db8::1]:7", "[2001:db8::1]:7"));
}

Test(choice, numbers_and_ports)
{
	cr_expect(matches("12", "192.0.2.1:1"));
	cr_expect(matches("#12", "192.0.2.1:1"));
	cr_expect_not(matches("13", "192.0.2.1:12"));
	cr_expect(matches("40112", "192.0.2.1:40112"));
	cr_expect_not(matches("#40112", "192.0.2.1:40112"));
	cr_expect(matches(":40112", "192.0.2.1:40112"));
	cr_expect_not(matches(":12", "192.0.2.1:1"));
}

Test(choice, what_is_none)
{
	static const char *const wrong[] = {"",	 "#",	  "#0",		"0",
					    "x", "1.2.3", "1.2.3.4/33", "::/129",
					    ":", "/24",	  "1.2.3.4:x",	"[::1]"};
	struct choice choice;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(choice_parse(wrong[i], &choice), -EINVAL, "%s", wrong[i]);
}
