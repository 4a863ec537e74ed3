#include "report/sink/sink.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct attempt make_attempt(void)
{
	struct attempt a;

	memset(&a, 0, sizeof(a));
	cr_assert_eq(endpoint_parse("127.0.0.1:40000", &a.client), 0);
	cr_assert_eq(endpoint_parse("127.0.0.1:80", &a.server), 0);
	a.synack_ns = a.ack_ns = a.accept_ns = a.accept_after_ns = a.accept_before_ns = a.fork_ns =
	    a.first_byte_ns = a.reply_ns = a.close_ns = a.exit_ns = a.end_ns = TIME_UNKNOWN;
	a.syn_to_synack_ns = a.synack_to_ack_ns = a.connect_ns = a.accept_wait_ns =
	    a.accept_to_fork_ns = -1;
	a.syn_ns = 1;
	a.listener = -1;
	return a;
}

static const struct report empty_report = {
    .version = "0", .kind = REPORT_PCAP, .start_ns = TIME_UNKNOWN, .end_ns = TIME_UNKNOWN};

/* Prints so many attempts; returns the first error. */
static int print(const struct sink_format *format, FILE *out, int count)
{
	static const struct sink_style style;
	struct sink *sink = format->new (out, &style);
	struct attempt a = make_attempt();
	int result = 0;

	cr_assert_not_null(sink);
	for (int i = 0; i < count && !result; i++)
		result = sink->ops->attempt(sink, &a);
	if (!result)
		result = sink->ops->finish(sink, &empty_report);
	sink_free(sink);
	return result;
}

Test(sink, formats_are_found_by_name)
{
	for (const struct sink_format *format = sink_formats; format->name; format++) {
		cr_expect_eq(sink_format_find(format->name), format);
		cr_expect_not_null(format->description);
	}
	cr_expect_not_null(sink_format_find("text"));
	cr_expect_not_null(sink_format_find("json"));
	cr_expect_not_null(sink_format_find("tsv"));
	cr_expect_null(sink_format_find("xml"));
	cr_expect_null(sink_format_find(""));
}

Test(sink, a_full_disk_is_an_error_in_every_format)
{
	for (const struct sink_format *format = sink_formats; format->name; format++) {
		FILE *out = fopen("/dev/full", "w");

		cr_assert_not_null(out);
		/* Rows of no attempts are no bytes. */
		cr_expect_eq(print(format, out, 0), strcmp(format->name, "jsonl") ? -ENOSPC : 0,
			     "%s", format->name);
		fclose(out);
		out = fopen("/dev/full", "w");
		cr_assert_not_null(out);
		cr_expect_eq(print(format, out, 5000), -ENOSPC, "%s", format->name);
		fclose(out);
	}
}

Test(sink, a_reader_that_went_away_is_an_error_in_every_format)
{
	signal(SIGPIPE, SIG_IGN);
	for (const struct sink_format *format = sink_formats; format->name; format++) {
		int ends[2];
		FILE *out;

		cr_assert_eq(pipe(ends), 0);
		close(ends[0]);
		out = fdopen(ends[1], "w");
		cr_assert_not_null(out);
		cr_expect_eq(print(format, out, 10), -EPIPE, "%s", format->name);
		fclose(out);
	}
}

static char *tsv_line(const struct attempt *a)
{
	static const struct sink_style style;
	struct sink *sink;
	char *text, *line;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	sink = sink_format_find("tsv")->new (out, &style);
	cr_assert_not_null(sink);
	cr_assert_eq(sink->ops->attempt(sink, a), 0);
	cr_assert_eq(sink->ops->attempt(sink, a), 0);
	cr_assert_eq(sink->ops->finish(sink, &empty_report), 0);
	sink_free(sink);
	fclose(out);
	/* Header, line, the same line again from what is remembered. */
	line = strchr(text, '\n');
	cr_assert_not_null(line);
	line = strndup(line + 1, strcspn(line + 1, "\n"));
	cr_assert_not_null(line);
	cr_assert_not_null(strstr(text, line));
	cr_expect_eq(memcmp(text + length - strlen(line) - 1, line, strlen(line)), 0);
	free(text);
	return line;
}

/* Times around every power of ten, and the ends of the range, as printf() has them. */
Test(sink, tsv_prints_any_time)
{
	for (int64_t time_ns = 1; time_ns <= INT64_MAX / 10; time_ns *= 10) {
		static const int around[] = {-1, 0, 1};

		for (int i = 0; i < 3; i++) {
			int64_t values[] = {time_ns + around[i], -time_ns + around[i],
					    INT64_MAX - time_ns, INT64_MIN + time_ns};

			for (int j = 0; j < 4; j++) {
				struct attempt a = make_attempt();
				char expected[256], *line;

				a.syn_ns = a.ack_ns = values[j];
				a.isn = (uint32_t)values[j];
				snprintf(expected, sizeof(expected),
					 "127.0.0.1:40000\t127.0.0.1:80\t%" PRIu32 "\t%" PRId64
					 "\t0\t\t0\t%" PRId64 "\t\t\t\t\t\t\taccepted\t\t\t\t\t\t",
					 a.isn, a.syn_ns, a.ack_ns);
				line = tsv_line(&a);
				cr_assert_str_eq(line, expected);
				free(line);
			}
		}
	}
}

Test(sink, tsv_prints_any_difference_and_count)
{
	static const int64_t values[] = {0,	    7,	       99999999, 100000000, 123456789012,
					 INT64_MAX, INT64_MIN, -2};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		struct attempt a = make_attempt();
		char expected[256], *line;

		a.accept_to_fork_ns = a.syn_to_synack_ns = values[i];
		a.syns = a.synacks = (uint32_t)values[i];
		a.child_pid = INT32_MAX;
		a.causes_count = 2;
		a.causes[0].cause = CAUSE_SYN_COOKIE;
		a.causes[1].cause = CAUSE_SLOW_ACCEPT;
		snprintf(expected, sizeof(expected),
			 "127.0.0.1:40000\t127.0.0.1:80\t0\t1\t%" PRIu32 "\t\t%" PRIu32
			 "\t\t\t\t\t\t2147483647\t\taccepted\tsyn-cookie,slow-accept\t%" PRId64
			 "\t\t\t\t%" PRId64,
			 a.syns, a.synacks, values[i], values[i]);
		line = tsv_line(&a);
		cr_assert_str_eq(line, expected);
		free(line);
	}
}
