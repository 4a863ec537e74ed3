/*
 * Reports made by hand: a recording in which everything happens, a capture
 * alone, one in which nothing happened, and one full of hostile text.
 */
#include "fixture.h"

#include <assert.h>
#include <string.h>

#include "report/explain/drops.h"
#include "report/measure/histogram.h"

#define T0	  INT64_C(1700000000000000000) /* start of each observation */
#define US(n)	  ((int64_t)(n)*NS_PER_US)
#define MS(n)	  ((int64_t)(n)*NS_PER_MS)
#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct fixture fixture;
static struct attempt attempts[16];
static struct recording_meta meta;
static struct report_listener listeners[3];
static struct latency_bar bars[LATENCY_COUNT][64];

static struct endpoint endpoint(const char *text)
{
	struct endpoint out;
	int result = endpoint_parse(text, &out);

	assert(result == 0);
	(void)result;
	return out;
}

static struct attempt *add_attempt(const char *client, const char *server, int64_t syn_ns)
{
	struct attempt *a = &attempts[fixture.attempts_count++];

	assert(fixture.attempts_count <= LENGTH(attempts));
	memset(a, 0, sizeof(*a));
	a->number = fixture.attempts_count;
	a->client = endpoint(client);
	a->server = endpoint(server);
	a->isn = 0x10000000u + (uint32_t)a->number;
	a->syn_ns = T0 + syn_ns;
	a->synack_ns = a->ack_ns = a->entered_ns = a->accept_ns = a->accept_after_ns =
	    a->client_left_ns = a->accept_before_ns = a->fork_ns = a->first_byte_ns = a->reply_ns =
		a->close_ns = a->exit_ns = a->end_ns = TIME_UNKNOWN;
	a->syn_to_synack_ns = a->synack_to_ack_ns = a->connect_ns = a->accept_wait_ns =
	    a->queue_wait_ns = a->accept_to_fork_ns = -1;
	return a;
}

static struct mark *add_mark(struct attempt *a, enum mark_kind kind, int64_t since_syn_ns)
{
	struct mark *mark = &a->marks[a->marks_count++];

	assert(a->marks_count <= ATTEMPT_MARKS_MAX);
	*mark = (struct mark){.time_ns = a->syn_ns + since_syn_ns,
			      .frame = a->number * 100 + a->marks_count,
			      .kind = kind,
			      .depth = MARK_DEPTH_UNKNOWN};
	if (kind == MARK_SYN)
		a->syns++;
	if (kind == MARK_SYN_ACK) {
		a->synacks++;
		a->server_isn = 0x20000000u + a->synacks;
	}
	return mark;
}

static void add_cause(struct attempt *a, enum cause cause, enum confidence confidence,
		      uint32_t packets)
{
	a->causes[a->causes_count++] = (struct attempt_cause){cause, confidence, packets};
}

static void drop(struct mark *mark, enum cause cause, enum confidence confidence, uint32_t depth,
		 uint32_t limit)
{
	mark->dropped = true;
	mark->cause_known = true;
	mark->cause = cause;
	mark->confidence = confidence;
	mark->depth = depth;
	mark->limit = limit;
}

/* The three packets of a handshake whose SYN comes at since_syn_ns. */
static void add_handshake(struct attempt *a, int64_t since_syn_ns)
{
	add_mark(a, MARK_SYN, since_syn_ns);
	add_mark(a, MARK_SYN_ACK, since_syn_ns + US(12));
	add_mark(a, MARK_ACK, since_syn_ns + US(31));
	a->synack_ns = a->syn_ns + since_syn_ns + US(12);
	a->ack_ns = a->syn_ns + since_syn_ns + US(31);
	a->syn_to_synack_ns = a->connect_ns = since_syn_ns + US(12);
	a->synack_to_ack_ns = US(19);
}

