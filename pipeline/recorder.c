/*
 * The live pipeline.
 *
 * Theory of operation. Nothing wakes it for a packet or an event: while there is
 * traffic it works once every sample interval, and drains all sources then; when
 * idle it sleeps on the capture. Events go to the recording as they come, and to
 * the analysis (analysis.h), where they are held back for HOLD_NS, so that the
 * sources' delays do not disorder them. Packets go to the recording inside capture/.
 */
#include "pipeline/recorder.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "netlink/softnet.h"
#include "pipeline/recorder_parts.h"

/* No source is later than this, but for a machine that stands still: late events are counted. */
#define HOLD_NS (500 * NS_PER_MS)
/* Without a packet for so long, and with empty queues, nothing needs sampling each interval. */
#define IDLE_AFTER_NS	 (250 * NS_PER_MS)
#define IDLE_INTERVAL_NS (50 * NS_PER_MS)
/* On a host with many others, connections of conntrack wake it no more often than this. */
#define NAT_INTERVAL_NS (10 * NS_PER_MS)
#define COUNTERS_NS	(100 * NS_PER_MS)
/* So that what a crash takes is less than a second old, also where this process waits its turn. */
#define FLUSH_NS (500 * NS_PER_MS)
/* How long the last packets may be on their way through the capture's blocks. */
#define DRAIN_NS (60 * NS_PER_MS)

static int fail(struct recorder *r, int rc, const char *what)
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

static void watch_handshake(struct recorder *r, const struct segment *segment, int64_t time_ns)
{
	struct flow forward = segment->flow, reverse = flow_reverse(&segment->flow);

	(void)nat_apply(&r->nat, &forward);
	(void)nat_apply(&r->nat, &reverse);
	switch (handshakes_take(r->handshakes, segment, time_ns, r->step_ns)) {
	case HANDSHAKE_ANSWERED:
		sampler_watch_request(r->sampler, &reverse);
		break;
	case HANDSHAKE_AGAIN:
		sampler_watch_again(r->sampler, &forward);
		break;
	case HANDSHAKE_FINISHED: /* see watch_children() */
	case HANDSHAKE_OTHER:
		break;
	}
}

/* Where a queue may be full it is to be known soon who has entered it. */
static void watch_children(struct recorder *r, int64_t now_ns)
{
	bool hurry = r->sampler && !sampler_has_room(r->sampler);
	int64_t then_ns = hurry ? now_ns : now_ns - handshakes_delay_ns(r->handshakes);
	struct handshake_finished finished;

	while (handshakes_next(r->handshakes, then_ns, &finished)) {
		(void)nat_apply(&r->nat, &finished.flow);
		sampler_watch_child(r->sampler, &finished.flow, finished.acked_ns);
	}
}

static int on_packet(void *context, const struct event *event)
{
	struct recorder *r = context;

	if (r->sampler && r->options.look_up_children && event->kind == EVENT_SEGMENT &&
	    !event->segment.copy)
		watch_handshake(r, &event->segment, event->time_ns);
	return analysis_take(r->analysis, event);
}

static int say_loss(struct recorder *r, enum source source, enum loss_kind kind, uint64_t count)
{
	struct event event = {
	    .time_ns = clock_now_ns(), .kind = EVENT_LOSS, .source = source, .loss = {kind, count}};

	if (r->meta.losses[kind] == count)
		return 0;
	r->meta.losses[kind] = count;
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
		return say_loss(r, event->source, event->loss.kind, event->loss.count);
	default:
		return recorder_on_event(r, event);
	}
}

static bool is_idle(const struct recorder *r, int64_t now_ns)
{
	return now_ns - r->last_packet_ns > IDLE_AFTER_NS &&
	       (!r->sampler || sampler_depth(r->sampler) == 0);
}

/*
 * A millisecond is long where thousands connect in a second, and each waking-up takes
 * its time from the server: then it is up to four, as long as no queue is half full.
 */
static int64_t busy_interval_ns(const struct recorder *r)
{
	int64_t interval_ns = r->options.sample_interval_ns, hurry_ns;

	if (interval_ns)
		return interval_ns;
	hurry_ns = handshakes_delay_ns(r->handshakes);
	if (hurry_ns <= RECORDER_INTERVAL_NS || !r->sampler || !sampler_has_room(r->sampler))
		return RECORDER_INTERVAL_NS;
	return hurry_ns < 4 * RECORDER_INTERVAL_NS ? hurry_ns : 4 * RECORDER_INTERVAL_NS;
}

