#include "report/metrics/label.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *value, const char *expected)
{
	char *text = NULL, *copy = strdup(value);
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	label_put(out, "x", copy);
	cr_assert_eq(fclose(out), 0);
	cr_expect_str_eq(text, expected);
	free(text);
	free(copy);
}

Test(label, is_quoted)
{
	check("", "x=\"\"");
	check("nginx", "x=\"nginx\"");
}

Test(label, what_ends_a_value_is_escaped)
{
	check("a\\b\"c\nd", "x=\"a\\\\b\\\"c\\nd\"");
	check("\\", "x=\"\\\\\"");
	/* Other control characters are allowed in a value. */
	check("a\tb\r", "x=\"a\tb\r\"");
}

Test(label, valid_utf8_stays)
{
	check("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x98",
	      "x=\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x98\"");
}

Test(label, a_byte_that_is_none_is_replaced)
{
#define BAD "\xef\xbf\xbd"
	check("\xff", "x=\"" BAD "\"");
	check("a\x80z", "x=\"a" BAD "z\"");
	check("\xc3", "x=\"" BAD "\""); /* cut by the end of a name */
	check("\xe2\x82", "x=\"" BAD BAD "\"");
	check("\xc0\xaf", "x=\"" BAD BAD "\"");		/* overlong */
	check("\xed\xa0\x80", "x=\"" BAD BAD BAD "\""); /* a surrogate */
	check("\xf4\x90\x80\x80", "x=\"" BAD BAD BAD BAD "\"");
	check("\xc3\"", "x=\"" BAD "\\\"\"");
}