static void add_service(struct attempt *a, int64_t wait_ns, int32_t child_pid)
{
	a->outcome = OUTCOME_ACCEPTED;
	a->accept_ns = a->ack_ns + wait_ns;
	a->entered_ns = a->ack_ns;
	a->accept_wait_ns = a->queue_wait_ns = wait_ns;
	a->accept_to_fork_ns = US(85);
	a->fork_ns = a->accept_ns + US(85);
	a->accept_pid = 4000;
	a->child_pid = child_pid;
	a->first_byte_ns = a->fork_ns + US(210);
	a->reply_ns = a->fork_ns + MS(200);
	a->close_ns = a->reply_ns + US(40);
	a->exit_ns = a->close_ns + US(310);
	a->end_ns = a->close_ns + US(15);
}

/* Two attempts that went well, one that waited, three that lost SYNs: one came through late. */
static void add_queue_attempts(void)
{
	struct attempt *a = add_attempt("127.0.0.1:40110", "127.0.0.1:8080", MS(1));

	add_handshake(a, 0);
	add_service(a, US(80), 4001);

	a = add_attempt("127.0.0.1:40112", "127.0.0.1:8080", MS(2));
	add_handshake(a, 0);
	add_service(a, MS(1600), 4009);
	add_cause(a, CAUSE_SLOW_ACCEPT, CONFIDENCE_EXACT, 0);

	a = add_attempt("127.0.0.1:40114", "127.0.0.1:8080", MS(4));
	drop(add_mark(a, MARK_SYN, 0), CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 6, 5);
	add_handshake(a, MS(1020));
	add_service(a, MS(412), 4012);
	add_cause(a, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_EXACT, 1);

	a = add_attempt("127.0.0.1:40116", "127.0.0.1:8080", MS(4));
	drop(add_mark(a, MARK_SYN, 0), CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_BOUNDED, 6, 5);
	drop(add_mark(a, MARK_SYN, MS(1020)), CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_BOUNDED, 6,
	     5);
	drop(add_mark(a, MARK_SYN, MS(2040)), CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_BOUNDED, 6,
	     5);
	a->outcome = OUTCOME_UNANSWERED;
	add_cause(a, CAUSE_ACCEPT_QUEUE_FULL_SYN, CONFIDENCE_BOUNDED, 3);

	a = add_attempt("127.0.0.1:40118", "127.0.0.1:8080", MS(5));
	add_handshake(a, 0);
	a->synack_to_ack_ns = US(19);
	drop(&a->marks[2], CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_INFERRED, 6, 5);
	a->outcome = OUTCOME_ZOMBIE;
	add_cause(a, CAUSE_SYN_COOKIE, CONFIDENCE_EXACT, 1);
	add_cause(a, CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_INFERRED, 1);
	for (uint32_t i = 0; i < fixture.attempts_count; i++)
		attempts[i].listener = 0;
}

