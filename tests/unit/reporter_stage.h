/*
 * Interface of a stage: a reporter that is given events as a live run gives them.
 */
#ifndef TESTS_UNIT_REPORTER_STAGE_H
#define TESTS_UNIT_REPORTER_STAGE_H

#include <criterion/criterion.h>

#include "report/reporter.h"

/* One listener, 10.0.0.1:80, whose limit is 1: its queue holds 2. */
#define LIMIT 1
#define START (INT64_C(1700000000) * NS_PER_SEC)

static struct recording_meta meta;
static struct reporter *reporter;
static struct endpoint server;
static int64_t now_ns;

static inline void deliver(struct event *e)
{
	e->time_ns = now_ns;
	cr_assert_eq(reporter_event(reporter, e), 0);
}

static inline void say_listener(uint64_t cookie, enum listener_change change)
{
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER};

	e.listener = (struct listener){
	    .cookie = cookie, .local = server, .limit = LIMIT, .change = change, .comm = "it"};
	deliver(&e);
}

/* slots: of the live view; 0: none, but metrics. */
static inline void start(unsigned slots)
{
	struct reporter_options options = {
	    .kind = REPORT_LIVE, .meta = &meta, .live_slots = slots, .metrics = slots == 0};

	meta = (struct recording_meta){.start_ns = START, .host = {.somaxconn = 4096}};
	meta.host.tcp_syncookies = 1;
	meta.sources[SOURCE_SAMPLER].on = true;
	cr_assert_eq(reporter_new(&options, &reporter), 0);
	cr_assert_eq(endpoint_parse("10.0.0.1:80", &server), 0);
	now_ns = START + NS_PER_MS;
	say_listener(1, LISTENER_SEEN);
}

static inline struct flow flow_of(int client)
{
	struct flow f = {.daddr = server.address, .dport = server.port};

	f.saddr = address_from_ipv4((const uint8_t[]){10, 0, 1, (uint8_t)client});
	f.sport = (uint16_t)(40000 + client);
	return f;
}

static inline void send_segment(int client, bool to_server, uint8_t flags, uint32_t seq,
				uint32_t ack)
{
	struct event e = {.kind = EVENT_SEGMENT, .source = SOURCE_CAPTURE};
	struct flow f = flow_of(client);

	e.segment.flow = to_server ? f : flow_reverse(&f);
	e.segment.flags = flags;
	e.segment.window = 65535;
	e.segment.seq = seq;
	e.segment.ack = ack;
	deliver(&e);
}

static inline void syn(int client)
{
	send_segment(client, true, TCP_FLAG_SYN, 100, 0);
}

static inline void handshake(int client, int64_t ms)
{
	syn(client);
	now_ns += ms * NS_PER_MS;
	send_segment(client, false, TCP_FLAG_SYN | TCP_FLAG_ACK, 500, 101);
	send_segment(client, true, TCP_FLAG_ACK, 101, 501);
}

static inline void looked_up(int client, uint32_t inode)
{
	struct event e = {.kind = EVENT_CHILD, .source = SOURCE_SAMPLER};

	e.child = (struct child){.flow = flow_of(client),
				 .before_ns = now_ns - 1000,
				 .waiting_ns = TIME_UNKNOWN,
				 .state = 1,
				 .inode = inode};
	deliver(&e);
}

static inline void sample(uint64_t cookie, uint32_t depth, uint32_t drops)
{
	struct event e = {.kind = EVENT_SAMPLE, .source = SOURCE_SAMPLER};

	now_ns += NS_PER_MS;
	e.sample = (struct sample){.cookie = cookie,
				   .before_ns = now_ns - 5000,
				   .depth = depth,
				   .limit = LIMIT,
				   .drops = drops,
				   .drops_known = true};
	deliver(&e);
	now_ns += NS_PER_MS;
}

static inline void end(void)
{
	struct reporter_source source = {.start_ns = START, .end_ns = now_ns};

	cr_assert_eq(reporter_finish(reporter, &source), 0);
}

/* Two wait, the third SYN is dropped: sk_drops moves by one. */
static inline void overflow(void)
{
	sample(1, 0, 0);
	handshake(1, 1);
	handshake(2, 1);
	sample(1, 2, 0);
	syn(3);
	for (int i = 0; i < 80; i++)
		sample(1, 2, 1);
}

#endif
