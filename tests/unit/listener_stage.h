/*
 * A listener and its clients, played to a tracker event by event: what tests of the queues
 * share.
 */
#ifndef TESTS_UNIT_LISTENER_STAGE_H
#define TESTS_UNIT_LISTENER_STAGE_H

#include <criterion/criterion.h>

#include "report/queue/queues.h"
#include "report/track/tracker.h"

/* One listener, 10.0.0.1:80, whose limit is 2: its queue holds 3. */
#define LIMIT 2

static struct queues *queues;
static struct tracker *tracker;
static struct attempt got[128];
static size_t got_count;
static const struct report_listener *listeners;
static struct endpoint server;
static uint32_t drops; /* the socket's own, as the kernel would count */
static uint32_t not_overflows; /* those of them that ListenOverflows does not count */
static uint32_t only_drops; /* those of them that ListenDrops counts, and ListenOverflows does not */
static uint32_t deferrals; /* TCPDeferAcceptDrop */
static uint32_t cookies_wanted; /* TCPReqQFullDoCookies */
static int64_t aborts;	       /* tcp_abort_on_overflow */
static uint32_t embryonic;     /* EmbryonicRsts */
static uint32_t unsigned_ones;	       /* and TCPMD5NotFound */
static uint32_t far_ones;	       /* and TCPMinTTLDrop */
static bool entries_told; /* by BPF programs */
static bool drops_told;	  /* and drops */
static int32_t defer_accept_s; /* as is known at first; -1: it is not */
static int64_t now_ns;
static int64_t behind_ms = -1; /* of the server's clock: its timestamps; -1: it has none */

static __attribute__((unused)) int keep(void *context, const struct attempt *attempt)
{
	(void)context;
	got[got_count++] = *attempt;
	return 0;
}

static __attribute__((unused)) void deliver(struct event *e)
{
	cr_assert_eq(tracker_event(tracker, e), 0);
}

/* The counters of the namespace: whatever the socket drops, its full queue is the reason. */
static __attribute__((unused)) void count(enum counters_when when)
{
	struct event e = {.kind = EVENT_COUNTERS, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	e.counters.when = when;
	e.counters.before_ns = now_ns - 1000;
	e.counters.known = UINT64_MAX >> (64 - COUNTER_COUNT);
	e.counters.value[COUNTER_LISTEN_OVERFLOWS] = drops - not_overflows - only_drops;
	e.counters.value[COUNTER_LISTEN_DROPS] = drops - not_overflows;
	e.counters.value[COUNTER_MD5_NOT_FOUND] = unsigned_ones;
	e.counters.value[COUNTER_MIN_TTL_DROP] = far_ones;
	e.counters.value[COUNTER_DEFER_ACCEPT_DROP] = deferrals;
	e.counters.value[COUNTER_REQQ_FULL_DO_COOKIES] = cookies_wanted;
	e.counters.value[COUNTER_EMBRYONIC_RSTS] = e.counters.value[COUNTER_OUT_RSTS] = embryonic;
	deliver(&e);
}

/* Final ACKs of requests, which a full queue drops in two steps: sk_drops counts both. */
static __attribute__((unused)) void drop_acks(uint32_t count)
{
	drops += 2 * count;
	not_overflows += count;
}

static __attribute__((unused)) void start(int64_t cookies, bool exact)
{
	struct queues_options options = {.host = {.tcp_syncookies = cookies, .somaxconn = 4096,
						  .tcp_abort_on_overflow = aborts},
					 .children_looked_up = true,
					 .entries_told = entries_told,
					 .drops_told = drops_told};
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER};

	cr_assert_eq(queues_new(&options, &queues), 0);
	cr_assert_eq(
	    tracker_new(&(struct tracker_options){.queues = queues, .finished = keep}, &tracker),
	    0);
	cr_assert_eq(endpoint_parse("10.0.0.1:80", &server), 0);
	got_count = 0;
	drops = 7;
	not_overflows = drops;
	unsigned_ones = far_ones = only_drops = deferrals = cookies_wanted = 0;
	now_ns = NS_PER_SEC;
	e.time_ns = now_ns;
	e.listener = (struct listener){
	    .cookie = 1, .local = server, .limit = LIMIT, .defer_accept_s = defer_accept_s};
	deliver(&e);
	count(COUNTERS_BEFORE);
	if (exact) {
		e = (struct event){
		    .kind = EVENT_LISTEN, .source = SOURCE_SERVER, .time_ns = now_ns};
		e.listen = (struct server_listen){.local = server, .backlog = LIMIT};
		deliver(&e);
	}
}

