/*
 * A snapshot as one line of name=value, for logs and for pipes.
 */
#include "report/watch/view.h"

#include <inttypes.h>
#include <time.h>

#include "report/text/text.h"

/* The unit follows the digits without a blank: a value is one word. */
static void put_latency(FILE *out, const char *name, int64_t ns)
{
	static const struct text plain;
	char value[TEXT_VALUE_SIZE];

	fprintf(out, " %s=", name);
	for (const char *c = text_duration(&plain, ns, value); *c; c++)
		if (*c != ' ')
			fputc(*c, out);
}

static void put_percentiles(FILE *out, const char *p50, const char *p99,
			    const struct latency_summary *latency)
{
	put_latency(out, p50, latency->count ? latency->p50 : -1);
	put_latency(out, p99, latency->count ? latency->p99 : -1);
}

static void put_count(FILE *out, const struct snapshot *s, const char *name, int64_t count)
{
	if (s->blind)
		fprintf(out, " %s=-", name);
	else
		fprintf(out, " %s=%" PRId64, name, count);
}

/* Is the queue of a fuller, for its size, than that of b? */
static bool is_fuller(const struct snapshot_listener *a, const struct snapshot_listener *b)
{
	return a->depth_peak * (b->limit + 1) > b->depth_peak * (a->limit + 1);
}

static void put_fullest(FILE *out, const struct snapshot *s)
{
	const struct snapshot_listener *fullest = NULL;
	char address[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < s->listeners_count; i++) {
		const struct snapshot_listener *l = &s->listeners[i];

		if (!l->closed && l->depth_peak >= 0 && (!fullest || is_fuller(l, fullest)))
			fullest = l;
	}
	if (!fullest)
		return;
	endpoint_format_on(&fullest->local, fullest->interface, fullest->device, address,
			   sizeof(address));
	fprintf(out, " fullest=%s depth=%" PRId64 " peak=%" PRId64 " limit=%" PRId64, address,
		fullest->depth, fullest->depth_peak, fullest->limit);
	if (fullest->stall.cause != STALL_NONE)
		fprintf(out, " stall=%s", stall_rule(fullest->stall.cause));
}

void view_put_line(FILE *out, const struct snapshot *snapshot)
{
	const struct snapshot *s = snapshot;
	time_t seconds = (time_t)(s->to_ns / NS_PER_SEC);
	char time[32] = "";
	uint64_t lost = 0;
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(out, "time=%s.%03dZ", time, (int)(s->to_ns % NS_PER_SEC / NS_PER_MS));
	put_count(out, s, "attempts", s->counts.attempts);
	put_count(out, s, "syns", s->counts.syns);
	put_count(out, s, "handshakes", s->counts.handshakes);
	put_count(out, s, "accepts", s->counts.accepts);
	put_count(out, s, "drops", rate_counts_drops(&s->counts));
	for (int c = 0; c < CAUSE_COUNT; c++)
		if (s->counts.drops[c])
			fprintf(out, " %s=%" PRId64, cause_name((enum cause)c), s->counts.drops[c]);
	put_percentiles(out, "handshake_p50", "handshake_p99", &s->handshake);
	put_percentiles(out, "wait_p50", "wait_p99", &s->accept_wait);
	fprintf(out, " open=%" PRIu32, s->open);
	put_fullest(out, s);
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		lost += s->losses[i];
	if (lost)
		fprintf(out, " lost=%" PRIu64, lost);
	fputc('\n', out);
}
