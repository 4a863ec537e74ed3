/*
 * No value that a foreign file can bring into a report harms a renderer: times
 * from either end of the range, counts beyond any sense, names of any bytes.
 */
#include "report/sink/sink.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ATTEMPTS  12
#define LISTENERS 3
#define POINTS	  8

static uint64_t state;

/* Knuth's MMIX generator: the same numbers in each run. */
static uint32_t number(uint32_t below)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(state >> 33) % below;
}

static int64_t any_time(void)
{
	static const int64_t times[] = {TIME_UNKNOWN,
					INT64_MIN + 1,
					-1,
					0,
					1,
					1700000000000000000,
					1700000000000000001,
					1700000001000000000,
					INT64_MAX - 1,
					INT64_MAX};

	return times[number(sizeof(times) / sizeof(times[0]))];
}

static int64_t any_difference(void)
{
	static const int64_t values[] = {-1, 0, 1, 999, 123456789, INT64_MIN, INT64_MAX};

	return values[number(sizeof(values) / sizeof(values[0]))];
}

static uint64_t any_count(void)
{
	static const uint64_t values[] = {0, 0, 1, 2, 1000, UINT32_MAX, INT64_MAX, UINT64_MAX};

	return values[number(sizeof(values) / sizeof(values[0]))];
}

static uint32_t any_depth(void)
{
	static const uint32_t values[] = {0, 1, 6, 129, UINT32_MAX - 1, UINT32_MAX};

	return values[number(sizeof(values) / sizeof(values[0]))];
}

static int64_t any_limit(void)
{
	return number(2) ? -1 : (int64_t)any_depth();
}

static const char *any_text(void)
{
	static const char *const texts[] = {
	    "",
	    "x",
	    "\x1b[31m\"\\\n\t</script>",
	    "\xff\xc3\xe2\x82",
	    "SYN, accept queue full; and quite some more words that "
	    "must be wrapped somewhere by whoever prints them all",
	    "averyveryveryverylongwordaveryveryveryverylongwordaveryvery"
	    "veryverylongwordaveryveryveryverylongwordaveryveryverylong"};

	return texts[number(sizeof(texts) / sizeof(texts[0]))];
}

static struct endpoint any_endpoint(void)
{
	static const char *const texts[] = {"127.0.0.1:8080", "[::]:0", "255.255.255.255:65535",
					    "[fe80:1234:5678:9abc:def0:1234:5678:9abc]:65535"};
	struct endpoint out;

	/* Not cr_assert: each one is a message to another process. */
	if (endpoint_parse(texts[number(4)], &out) != 0)
		abort();
	return out;
}

static void fill_attempt(struct attempt *a)
{
	int64_t *times[] = {
	    &a->syn_ns,	       &a->entered_ns,	    &a->synack_ns,	  &a->ack_ns,
	    &a->accept_ns,     &a->accept_after_ns, &a->accept_before_ns, &a->fork_ns,
	    &a->first_byte_ns, &a->reply_ns,	    &a->close_ns,	  &a->exit_ns,
	    &a->end_ns};
	int64_t *differences[] = {&a->syn_to_synack_ns, &a->synack_to_ack_ns,
				  &a->connect_ns,	&a->accept_wait_ns,
				  &a->queue_wait_ns,	&a->accept_to_fork_ns};

	memset(a, 0, sizeof(*a));
	a->number = any_count();
	a->client = any_endpoint();
	a->server = any_endpoint();
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		*times[i] = any_time();
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]); i++)
		*differences[i] = any_difference();
	a->syns = (uint32_t)any_count();
	a->synacks = (uint32_t)any_count();
	a->accept_pid = (int32_t)any_count();
	a->child_pid = (int32_t)any_count();
	a->listener = (int32_t)number(LISTENERS + 1) - 1;
	a->outcome = number(OUTCOME_COUNT);
	a->ghost = number(2);
	a->evicted = number(2);
	a->causes_count = number(ATTEMPT_CAUSES_MAX + 1);
	for (uint32_t i = 0; i < a->causes_count; i++)
		a->causes[i] = (struct attempt_cause){number(CAUSE_COUNT), number(CONFIDENCE_COUNT),
						      (uint32_t)any_count()};
	a->marks_count = number(ATTEMPT_MARKS_MAX + 1);
	a->marks_lost = (uint32_t)any_count();
	for (uint32_t i = 0; i < a->marks_count; i++)
		a->marks[i] = (struct mark){.time_ns = any_time(),
					    .frame = any_count(),
					    .kind = number(MARK_KIND_COUNT),
					    .dropped = number(2),
					    .cause_known = number(2),
					    .cause = number(CAUSE_COUNT),
					    .confidence = number(CONFIDENCE_COUNT),
					    .depth = any_depth(),
					    .limit = any_depth()};
}

static struct depth_series any_series(void)
{
	static struct depth_point points[16][POINTS];
	static unsigned turn;
	struct depth_point *series = points[turn++ % 16];

	for (int i = 0; i < POINTS; i++)
		series[i] = (struct depth_point){any_time(), any_depth(), any_depth()};
	return (struct depth_series){number(POINTS + 1), series, any_count()};
}