static __attribute__((unused)) struct flow flow_of(int client)
{
	struct flow f = {.daddr = server.address, .dport = server.port};

	f.saddr = address_from_ipv4((const uint8_t[]){10, 0, 1, (uint8_t)client});
	f.sport = (uint16_t)(40000 + client);
	return f;
}

static __attribute__((unused)) void send_segment(int client, bool to_server, uint8_t flags,
						 uint32_t seq, uint32_t ack)
{
	struct event e = {.kind = EVENT_SEGMENT, .source = SOURCE_CAPTURE, .time_ns = now_ns};
	struct flow f = flow_of(client);

	e.segment.flow = to_server ? f : flow_reverse(&f);
	e.segment.flags = flags;
	e.segment.window = 65535;
	e.segment.seq = seq;
	e.segment.ack = ack;
	if (behind_ms >= 0) {
		e.segment.options = SEGMENT_TIMESTAMP;
		e.segment.tsval = (uint32_t)(now_ns / NS_PER_MS - behind_ms);
	}
	deliver(&e);
}

static __attribute__((unused)) void syn(int client)
{
	send_segment(client, true, TCP_FLAG_SYN, 100, 0);
}

static __attribute__((unused)) void syn_ack(int client)
{
	send_segment(client, false, TCP_FLAG_SYN | TCP_FLAG_ACK, 500, 101);
}

static __attribute__((unused)) void ack(int client)
{
	send_segment(client, true, TCP_FLAG_ACK, 101, 501);
}

/* The client's first data. */
static __attribute__((unused)) void first_data(int client)
{
	struct event e = {.kind = EVENT_SEGMENT, .source = SOURCE_CAPTURE, .time_ns = now_ns};

	e.segment.flow = flow_of(client);
	e.segment.flags = TCP_FLAG_ACK | TCP_FLAG_PSH;
	e.segment.seq = 101;
	e.segment.ack = 501;
	e.segment.payload = 86;
	deliver(&e);
}

/* The kernel tells that it entered, with so many before it. */
/* listener: its cookie; 0: the programs do not know which it is. */
static __attribute__((unused)) void entered_at(int client, uint64_t listener, uint32_t depth)
{
	struct event e = {.kind = EVENT_ENTRY, .source = SOURCE_BPF, .time_ns = now_ns};

	e.entry = (struct queue_entry){
	    .flow = flow_of(client), .listener = listener, .depth = depth, .limit = LIMIT};
	deliver(&e);
}

static __attribute__((unused)) void entered(int client, uint32_t depth)
{
	entered_at(client, 1, depth);
}

