/*
 * Prints a snapshot made by hand as the live view shows it:
 * view FIXTURE MODE [STYLE]... where FIXTURE is busy or quiet, MODE is screen,
 * line, json or last, and STYLE is utf8, colour, columns=N or rows=N.
 */
#include "report/watch/view.h"

#include <stdlib.h>
#include <string.h>

#define BASE  (INT64_C(1700000000) * NS_PER_SEC)
#define MS(n) ((n)*NS_PER_MS)

static struct endpoint endpoint(const char *text)
{
	struct endpoint e;

	if (endpoint_parse(text, &e) != 0)
		abort();
	return e;
}

static struct latency_summary latency(uint64_t count, int64_t unit_ns)
{
	return (struct latency_summary){count,	     unit_ns,	   2 * unit_ns, 5 * unit_ns,
					9 * unit_ns, 10 * unit_ns, 10 * unit_ns};
}

static struct attempt attempt(const char *client, const char *server, int64_t syn_ms,
			      int64_t ack_ms, enum outcome outcome)
{
	return (struct attempt){
	    .client = endpoint(client),
	    .server = endpoint(server),
	    .isn = 1000,
	    .server_isn = 2000,
	    .syn_ns = BASE + MS(syn_ms),
	    .synack_ns = ack_ms ? BASE + MS(ack_ms) - 40000 : TIME_UNKNOWN,
	    .ack_ns = ack_ms ? BASE + MS(ack_ms) : TIME_UNKNOWN,
	    .accept_ns = TIME_UNKNOWN,
	    .accept_after_ns = TIME_UNKNOWN,
	    .client_left_ns = TIME_UNKNOWN,
	    .accept_before_ns = TIME_UNKNOWN,
	    .fork_ns = TIME_UNKNOWN,
	    .first_byte_ns = TIME_UNKNOWN,
	    .reply_ns = TIME_UNKNOWN,
	    .close_ns = TIME_UNKNOWN,
	    .exit_ns = TIME_UNKNOWN,
	    .end_ns = TIME_UNKNOWN,
	    .syn_to_synack_ns = ack_ms ? MS(ack_ms - syn_ms) - 40000 : -1,
	    .synack_to_ack_ns = ack_ms ? 40000 : -1,
	    .connect_ns = ack_ms ? MS(ack_ms - syn_ms) - 40000 : -1,
	    .accept_wait_ns = -1,
	    .accept_to_fork_ns = -1,
	    .syns = 1,
	    .synacks = ack_ms != 0,
	    .outcome = outcome,
	};
}

static void add_cause(struct attempt *a, enum cause cause, uint32_t packets)
{
	a->causes[a->causes_count++] = (struct attempt_cause){cause, CONFIDENCE_EXACT, packets};
}

static struct snapshot_listener listeners[6];
static struct attempt worst[6];
static struct snapshot snapshot;

static struct snapshot_listener listener(const char *local, int64_t limit, int64_t depth,
					 int64_t peak)
{
	return (struct snapshot_listener){
	    .local = endpoint(local),
	    .cookie = 17,
	    .limit = limit,
	    .depth = depth,
	    .depth_peak = peak,
	    .half_open = -1,
	};
}

static void fill_listeners(void)
{
	listeners[0] = listener("0.0.0.0:22", 128, 0, 0);
	listeners[1] = listener("127.0.0.1:8080", 5, 4, 6);
	listeners[1].half_open = 2;
	listeners[1].leader = 1;
	listeners[1].full_ns = MS(300);
	listeners[1].pids_count = 2;
	listeners[1].pids[0] = 4711;
	listeners[1].pids[1] = 4712;
	memcpy(listeners[1].comm, "ser\x1bver", 8);
	listeners[1].counts = (struct rate_counts){.attempts = 60, .syns = 114, .handshakes = 60};
	listeners[1].counts.accepts = 25;
	listeners[1].counts.drops[CAUSE_ACCEPT_QUEUE_FULL_SYN] = 54;
	listeners[1].counts.drops[CAUSE_COOKIE_ACK_DROPPED] = -1; /* taken back */
	listeners[1].total = listeners[1].counts;
	listeners[1].total.drops[CAUSE_COOKIE_ACK_DROPPED] = 1234;
	listeners[1].total.drops[CAUSE_ACCEPT_QUEUE_FULL_ACK] = 1;
	listeners[1].total.drops[CAUSE_SYN_QUEUE_FULL] = 2;
	listeners[1].handshake = latency(60, MS(100));
	listeners[1].accept_wait = latency(25, MS(7));
	listeners[1].stall =
	    (struct stall_now){.cause = STALL_STOPPED, .for_ns = MS(3210), .pid = 4242};
	/* A SO_REUSEPORT group. */
	for (int i = 2; i < 4; i++) {
		listeners[i] = listener("[2001:db8:1234:5678:9abc:def0:1234:5678]:443", 4096, 1, 1);
		listeners[i].reuseport = true;
		listeners[i].leader = 2;
	}
	listeners[2].counts = (struct rate_counts){.attempts = 1, .syns = 3, .handshakes = 1};
	listeners[2].total = (struct rate_counts){.attempts = 70000, .syns = 70002};
	listeners[2].handshake = latency(1, 31000);
	listeners[4] = listener("127.0.0.1:9000", 10, 0, 0);
	listeners[4].leader = 4;
	listeners[4].closed = true;
	listeners[4].total.syns = 1;
	listeners[5] = listener("[::]:5432", 200, -1, -1); /* not sampled yet */
	listeners[5].leader = 5;
	snapshot.listeners = listeners;
	snapshot.listeners_count = 6;
}