static void fill_listener(struct report_listener *listener)
{
	static const int32_t pids[] = {1, INT32_MAX, -1};
	static struct full_episode episodes[LISTENERS * 2];
	static unsigned turn;

	memset(listener, 0, sizeof(*listener));
	listener->local = any_endpoint();
	listener->cookie = any_count();
	listener->backlog = any_limit();
	listener->limit = any_limit();
	listener->capacity = listener->limit == -1 ? -1 : listener->limit + 1;
	listener->queue_peak = any_limit();
	listener->sampled_peak = any_limit();
	listener->samples = any_count();
	listener->full_ns = any_difference();
	listener->episodes_count = number(3);
	listener->episodes = &episodes[turn++ % LISTENERS * 2];
	listener->episodes_lost = any_count();
	listener->drops = any_count();
	listener->sk_drops = any_difference();
	listener->disagreements = any_count();
	listener->defer_accept_s = (int32_t)any_count();
	listener->fastopen = (int32_t)any_count();
	listener->closed = number(2);
	listener->reuseport = number(2);
	listener->pids_count = number(4);
	listener->pids = pids;
	listener->comm = number(3) ? any_text() : NULL;
	listener->sampled = any_series();
	listener->rebuilt = any_series();
	listener->half_open = any_series();
	listener->attempts = any_count();
}

static struct attempt attempts[ATTEMPTS];
static struct report_listener listeners[LISTENERS];
static struct ledger_row ledger[2];
static struct advice advice[2];
static struct overflow overflows[2];
static struct rate_bucket buckets[4];
static const char *notes[2];
static struct recording_meta meta;

static void fill_report(struct report *report)
{
	memset(report, 0, sizeof(*report));
	for (int i = 0; i < ATTEMPTS; i++)
		fill_attempt(&attempts[i]);
	for (int i = 0; i < LISTENERS; i++)
		fill_listener(&listeners[i]);
	for (int i = 0; i < 2; i++) {
		ledger[i] = (struct ledger_row){
		    any_text(),	      number(2), any_difference(),	     any_difference(),
		    any_difference(), 1,	 {{any_text(), any_count()}}};
		advice[i] = (struct advice){any_text(), 0, any_text(), 1, {any_text()}};
		overflows[i] = (struct overflow){any_text(), any_count(), any_count()};
		notes[i] = any_text();
	}
	for (int i = 0; i < 4; i++)
		buckets[i].drops[number(CAUSE_COUNT)] = (uint32_t)any_count();
	snprintf(meta.interface, sizeof(meta.interface), "%s", any_text());
	report->version = any_text();
	report->kind = number(REPORT_LIVE + 1);
	report->path = number(4) ? any_text() : NULL;
	report->start_ns = any_time();
	report->end_ns = any_time();
	report->packets = any_count();
	report->packets_dropped = any_count();
	report->skipped[number(SKIP_REASON_COUNT)] = any_count();
	report->late_events = any_count();
	report->host_known = number(2);
	report->host.somaxconn = any_difference();
	report->host.tcp_syncookies = 2;
	report->meta_known = number(2);
	report->meta = &meta;
	report->attempts = any_count();
	for (int i = 0; i < OUTCOME_COUNT; i++)
		report->outcomes[i] = any_count();
	for (int i = 0; i < CAUSE_COUNT; i++)
		report->causes[i] = report->cause_packets[i] = any_count();
	for (int i = 0; i < LATENCY_COUNT; i++)
		report->latency[i] = (struct latency_summary){
		    any_count(),      any_difference(), any_difference(), any_difference(),
		    any_difference(), any_difference(), any_difference()};
	report->listeners_count = number(LISTENERS + 1);
	report->listeners = listeners;
	report->ledger_count = number(3);
	report->ledger = ledger;
	report->advice_count = number(3);
	report->advice = advice;
	report->losses[number(LOSS_KIND_COUNT)] = any_count();
	report->overflows_count = number(3);
	report->overflows = overflows;
	report->notes_count = number(3);
	report->notes = notes;
	report->rates = (struct rate_series){any_difference(), number(5), buckets};
	report->worst_count = number(ATTEMPTS + 1);
	report->worst = attempts;
	report->drops_seen = number(2);
}

static char *render(const struct sink_format *format, const struct sink_style *style,
		    const struct report *report)
{
	struct sink *sink;
	size_t length;
	char *text;
	int result = 0;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	sink = format->new (out, style);
	cr_assert_not_null(sink);
	for (int i = 0; i < ATTEMPTS; i++)
		if (sink->ops->attempt)
			result |= sink->ops->attempt(sink, &attempts[i]);
	cr_assert_eq(result, 0);
	cr_assert_eq(sink->ops->finish(sink, report), 0);
	sink_free(sink);
	fclose(out);
	/* A Perfetto trace is binary; the others are text. */
	cr_assert(strcmp(format->name, "perfetto") == 0 || strlen(text) == length, "%s holds a NUL",
		  format->name);
	return text;
}

/* Neither a control character nor, without colour, an escape reaches the terminal. */
static bool is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' && *text != '\n')
			return false;
	return true;
}

Test(formats, take_any_report)
{
	for (unsigned round = 0; round < 400; round++) {
		struct sink_style style = {.utf8 = round % 2,
					   .timeline = true,
					   .columns = round % 3 ? 0 : 80,
					   .attempt = round % 5 ? NULL : "8080"};
		struct report report;

		state = round;
		fill_report(&report);
		for (const struct sink_format *f = sink_formats; f->name; f++) {
			char *text = render(f, &style, &report);
			json_t *json;

			if (strcmp(f->name, "text") == 0)
				cr_assert(is_clean(text), "round %u", round);
			if (strcmp(f->name, "json") == 0) {
				/*
				 * Counts beyond what a reader takes as an integer are real counts.
				 */
				json = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
				cr_assert_not_null(json, "round %u", round);
				json_decref(json);
			}
			free(text);
		}
	}
}
