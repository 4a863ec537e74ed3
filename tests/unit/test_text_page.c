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
	cr_expect_eq(text_axis_quarter(&axis, 0), 100);
	cr_expect_eq(text_axis_quarter(&axis, 2), 600);
	cr_expect_eq(text_axis_quarter(&axis, 4), 1100);
	cr_expect_eq(text_since(INT64_MIN, 1), INT64_MIN + 1);
	cr_expect_eq(text_since(INT64_MAX, -1), INT64_MAX);
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
