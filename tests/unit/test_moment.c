#include "cmd/options/moment.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define SECOND INT64_C(1000000000)
/* 2026-11-29T15:30:00Z, by date(1). */
#define END (INT64_C(1795966200) * SECOND)

static int64_t parsed(const char *text, bool utc)
{
	int64_t ns = -1;

	cr_expect_eq(moment_parse(text, END, utc, &ns), 0, "%s", text);
	return ns;
}

static void in_new_york(void)
{
	setenv("TZ", "America/New_York", 1);
	tzset();
}

TestSuite(moment, .init = in_new_york);

/* The expected seconds are what date -d prints with TZ=America/New_York. */
Test(moment, a_time_of_day_is_the_last_one)
{
	cr_expect_eq(parsed("15:10", true), (INT64_C(1795966200) - 20 * 60) * SECOND);
	cr_expect_eq(parsed("15:30:00", true), END);
	cr_expect_eq(parsed("16:00", true), (INT64_C(1795966200) - 23 * 3600 - 1800) * SECOND,
		     "yesterday's");
	cr_expect_eq(parsed("10:10:05.5", false),
		     (INT64_C(1795966200) - 20 * 60 + 5) * SECOND + SECOND / 2);
}

Test(moment, before_the_end)
{
	cr_expect_eq(parsed("-10m", false), END - 600 * SECOND);
	cr_expect_eq(parsed("-1.5s", true), END - 3 * SECOND / 2);
}

Test(moment, dates)
{
	cr_expect_eq(parsed("2026-11-29T15:30:00Z", false), END);
	cr_expect_eq(parsed("2026-11-29T16:30:00+01:00", false), END);
	cr_expect_eq(parsed("2026-11-29t10:30:00.25-05:00", true), END + SECOND / 4);
	cr_expect_eq(parsed("2026-11-29 10:30", false), END);
	cr_expect_eq(parsed("2026-11-29 15:30", true), END);
	cr_expect_eq(parsed("2026-11-29", true), END - (15 * 3600 + 1800) * SECOND);
	cr_expect_eq(parsed("2026-07-01 00:00", false), INT64_C(1782878400) * SECOND,
		     "summer time");
}

Test(moment, what_is_none)
{
	static const char *const bad[] = {"",
					  "now",
					  "3:10",
					  "24:00",
					  "03:60",
					  "03:10x",
					  "2026-02-30",
					  "2026-13-01",
					  "2026-11-29T",
					  "2026-11-29T03:10:00+0100",
					  "-",
					  "-x",
					  "2026-11-29Z",
					  "2026-11-29 03:10 ",
					  "03:10:05."};
	int64_t ns;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(moment_parse(bad[i], END, false, &ns), -EINVAL, "%s", bad[i]);
}
