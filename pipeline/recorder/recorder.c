/*
 * The live pipeline.
 *
 * Theory of operation. Nothing wakes it for a packet or an event: while there is
 * traffic it works once every sample interval, and drains all sources then; when
 * idle it sleeps on the capture, and where the BPF programs tell of entries on these too (rest.c).
 * Events go to the recording as they come, and to the analysis (analysis.h), where they are held
 * back for HOLD_NS, so that the sources' delays do not disorder them. Packets go to the recording
 * inside capture/.
 */
#include "pipeline/recorder/recorder.h"

#include <stdio.h>
#include <string.h>

#include "pipeline/recorder/parts.h"

/* No source is later than this, but for a machine that stands still: late events are counted. */
#define HOLD_NS (500 * NS_PER_MS)
/* So that what a crash takes is less than a second old, also where this process waits its turn. */
#define FLUSH_NS (500 * NS_PER_MS)

int recorder_fail(struct recorder *r, int rc, const char *what)
{
	if (!r->error[0])
		snprintf(r->error, sizeof(r->error), "%.*s: %s", (int)sizeof(r->error) - 128, what,
			 strerror(-rc));
	return rc;
}

/* Everything but packets: to the recording, and on. */
int recorder_on_event(void *context, const struct event *event)
{
	struct recorder *r = context;

	r->events++;
	if (r->folder)
		folder_event(r->folder, event);
	if (r->scout)
		scout_tell(r->scout, event);
	return analysis_take(r->analysis, event);
}

int recorder_say_loss(struct recorder *r, enum source source, enum loss_kind kind, uint64_t count)
{
	struct event event = {
	    .time_ns = clock_now_ns(), .kind = EVENT_LOSS, .source = source, .loss = {kind, count}};

	if (r->meta.losses[kind] == count)
		return 0;
	r->meta.losses[kind] = count;
	/* A SYN may be among the packets. */
	if (r->sampler)
		sampler_watch_syn(r->sampler);
	return recorder_on_event(r, &event);
}

/* What the scout has found. */
int recorder_on_found(void *context, const struct event *event)
{
	struct recorder *r = context;

	switch ((int)event->kind) {
	case EVENT_LISTENER:
		return r->sampler
			   ? sampler_owned(r->sampler, &event->listener, recorder_on_event, r)
			   : 0;
	case EVENT_LOSS:
		return recorder_say_loss(r, event->source, event->loss.kind, event->loss.count);
	default:
		return recorder_on_event(r, event);
	}
}

/* A recording that ended early ends the run, but not the report of what came by then. */
int recorder_check_folder(struct recorder *r)
{
	if (!r->folder || !folder_error(r->folder))
		return 0;
	if (!r->error[0])
		snprintf(r->error, sizeof(r->error), "%s", folder_text(r->folder));
	return folder_error(r->folder);
}

/*
 * CLOCK_REALTIME was set back, by more than what is held: see merge_restart(). A
 * smaller step, or one forward, sorts itself out.
 */
static int follow_clock(struct recorder *r, int64_t realtime_ns, int64_t monotonic_ns)
{
	int64_t offset_ns = realtime_ns - monotonic_ns, before_ns = r->clock_offset_ns;
	int rc;

	r->clock_offset_ns = offset_ns;
	if (before_ns == 0 || offset_ns - before_ns > -HOLD_NS)
		return 0;
	r->clock_back_ns += before_ns - offset_ns;
	rc = analysis_restart(r->analysis);
	return rc ? recorder_fail(r, rc, "the report") : 0;
}

/* Promises for every source that is on, and passes on what is due. */
static int pass_on(struct recorder *r, int64_t before_reading_ns)
{
	int rc;

	for (int s = 0; s < SOURCE_COUNT; s++)
		if (r->meta.sources[s].on && !(s == SOURCE_CAPTURE && r->packets_ended))
			analysis_promise(r->analysis, (enum source)s, before_reading_ns - HOLD_NS);
	r->passed_ns = before_reading_ns - HOLD_NS;
	rc = analysis_run(r->analysis);
	return rc ? recorder_fail(r, rc, "the report") : 0;
}

/* Of the half second that has been passed on since the last time. */
static void check_incidents(struct recorder *r)
{
	const struct snapshot *s;
	const char *kind = NULL;

	if (!r->folder || !r->options.rotation.retention.keep_incidents)
		return;
	s = recorder_snapshot(r);
	if (!s)
		return;
	if (rate_counts_drops(&s->counts) > 0)
		kind = "drop";
	else if (s->accept_wait.count && s->accept_wait.max > SLOW_ACCEPT_NS)
		kind = "slow-accept";
	/* Of a half second that two parts share, either may be the one. */
	if (kind) {
		folder_incident(r->folder, s->from_ns + 1, kind);
		folder_incident(r->folder, s->to_ns, kind);
	}
	recorder_turn(r);
}

void recorder_publish(struct recorder *r, int64_t now_ns, bool last)
{
	struct exporter *exporter = r->options.exporter;
	int64_t to_ns = last ? r->meta.end_ns : r->passed_ns;
	const char *news;

	if (!exporter || (!last && now_ns - r->last_metrics_ns < EXPORTER_INTERVAL_NS))
		return;
	r->last_metrics_ns = now_ns;
	if (reporter_metrics(analysis_reporter(r->analysis), to_ns, exporter_metrics(exporter)) == 0)
		exporter_publish(exporter);
	news = exporter_news(exporter);
	if (news)
		r->exporter_news = news;
}