/* What can happen to a client besides a full accept queue. */
static void add_other_attempts(void)
{
	struct attempt *a = add_attempt("[2001:db8::7]:50000", "[2001:db8::1]:8443", MS(40));

	add_mark(a, MARK_SYN, 0);
	add_mark(a, MARK_SYN_ACK, US(15));
	add_mark(a, MARK_SYN_ACK, MS(1000));
	add_mark(a, MARK_SYN_ACK, MS(3000));
	a->synack_ns = a->syn_ns + US(15);
	a->syn_to_synack_ns = a->connect_ns = US(15);
	a->outcome = OUTCOME_HALF_OPEN;
	a->listener = 1;
	add_cause(a, CAUSE_SYNACK_UNACKNOWLEDGED, CONFIDENCE_EXACT, 3);

	a = add_attempt("[2001:db8::8]:50001", "[2001:db8::1]:8443", MS(50));
	add_handshake(a, 0);
	add_mark(a, MARK_RST_CLIENT, MS(30));
	a->end_ns = a->syn_ns + MS(30);
	a->outcome = OUTCOME_RESET;
	a->listener = 1;
	add_cause(a, CAUSE_CLIENT_RESET, CONFIDENCE_EXACT, 1);

	a = add_attempt("[2001:db8::9]:50002", "[2001:db8::1]:8443", MS(60));
	add_handshake(a, 0);
	a->outcome = OUTCOME_ACCEPTED;
	a->accept_after_ns = a->ack_ns + MS(3);
	a->accept_before_ns = a->ack_ns + MS(4);
	a->entered_ns = a->ack_ns;
	a->accept_wait_ns = a->queue_wait_ns = MS(4);
	a->accept_pid = 777;
	a->listener = 1;
	add_cause(a, CAUSE_DEFER_ACCEPT, CONFIDENCE_EXACT, 1);

	a = add_attempt("192.0.2.77:1025", "198.51.100.1:81", MS(70));
	add_mark(a, MARK_SYN, 0);
	add_mark(a, MARK_RST_SERVER, US(8));
	a->end_ns = a->syn_ns + US(8);
	a->outcome = OUTCOME_REFUSED;
	a->listener = -1;
	add_cause(a, CAUSE_NO_LISTENER, CONFIDENCE_EXACT, 1);

	a = add_attempt("192.0.2.78:1026", "198.51.100.1:8080", MS(80));
	add_mark(a, MARK_SYN, 0);
	add_mark(a, MARK_SYN, MS(1000));
	a->outcome = OUTCOME_UNANSWERED;
	a->listener = -1;
	add_cause(a, CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_INFERRED, 2);

	a = add_attempt("127.0.0.1:40130", "127.0.0.1:8080", MS(4000));
	add_handshake(a, 0);
	a->outcome = OUTCOME_WAITING;
	a->entered_ns = a->ack_ns;
	a->accept_wait_ns = a->queue_wait_ns = MS(998);
	a->marks_lost = 2;
}

static void add_to(struct histogram *histogram, int64_t value)
{
	if (value != -1)
		histogram_add(histogram, value);
}

/* The totals follow from the attempts. */
static void sum_up(void)
{
	static struct histogram histograms[LATENCY_COUNT];
	struct report *report = &fixture.report;

	for (int i = 0; i < LATENCY_COUNT; i++)
		histogram_init(&histograms[i]);
	for (size_t i = 0; i < fixture.attempts_count; i++) {
		const struct attempt *a = &attempts[i];

		report->attempts++;
		report->outcomes[a->outcome]++;
		report->roles[a->role]++;
		report->inbound++;
		report->inbound_outcomes[a->outcome]++;
		for (uint32_t j = 0; j < a->causes_count; j++) {
			report->causes[a->causes[j].cause]++;
			report->inbound_causes[a->causes[j].cause]++;
			report->cause_packets[a->causes[j].cause] += a->causes[j].packets;
		}
		add_to(&histograms[LATENCY_SYN_TO_SYNACK], a->syn_to_synack_ns);
		add_to(&histograms[LATENCY_SYNACK_TO_ACK], a->synack_to_ack_ns);
		add_to(&histograms[LATENCY_CONNECT], a->connect_ns);
		add_to(&histograms[LATENCY_ACCEPT_WAIT], a->accept_wait_ns);
		add_to(&histograms[LATENCY_ACCEPT_TO_FORK], a->accept_to_fork_ns);
		if (a->listener >= 0 && (size_t)a->listener < report->listeners_count) {
			listeners[a->listener].attempts++;
			listeners[a->listener].outcomes[a->outcome]++;
		}
	}
	for (int i = 0; i < LATENCY_COUNT; i++) {
		report->latency[i] = histogram_summary(&histograms[i]);
		report->bars_count[i] = histogram_bars(&histograms[i], bars[i], LENGTH(bars[i]));
		report->bars[i] = bars[i];
	}
}

static void set_host(struct host *host)
{
	strcpy(host->kernel, "6.12.0-test");
	host->somaxconn = 4096;
	host->tcp_max_syn_backlog = 512;
	host->tcp_syncookies = 1;
	host->tcp_abort_on_overflow = 0;
	host->tcp_synack_retries = 5;
	host->tcp_syn_retries = 6;
	host->tcp_syn_linear_timeouts = 4;
	host->tcp_fastopen = 1;
	host->tcp_migrate_req = -1;
}

