/*
 * The reporter: totals over finished attempts, updated in place, and the report
 * that they make in the end.
 */
#include "report/reporter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/attempt/detail.h"
#include "report/explain/advisor.h"
#include "report/explain/drops.h"
#include "report/explain/ledger.h"
#include "report/explain/peers.h"
#include "report/measure/histogram.h"
#include "report/measure/latencies.h"
#include "report/measure/rates.h"
#include "report/measure/totals.h"
#include "report/measure/worst.h"
#include "report/metrics/collector.h"
#include "report/queue/listening.h"
#include "report/queue/queue.h"
#include "report/queue/queues.h"
#include "report/track/tracker.h"
#include "report/watch/live.h"

/* Tables with a bound, at most. */
#define OVERFLOWS_MAX 14

struct reporter {
	struct reporter_options options;
	struct queues *queues; /* NULL for a capture file alone */
	struct tracker *tracker;
	struct report report;
	struct totals all;
	struct totals matching; /* the filter */
	struct histogram histograms[LATENCY_COUNT];
	struct rates rates;
	struct live *live;	     /* NULL: no snapshots */
	struct collector *collector; /* NULL: no metrics */
	bool finished;
	struct worst worst;
	struct peers peers;
	struct ledger ledger;
	struct advisor *advisor;
	struct overflow overflows[OVERFLOWS_MAX];
	const char **notes; /* the source's and one more; NULL: there is none */
	char note[160];
	struct latency_bar *bars[LATENCY_COUNT];
	int sink_errors[REPORTER_SINKS_MAX]; /* of a live run: such a sink gets nothing more */
	int64_t first_ns;
	int64_t last_ns;
};

static int on_attempt(void *context, const struct attempt *attempt)
{
	struct reporter *r = context;
	int64_t latencies[LATENCY_COUNT];
	bool inbound = totals_is_inbound(attempt);

	totals_add(&r->all, attempt);
	if (r->options.filter) {
		if (!filter_matches(r->options.filter, attempt))
			return 0;
		totals_add(&r->matching, attempt);
	}
	latencies_of(attempt, latencies);
	peers_take(&r->peers, attempt);
	for (int i = 0; i < LATENCY_COUNT; i++)
		if (latencies[i] >= 0 && inbound)
			histogram_add(&r->histograms[i], latencies[i]);
	if (inbound)
		worst_offer(&r->worst, attempt);
	if (r->live)
		live_finished(r->live, attempt);
	for (size_t i = 0; i < r->options.sinks_count; i++) {
		struct sink *sink = r->options.sinks[i];
		int rc = sink->ops->attempt && !r->sink_errors[i]
			     ? sink->ops->attempt(sink, attempt)
			     : 0;

		/* What is observed now cannot be read again: a live run outlives its readers. */
		if (rc && r->options.kind != REPORT_LIVE)
			return rc;
		if (rc)
			r->sink_errors[i] = rc;
	}
	return 0;
}