static void fill_worst(void)
{
	worst[0] = attempt("127.0.0.1:40001", "127.0.0.1:8080", 100, 1130, OUTCOME_ZOMBIE);
	worst[0].listener = 1;
	worst[0].syns = 2;
	add_cause(&worst[0], CAUSE_ACCEPT_QUEUE_FULL_SYN, 1);
	add_cause(&worst[0], CAUSE_SYN_COOKIE, 1);
	add_cause(&worst[0], CAUSE_COOKIE_ACK_DROPPED, 5);
	worst[1] = attempt("127.0.0.1:40002", "127.0.0.1:8080", 100, 0, OUTCOME_UNANSWERED);
	worst[1].listener = 1;
	worst[1].syns = 5;
	add_cause(&worst[1], CAUSE_ACCEPT_QUEUE_FULL_SYN, 5);
	worst[2] = attempt("127.0.0.1:40003", "127.0.0.1:8080", 2000, 2001, OUTCOME_WAITING);
	worst[2].listener = 1;
	worst[3] =
	    attempt("[2001:db8::1234:5678:9abc:1]:50123",
		    "[2001:db8:1234:5678:9abc:def0:1234:5678]:443", 3000, 3001, OUTCOME_ACCEPTED);
	worst[3].number = 9;
	worst[3].listener = 2;
	worst[3].accept_wait_ns = MS(412);
	worst[3].accept_before_ns = worst[3].ack_ns + MS(412);
	worst[3].accept_after_ns = worst[3].ack_ns + MS(411);
	worst[3].child_pid = 4713;
	add_cause(&worst[3], CAUSE_SLOW_ACCEPT, 0);
	worst[4] = attempt("127.0.0.1:40005", "127.0.0.1:7", 3900, 0, OUTCOME_REFUSED);
	worst[4].listener = -1;
	add_cause(&worst[4], CAUSE_NO_LISTENER, 1);
	worst[5] = attempt("127.0.0.1:40006", "127.0.0.1:8080", 3990, 3990, OUTCOME_ACCEPTED);
	worst[5].listener = 1;
	worst[5].accept_wait_ns = 41000;
	snapshot.worst = worst;
	snapshot.worst_count = 6;
}

static void fill_busy(void)
{
	fill_listeners();
	fill_worst();
	snapshot.elsewhere = (struct rate_counts){.attempts = 1, .syns = 3};
	snapshot.elsewhere_total = (struct rate_counts){.attempts = 12, .syns = 13};
	snapshot.counts = snapshot.elsewhere;
	snapshot.total = snapshot.elsewhere_total;
	for (size_t i = 0; i < snapshot.listeners_count; i++) {
		rate_counts_add(&snapshot.counts, &listeners[i].counts);
		rate_counts_add(&snapshot.total, &listeners[i].total);
	}
	snapshot.handshake = latency(61, MS(100));
	snapshot.accept_wait = latency(25, MS(7));
	snapshot.open = 47;
	snapshot.losses[LOSS_PACKETS_KERNEL] = 1200;
	snapshot.losses[LOSS_SAMPLES_LATE] = 3;
}

static int parse_style(struct view_style *style, const char *word)
{
	if (strcmp(word, "utf8") == 0)
		style->utf8 = true;
	else if (strcmp(word, "colour") == 0)
		style->colour = true;
	else if (strcmp(word, "utc") == 0)
		style->utc = true;
	else if (strncmp(word, "columns=", 8) == 0)
		style->columns = (unsigned)strtoul(word + 8, NULL, 10);
	else if (strncmp(word, "rows=", 5) == 0)
		style->rows = (unsigned)strtoul(word + 5, NULL, 10);
	else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct view_style style = {.columns = 100, .rows = 30};
	struct view_context context = {
	    .interface = "eth0",
	    .ports = "22, 443, 127.0.0.1:8080",
	    .hint = "q: quit",
	    .packets = 1234567,
	};
	bool good = argc > 2;

	snapshot.start_ns = BASE - 3723 * NS_PER_SEC;
	snapshot.from_ns = BASE + MS(3000);
	snapshot.to_ns = BASE + MS(4000);
	snapshot.window_ns = 10 * NS_PER_SEC;
	for (int i = 3; i < argc; i++)
		good &= parse_style(&style, argv[i]) == 0;
	if (good && strcmp(argv[1], "busy") == 0) {
		fill_busy();
	} else {
		snapshot.start_ns = snapshot.from_ns;
		snapshot.window_ns = NS_PER_SEC;
		context.note = "sock_diag does not answer: depths are not known";
	}
	if (good && strcmp(argv[2], "screen") == 0)
		view_put_screen(stdout, &snapshot, &context, &style);
	else if (good && strcmp(argv[2], "line") == 0)
		view_put_line(stdout, &snapshot);
	else if (good && (strcmp(argv[2], "json") == 0 || strcmp(argv[2], "last") == 0))
		return view_put_json(stdout, &snapshot, *argv[2] == 'l') ? 1 : 0;
	else
		good = false;
	if (!good)
		fprintf(stderr, "usage: view busy|quiet screen|line|json|last [STYLE]...\n");
	return good ? 0 : 2;
}