int recorder_work(struct recorder *recorder, int wake_fd, int64_t until_ns)
{
	int64_t before_ns, now_ns;
	int rc;

	recorder_wait(recorder, wake_fd, until_ns);
	before_ns = clock_now_ns();
	now_ns = clock_monotonic_ns();
	rc = follow_clock(recorder, before_ns, now_ns);
	if (rc == 0)
		rc = recorder_read(recorder, now_ns);
	if (rc == 0)
		rc = recorder_sample(recorder, now_ns);
	if (recorder->scout)
		scout_flush(recorder->scout);
	if (rc == 0 && now_ns - recorder->last_flush_ns >= FLUSH_NS) {
		recorder->last_flush_ns = now_ns;
		rc = recorder_say_losses(recorder);
		if (rc == 0 && recorder->folder)
			folder_flush(recorder->folder);
	}
	if (rc == 0)
		rc = pass_on(recorder, before_ns);
	if (rc == 0 && recorder->last_flush_ns == now_ns)
		check_incidents(recorder);
	if (rc == 0)
		recorder_publish(recorder, now_ns, false);
	return rc;
}

bool recorder_was_woken(const struct recorder *recorder)
{
	return recorder->woken;
}

static int to_folder(void *context, const struct event *event)
{
	struct recorder *r = context;

	folder_event(r->folder, event);
	return 0;
}

/* The counters at the boundary are of the parts alone: to the run as a whole they say nothing. */
static int turn_folder(struct recorder *r)
{
	int rc = 0;

	if (r->sampler)
		rc = sampler_bracket(r->sampler, COUNTERS_AFTER, recorder_on_sampled, to_folder, r);
	folder_turn(r->folder);
	if (r->sampler && rc == 0)
		rc = sampler_bracket(r->sampler, COUNTERS_BEFORE, recorder_on_sampled, to_folder,
				     r);
	return rc ? recorder_fail(r, rc, "the counters") : 0;
}

int recorder_step(struct recorder *recorder, int wake_fd, int64_t until_ns)
{
	int rc = recorder_work(recorder, wake_fd, until_ns);

	if (rc == 0 && recorder->folder && folder_is_due(recorder->folder))
		rc = turn_folder(recorder);
	return rc ? rc : recorder_check_folder(recorder);
}

int recorder_rotate(struct recorder *recorder, const struct rotation *rotation)
{
	int rc;

	recorder->options.rotation = *rotation;
	/* Without an analysis nobody looks for incidents. */
	if (recorder->options.unreported)
		recorder->options.rotation.retention.keep_incidents = 0;
	folder_rotate(recorder->folder, &recorder->options.rotation);
	rc = turn_folder(recorder);
	return rc ? rc : recorder_check_folder(recorder);
}

const struct snapshot *recorder_snapshot(struct recorder *recorder)
{
	return reporter_snapshot(analysis_reporter(recorder->analysis),
				 recorder->finished ? recorder->meta.end_ns : recorder->passed_ns);
}

void recorder_turn(struct recorder *recorder)
{
	reporter_turn(analysis_reporter(recorder->analysis));
}

/* The kernel has not all that the programs ask for, and nothing else was asked for. */
static bool is_of_kernel(const struct recorder *r)
{
	return r->meta.sources[SOURCE_BPF].on && r->meta.entries &&
	       (r->meta.accepts || !r->options.exact_accepts);
}

size_t recorder_notes(struct recorder *recorder, const char *const **out)
{
	size_t count = 0;

	for (int i = 0; i < SOURCE_COUNT && count < REPLAY_NOTES_MAX; i++) {
		const char *note = recorder->meta.sources[i].note;

		/*
		 * Nobody can do anything about where it runs, nor needs to hear what he asked for.
		 */
		if (note[0] && !(i == SOURCE_PROC && recorder->proc_elsewhere) &&
		    !(i == SOURCE_BPF && (recorder->options.no_bpf || is_of_kernel(recorder))))
			recorder->note_pointers[count++] = note;
	}
	*out = recorder->note_pointers;
	return count;
}

const char *recorder_news(struct recorder *recorder)
{
	const char *news = recorder->news[0] && !recorder->news_told ? recorder->news : NULL;

	if (news) {
		recorder->news_told = true;
		return news;
	}
	news = recorder->exporter_news;
	recorder->exporter_news = NULL;
	return news;
}

const char *recorder_error(const struct recorder *recorder)
{
	return recorder->error;
}

const struct recording_meta *recorder_meta(const struct recorder *recorder)
{
	return &recorder->meta;
}

size_t recorder_made(const struct recorder *recorder, int fds[FOLDER_MADE_MAX])
{
	return recorder->folder ? folder_made(recorder->folder, fds) : 0;
}

int recorder_parts_fd(const struct recorder *recorder)
{
	return recorder->folder ? folder_parts_fd(recorder->folder) : -1;
}

void recorder_discard(struct recorder *recorder)
{
	if (recorder && recorder->folder)
		folder_discard(recorder->folder);
}

uint64_t recorder_frames(const struct recorder *recorder)
{
	return recorder->frames;
}

uint64_t recorder_events(const struct recorder *recorder)
{
	return recorder->events;
}

size_t recorder_listeners(const struct recorder *recorder)
{
	return recorder->sampler ? sampler_listeners(recorder->sampler) : 0;
}

const struct report *recorder_report(const struct recorder *recorder)
{
	const struct reporter *reporter = analysis_reporter(recorder->analysis);

	return reporter ? reporter_report(reporter) : NULL;
}
