#include "report/json/writer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "event/clock.h"

static struct json_writer json;
static char *text;
static size_t length;
static FILE *out;

static void set_up(void)
{
	out = open_memstream(&text, &length);
	cr_assert_not_null(out);
	json_writer_init(&json, out);
}

static void tear_down(void)
{
	fclose(out);
	free(text);
}

TestSuite(json_writer, .init = set_up, .fini = tear_down);

Test(json_writer, commas_lines_and_escapes)
{
	jw_object_begin(&json, JSON_LINES);
	jw_put_u64(&json, "u", UINT64_MAX);
	jw_put_i64(&json, "i", INT64_MIN);
	jw_key(&json, "list");
	jw_array_begin(&json, JSON_COMPACT);
	jw_i64(&json, 1);
	jw_string(&json, "a\"b\n\x1b\xff");
	jw_array_begin(&json, JSON_LINES);
	jw_end(&json);
	jw_object_begin(&json, JSON_COMPACT);
	jw_put_bool(&json, "yes", true);
	jw_put_string(&json, "none", NULL);
	jw_end(&json);
	jw_end(&json);
	jw_put_time(&json, "t", TIME_UNKNOWN);
	jw_put_time(&json, "z", 0);
	jw_put_known(&json, "k", -1);
	jw_put_known(&json, "n", -2);
	jw_end(&json);
	cr_assert_eq(json_writer_finish(&json), 0);
	cr_expect_str_eq(
	    text, "{\n"
		  "  \"u\":18446744073709551615,\n"
		  "  \"i\":-9223372036854775808,\n"
		  "  \"list\":[1,\"a\\\"b\\n\\u001b\\ufffd\",[],{\"yes\":true,\"none\":null}],\n"
		  "  \"t\":null,\n"
		  "  \"z\":0,\n"
		  "  \"k\":null,\n"
		  "  \"n\":-2\n"
		  "}\n");
}

/* Strings longer than every buffer on the way, with a character across each piece's end. */
Test(json_writer, long_strings_come_back)
{
	enum { LENGTH = 300 * 1000 };
	char *long_text = malloc(LENGTH + 1);
	json_t *array;

	cr_assert_not_null(long_text);
	for (size_t i = 0; i < LENGTH; i += 3)
		memcpy(long_text + i, i % 7 ? "\xe2\x82\xac" : "\x01\"\\", 3);
	long_text[LENGTH] = '\0';
	jw_array_begin(&json, JSON_COMPACT);
	jw_string(&json, long_text);
	jw_string(&json, long_text + 1);
	jw_end(&json);
	cr_assert_eq(json_writer_finish(&json), 0);
	array = json_loads(text, 0, NULL);
	cr_assert_not_null(array);
	cr_expect_str_eq(json_string_value(json_array_get(array, 0)), long_text);
	json_decref(array);
	free(long_text);
}

Test(json_writer, markup_safe_text_can_stand_in_a_script_element)
{
	json.markup_safe = true;
	jw_string(&json, "</script><!--&\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa\xe2<");
	cr_assert_eq(json_writer_finish(&json), 0);
	cr_assert_str_eq(text, "\"\\u003c/script\\u003e\\u003c!--\\u0026\\u2028\\u2029"
			       "\xe2\x80\xaa\\ufffd\\u003c\"\n");
}

Test(json_writer, markup_is_escaped_wherever_a_long_text_is_cut)
{
	enum { LENGTH = 5000 };
	char long_text[LENGTH + 1];

	memset(long_text, '<', LENGTH);
	long_text[LENGTH] = '\0';
	json.markup_safe = true;
	jw_string(&json, long_text);
	cr_assert_eq(json_writer_finish(&json), 0);
	cr_assert_eq(length, (size_t)6 * LENGTH + 3);
	cr_assert_null(strchr(text, '<'));
}
