#include "report/queue/timestamps.h"

#include <criterion/criterion.h>

/* The kernel's clock at the start: 1,000 times 64 ms, and half of one. */
#define BOOT_NS	 (1700000000LL * NS_PER_SEC)
#define START_NS (BOOT_NS + 64000 * NS_PER_MS + NS_PER_MS / 2)
/* Of this connection (secure_tcp_ts_off()). */
#define OFFSET 0xfffffff0u
/* Window scale 10, SACK: what a cookie has for the last six bits. */
#define OPTIONS 26

static struct timestamps *timestamps;

static uint32_t tsval(int64_t time_ns)
{
	return (uint32_t)((time_ns - BOOT_NS) / NS_PER_MS) + OFFSET;
}

/* cookie_init_timestamp() */
static uint32_t cookie_tsval(int64_t time_ns)
{
	uint32_t now = (uint32_t)((time_ns - BOOT_NS) / NS_PER_MS);
	uint32_t ts = (now & ~63u) | OPTIONS;

	return (ts > now ? ts - 64 : ts) + OFFSET;
}

static bool answer(int64_t time_ns, uint32_t value)
{
	struct segment s = {.flags = TCP_FLAG_SYN | TCP_FLAG_ACK,
			    .options =
				SEGMENT_TIMESTAMP | SEGMENT_WINDOW_SCALE | SEGMENT_SACK_PERMITTED,
			    .window_scale = 7, /* the server's own says nothing */
			    .tsval = value};

	return timestamps_syn_ack(timestamps, 5, 77, time_ns, &s, 10);
}

static enum timestamp hear(int64_t time_ns, uint32_t value, bool from_server)
{
	struct segment s = {.flags = TCP_FLAG_ACK, .options = SEGMENT_TIMESTAMP};

	s.tsval = from_server ? value : 1;
	s.tsecr = from_server ? 1 : value;
	return timestamps_hear(timestamps, 5, 77, time_ns, &s, from_server);
}

static void start(int64_t offset_ns)
{
	cr_assert_eq(timestamps_new(offset_ns, &timestamps), 0);
}

Test(timestamps, each_millisecond_of_a_cookies_clock)
{
	const int64_t later_ns = 300 * NS_PER_MS;

	start(BOOT_NS);
	for (int ms = 0; ms < 64; ms++) {
		int64_t time_ns = START_NS + ms * NS_PER_MS;
		int behind = (ms - OPTIONS) & 63;
		enum timestamp cookie = behind > 8 ? TIMESTAMP_COOKIE : TIMESTAMP_COOKIE_LIKELY;
		enum timestamp request = behind > 8 ? TIMESTAMP_REQUEST : TIMESTAMP_REQUEST_LIKELY;

		cr_expect_eq(answer(time_ns, cookie_tsval(time_ns)), behind > 0, "%d ms", ms);
		cr_expect_eq(hear(time_ns + later_ns, tsval(time_ns + later_ns), true),
			     behind ? cookie : TIMESTAMP_NOTHING, "a cookie, %d ms", ms);
		answer(time_ns, tsval(time_ns));
		cr_expect_eq(hear(time_ns + later_ns, tsval(time_ns + later_ns), true),
			     behind ? request : TIMESTAMP_NOTHING, "a request, %d ms", ms);
	}
	timestamps_free(timestamps);
}

Test(timestamps, a_client_sends_back_what_is_older)
{
	const int64_t sent_ns = START_NS + 46 * NS_PER_MS; /* a cookie is 20 behind */
	const int64_t now_ns = sent_ns + 100 * NS_PER_MS;

	start(BOOT_NS);
	answer(sent_ns, cookie_tsval(sent_ns));
	cr_expect_eq(hear(now_ns, cookie_tsval(sent_ns), false), TIMESTAMP_NOTHING,
		     "of the SYN-ACK");
	cr_expect_eq(hear(now_ns, tsval(now_ns - 25 * NS_PER_MS), false), TIMESTAMP_NOTHING,
		     "too old to show it");
	cr_expect_eq(hear(now_ns, tsval(now_ns - 20 * NS_PER_MS), false), TIMESTAMP_REQUEST_LIKELY,
		     "by chance, and not certain");
	cr_expect_eq(hear(now_ns, tsval(now_ns - 17 * NS_PER_MS), false), TIMESTAMP_NOTHING,
		     "or a SYN-ACK that was captured late");
	cr_expect_eq(hear(now_ns, tsval(now_ns - 2 * NS_PER_MS), false), TIMESTAMP_COOKIE);
	cr_expect_eq(hear(now_ns, tsval(now_ns), false), TIMESTAMP_NOTHING, "it has been said");
	answer(sent_ns, tsval(sent_ns));
	cr_expect_eq(hear(now_ns, tsval(now_ns - 5 * NS_PER_MS), false), TIMESTAMP_NOTHING);
	cr_expect_eq(hear(now_ns, tsval(now_ns), false), TIMESTAMP_REQUEST_LIKELY);
	cr_expect_eq(hear(now_ns, tsval(now_ns), true), TIMESTAMP_REQUEST);
	timestamps_free(timestamps);
}

