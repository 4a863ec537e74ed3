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
	struct peers absent; /* for advice, which rests on all attempts: none is filtered out */
	struct ledger ledger;
	struct advisor *advisor;
	struct overflow overflows[OVERFLOWS_MAX];
	const char **notes; /* the source's and one more; NULL: there is none */
	char note[160];
	char note_devices[192];
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
	if (inbound && attempt_find_cause(attempt, CAUSE_NO_LISTENER))
		peers_add(&r->absent, attempt);
	if (r->options.filter) {
		if (!filter_matches(r->options.filter, attempt))
			return 0;
		totals_add(&r->matching, attempt);
	}
	latencies_of(attempt, latencies);
	if (attempt->role == ROLE_OUTBOUND || attempt->role == ROLE_FORWARDED)
		peers_add(&r->peers, attempt);
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

static int open_queues(struct reporter *r, const struct recording_meta *meta)
{
	const struct queues_options options = {
	    .host = meta->host,
	    .blind = !meta->sources[SOURCE_CAPTURE].on,
	    .children_looked_up = meta->sources[SOURCE_SAMPLER].on,
	    .forks_told = meta->sources[SOURCE_PROC].on && !meta->losses[LOSS_PROC_EVENTS],
	    .entries_told = meta->entries && !meta->losses[LOSS_BPF_EVENTS],
	    .drops_told = meta->drops && !meta->losses[LOSS_BPF_EVENTS],
	    .targets = meta->targets,
	    .targets_count = meta->targets_count,
	    .lo_only = strcmp(meta->interface, "lo") == 0,
	    .interface_index = meta->interface_index,
	    .interface_alone = meta->interface_alone,
	    .rates = &r->rates,
	    .live_slots = r->options.live_slots,
	};

	return queues_new(&options, &r->queues);
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
	rc = options->meta ? open_queues(r, options->meta) : 0;
	if (rc)
		goto release_rates;
	tracker.queues = r->queues;
	tracker.all_interfaces = options->meta && strcmp(options->meta->interface, "any") == 0;
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

static void count_queued(void *context, const struct open_attempt *open,
			 const struct detail *detail)
{
	uint64_t *count = context;

	(void)detail;
	*count += open_is_queued(open);
}

uint64_t reporter_carry(struct reporter *from, struct reporter *to, int64_t now_ns)
{
	uint64_t known = 0, depths = 0;

	tracker_each_open(from->tracker, count_queued, &known);
	for (size_t i = 0; from->queues && i < queues_count(from->queues); i++) {
		const struct queue *q = queues_at(from->queues, i);
		int64_t depth = q->samples.count ? (int64_t)q->samples.last_depth : 0;

		/* The last sample may be older than the last accept(). */
		if (q->leader == q && q->siblings == 1 && q->now.depth < depth)
			depth = q->now.depth;
		if (!q->closed && depth > 0)
			depths += (uint64_t)depth;
	}
	tracker_carry(from->tracker, to->tracker, now_ns);
	return depths > known ? depths - known : 0;
}

const struct snapshot *reporter_snapshot(struct reporter *reporter, int64_t to_ns)
{
	if (reporter->last_ns > to_ns)
		to_ns = reporter->last_ns;
	if (reporter->options.meta && !reporter->options.meta->sources[SOURCE_CAPTURE].on)
		live_be_blind(reporter->live);
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

static struct sizing_away find_away(const struct sizing *sizing,
				    const struct sizing_service *service, int64_t end_ns)
{
	int64_t least_ns;

	if (__builtin_mul_overflow(service->median_ns, STALL_BLOCKED_FACTOR, &least_ns))
		least_ns = INT64_MAX;
	if (least_ns < STALL_BLOCKED_NS)
		least_ns = STALL_BLOCKED_NS;
	return sizing_away(sizing, service, least_ns, end_ns);
}

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
		const struct sizing_exit *exits;
		size_t exits_count;

		exits = queues_killed_owners(r->queues, i, &exits_count);
		if (report_is_mixed(&report->listeners[i])) {
			listeners[i] = (struct advisor_listener){
			    .listener = &report->listeners[i],
			    .service = {.first_ns = -1, .last_ns = TIME_UNKNOWN},
			    .ended = sizing_ended(sizing, exits, exits_count),
			    .accepts = (uint64_t)queue_accepts(queues_at(r->queues, i)),
			};
			continue;
		}
		listeners[i] = (struct advisor_listener){
		    .listener = &report->listeners[i],
		    .children = sizing_children(sizing, WAIT_TARGET_NS),
		    .service = sizing_service(sizing, report->end_ns),
		    .places = sizing_places(sizing),
		    .sharing = sizing_sharing(sizing),
		    .ended = sizing_ended(sizing, exits, exits_count),
		    .accepts = (uint64_t)queue_accepts(queues_at(r->queues, i)),
		    .greeted_late = sizing->greeted_late,
		    .left_out = sizing->left_out,
		};
		listeners[i].away = find_away(sizing, &listeners[i].service, report->end_ns);
		listeners[i].backlog =
		    sizing_backlog(sizing, &listeners[i].service, report->end_ns);
		listeners[i].overload = sizing_overload(sizing, &listeners[i].service,
							report->start_ns, report->end_ns);
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

static void say_what_began_before(const struct report *report, char *out, size_t size)
{
	if (!report->packets && report->packets_missing)
		snprintf(out, size,
			 "%" PRIu64 " connection attempt%s seen in the accept queue alone: how %s "
			 "began is unknown",
			 report->began_before, report->began_before == 1 ? " was" : "s were",
			 report->began_before == 1 ? "it" : "they");
	else
		snprintf(out, size,
			 "%" PRIu64 " connection attempt%s under way when observation began: their "
			 "counts and times are lower bounds",
			 report->began_before, report->began_before == 1 ? " was" : "s were");
}

/* Of a file, which may have been captured where one direction does not pass. */
static void say_what_direction_is_missing(const struct report *report, char *out, size_t size)
{
	if (report->unseen_syn_acks)
		snprintf(out, size,
			 "%" PRIu64 " client%s acknowledged a SYN-ACK that is not in the file: "
			 "%s answered, and the server's direction is missing",
			 report->unseen_syn_acks, report->unseen_syn_acks == 1 ? "" : "s",
			 report->unseen_syn_acks == 1 ? "it was" : "they were");
	else if (!report->attempts && report->stray_syn_acks)
		snprintf(out, size,
			 "%" PRIu64 " SYN-ACK%s in the file answer%s no SYN of it: the clients' "
			 "direction is missing",
			 report->stray_syn_acks, report->stray_syn_acks == 1 ? "" : "s",
			 report->stray_syn_acks == 1 ? "s" : "");
}

static void add_note(struct reporter *r, const char *note)
{
	struct report *report = &r->report;
	const char **notes = calloc(report->notes_count + 1, sizeof(*notes));

	if (!notes)
		return;
	if (report->notes_count)
		memcpy(notes, report->notes, report->notes_count * sizeof(*notes));
	notes[report->notes_count++] = note;
	report->notes = notes;
	free(r->notes);
	r->notes = notes;
}

/* Said once, not of each of them. */
static void add_note_of_what_is_missing(struct reporter *r)
{
	const struct report *report = &r->report;

	if (report->began_before)
		say_what_began_before(report, r->note, sizeof(r->note));
	else if (report->kind == REPORT_PCAP)
		say_what_direction_is_missing(report, r->note, sizeof(r->note));
	if (r->note[0])
		add_note(r, r->note);
}

/* Which of several listeners had them, the packets do not say. */
static void add_note_of_devices(struct reporter *r)
{
	uint64_t undecided = r->queues ? queues_undecided(r->queues) : 0;

	if (!undecided)
		return;
	snprintf(r->note_devices, sizeof(r->note_devices),
		 "%" PRIu64
		 " connection attempt%s may be of any of several listeners that are bound "
		 "to devices: which of them had %s is unknown",
		 undecided, undecided == 1 ? "" : "s", undecided == 1 ? "it" : "each");
	add_note(r, r->note_devices);
}

/* Their packets have the addresses and ports that the clients asked for. */
static void add_note_of_transparent(struct reporter *r)
{
	const struct report *report = &r->report;

	if (!r->queues || report->attempts || report->passive_opens <= 0 || !report->meta_known ||
	    !report->meta->targets_count || !queues_have_transparent(r->queues))
		return;
	add_note(r, "a listener here is transparent (IP_TRANSPARENT): TPROXY may lead connections "
		    "to other addresses and ports to it, whose packets are captured only where "
		    "those ports are recorded too: record without a port");
}

/* What was read, and when. */
static void fill_origin(struct reporter *r, const struct reporter_source *source)
{
	struct report *report = &r->report;

	report->version = SYNSCOPE_VERSION;
	report->kind = r->options.kind;
	report->path = r->options.path;
	report->start_ns = source->start_ns != TIME_UNKNOWN ? source->start_ns : r->first_ns;
	report->end_ns = source->end_ns != TIME_UNKNOWN ? source->end_ns : r->last_ns;
	report->more_before = source->more_before;
	report->more_after = source->more_after;
	report->packets = source->packets;
	report->packets_dropped = source->packets_dropped;
	memcpy(report->skipped, source->skipped, sizeof(report->skipped));
	report->late_events = source->late_events;
	report->meta = r->options.meta;
	report->meta_known = r->options.meta != NULL;
	report->host_known = r->options.meta != NULL;
	if (r->options.meta)
		report->host = r->options.meta->host;
	report->packets_missing = source->packets_missing;
	report->notes_count = source->notes_count;
	report->notes = source->notes;
}

static void fill_stats(struct report *report, const struct tracker_stats *stats)
{
	report->other_segments = stats->other_segments;
	report->unseen_syn_acks = stats->unseen_syn_acks;
	report->stray_syn_acks = stats->stray_syn_acks;
	report->answered_in_front = stats->fronted;
	report->without_packets = stats->without_packets;
	report->without_asked = stats->without_asked;
	report->without_server = stats->without_server;
}

static void fill_overflows(struct reporter *r, const struct tracker_stats *stats)
{
	uint64_t listeners, arrivals, past, latencies;

	add_overflow(r, "open attempts", stats->open_max, stats->evicted);
	add_overflow(r, "attempts of one client and port", TRACKER_FLOW_MAX, stats->crowded);
	add_overflow(r, "resets in accept queues", TRACKER_GHOSTS_MAX, stats->ghosts_refused);
	add_overflow(r, "attempt details", DETAIL_OPENED_MAX, stats->details_refused);
	add_overflow(r, "destinations of this host's own connections", PEERS_MAX, r->peers.refused);
	add_overflow(r, "packet marks", DETAIL_MARKS_MAX, stats->marks_refused);
	r->report.overflows = r->overflows;
	if (!r->queues)
		return;
	queues_left_out(r->queues, &listeners, &arrivals, &past, &latencies);
	add_overflow(r, "events about listeners", LISTENING_MAX, listeners);
	add_overflow(r, "packets to be settled", QUEUE_ARRIVALS_MAX, arrivals);
	add_overflow(r, "limits and owners of a listener", QUEUE_TENURES_MAX, past);
	add_overflow(r, "latency histograms of listeners", LATENCIES_HISTOGRAMS_MAX, latencies);
}

static void fill_peers_and_worst(struct reporter *r)
{
	struct report *report = &r->report;

	peers_sort(&r->peers);
	report->peers_count = r->peers.count;
	report->peers = r->peers.peers;
	peers_sort(&r->absent);
	report->absent_count = r->absent.count;
	report->absent = r->absent.peers;
	worst_sort(&r->worst);
	report->worst_count = r->worst.count;
	report->worst = r->worst.attempts;
}

static int fill_report(struct reporter *r, const struct reporter_source *source)
{
	struct report *report = &r->report;
	struct tracker_stats stats;
	int rc;

	tracker_stats(r->tracker, &stats);
	totals_put(&r->all, report);
	fill_origin(r, source);
	fill_stats(report, &stats);
	fill_overflows(r, &stats);
	if (r->queues)
		report->listeners_count = queues_report(r->queues, &report->listeners);
	add_note_of_what_is_missing(r);
	add_note_of_devices(r);
	report->rates = rates_view(&r->rates, report->end_ns);
	fill_peers_and_worst(r);
	report->passive_opens = r->queues ? ledger_passive_opens(&r->ledger) : -1;
	add_note_of_transparent(r);
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