static void set_meta(void)
{
	memset(&meta, 0, sizeof(meta));
	strcpy(meta.interface, "lo");
	strcpy(meta.filter, "tcp port 8080");
	strcpy(meta.version, "0.1.0");
	set_host(&meta.host);
	meta.start_ns = T0;
	meta.end_ns = T0 + MS(5000);
	meta.sample_interval_us = 1000;
	meta.targets_count = 1;
	meta.targets[0] = endpoint("127.0.0.1:8080");
	for (int i = 0; i < SOURCE_COUNT; i++)
		meta.sources[i].on = i != SOURCE_PROC;
	strcpy(meta.sources[SOURCE_PROC].note, "the proc connector needs the initial namespace");
}

static void set_listeners(void)
{
	static const struct depth_point sampled[] = {
	    {T0, 0, 0},
	    {T0 + MS(2), 0, 4},
	    {T0 + MS(4), 6, 6},
	    {T0 + MS(1600), 4, 6},
	    {T0 + MS(1800), 2, 4},
	    {T0 + MS(2400), 0, 2},
	    {T0 + MS(2600), 0, 0},
	    {T0 + MS(4000), 1, 1},
	};
	static const struct depth_point rebuilt[] = {
	    {T0, 0, 0},
	    {T0 + MS(2), 1, 5},
	    {T0 + MS(4), 6, 6},
	    {T0 + MS(1610), 3, 5},
	    {T0 + MS(2500), 0, 0},
	    {T0 + MS(4000), 1, 1},
	};
	static const struct depth_gap gaps[] = {{T0 + MS(2700), T0 + MS(3900)}};
	static const struct full_episode episodes[] = {{T0 + MS(4), T0 + MS(1600)},
						       {T0 + MS(1700), T0 + MS(1790)}};
	static const int32_t pids[] = {4000};
	static const int32_t workers[] = {777, 778, 779};

	memset(listeners, 0, sizeof(listeners));
	listeners[0] = (struct report_listener){
	    .local = endpoint("127.0.0.1:8080"),
	    .cookie = 17,
	    .backlog = 5,
	    .limit = 5,
	    .capacity = 6,
	    .queue_peak = 6,
	    .sampled_peak = 6,
	    .samples = 4987,
	    .full_ns = MS(1686),
	    .episodes_count = LENGTH(episodes),
	    .episodes = episodes,
	    .drops = 5,
	    .drops_beside = 1,
	    .sk_drops = 5,
	    .defer_accept_s = 0,
	    .fastopen = 0,
	    .pids_count = LENGTH(pids),
	    .pids = pids,
	    .comm = "synscope",
	    .sampled = {LENGTH(sampled), sampled, 0},
	    .rebuilt = {LENGTH(rebuilt), rebuilt, 3},
	    .gaps_count = LENGTH(gaps),
	    .gaps = gaps,
	};
	listeners[1] = (struct report_listener){
	    .local = endpoint("[2001:db8::1]:8443"),
	    .backlog = -1,
	    .limit = 4096,
	    .capacity = 4097,
	    .queue_peak = -1,
	    .sampled_peak = -1,
	    .sk_drops = -1,
	    .disagreements = 1,
	    .defer_accept_s = 3,
	    .fastopen = -1,
	    .closed = true,
	    .reuseport = true,
	    .pids_count = LENGTH(workers),
	    .pids = workers,
	    .comm = "nginx",
	};
}

static const struct ledger_row ledger[] = {
    {"ListenOverflows",
     true,
     5,
     5,
     0,
     2,
     {{"SYN, accept queue full", 4}, {"cookie ACK, accept queue full", 1}}},
    {"ListenDrops",
     true,
     7,
     5,
     2,
     2,
     {{"SYN, accept queue full", 4}, {"cookie ACK, accept queue full", 1}}},
    {"TCPReqQFullDoCookies", false, 0, 1, 0, 1, {{"SYN cookie", 1}}},
    {"sk_drops 127.0.0.1:8080", true, 5, 5, 0, 1, {{"every class", 5}}},
};

