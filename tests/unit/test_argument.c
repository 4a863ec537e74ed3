#include "cmd/options/argument.h"

#include <criterion/criterion.h>
#include <errno.h>

static void duration_is(const char *text, int64_t expected)
{
	int64_t ns = -1;

	cr_expect_eq(argument_duration(text, &ns), 0, "'%s' is refused", text);
	cr_expect_eq(ns, expected, "'%s' is %lld ns", text, (long long)ns);
}

Test(argument, durations_are_exact)
{
	duration_is("0", 0);
	duration_is("3", 3000000000);
	duration_is("7ns", 7);
	duration_is("250us", 250000);
	duration_is("100ms", 100000000);
	duration_is("1.5s", 1500000000);
	duration_is("0.000000001", 1);
	duration_is("0.0000000019", 1);
	duration_is("1.25us", 1250);
	duration_is("1.5m", 90000000000);
	duration_is("2h", 7200000000000);
	duration_is("0.1h", 360000000000);
}

Test(argument, what_is_no_duration_is_refused)
{
	static const char *const bad[] = {"",	    "s",   "-1",    "1 s",
					  "1.",	    "1.s", ".5s",   "1e3",
					  "1sec",   "+1",  "1.5.5", "18446744073709551616",
					  "100000h"};
	int64_t ns;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(argument_duration(bad[i], &ns), -EINVAL, "'%s' is taken", bad[i]);
}

Test(argument, numbers_have_bounds)
{
	uint64_t n = 99;

	cr_expect_eq(argument_number("0", 0, 5, &n), 0);
	cr_expect_eq(n, 0);
	cr_expect_eq(argument_number("5", 0, 5, &n), 0);
	cr_expect_eq(n, 5);
	cr_expect_eq(argument_number("6", 0, 5, &n), -EINVAL);
	cr_expect_eq(argument_number("0", 1, 5, &n), -EINVAL);
	cr_expect_eq(argument_number("", 0, 5, &n), -EINVAL);
	cr_expect_eq(argument_number("1x", 0, 5, &n), -EINVAL);
	cr_expect_eq(argument_number("-1", 0, UINT64_MAX, &n), -EINVAL);
	cr_expect_eq(argument_number("99999999999999999999", 0, UINT64_MAX, &n), -EINVAL);
	cr_expect_eq(n, 5, "a refused value was stored");
}

Test(argument, a_size_is_in_bytes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {{"0", 0},
		    {"65536", 65536},
		    {"64K", 65536},
		    {"100M", 104857600},
		    {"2G", UINT64_C(2147483648)},
		    {"5GB", UINT64_C(5368709120)}};
	static const char *const bad[] = {
	    "", "M", "1MX", "1BB", "1B", "1.5M", "-1", " 1", "1k", "9223372036854775808", "8589934592G", "1 M"};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_expect_eq(argument_size(good[i].text, &bytes), 0, "%s", good[i].text);
		cr_expect_eq(bytes, good[i].bytes, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(argument_size(bad[i], &bytes), -EINVAL, "%s", bad[i]);
}
