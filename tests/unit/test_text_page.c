#include "report/text/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct report long_report = {.start_ns = 0, .end_ns = 10 * NS_PER_SEC};
static const struct text ascii = {.columns = 80, .report = &long_report};
static const struct text utf8 = {.columns = 80, .utf8 = true, .report = &long_report};

static void check_duration(int64_t ns, const char *expected)
{
	char out[TEXT_VALUE_SIZE];

	cr_expect_str_eq(text_duration(&ascii, ns, out), expected, "%lld ns: %s", (long long)ns,
			 out);
}

Test(text_page, durations_have_three_digits_and_a_unit)
{
	check_duration(-1, "-");
	check_duration(0, "0 ns");
	check_duration(999, "999 ns");
	check_duration(1000, "1.00 us");
	check_duration(1004, "1.00 us");
	check_duration(1005, "1.01 us");
	check_duration(9994, "9.99 us");
	check_duration(9995, "10.0 us");
	check_duration(99949, "99.9 us");
	check_duration(99950, "100 us");
	check_duration(999499, "999 us");
	check_duration(999500, "1.00 ms");
	check_duration(1020000000, "1.02 s");
	check_duration(999499999, "999 ms");
	check_duration(999500000, "1.00 s");
	check_duration(63 * NS_PER_SEC, "63.0 s");
	check_duration(86400 * NS_PER_SEC, "86400 s");
	check_duration(INT64_MAX, "9223372037 s");
	check_duration(INT64_MIN, "-9223372037 s");
	check_duration(-5000, "-5.00 us");
}

Test(text_page, times_are_seconds_since_the_start)
{
	struct report burst = {.start_ns = 1000, .end_ns = 1000 + NS_PER_SEC};
	struct text text = {.report = &burst};
	char out[TEXT_VALUE_SIZE];

	cr_expect_str_eq(text_time(&ascii, 12004999999, out), "12.004 s");
	cr_expect_str_eq(text_time(&ascii, -1500000, out), "-0.001 s");
	cr_expect_str_eq(text_time(&ascii, TIME_UNKNOWN, out), "-");
	cr_expect_str_eq(text_time(&text, 1000 + 12345678, out), "0.012345 s");
	cr_expect_str_eq(text_time(&ascii, INT64_MAX, out), "9223372036.854 s");
}

Test(text_page, counts_are_grouped)
{
	char out[TEXT_VALUE_SIZE];

	cr_expect_str_eq(text_count(-1, out), "-");
	cr_expect_str_eq(text_count(0, out), "0");
	cr_expect_str_eq(text_count(999, out), "999");
	cr_expect_str_eq(text_count(1000, out), "1,000");
	cr_expect_str_eq(text_count(1234567, out), "1,234,567");
	cr_expect_str_eq(text_count(-123456, out), "-123,456");
	cr_expect_str_eq(text_count(INT64_MAX, out), "9,223,372,036,854,775,807");
}

Test(text_page, foreign_text_cannot_speak_to_the_terminal)
{
	char out[32];

	cr_expect_str_eq(text_safe(&utf8, "a\x1b[31m\x07\r\n\tb\x7f", out, sizeof(out)),
			 "a?[31m????b?");
	cr_expect_str_eq(text_safe(&utf8,
				   "\xc2\x9b"
				   "31m \xff\xc3",
				   out, sizeof(out)),
			 "?31m ??");
	cr_expect_str_eq(text_safe(&utf8, "caf\xc3\xa9", out, sizeof(out)), "caf\xc3\xa9");
	cr_expect_str_eq(text_safe(&ascii, "caf\xc3\xa9", out, sizeof(out)), "caf?");
	/* Cut before a character that does not fit. */
	cr_expect_str_eq(text_safe(&utf8, "abc\xe2\x82\xac", out, 6), "abc");
	cr_expect_str_eq(text_safe(&utf8, "abc\xe2\x82\xac", out, 7), "abc\xe2\x82\xac");
	cr_expect_str_eq(text_safe(&utf8, NULL, out, sizeof(out)), "");
}

