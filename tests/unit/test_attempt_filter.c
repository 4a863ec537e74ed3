#include "report/attempt/filter.h"

#include <criterion/criterion.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

static struct attempt attempt;
static struct filter filter;

/* Accepted 300 ms after its SYN. */
static void begin(void)
{
	memset(&attempt, 0, sizeof(attempt));
	memset(&filter, 0, sizeof(filter));
	cr_assert_eq(endpoint_parse("192.0.2.7:40000", &attempt.client), 0);
	cr_assert_eq(endpoint_parse("198.51.100.1:80", &attempt.server), 0);
	attempt.outcome = OUTCOME_ACCEPTED;
	attempt.syn_ns = SECOND;
	attempt.synack_ns = attempt.ack_ns = SECOND + 1000;
	attempt.accept_ns = SECOND * 13 / 10;
	attempt.accept_after_ns = attempt.accept_before_ns = TIME_UNKNOWN;
	attempt.causes_count = 1;
	attempt.causes[0].cause = CAUSE_SLOW_ACCEPT;
}

TestSuite(attempt_filter, .init = begin);

static void add_listener(const char *text)
{
	cr_assert_eq(endpoint_parse(text, &filter.listeners[filter.listeners_count++]), 0);
}

static void add_client(const char *text)
{
	cr_assert_eq(network_parse(text, &filter.clients[filter.clients_count++]), 0);
}

static bool matches(void)
{
	return filter_matches(&filter, &attempt);
}

Test(attempt_filter, nothing_leaves_nothing_out)
{
	cr_expect_not(filter_is_set(&filter));
	cr_expect(matches());
}

Test(attempt_filter, listeners_are_alternatives)
{
	add_listener("81");
	cr_expect(filter_is_set(&filter));
	cr_expect_not(matches());
	add_listener("198.51.100.2:80");
	cr_expect_not(matches());
	add_listener("198.51.100.1:80");
	cr_expect(matches());
	begin();
	add_listener("80");
	cr_expect(matches(), "a port alone is of every address");
}

Test(attempt_filter, the_address_that_takes_any_is_of_its_family)
{
	char text[FILTER_TEXT_SIZE];

	add_listener("0.0.0.0:80");
	cr_expect(matches());
	cr_expect_str_eq(filter_format(&filter, text), "--listener 0.0.0.0:80");
	cr_assert_eq(endpoint_parse("[2001:db8::1]:80", &attempt.server), 0);
	cr_expect_not(matches());
	filter.listeners_count = 0;
	add_listener("[::]:80");
	cr_expect(matches());
	cr_assert_eq(endpoint_parse("198.51.100.1:80", &attempt.server), 0);
	cr_expect(matches(), "it may take IPv4 too");
}

Test(attempt_filter, what_the_client_asked_for_counts)
{
	add_listener("203.0.113.1:443");
	cr_expect_not(matches());
	cr_assert_eq(endpoint_parse("203.0.113.1:443", &attempt.destination), 0);
	cr_expect(matches());
}

Test(attempt_filter, clients)
{
	add_client("192.0.2.8");
	cr_expect_not(matches());
	add_client("192.0.2.0/29");
	cr_expect(matches());
}

Test(attempt_filter, kinds_hold_together)
{
	filter.outcomes = 1u << OUTCOME_ACCEPTED | 1u << OUTCOME_RESET;
	filter.causes = 1u << CAUSE_SLOW_ACCEPT;
	cr_expect(matches());
	filter.causes = 1u << CAUSE_CLIENT_LEFT;
	cr_expect_not(matches());
	filter.causes = 1u << CAUSE_SLOW_ACCEPT;
	filter.outcomes = 1u << OUTCOME_RESET;
	cr_expect_not(matches());
	filter.outcomes = 0;
	attempt.causes_count = 0;
	cr_expect_not(matches());
}

static int64_t milliseconds(void)
{
	return filter_duration(&attempt) / 1000000;
}

Test(attempt_filter, duration)
{
	cr_expect_eq(milliseconds(), 300);
	attempt.accept_ns = TIME_UNKNOWN;
	attempt.accept_before_ns = SECOND * 14 / 10;
	cr_expect_eq(milliseconds(), 400);
	/* accept() was not observed: what happened after the handshake is no wait. */
	attempt.accept_before_ns = TIME_UNKNOWN;
	attempt.outcome = OUTCOME_ESTABLISHED;
	attempt.marks_count = 1;
	attempt.marks[0] = (struct mark){.time_ns = 60 * SECOND, .kind = MARK_FIN_CLIENT};
	cr_expect_eq(milliseconds(), 0);
	/* In vain, for as long as its SYNs show. */
	attempt.outcome = OUTCOME_UNANSWERED;
	attempt.synack_ns = attempt.ack_ns = TIME_UNKNOWN;
	attempt.marks[0] = (struct mark){.time_ns = 8 * SECOND, .kind = MARK_SYN};
	cr_expect_eq(milliseconds(), 7000);
	filter.timed = true;
	filter.slower_than_ns = 7 * SECOND;
	cr_expect_not(matches());
	filter.slower_than_ns--;
	cr_expect(matches());
	attempt.syn_ns = TIME_UNKNOWN;
	filter.slower_than_ns = 0;
	cr_expect_not(matches(), "when it began is not known");
	attempt.syn_ns = INT64_MIN + 1;
	attempt.marks[0].time_ns = INT64_MAX;
	cr_expect_eq(filter_duration(&attempt), INT64_MAX);
}

Test(attempt_filter, in_words)
{
	char text[FILTER_TEXT_SIZE];

	cr_expect_str_eq(filter_format(&filter, text), "");
	add_listener("80");
	add_listener("[::1]:81");
	add_client("10.0.0.0/8");
	filter.outcomes = 1u << OUTCOME_ZOMBIE | 1u << OUTCOME_RESET;
	filter.causes = 1u << CAUSE_SYN_COOKIE;
	filter.timed = true;
	filter.slower_than_ns = 1500000;
	cr_expect_str_eq(filter_format(&filter, text),
			 "--listener 80 --listener [::1]:81 --client 10.0.0.0/8 --outcome "
			 "reset,zombie --cause syn-cookie --slower-than 1500us");
}

Test(attempt_filter, the_longest_is_cut)
{
	char text[FILTER_TEXT_SIZE];

	while (filter.listeners_count < FILTER_LISTENERS_MAX)
		add_listener("[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
	while (filter.clients_count < FILTER_CLIENTS_MAX)
		add_client("2001:db8:1111:2222:3333:4444:5555:6666/127");
	filter.outcomes = (1u << OUTCOME_COUNT) - 1;
	filter.causes = (1u << CAUSE_COUNT) - 1;
	cr_expect_lt(strlen(filter_format(&filter, text)), sizeof(text));
}