/* Another listener, at the place of the first. */
static __attribute__((unused)) void join(uint64_t cookie)
{
	struct event e = {.kind = EVENT_LISTENER, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	e.listener = (struct listener){.cookie = cookie, .local = server, .limit = LIMIT};
	deliver(&e);
}

static __attribute__((unused)) void handshake(int client)
{
	syn(client);
	syn_ack(client);
	ack(client);
}

static __attribute__((unused)) void accepted(int client)
{
	struct event e = {.kind = EVENT_ACCEPT, .source = SOURCE_SERVER, .time_ns = now_ns};

	e.accept =
	    (struct server_accept){.flow = flow_of(client), .before_ns = now_ns - 1000, .pid = 9};
	deliver(&e);
}

static __attribute__((unused)) void looked_up_since(int client, uint8_t state, uint32_t inode,
						    int64_t waiting_ns)
{
	struct event e = {.kind = EVENT_CHILD, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	e.child = (struct child){.flow = flow_of(client),
				 .before_ns = now_ns - 1000,
				 .waiting_ns = waiting_ns,
				 .state = state,
				 .inode = inode};
	deliver(&e);
}

static __attribute__((unused)) void looked_up(int client, uint8_t state, uint32_t inode)
{
	looked_up_since(client, state, inode, TIME_UNKNOWN);
}

/* Nothing is there but the listener, which a SYN of this client meets. */
static __attribute__((unused)) void looked_up_free(int client)
{
	struct event e = {.kind = EVENT_CHILD, .source = SOURCE_SAMPLER, .time_ns = now_ns};

	e.child = (struct child){.flow = flow_of(client),
				 .before_ns = now_ns - 1000,
				 .waiting_ns = TIME_UNKNOWN,
				 .listener = 1};
	deliver(&e);
}

static __attribute__((unused)) void pass(int64_t us)
{
	now_ns += us * NS_PER_US;
}

/* Clients 0 to 3 are answered with cookies, and the ACKs of the first three fill the queue. */
static __attribute__((unused)) void fill_with_cookies(void)
{
	for (int i = 0; i < 4; i++) {
		syn(i);
		syn_ack(i);
		cookies_wanted++;
	}
	for (int i = 0; i < 3; i++) {
		ack(i);
		pass(5);
		entered(i, (uint32_t)i);
		pass(5);
	}
}

/* Of the listener with this cookie, whose own drops are so many. */
static __attribute__((unused)) void sample_of(uint64_t cookie, uint32_t depth, uint32_t drops_of_it)
{
	struct event e = {.kind = EVENT_SAMPLE, .source = SOURCE_SAMPLER};

	pass(1000);
	e.time_ns = now_ns;
	e.sample = (struct sample){.cookie = cookie,
				   .before_ns = now_ns - 5000,
				   .depth = depth,
				   .limit = LIMIT,
				   .drops = drops_of_it,
				   .drops_known = true};
	deliver(&e);
}

static __attribute__((unused)) void sample_without_counters(uint32_t depth)
{
	sample_of(1, depth, drops);
}

static __attribute__((unused)) void count_after_sample(void)
{
	pass(10);
	count(COUNTERS_DURING);
	pass(490);
}

static __attribute__((unused)) void sample(uint32_t depth)
{
	sample_without_counters(depth);
	count_after_sample();
}

/* So many in a row that see the same. */
static __attribute__((unused)) void samples(int count, uint32_t depth)
{
	for (int i = 0; i < count; i++)
		sample(depth);
}

/* Clients 0, 1 and 2 fill the queue of a server whose accepts are told. */
static __attribute__((unused)) void start_full(void)
{
	start(1, true);
	sample(0);
	for (int i = 0; i < 3; i++)
		handshake(i);
}

static __attribute__((unused)) void finish(void)
{
	pass(5000000);
	cr_assert_eq(tracker_finish(tracker, now_ns), 0);
	cr_assert_eq(queues_report(queues, &listeners), 1);
}

static __attribute__((unused)) void end(void)
{
	tracker_free(tracker);
	queues_free(queues);
}

static __attribute__((unused)) const struct attempt *attempt_of(int client)
{
	struct endpoint e = {flow_of(client).saddr, flow_of(client).sport};

	for (size_t i = 0; i < got_count; i++)
		if (endpoint_equal(&got[i].client, &e))
			return &got[i];
	cr_assert_fail("client %d has no attempt", client);
	return NULL;
}

static __attribute__((unused)) void assert_cause(int client, enum cause cause,
						 enum confidence confidence, uint32_t packets)
{
	const struct attempt *a = attempt_of(client);

	for (uint32_t i = 0; i < a->causes_count; i++) {
		if (a->causes[i].cause != cause)
			continue;
		cr_expect_eq(a->causes[i].confidence, confidence, "client %d: %s is %s", client,
			     cause_name(cause), confidence_name(a->causes[i].confidence));
		cr_expect_eq(a->causes[i].packets, packets, "client %d: %u packets", client,
			     a->causes[i].packets);
		return;
	}
	cr_expect_fail("client %d: %s with %u causes, %s is not among them", client,
		       outcome_name(a->outcome), a->causes_count, cause_name(cause));
}

#endif
