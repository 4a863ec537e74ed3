/*
 * Side by side: what a model of serving does to the accept queue.
 */
#include "cmd/comparison.h"

#include <inttypes.h>

void comparison_add(struct comparison *comparison, const char *model, const struct report *report)
{
	struct comparison_row *row = &comparison->rows[comparison->count];

	if (comparison->count == COMPARISON_MAX)
		return;
	comparison->count++;
	*row = (struct comparison_row){
	    .model = model,
	    .attempts = report->attempts,
	    .accepted = report->outcomes[OUTCOME_ACCEPTED],
	    .queue_peak = -1,
	    .capacity = -1,
	    .connect = report->latency[LATENCY_CONNECT],
	    .accept_wait = report->latency[LATENCY_ACCEPT_WAIT],
	    .total_ns = report->end_ns - report->start_ns,
	};
	for (size_t i = 0; i < report->listeners_count; i++) {
		const struct report_listener *l = &report->listeners[i];

		row->dropped += l->drops;
		row->full_ns += l->full_ns;
		if (l->queue_peak > row->queue_peak)
			row->queue_peak = l->queue_peak;
		row->capacity = l->capacity;
	}
}

static double ms(int64_t ns)
{
	return (double)ns / 1e6;
}

void comparison_print_text(const struct comparison *comparison, FILE *out)
{
	fputs("The same burst of clients against three server models:\n\n", out);
	fprintf(out, "  %-10s %8s %8s %8s %7s %10s %12s %12s %12s\n", "model", "clients",
		"accepted", "dropped", "queue", "full for", "connect p50", "connect max",
		"wait p50");
	for (size_t i = 0; i < comparison->count; i++) {
		const struct comparison_row *r = &comparison->rows[i];

		fprintf(out,
			"  %-10s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %3" PRId64 "/%-3" PRId64
			" %7.0f ms %9.1f ms %9.1f ms %9.1f ms\n",
			r->model, r->attempts, r->accepted, r->dropped, r->queue_peak, r->capacity,
			ms(r->full_ns), ms(r->connect.p50), ms(r->connect.max),
			ms(r->accept_wait.p50));
	}
	fputs("\n"
	      "dropped: packets (SYNs and final ACKs) dropped because the accept queue was full.\n"
	      "iterative serves one connection at a time: while it works, accept() is not called,\n"
	      "the queue stays full, and the kernel drops the SYNs of the other clients, which\n"
	      "retransmit them after 1 s, 3 s, 7 s and so on. fork and thread accept at once, up\n"
	      "to their limit of children; only then does the queue fill.\n",
	      out);
}

static void print_latency(FILE *out, const char *name, const struct latency_summary *l)
{
	fprintf(out,
		"\"%s\":{\"count\":%" PRIu64 ",\"min\":%" PRId64 ",\"p50\":%" PRId64
		",\"p90\":%" PRId64 ",\"p99\":%" PRId64 ",\"p999\":%" PRId64 ",\"max\":%" PRId64
		"}",
		name, l->count, l->min, l->p50, l->p90, l->p99, l->p999, l->max);
}

void comparison_print_json(const struct comparison *comparison, FILE *out)
{
	fputs("{\"schema\":\"synscope.comparison/1\",\"models\":[", out);
	for (size_t i = 0; i < comparison->count; i++) {
		const struct comparison_row *r = &comparison->rows[i];

		fprintf(out,
			"%s{\"model\":\"%s\",\"attempts\":%" PRIu64 ",\"accepted\":%" PRIu64
			",\"dropped\":%" PRIu64 ",\"queue_peak\":%" PRId64 ",\"capacity\":%" PRId64
			",\"full_ns\":%" PRId64 ",\"latency_ns\":{",
			i ? "," : "", r->model, r->attempts, r->accepted, r->dropped, r->queue_peak,
			r->capacity, r->full_ns);
		print_latency(out, "connect", &r->connect);
		fputc(',', out);
		print_latency(out, "accept_wait", &r->accept_wait);
		fputs("}}", out);
	}
	fputs("]}\n", out);
}

bool comparison_drops_seen(const struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->count; i++)
		if (comparison->rows[i].dropped)
			return true;
	return false;
}