int reporter_new(const struct reporter_options *options, struct reporter **out)
{
	struct reporter *r = calloc(1, sizeof(*r));
	struct tracker_options tracker = {
	    .max_open = options->max_open,
	    .rates = r ? &r->rates : NULL,
	    .live_slots = options->live_slots,
	    .finished = on_attempt,
	    .context = r,
	};
	int rc;

	if (!r)
		return -ENOMEM;
	r->options = *options;
	r->first_ns = r->last_ns = TIME_UNKNOWN;
	for (int i = 0; i < LATENCY_COUNT; i++)
		histogram_init(&r->histograms[i]);
	rc = worst_init(&r->worst);
	if (rc)
		goto free_reporter;
	if (options->live_slots)
		rc = live_new(options->live_slots, options->meta ? options->meta->start_ns : 0,
			      options->filter, &r->live);
	if (rc)
		goto release_worst;
	r->collector = options->metrics ? collector_new() : NULL;
	rc = options->metrics && !r->collector ? -ENOMEM : 0;
	if (rc)
		goto free_live;
	rc = rates_init(&r->rates, options->meta ? options->meta->start_ns : TIME_UNKNOWN);
	if (rc)
		goto free_live;
	if (options->meta) {
		const struct queues_options queues = {
		    .host = options->meta->host,
		    .children_looked_up = options->meta->sources[SOURCE_SAMPLER].on,
		    .entries_told =
			options->meta->entries && !options->meta->losses[LOSS_BPF_EVENTS],
		    .targets = options->meta->targets,
		    .targets_count = options->meta->targets_count,
		    .lo_only = strcmp(options->meta->interface, "lo") == 0,
		    .rates = &r->rates,
		    .live_slots = options->live_slots,
		};

		rc = queues_new(&queues, &r->queues);
		if (rc)
			goto release_rates;
		tracker.queues = r->queues;
		tracker.all_interfaces = strcmp(options->meta->interface, "any") == 0;
	}
	rc = tracker_new(&tracker, &r->tracker);
	if (rc)
		goto free_queues;
	for (size_t s = 0; options->meta && s < options->sinks_count; s++)
		if (options->sinks[s]->ops->begin)
			options->sinks[s]->ops->begin(options->sinks[s], options->meta);
	*out = r;
	return 0;
free_queues:
	queues_free(r->queues);
release_rates:
	rates_release(&r->rates);
free_live:
	collector_free(r->collector);
	live_free(r->live);
release_worst:
	worst_release(&r->worst);
free_reporter:
	free(r);
	return rc;
}

void reporter_free(struct reporter *reporter)
{
	if (!reporter)
		return;
	tracker_free(reporter->tracker);
	queues_free(reporter->queues);
	rates_release(&reporter->rates);
	live_free(reporter->live);
	collector_free(reporter->collector);
	worst_release(&reporter->worst);
	ledger_release(&reporter->ledger);
	advisor_free(reporter->advisor);
	free(reporter->notes);
	for (int i = 0; i < LATENCY_COUNT; i++)
		free(reporter->bars[i]);
	free(reporter);
}

void reporter_began(struct reporter *reporter, int64_t time_ns)
{
	reporter->rates.start_ns = time_ns;
}

int reporter_event(void *reporter, const struct event *event)
{
	struct reporter *r = reporter;

	if (r->rates.start_ns == TIME_UNKNOWN)
		r->rates.start_ns = event->time_ns;
	if (r->first_ns == TIME_UNKNOWN || event->time_ns < r->first_ns)
		r->first_ns = event->time_ns;
	if (event->time_ns > r->last_ns)
		r->last_ns = event->time_ns;
	if (event->kind == EVENT_LOSS && event->loss.kind < LOSS_KIND_COUNT)
		r->report.losses[event->loss.kind] = event->loss.count;
	if (event->kind == EVENT_COUNTERS)
		ledger_take(&r->ledger, &event->counters);
	return tracker_event(r->tracker, event);
}

int reporter_unsettled(struct reporter *reporter,
		       int (*fn)(void *context, const struct flow *client_to_server), void *context)
{
	return tracker_unsettled(reporter->tracker, fn, context);
}

const struct snapshot *reporter_snapshot(struct reporter *reporter, int64_t to_ns)
{
	if (reporter->last_ns > to_ns)
		to_ns = reporter->last_ns;
	return live_snapshot(reporter->live, reporter->queues, reporter->tracker,
			     reporter->report.losses, to_ns);
}

void reporter_turn(struct reporter *reporter)
{
	live_turn(reporter->live, reporter->queues, reporter->tracker);
}

int reporter_metrics(struct reporter *reporter, int64_t to_ns, struct metrics *out)
{
	struct collector_input input = {
	    .queues = reporter->queues,
	    .ledger = &reporter->ledger,
	    .meta = reporter->options.meta,
	    .outcomes = reporter->all.outcomes,
	    .losses = reporter->report.losses,
	    .last = reporter->finished,
	};
	struct tracker_stats stats;
	int rc = reporter->finished ? 0 : tracker_sweep(reporter->tracker);

	if (rc)
		return rc;
	tracker_stats(reporter->tracker, &stats);
	input.open = reporter->finished ? 0 : stats.open;
	if (reporter->last_ns > to_ns)
		to_ns = reporter->last_ns;
	return collector_collect(reporter->collector, &input, to_ns, out);
}