static int64_t interval_of(const struct recorder *r, int64_t now_ns)
{
	/* Without packets nothing wakes it. */
	return is_idle(r, now_ns) && r->meta.sources[SOURCE_CAPTURE].on ? IDLE_INTERVAL_NS
									: busy_interval_ns(r);
}

static void wait_for_work(struct recorder *r, int wake_fd, int64_t until_ns)
{
	int64_t now_ns = clock_monotonic_ns();
	bool idle = is_idle(r, now_ns);
	int64_t wait_ns = r->last_round_ns + interval_of(r, now_ns) - now_ns;
	struct pollfd fds[3] = {{.fd = wake_fd, .events = POLLIN},
				{.fd = -1, .events = POLLIN},
				{.fd = -1, .events = POLLIN}};
	struct timespec ts;

	if (idle && !r->packets_ended)
		fds[1].fd = capture_fd(r->capture);
	/* The first packets of a connection that NAT leads here may pass unseen: see
	 * recorder_nat.c. */
	if (idle && r->translations) {
		if (now_ns - r->last_nat_ns >= NAT_INTERVAL_NS)
			fds[2].fd = translations_fd(r->translations);
		else if (wait_ns > NAT_INTERVAL_NS)
			wait_ns = NAT_INTERVAL_NS;
		r->last_nat_ns = now_ns;
	}
	if (until_ns != INT64_MAX && until_ns - now_ns < wait_ns)
		wait_ns = until_ns - now_ns;
	if (wait_ns < 0)
		wait_ns = 0;
	ts = (struct timespec){.tv_sec = wait_ns / NS_PER_SEC, .tv_nsec = wait_ns % NS_PER_SEC};
	if (ppoll(fds, 3, &ts, NULL) < 0 && errno != EINTR) {
		/* Only for want of memory: the sources are drained all the same. */
	}
}

static int read_packets(struct recorder *r, int64_t now_ns)
{
	int64_t n;
	int rc;

	if (r->packets_ended)
		return 0;
	r->step_ns = now_ns;
	n = capture_read(r->capture, 0, on_packet, r);
	/* An entry of NAT is told before its SYN is answered: what was read is known now. */
	rc = recorder_read_translations(r);
	if (rc)
		return fail(r, rc, "conntrack");
	watch_children(r, now_ns);
	if (n < 0) {
		r->packets_ended = true;
		analysis_close(r->analysis, SOURCE_CAPTURE);
		if (r->folder)
			folder_check_packets(r->folder);
		if (r->folder && folder_error(r->folder))
			return 0; /* said at the end of the step */
		if (!r->error[0])
			snprintf(r->error, sizeof(r->error), "%s; the recording up to then is kept",
				 capture_error(r->capture));
		return (int)n;
	}
	if (n > 0) {
		r->frames += (uint64_t)n;
		r->last_packet_ns = now_ns;
	}
	return 0;
}

int recorder_addresses(struct recorder *r, event_fn fn)
{
	int rc = r->addresses ? addresses_step(r->addresses, fn, r) : 0;

	if (rc >= 0)
		return rc;
	addresses_free(r->addresses);
	r->addresses = NULL;
	return 0;
}

static int read_sources(struct recorder *r, int64_t now_ns)
{
	int rc = read_packets(r, now_ns);

	if (rc == 0 && r->options.channel) {
		rc = channel_read(r->options.channel, recorder_on_event, r);
		rc = rc < 0 ? fail(r, rc, "the server's events") : 0;
	}
	if (rc == 0)
		rc = recorder_addresses(r, recorder_on_event);
	if (rc == 0 && r->scout) {
		rc = scout_read(r->scout, recorder_on_found, r);
		recorder_note_scout(r);
	}
	if (rc == 0 && r->probe) {
		rc = recorder_read_probe(r);
		if (rc)
			rc = fail(r, rc, "the BPF programs");
	}
	return rc;
}

