#include "report/html/column.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect(const struct html_column *column, const char *expected)
{
	struct html_column text = {0};

	html_column_base64(column, &text);
	cr_assert_eq(text.used, strlen(expected), "%zu characters", text.used);
	cr_assert(text.used == 0 || memcmp(text.data, expected, text.used) == 0, "%.*s",
		  (int)text.used, (const char *)text.data);
	html_column_release(&text);
}

Test(html_column, numbers_and_what_is_not_known)
{
	struct html_column column = {0};

	expect(&column, "");
	html_column_put_unknown(&column);
	expect(&column, "AA==");
	html_column_put(&column, 0); /* 1 */
	expect(&column, "AAE=");
	html_column_put(&column, -1); /* 1 + (1 << 1 | 1) = 4 */
	expect(&column, "AAEE");
	html_column_put(&column, 63);  /* 127 */
	html_column_put(&column, 64);  /* 129: 81 01 */
	html_column_put(&column, -64); /* 130: 82 01 */
	expect(&column, "AAEEf4EBggE=");
	html_column_empty(&column);
	expect(&column, "");
	html_column_release(&column);
}

Test(html_column, the_ends_of_the_range_stay_in_ten_bytes)
{
	struct html_column column = {0};

	html_column_put(&column, INT64_MAX);
	cr_assert_eq(column.used, 10);
	html_column_put(&column, INT64_MIN);
	cr_assert_eq(column.used, 20);
	cr_assert_eq(column.data[9], 1);
	cr_assert_eq(column.data[19], 1);
	/* The sign is the lowest bit of the number less one. */
	cr_assert_eq((column.data[0] - 1) & 1, 0);
	cr_assert_eq((column.data[10] - 1) & 1, 1);
	html_column_release(&column);
}
