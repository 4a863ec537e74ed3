/*
 * One client and one server, played to a tracker of packets alone, segment by segment.
 */
#ifndef TESTS_UNIT_TRACKER_STAGE_H
#define TESTS_UNIT_TRACKER_STAGE_H

#include <criterion/criterion.h>

#include "report/track/tracker.h"

#define SYN	TCP_FLAG_SYN
#define SYN_ACK (TCP_FLAG_SYN | TCP_FLAG_ACK)
#define ACK	TCP_FLAG_ACK
#define RST	TCP_FLAG_RST
#define RST_ACK (TCP_FLAG_RST | TCP_FLAG_ACK)

static struct tracker *tracker;
static struct attempt got[128];
static size_t got_count;
static struct flow to_server;

static inline int keep(void *context, const struct attempt *attempt)
{
	(void)context;
	if (got_count < 128)
		got[got_count] = *attempt;
	got_count++;
	return 0;
}

static inline void start(uint32_t max_open)
{
	struct tracker_options options = {.max_open = max_open, .finished = keep};
	struct endpoint client, server;

	cr_assert_eq(endpoint_parse("192.0.2.1:40000", &client), 0);
	cr_assert_eq(endpoint_parse("192.0.2.2:80", &server), 0);
	to_server = (struct flow){client.address, server.address, client.port, server.port};
	got_count = 0;
	cr_assert_eq(tracker_new(&options, &tracker), 0);
}

static inline void send_at(int64_t time_ns, bool from_client, uint8_t flags, uint32_t seq,
			   uint32_t ack)
{
	struct event e = {.kind = EVENT_SEGMENT, .source = SOURCE_CAPTURE, .time_ns = time_ns};

	e.segment.flow = from_client ? to_server : flow_reverse(&to_server);
	e.segment.flags = flags;
	e.segment.seq = seq;
	e.segment.ack = ack;
	cr_assert_eq(tracker_event(tracker, &e), 0);
}

#endif
