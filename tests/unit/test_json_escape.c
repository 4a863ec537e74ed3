#include "event/json_escape.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void check(const char *text, size_t length, const char *expected, bool expected_exact)
{
	char out[256] = "";
	bool exact = !expected_exact;
	/* An exact copy on the heap: ASan sees a read beyond it. */
	char *copy = malloc(length ? length : 1);

	cr_assert_not_null(copy);
	memcpy(copy, text, length);
	out[json_escape(out, copy, length, &exact)] = '\0';
	free(copy);
	cr_expect_str_eq(out, expected);
	cr_expect_eq(exact, expected_exact, "%s", expected);
}

#define CHECK(text, expected, exact) check(text, sizeof(text) - 1, expected, exact)

Test(json_escape, control_characters_and_quotes)
{
	CHECK("", "", true);
	CHECK("nginx: worker", "nginx: worker", true);
	CHECK("a\"b\\c", "a\\\"b\\\\c", true);
	CHECK("\t\r\n", "\\t\\r\\n", true);
	CHECK("\x1b[31m", "\\u001b[31m", true);
	CHECK("a\0b", "a\\u0000b", true);
	CHECK("\x7f", "\\u007f", true);
	CHECK("\xc2\x9b"
	      "31m",
	      "\\u009b31m", true); /* the C1 form of ESC [ */
}

Test(json_escape, utf8_stays_and_what_is_none_is_replaced)
{
	CHECK("caf\xc3\xa9", "caf\xc3\xa9", true);
	CHECK("\xe2\x82\xac\xf0\x9f\x90\x8c", "\xe2\x82\xac\xf0\x9f\x90\x8c", true);
	CHECK("\xc3", "\\ufffd", false);
	CHECK("\xe2\x82", "\\ufffd\\ufffd", false);
	CHECK("\xc0\xaf", "\\ufffd\\ufffd", false);			  /* overlong */
	CHECK("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd", false);		  /* a surrogate */
	CHECK("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd", false); /* beyond U+10FFFF */
	CHECK("\xff"
	      "a",
	      "\\ufffda", false);
}

/* Every pair of bytes gives a string that a strict reader takes. */
Test(json_escape, every_pair_of_bytes_is_json)
{
	for (unsigned pair = 0; pair < 65536; pair++) {
		char text[2] = {(char)(pair >> 8), (char)pair}, out[2 * JSON_ESCAPE_FACTOR + 4];
		size_t length;
		json_t *value;

		out[0] = '"';
		length = 1 + json_escape(out + 1, text, 2, NULL);
		out[length++] = '"';
		value = json_loadb(out, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
		cr_assert(json_is_string(value), "%04x", pair);
		json_decref(value);
	}
}