Test(timestamps, what_no_server_of_this_clock_sends_says_nothing)
{
	const int64_t sent_ns = START_NS + 46 * NS_PER_MS, now_ns = sent_ns + 2 * NS_PER_SEC;

	start(BOOT_NS);
	answer(sent_ns, tsval(sent_ns));
	cr_expect_eq(hear(now_ns, tsval(now_ns) + 3, true), TIMESTAMP_NOTHING,
		     "it was captured late");
	cr_expect_eq(hear(now_ns, tsval(now_ns) + 10, true), TIMESTAMP_NOTHING);
	cr_expect_eq(hear(now_ns, tsval(now_ns) + 1000000, true), TIMESTAMP_NOTHING);
	cr_expect_eq(hear(now_ns, tsval(now_ns) - 1000000, true), TIMESTAMP_NOTHING);
	cr_expect_eq(hear(now_ns, 0, true), TIMESTAMP_NOTHING);
	timestamps_free(timestamps);
}

Test(timestamps, without_the_clock_what_is_behind_is_a_cookie)
{
	const int64_t sent_ns = START_NS + 46 * NS_PER_MS, now_ns = sent_ns + 100 * NS_PER_MS;

	start(0);
	cr_expect(answer(sent_ns, tsval(sent_ns)));
	cr_expect_eq(hear(now_ns, tsval(now_ns), true), TIMESTAMP_NOTHING,
		     "or a cookie of its time");
	cr_expect_eq(hear(now_ns, tsval(now_ns) + 2, true), TIMESTAMP_COOKIE_LIKELY);
	cr_expect_eq(hear(now_ns, tsval(now_ns) + 100, true), TIMESTAMP_NOTHING);
	cr_expect_eq(hear(now_ns, tsval(now_ns) + 20, true), TIMESTAMP_COOKIE);
	timestamps_free(timestamps);
}

Test(timestamps, only_of_the_attempt_that_it_is_of)
{
	struct segment none = {.flags = TCP_FLAG_SYN | TCP_FLAG_ACK};
	struct segment later = {.flags = TCP_FLAG_ACK, .options = SEGMENT_TIMESTAMP};
	const int64_t sent_ns = START_NS + 46 * NS_PER_MS, now_ns = sent_ns + 100 * NS_PER_MS;

	start(BOOT_NS);
	cr_expect_not(timestamps_syn_ack(timestamps, 5, 77, sent_ns, &none, 10), "no timestamp");
	later.tsval = tsval(now_ns);
	cr_expect_eq(timestamps_hear(timestamps, 5, 77, now_ns, &later, true), TIMESTAMP_NOTHING);
	answer(sent_ns, cookie_tsval(sent_ns));
	cr_expect_eq(timestamps_hear(timestamps, 6, 77, now_ns, &later, true), TIMESTAMP_NOTHING);
	cr_expect_eq(timestamps_hear(timestamps, 5, 78, now_ns, &later, true), TIMESTAMP_NOTHING);
	later.options = 0;
	cr_expect_eq(timestamps_hear(timestamps, 5, 77, now_ns, &later, true), TIMESTAMP_NOTHING);
	later.options = SEGMENT_TIMESTAMP;
	cr_expect_eq(timestamps_hear(timestamps, 5, 77, now_ns, &later, true), TIMESTAMP_COOKIE);
	timestamps_free(timestamps);
}