static void add_overflow(struct reporter *r, const char *table, uint64_t bound, uint64_t count)
{
	if (count)
		r->overflows[r->report.overflows_count++] =
		    (struct overflow){.table = table, .bound = bound, .count = count};
}

static void fill_latencies(struct reporter *r)
{
	for (int i = 0; i < LATENCY_COUNT; i++) {
		size_t n = histogram_bars(&r->histograms[i], NULL, 0);

		r->report.latency[i] = histogram_summary(&r->histograms[i]);
		r->bars[i] = n ? calloc(n, sizeof(*r->bars[i])) : NULL;
		if (!r->bars[i])
			continue;
		r->report.bars_count[i] = histogram_bars(&r->histograms[i], r->bars[i], n);
		r->report.bars[i] = r->bars[i];
	}
}

/* A wait that a person would not notice. */
#define WAIT_TARGET_NS (100 * NS_PER_MS)

static int fill_advice(struct reporter *r)
{
	struct report *report = &r->report;
	struct advisor_listener *listeners;

	r->advisor = advisor_new();
	listeners = calloc(report->listeners_count + 1, sizeof(*listeners));
	if (!r->advisor || !listeners) {
		free(listeners);
		return -ENOMEM;
	}
	for (size_t i = 0; i < report->listeners_count; i++) {
		struct sizing *sizing = queues_sizing(r->queues, i);

		listeners[i] = (struct advisor_listener){
		    .listener = &report->listeners[i],
		    .backlog = sizing_backlog(sizing),
		    .children = sizing_children(sizing, WAIT_TARGET_NS),
		    .service = sizing_service(sizing),
		    .accepts = (uint64_t)queues_at(r->queues, i)->counter.counts.accepts,
		    .left_out = sizing->left_out,
		};
	}
	report->advice_count =
	    advisor_run(r->advisor, report, listeners, report->listeners_count, &report->advice);
	free(listeners);
	return 0;
}

static int fill_ledger(struct reporter *r)
{
	struct tracker_stats stats;
	struct report *report = &r->report;
	int rc;

	if (!r->queues)
		return 0;
	rc = ledger_balance(&r->ledger, r->queues, report->listeners, report->listeners_count);
	if (rc)
		return rc;
	report->ledger_count = r->ledger.rows_count;
	report->ledger = r->ledger.rows;
	for (int c = 0; c < CAUSE_COUNT; c++)
		report->cause_doubted[c] = ledger_doubts(&r->ledger, (enum cause)c);
	/* Whose answer is not captured may have been answered. */
	tracker_stats(r->tracker, &stats);
	if (stats.unseen_syn_acks && !stats.seen_syn_acks)
		report->cause_doubted[CAUSE_UNANSWERED_NO_COUNTER] = true;
	return fill_advice(r);
}

/* Said once, not of each of them. */
static void add_note_of_beginning(struct reporter *r)
{
	struct report *report = &r->report;

	if (!report->began_before)
		return;
	r->notes = calloc(report->notes_count + 1, sizeof(*r->notes));
	if (!r->notes)
		return;
	if (report->notes_count)
		memcpy(r->notes, report->notes, report->notes_count * sizeof(*r->notes));
	snprintf(r->note, sizeof(r->note),
		 "%" PRIu64 " connection attempt%s under way when observation began: their counts "
		 "and times are lower bounds",
		 report->began_before, report->began_before == 1 ? " was" : "s were");
	r->notes[report->notes_count++] = r->note;
	report->notes = r->notes;
}