static char *wrapped(const char *prefix, unsigned indent, const char *string)
{
	struct text text = ascii;
	char *result;
	size_t length;

	text.columns = 20;
	text.out = open_memstream(&result, &length);
	cr_assert_not_null(text.out);
	text_paragraph(&text, prefix, indent, string);
	fclose(text.out);
	return result;
}

static void check_wrapped(const char *prefix, unsigned indent, const char *string,
			  const char *expected)
{
	char *got = wrapped(prefix, indent, string);

	cr_expect_str_eq(got, expected);
	free(got);
}

Test(text_page, paragraphs_wrap_at_blanks)
{
	check_wrapped("", 0, "", "\n");
	check_wrapped("", 0, "one two three four five", "one two three four\nfive\n");
	check_wrapped("* ", 2, "one two three four five", "* one two three four\n  five\n");
	check_wrapped("", 0, "12345678901234567890 x", "12345678901234567890\nx\n");
	/* A word longer than the page is cut. */
	check_wrapped("", 4, "x 123456789012345678901234567890",
		      "x 1234567890123456\n    78901234567890\n");
	check_wrapped("", 0, "a  b", "a b\n");
	/* A number stays with its unit, and with nothing else. */
	check_wrapped("", 0, "it waited in all 1.00 s.", "it waited in all\n1.00 s.\n");
	check_wrapped("", 0, "it waited in all 4.50 ms", "it waited in all\n4.50 ms\n");
	check_wrapped("", 0, "it was seen in all 12 samples", "it was seen in all\n12 samples\n");
	check_wrapped("", 0, "it was seen at all 1 some", "it was seen at all 1\nsome\n");
}

Test(text_page, an_axis_takes_any_times)
{
	struct text_axis axis = {.start_ns = 100, .length_ns = 1000, .columns = 10};
	struct text_axis huge = {.start_ns = 0, .length_ns = INT64_MAX, .columns = 400};

	cr_expect_eq(text_axis_column(&axis, 0), 0);
	cr_expect_eq(text_axis_column(&axis, 100), 0);
	cr_expect_eq(text_axis_column(&axis, 199), 0);
	cr_expect_eq(text_axis_column(&axis, 200), 1);
	cr_expect_eq(text_axis_column(&axis, 1099), 9);
	cr_expect_eq(text_axis_column(&axis, 1100), 9);
	cr_expect_eq(text_axis_column(&axis, INT64_MIN), 0);
	cr_expect_eq(text_axis_column(&axis, INT64_MAX), 9);
	cr_expect_eq(text_axis_column(&huge, INT64_MAX / 2), 199);
	cr_expect_eq(text_axis_column(&huge, INT64_MAX), 399);
	cr_expect_eq(clock_since(INT64_MIN, 1), INT64_MIN + 1);
	cr_expect_eq(clock_since(INT64_MAX, -1), INT64_MAX);
}

static struct text_ticks ticks_of(int64_t from_ns, int64_t length_ns, unsigned columns)
{
	static struct report report = {.start_ns = 1700000000 * NS_PER_SEC};
	const struct text text = {.columns = 100, .report = &report};
	struct text_axis axis = {report.start_ns + from_ns, length_ns, columns};
	struct text_ticks ticks = text_axis_ticks(&text, &axis);

	ticks.first_ns -= report.start_ns;
	return ticks;
}

