#include "report/html/columns.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"

static struct attempt blank(uint64_t number)
{
	struct attempt a;

	memset(&a, 0, sizeof(a));
	a.number = number;
	a.syn_ns = a.synack_ns = a.ack_ns = a.entered_ns = a.accept_ns = TIME_UNKNOWN;
	a.accept_after_ns = a.client_left_ns = TIME_UNKNOWN;
	a.accept_before_ns = a.fork_ns = a.first_byte_ns = a.reply_ns = TIME_UNKNOWN;
	a.close_ns = a.exit_ns = a.end_ns = TIME_UNKNOWN;
	a.syn_to_synack_ns = a.synack_to_ack_ns = a.connect_ns = -1;
	a.accept_wait_ns = a.queue_wait_ns = a.accept_to_fork_ns = -1;
	a.listener = -1;
	return a;
}

/* The chunk as JSON; the columns are empty then. */
static json_t *write(struct html_columns *columns)
{
	static struct json_writer json;
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	json_t *value;

	cr_assert_not_null(out);
	json_writer_init(&json, out);
	cr_assert_eq(html_columns_write(columns, &json), 0);
	cr_assert_eq(json_writer_finish(&json), 0);
	fclose(out);
	value = json_loads(text, 0, NULL);
	cr_assert_not_null(value);
	free(text);
	return value;
}

static const char *column(const json_t *chunk, const char *name)
{
	const char *text =
	    json_string_value(json_object_get(json_object_get(chunk, "columns"), name));

	cr_assert_not_null(text, "column %s", name);
	return text;
}

static json_int_t number(const json_t *chunk, const char *name)
{
	return json_integer_value(json_object_get(chunk, name));
}

Test(html_columns, times_are_differences)
{
	static const struct report report = {.start_ns = 1000};
	struct html_columns *columns;
	struct attempt a = blank(7);
	json_t *chunk;

	cr_assert_eq(html_columns_new(&report, &columns), 0);
	a.syn_ns = 1010;
	a.synack_ns = 1013;
	a.syn_to_synack_ns = a.connect_ns = 3;
	cr_assert_eq(html_columns_add(columns, &a), 0);
	a.number = 9;
	a.syn_ns = 1008; /* timestamps run backwards */
	a.connect_ns = 5;
	cr_assert_eq(html_columns_add(columns, &a), 0);
	chunk = write(columns);
	cr_expect_eq(number(chunk, "n"), 2);
	cr_expect_str_eq(column(chunk, "number"), "DwU=", "7, then 2 more");
	cr_expect_str_eq(column(chunk, "anchor"), "FQY=", "10, then 2 less");
	cr_expect_str_eq(column(chunk, "syn"), "AQE=");
	cr_expect_str_eq(column(chunk, "synack"), "Bws=", "3 and 5 after the SYN");
	cr_expect_str_eq(column(chunk, "ack"), "AAA=", "not known");
	cr_expect_str_eq(column(chunk, "syn_to_synack"), "AQY=", "as the times say, and 2 less");
	cr_expect_str_eq(column(chunk, "connect"), "AQE=");
	json_decref(chunk);
	html_columns_free(columns);
}

Test(html_columns, a_chunk_is_full_and_begins_anew)
{
	static const struct report report = {.start_ns = 0};
	struct html_columns *columns;
	json_t *chunk;

	cr_assert_eq(html_columns_new(&report, &columns), 0);
	for (uint32_t i = 0; i < HTML_CHUNK_ATTEMPTS; i++) {
		struct attempt a = blank(i + 1);
		uint8_t client[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
		uint8_t server[4] = {10, 1, (uint8_t)(i >> 8), (uint8_t)i};

		a.client.address = address_from_ipv4(client);
		a.server.address = address_from_ipv4(server);
		a.marks_count = ATTEMPT_MARKS_MAX;
		a.causes_count = ATTEMPT_CAUSES_MAX;
		cr_assert_not(html_columns_full(columns));
		cr_assert_eq(html_columns_add(columns, &a), 0);
	}
	cr_assert(html_columns_full(columns));
	chunk = write(columns);
	cr_expect_eq(number(chunk, "n"), HTML_CHUNK_ATTEMPTS);
	cr_expect_eq(number(chunk, "marks"), HTML_CHUNK_ATTEMPTS * ATTEMPT_MARKS_MAX);
	cr_expect_eq(number(chunk, "causes"), HTML_CHUNK_ATTEMPTS * ATTEMPT_CAUSES_MAX);
	cr_expect_eq(json_array_size(json_object_get(chunk, "addresses")), 2 * HTML_CHUNK_ATTEMPTS);
	json_decref(chunk);
	cr_assert_eq(html_columns_count(columns), 0);
	chunk = write(columns);
	cr_expect_eq(number(chunk, "n"), 0);
	cr_expect_eq(json_array_size(json_object_get(chunk, "addresses")), 0);
	json_decref(chunk);
	html_columns_free(columns);
}

/* Times that no clock shows must not overflow on the way: UBSan watches. */
Test(html_columns, times_at_the_ends_of_the_range)
{
	static const int64_t ends[] = {INT64_MIN + 1, -1, 0, INT64_MAX, TIME_UNKNOWN};
	enum { ENDS = sizeof(ends) / sizeof(ends[0]) };
	struct html_columns *columns;
	json_t *chunk;

	for (int base = 0; base < ENDS - 1; base++) {
		struct report report = {.start_ns = ends[base]};

		cr_assert_eq(html_columns_new(&report, &columns), 0);
		for (int i = 0; i < ENDS * ENDS; i++) {
			struct attempt a = blank(UINT64_MAX - (uint64_t)i);

			a.syn_ns = ends[i % ENDS];
			a.synack_ns = a.accept_before_ns = ends[i / ENDS];
			a.connect_ns = a.accept_wait_ns = INT64_MAX;
			a.marks_count = 1;
			a.marks[0].time_ns = ends[(i + 1) % ENDS];
			cr_assert_eq(html_columns_add(columns, &a), 0);
		}
		chunk = write(columns);
		cr_expect_eq(number(chunk, "n"), ENDS * ENDS);
		json_decref(chunk);
		html_columns_free(columns);
	}
}