static const struct advice advice[] = {
    {"backlog-binds",
     12,
     "Call listen() with a backlog of at least 11: that would have dropped nothing. Raising "
     "net.core.somaxconn alone changes nothing, since the backlog of 5 is what binds.",
     3,
     {"the limit is 5 = min(backlog 5, somaxconn 4096)", "5 packets dropped while it was full",
      "the replay of the measured arrivals against the measured accepts needs 12 places"}},
    {"more-children",
     0,
     "With 12 children instead of 8 no client would have waited more than 100 ms.",
     1,
     {"8 children were busy for 200 ms each"}},
};

static const struct overflow overflows[] = {{"marks", 65536, 2}, {"fragments", 1024, 0}};

static const char *const notes[] = {
    "Forks of other processes are not known: the proc connector answers only in the initial "
    "network namespace.",
};

static void make_recording(void)
{
	static struct rate_bucket buckets[3];
	struct report *report = &fixture.report;

	add_queue_attempts();
	add_other_attempts();
	set_meta();
	set_listeners();
	report->kind = REPORT_RECORDING;
	report->path = "demo-out";
	report->start_ns = T0;
	report->end_ns = T0 + MS(5000);
	report->packets = 61;
	report->skipped[SKIP_NOT_TCP] = 3;
	report->skipped[SKIP_OUTGOING_COPY] = 1;
	report->other_segments = 2;
	report->late_events = 1;
	report->host_known = true;
	set_host(&report->host);
	report->meta_known = true;
	report->meta = &meta;
	report->listeners_count = LENGTH(listeners);
	report->listeners = listeners;
	report->ledger_count = LENGTH(ledger);
	report->ledger = ledger;
	report->advice_count = LENGTH(advice);
	report->advice = advice;
	report->losses[LOSS_SAMPLES_LATE] = 13;
	report->overflows_count = LENGTH(overflows);
	report->overflows = overflows;
	report->notes_count = LENGTH(notes);
	report->notes = notes;
	memset(buckets, 0, sizeof(buckets));
	buckets[0] = (struct rate_bucket){.syns = 7, .handshakes = 4, .accepts = 2};
	buckets[0].drops[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 2;
	buckets[1].drops[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 1;
	report->cause_doubted[CAUSE_CLIENT_RESET] = true;
	report->rates = (struct rate_series){MS(1000), LENGTH(buckets), buckets};
	sum_up();
	/* A permutation: worst first. */
	static struct attempt worst[11];
	static const size_t order[] = {3, 4, 2, 1, 5, 6, 9, 10, 8, 7, 0};

	for (size_t i = 0; i < LENGTH(order); i++)
		worst[i] = attempts[order[i]];
	report->worst_count = LENGTH(worst);
	report->worst = worst;
}

static void make_capture(void)
{
	struct report *report = &fixture.report;
	static struct attempt worst[1];
	struct attempt *a = add_attempt("10.0.0.1:40000", "10.0.0.2:80", US(5));

	a->listener = -1;
	add_handshake(a, 0);
	a->outcome = OUTCOME_ESTABLISHED;
	a->end_ns = a->syn_ns + MS(7);
	a = add_attempt("10.0.0.1:40001", "10.0.0.2:80", US(905));
	a->listener = -1;
	add_mark(a, MARK_SYN, 0);
	add_handshake(a, MS(1000));
	a->outcome = OUTCOME_ESTABLISHED;
	worst[0] = *a;
	report->kind = REPORT_PCAP;
	report->path = "some.pcap";
	report->start_ns = T0;
	report->end_ns = T0 + MS(1007);
	report->packets = 1234567;
	report->packets_dropped = 9;
	report->worst_count = 1;
	report->worst = worst;
	sum_up();
}

/*
 * Whoever names a process, a path or an interface may try to talk to the terminal or to a parser.
 */
static void make_hostile(void)
{
	static const int32_t pids[] = {1};
	static const char *const hostile_notes[] = {"note \x1b[2J \xff </script> \"quoted\" \\"};
	static const struct advice hostile_advice[] = {
	    {"rule", 0, "text \x07\r\n\x9b", 1, {"\x1b]0;x\x07"}}};
	struct report *report = &fixture.report;
	struct attempt *a = add_attempt("10.0.0.1:1", "10.0.0.2:80", 0);

	add_mark(a, MARK_SYN, 0);
	a->outcome = OUTCOME_OPEN;
	set_meta();
	strcpy(meta.interface, "eth0\x1b[31m");
	memset(listeners, 0, sizeof(listeners));
	listeners[0] = (struct report_listener){
	    .local = a->server,
	    .backlog = -1,
	    .limit = -1,
	    .capacity = -1,
	    .queue_peak = -1,
	    .sampled_peak = -1,
	    .sk_drops = -1,
	    .defer_accept_s = -1,
	    .fastopen = -1,
	    .pids_count = 1,
	    .pids = pids,
	    .comm = "\x1b[31m\"<b>\xc2\x9bM",
	};
	report->kind = REPORT_LIVE;
	report->path = "caf\xc3\xa9/\xe2\x82\xac\n\"\\\x1b]0;evil\x07\xc0\xaf";
	report->start_ns = T0;
	report->end_ns = T0;
	report->meta_known = true;
	report->meta = &meta;
	report->listeners_count = 1;
	report->listeners = listeners;
	report->notes_count = 1;
	report->notes = hostile_notes;
	report->advice_count = 1;
	report->advice = hostile_advice;
	report->worst_count = 1;
	report->worst = attempts;
	sum_up();
}

/* Three sockets share a port: of one the kernel told what it took, of the others nobody knows. */
static void make_group(void)
{
	static const int32_t pids[][1] = {{31}, {32}, {33}};
	struct report *report = &fixture.report;
	struct attempt *a = add_attempt("10.0.0.1:1", "10.0.0.2:80", 0);

	add_mark(a, MARK_SYN, 0);
	a->outcome = OUTCOME_ACCEPTED;
	set_meta();
	memset(listeners, 0, sizeof(listeners));
	for (int i = 0; i < 3; i++) {
		listeners[i] = (struct report_listener){
		    .local = a->server,
		    .backlog = -1,
		    .limit = 64,
		    .capacity = 65,
		    .samples = 4000,
		    .queue_peak = i == 0,
		    .sampled_peak = i == 0,
		    .closed = true,
		    .reuseport = true,
		    .pids_count = 1,
		    .pids = pids[i],
		    .comm = "worker",
		    .group_attempts = 1200,
		};
	}
	listeners[1].attempts = 5;
	listeners[1].outcomes[OUTCOME_ACCEPTED] = 4;
	report->kind = REPORT_LIVE;
	report->path = "live";
	report->start_ns = T0;
	report->end_ns = T0 + MS(1000);
	report->meta_known = true;
	report->meta = &meta;
	report->listeners_count = 3;
	report->listeners = listeners;
	report->worst_count = 1;
	report->worst = attempts;
	sum_up();
}

static void make_empty(void)
{
	fixture.report.kind = REPORT_PCAP;
	fixture.report.path = "empty.pcap";
	fixture.report.start_ns = TIME_UNKNOWN;
	fixture.report.end_ns = TIME_UNKNOWN;
}

const struct fixture *fixture_get(const char *name)
{
	static const struct {
		const char *name;
		void (*make)(void);
	} makers[] = {
	    {"recording", make_recording},
	    {"capture", make_capture},
	    {"hostile", make_hostile},
	    {"empty", make_empty},
	    {"group", make_group},
	};

	for (size_t i = 0; i < LENGTH(makers); i++) {
		if (strcmp(makers[i].name, name) != 0)
			continue;
		memset(&fixture, 0, sizeof(fixture));
		fixture.name = makers[i].name;
		fixture.attempts = attempts;
		fixture.report.version = "0.1.0";
		fixture.report.passive_opens = -1;
		makers[i].make();
		drops_judge(&fixture.report, false);
		return &fixture;
	}
	return NULL;
}