static int fill_report(struct reporter *r, const struct reporter_source *source)
{
	struct report *report = &r->report;
	uint64_t listeners, arrivals, past, latencies;
	struct tracker_stats stats;
	int rc;

	tracker_stats(r->tracker, &stats);
	report->version = SYNSCOPE_VERSION;
	totals_put(&r->all, report);
	report->kind = r->options.kind;
	report->path = r->options.path;
	report->start_ns = source->start_ns != TIME_UNKNOWN ? source->start_ns : r->first_ns;
	report->end_ns = source->end_ns != TIME_UNKNOWN ? source->end_ns : r->last_ns;
	report->packets = source->packets;
	report->packets_dropped = source->packets_dropped;
	memcpy(report->skipped, source->skipped, sizeof(report->skipped));
	report->other_segments = stats.other_segments;
	report->unseen_syn_acks = stats.unseen_syn_acks;
	report->stray_syn_acks = stats.stray_syn_acks;
	report->answered_in_front = stats.fronted;
	report->without_packets = stats.without_packets;
	report->without_asked = stats.without_asked;
	report->without_server = stats.without_server;
	report->late_events = source->late_events;
	report->meta = r->options.meta;
	report->meta_known = r->options.meta != NULL;
	report->host_known = r->options.meta != NULL;
	if (r->options.meta)
		report->host = r->options.meta->host;
	add_overflow(r, "open attempts", stats.open_max, stats.evicted);
	add_overflow(r, "attempts of one client and port", TRACKER_FLOW_MAX, stats.crowded);
	add_overflow(r, "resets in accept queues", TRACKER_GHOSTS_MAX, stats.ghosts_refused);
	add_overflow(r, "attempt details", DETAIL_OPENED_MAX, stats.details_refused);
	add_overflow(r, "destinations of this host's own connections", PEERS_MAX, r->peers.refused);
	add_overflow(r, "packet marks", DETAIL_MARKS_MAX, stats.marks_refused);
	report->overflows = r->overflows;
	if (r->queues) {
		queues_left_out(r->queues, &listeners, &arrivals, &past, &latencies);
		add_overflow(r, "events about listeners", LISTENING_MAX, listeners);
		add_overflow(r, "packets to be settled", QUEUE_ARRIVALS_MAX, arrivals);
		add_overflow(r, "limits and owners of a listener", QUEUE_TENURES_MAX, past);
		add_overflow(r, "latency histograms of listeners", LATENCIES_HISTOGRAMS_MAX,
			     latencies);
	}
	if (r->queues)
		report->listeners_count = queues_report(r->queues, &report->listeners);
	report->notes_count = source->notes_count;
	report->notes = source->notes;
	add_note_of_beginning(r);
	report->rates = rates_view(&r->rates, report->end_ns);
	peers_sort(&r->peers);
	report->peers_count = r->peers.count;
	report->peers = r->peers.peers;
	worst_sort(&r->worst);
	report->worst_count = r->worst.count;
	report->worst = r->worst.attempts;
	report->packets_missing = source->packets_missing;
	report->passive_opens = r->queues ? ledger_passive_opens(&r->ledger) : -1;
	fill_latencies(r);
	rc = fill_ledger(r);
	if (rc == 0)
		drops_judge(report, source->events_missing);
	report->filter = r->options.filter;
	if (report->filter) {
		/* What explains the counters rests on all. */
		report->left_out = r->all.attempts - r->matching.attempts;
		totals_put(&r->matching, report);
	}
	return rc;
}

int reporter_finish(struct reporter *reporter, const struct reporter_source *source)
{
	int rc = tracker_finish(
	    reporter->tracker, source->end_ns != TIME_UNKNOWN ? source->end_ns : reporter->last_ns);

	if (rc)
		return rc;
	reporter->finished = true;
	rc = fill_report(reporter, source);
	if (rc)
		return rc;
	for (size_t i = 0; i < reporter->options.sinks_count; i++) {
		struct sink *sink = reporter->options.sinks[i];
		int sink_rc = reporter->sink_errors[i];

		if (!sink_rc)
			sink_rc = sink->ops->finish(sink, &reporter->report);

		if (sink_rc && !rc)
			rc = sink_rc;
	}
	return rc;
}

const struct report *reporter_report(const struct reporter *reporter)
{
	return &reporter->report;
}