static int sample(struct recorder *r, int64_t now_ns)
{
	int64_t interval_ns = interval_of(r, now_ns);
	int rc;

	if (!r->sampler || now_ns - r->last_round_ns < interval_ns - interval_ns / 8)
		return 0;
	if (now_ns - r->last_round_ns > 2 * IDLE_INTERVAL_NS ||
	    (!is_idle(r, now_ns) && r->last_round_ns > r->last_packet_ns &&
	     now_ns - r->last_round_ns > 2 * interval_ns))
		r->samples_late++;
	r->last_round_ns = now_ns;
	rc = sampler_round(r->sampler, recorder_on_event, r);
	if (rc == 0 && now_ns - r->last_counters_ns >= COUNTERS_NS && !is_idle(r, now_ns)) {
		r->last_counters_ns = now_ns;
		rc = sampler_counters(r->sampler, COUNTERS_DURING, recorder_on_event, r);
	}
	return rc ? fail(r, rc, "sock_diag") : 0;
}

/* The server says its own losses; these are the recorder's. */
static int say_losses(struct recorder *r)
{
	struct capture_stats capture;
	struct sampler_stats sampler = {0};
	int rc;

	capture_stats(r->capture, &capture);
	if (r->sampler)
		sampler_stats(r->sampler, &sampler);
	rc = say_loss(r, SOURCE_CAPTURE, LOSS_PACKETS_KERNEL, capture.dropped);
	if (rc == 0)
		rc = say_loss(r, SOURCE_CAPTURE, LOSS_PACKETS_INTERFACE, capture.interface_dropped);
	if (rc == 0)
		rc = say_loss(r, SOURCE_CAPTURE, LOSS_PACKETS_BACKLOG,
			      softnet_dropped() - r->softnet_before);
	if (rc == 0)
		rc = say_loss(r, SOURCE_SAMPLER, LOSS_SAMPLES_LATE, r->samples_late);
	if (rc == 0)
		rc = say_loss(r, SOURCE_SAMPLER, LOSS_NETLINK,
			      sampler.netlink_lost +
				  (r->addresses ? addresses_lost(r->addresses) : 0) +
				  (r->translations ? translations_lost(r->translations) : 0));
	if (rc == 0)
		rc = say_loss(r, SOURCE_SAMPLER, LOSS_LOOKUPS,
			      sampler.lookups_skipped + analysis_skipped(r->analysis));
	return rc;
}

/* A recording that ended early ends the run, but not the report of what came by then. */
static int check_folder(struct recorder *r)
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
	return rc ? fail(r, rc, "the report") : 0;
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
	return rc ? fail(r, rc, "the report") : 0;
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

static int step(struct recorder *recorder, int wake_fd, int64_t until_ns)
{
	int64_t before_ns, now_ns;
	int rc;

	wait_for_work(recorder, wake_fd, until_ns);
	before_ns = clock_now_ns();
	now_ns = clock_monotonic_ns();
	rc = follow_clock(recorder, before_ns, now_ns);
	if (rc == 0)
		rc = read_sources(recorder, now_ns);
	if (rc == 0)
		rc = sample(recorder, now_ns);
	if (recorder->scout)
		scout_flush(recorder->scout);
	if (rc == 0 && now_ns - recorder->last_flush_ns >= FLUSH_NS) {
		recorder->last_flush_ns = now_ns;
		rc = say_losses(recorder);
		if (rc == 0 && recorder->folder)
			folder_flush(recorder->folder);
	}
	if (rc == 0)
		rc = pass_on(recorder, before_ns);
	if (rc == 0 && recorder->last_flush_ns == now_ns)
		check_incidents(recorder);
	return rc;
}

static int to_folder(void *context, const struct event *event)
{
	folder_event(context, event);
	return 0;
}

/* The counters at the boundary are of the parts alone: to the run as a whole they say nothing. */
static int turn_folder(struct recorder *r)
{
	int rc = 0;

	if (r->sampler)
		rc = sampler_counters(r->sampler, COUNTERS_AFTER, to_folder, r->folder);
	folder_turn(r->folder);
	if (r->sampler && rc == 0)
		rc = sampler_counters(r->sampler, COUNTERS_BEFORE, to_folder, r->folder);
	return rc ? fail(r, rc, "the counters") : 0;
}

