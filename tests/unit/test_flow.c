#include "event/flow.h"

#include <criterion/criterion.h>
#include <errno.h>

static void round_trip(const char *text, const char *expected)
{
	char out[ENDPOINT_TEXT_SIZE];
	struct endpoint e;

	cr_assert_eq(endpoint_parse(text, &e), 0, "%s is refused", text);
	cr_assert_eq(endpoint_format(&e, out, sizeof(out)), strlen(expected));
	cr_assert_str_eq(out, expected);
}

Test(flow, endpoints_keep_their_text)
{
	round_trip("127.0.0.1:8080", "127.0.0.1:8080");
	round_trip("255.255.255.255:65535", "255.255.255.255:65535");
	round_trip("[::1]:8080", "[::1]:8080");
	round_trip("[2001:db8::7]:1", "[2001:db8::7]:1");
	round_trip("[::ffff:192.0.2.1]:80", "192.0.2.1:80");
}

Test(flow, a_port_alone_means_any_address)
{
	struct endpoint e;

	round_trip("8080", "[::]:8080");
	round_trip(":8080", "[::]:8080");
	round_trip("*:8080", "[::]:8080");
	round_trip("0.0.0.0:80", "0.0.0.0:80");
	cr_assert_eq(endpoint_parse(":80", &e), 0);
	cr_assert(address_is_any(&e.address));
	cr_assert_eq(endpoint_parse("0.0.0.0:80", &e), 0);
	cr_assert(address_is_any(&e.address));
	cr_assert(address_is_ipv4(&e.address));
}

Test(flow, what_is_no_endpoint_is_refused)
{
	static const char *const bad[] = {"",	  ":",		"x:80",	   "127.0.0.1", "127.0.0.1:",
					  "1:2:3", "[::1]",	"[::1]80", "[::1:80",	"127.0.0.1:65536",
					  "-1",	   "127.0.0.1:8x", "localhost:80"};
	struct endpoint e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(endpoint_parse(bad[i], &e), -EINVAL, "'%s' is taken", bad[i]);
}

Test(flow, the_reverse_of_the_reverse_is_the_flow)
{
	struct endpoint a, b;
	struct flow f, r;

	cr_assert_eq(endpoint_parse("10.0.0.1:1", &a), 0);
	cr_assert_eq(endpoint_parse("[::2]:2", &b), 0);
	f = (struct flow){a.address, b.address, a.port, b.port};
	r = flow_reverse(&f);
	cr_assert_not(flow_equal(&f, &r));
	r = flow_reverse(&r);
	cr_assert(flow_equal(&f, &r));
}