Test(text_page, ticks_are_round)
{
	static const struct {
		int64_t from_ns, length_ns;
		int64_t first_ns, step_ns;
		unsigned count;
	} cases[] = {
	    {0, 5 * NS_PER_SEC, 0, NS_PER_SEC, 6},
	    {0, 1640 * NS_PER_MS, 0, 500 * NS_PER_MS, 4},
	    {1200 * NS_PER_MS, 5 * NS_PER_SEC, 2 * NS_PER_SEC, NS_PER_SEC, 5},
	    {0, 61 * NS_PER_SEC, 0, 15 * NS_PER_SEC, 5},
	    {0, 3600 * NS_PER_SEC, 0, 900 * NS_PER_SEC, 5},
	    {0, 86400 * NS_PER_SEC, 0, 6 * 3600 * NS_PER_SEC, 5},
	    {0, 40 * 86400 * NS_PER_SEC, 0, 8 * 86400 * NS_PER_SEC, 6},
	    {0, 1, 0, 1, 2},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text_ticks t = ticks_of(cases[i].from_ns, cases[i].length_ns, 91);

		cr_expect_eq(t.first_ns, cases[i].first_ns, "%zu: %lld", i, (long long)t.first_ns);
		cr_expect_eq(t.step_ns, cases[i].step_ns, "%zu: %lld", i, (long long)t.step_ns);
		cr_expect_eq(t.count, cases[i].count, "%zu: %u", i, t.count);
	}
	/* Any times: a file can hold them. */
	(void)ticks_of(INT64_MAX / 2, INT64_MAX, 400);
	(void)ticks_of(INT64_MIN / 2, INT64_MAX, 1);
}

Test(text_page, times_of_day)
{
	struct report report = {.start_ns = 1700000000 * NS_PER_SEC};
	struct text text = {.report = &report, .utc_offset_s = 3600};
	char out[TEXT_VALUE_SIZE];

	report.end_ns = report.start_ns + 5 * NS_PER_SEC;
	cr_expect_str_eq(text_when(&text, report.start_ns + 1234567890, out),
			 "1.234 s (23:13:21.234)");
	report.end_ns = report.start_ns + NS_PER_SEC;
	cr_expect_str_eq(text_when(&text, report.start_ns + 123456789, out),
			 "0.123456 s (23:13:20.123456)");
	cr_expect_str_eq(text_when(&text, TIME_UNKNOWN, out), "-");
	report.end_ns = report.start_ns + 90000 * NS_PER_SEC;
	cr_expect_str_eq(text_when(&text, report.end_ns, out), "90000.000 s (11-16 00:13:20.000)");
	text.utc_offset_s = -5 * 3600;
	cr_expect_str_eq(text_clock(&text, report.start_ns, 0, out), "11-14 17:13:20");
}

Test(text_page, a_sentence_is_cut_not_overrun)
{
	struct sentence *sentence = malloc(sizeof(*sentence));

	cr_assert_not_null(sentence);
	sentence_clear(sentence);
	for (int i = 0; i < 10000; i++)
		sentence_add(sentence, "%s %d", "word", i);
	cr_expect_eq(strlen(sentence->text), sizeof(sentence->text) - 1);
	free(sentence);
}

/* Two SO_REUSEPORT groups of one port, each bound to another device. */
Test(text_page, groups_of_two_devices_are_told_apart)
{
	static const char *const devices[] = {"eth0", "eth0", "eth1", "eth1"};
	struct report_listener listeners[4] = {0};
	struct report report = {.kind = REPORT_RECORDING,
				.end_ns = NS_PER_SEC,
				.listeners = listeners,
				.listeners_count = 4};
	struct text text = {.columns = 100, .report = &report};
	struct cost cost = {0};
	char *page = NULL;
	size_t length = 0;

	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(endpoint_parse("0.0.0.0:80", &listeners[i].local), 0);
		listeners[i].interface = 2 + i / 2;
		listeners[i].device = devices[i];
		listeners[i].reuseport = true;
		listeners[i].group_drops = 3 + i / 2;
	}
	text.out = open_memstream(&page, &length);
	cr_assert_not_null(text.out);
	text_put_answer(&text, &cost);
	fclose(text.out);
	cr_assert_not_null(
	    strstr(page, "0.0.0.0%eth0:80: which of its SO_REUSEPORT sockets dropped 3"));
	cr_assert_not_null(
	    strstr(page, "0.0.0.0%eth1:80: which of its SO_REUSEPORT sockets dropped 4"));
	cr_expect_null(strstr(strstr(page, "eth1") + 1, "eth"));
	free(page);
}