int recorder_step(struct recorder *recorder, int wake_fd, int64_t until_ns)
{
	int rc = step(recorder, wake_fd, until_ns);

	if (rc == 0 && recorder->folder && folder_is_due(recorder->folder))
		rc = turn_folder(recorder);
	return rc ? rc : check_folder(recorder);
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

static int look_up(void *context, const struct flow *client_to_server)
{
	struct recorder *r = context;

	return sampler_look_up(r->sampler, client_to_server, recorder_on_event, r);
}

/* What is on its way, the last samples and counters, and the sockets of the doubtful. */
static int finish_sources(struct recorder *r)
{
	int64_t end_ns = clock_monotonic_ns() + DRAIN_NS;
	int rc = 0;

	while (rc == 0 && clock_monotonic_ns() < end_ns)
		rc = step(r, -1, end_ns);
	if (rc == 0 && r->sampler) {
		rc = sampler_round(r->sampler, recorder_on_event, r);
		if (rc == 0)
			rc = sampler_counters(r->sampler, COUNTERS_AFTER, recorder_on_event, r);
	}
	end_ns = clock_monotonic_ns() + DRAIN_NS;
	while (rc == 0 && clock_monotonic_ns() < end_ns)
		rc = step(r, -1, end_ns);
	if (rc == 0)
		rc = say_losses(r);
	if (rc == 0)
		rc = analysis_drain(r->analysis);
	if (rc == 0 && r->sampler) {
		rc = analysis_unsettled(r->analysis, look_up, r);
		if (rc == 0)
			rc = analysis_drain(r->analysis);
	}
	return rc;
}

static void fill_source(struct recorder *r)
{
	struct capture_stats stats;

	capture_stats(r->capture, &stats);
	r->meta.packets = stats.frames;
	r->source.packets = stats.frames;
	r->source.packets_missing = !r->meta.sources[SOURCE_CAPTURE].on;
	r->source.events_missing = !r->meta.sources[SOURCE_SAMPLER].on;
	r->source.packets_dropped =
	    r->meta.losses[LOSS_PACKETS_KERNEL] + r->meta.losses[LOSS_PACKETS_INTERFACE];
	memcpy(r->source.skipped, stats.skipped, sizeof(r->source.skipped));
	r->source.late_events = analysis_late(r->analysis);
	r->source.start_ns = r->meta.start_ns;
	r->source.end_ns = r->meta.end_ns;
	recorder_note_owners(r);
	r->source.notes_count = replay_notes(&r->meta, r->notes, REPLAY_NOTES_MAX);
	if (r->clock_back_ns && r->source.notes_count < REPLAY_NOTES_MAX)
		snprintf(
		    r->notes[r->source.notes_count++], REPLAY_NOTE_SIZE,
		    "clock: the system clock was set back by %lld ms during the recording; times "
		    "before and after that cannot be compared",
		    (long long)(r->clock_back_ns / NS_PER_MS));
	for (size_t i = 0; i < r->source.notes_count; i++)
		r->note_pointers[i] = r->notes[i];
	r->source.notes = r->note_pointers;
}

int recorder_finish(struct recorder *recorder)
{
	struct recorder *r = recorder;
	struct reporter *reporter = analysis_reporter(r->analysis);
	int rc = finish_sources(r), rc_folder;

	r->finished = true;
	r->meta.end_ns = clock_now_ns();
	fill_source(r);
	if (r->folder)
		folder_finish(r->folder);
	rc_folder = check_folder(r);
	if (reporter)
		r->report_error = reporter_finish(reporter, &r->source);
	return rc ? rc : rc_folder;
}

int recorder_report_error(const struct recorder *recorder)
{
	return recorder->report_error;
}

size_t recorder_notes(struct recorder *recorder, const char *const **out)
{
	size_t count = 0;

	for (int i = 0; i < SOURCE_COUNT && count < REPLAY_NOTES_MAX; i++) {
		const char *note = recorder->meta.sources[i].note;

		/* Nobody can do anything about where it runs, nor needs to hear what he asked for.
		 */
		if (note[0] && !(i == SOURCE_PROC && recorder->proc_elsewhere) &&
		    !(i == SOURCE_BPF && recorder->options.no_bpf))
			recorder->note_pointers[count++] = note;
	}
	*out = recorder->note_pointers;
	return count;
}

const char *recorder_news(struct recorder *recorder)
{
	const char *news = recorder->news[0] && !recorder->news_told ? recorder->news : NULL;

	recorder->news_told = true;
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
