/*
 * The live pipeline.
 *
 * Theory of operation. Nothing wakes it for a packet or an event: while there is
 * traffic it works once every sample interval, and drains all sources then; when
 * idle it sleeps on the capture. Events go to the recording as they come, and
 * through a merge that holds them back for HOLD_NS, so that the sources' delays
 * do not disorder them, to the reporter. Packets go to the recording inside
 * capture/.
 */
#include "cmd/recorder.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/folder.h"
#include "cmd/handshakes.h"
#include "cmd/namespace.h"
#include "cmd/replay.h"
#include "cmd/scout.h"
#include "netlink/sampler.h"
#include "probe/accept.h"
#include "netlink/softnet.h"
#include "report/merge.h"
#include "report/reporter.h"

/* No source is later than this, but for a machine that stands still: late events are counted. */
#define HOLD_NS (500 * NS_PER_MS)
/* Without a packet for so long, and with empty queues, nothing needs sampling each interval. */
#define IDLE_AFTER_NS	 (250 * NS_PER_MS)
#define IDLE_INTERVAL_NS (50 * NS_PER_MS)
#define COUNTERS_NS	 (100 * NS_PER_MS)
/* So that what a crash takes is less than a second old, also where this process waits its turn. */
#define FLUSH_NS (500 * NS_PER_MS)
/*
 * A child is looked up when its ACK has been read: a late block makes wide bounds of accept(). A
 * block that is handed over early is not full: twice the ring for as long a stall.
 */
#define BLOCK_TIMEOUT_MS 4
#define RING_BYTES	 (32 << 20)
/* How long the first look for the listeners' owners may take. */
#define OWNERS_NS NS_PER_SEC
/* How long the last packets may be on their way through the capture's blocks. */
#define DRAIN_NS (60 * NS_PER_MS)

struct recorder {
	struct recorder_options options;
	struct capture *capture;
	struct sampler *sampler;
	struct scout *scout;
	struct accept_probe *probe;
	struct handshakes *handshakes;
	struct folder *folder; /* or NULL */
	struct merge *merge;
	struct reporter *reporter;
	struct recording_meta meta;
	struct reporter_source source;
	char notes[REPLAY_NOTES_MAX][REPLAY_NOTE_SIZE];
	const char *note_pointers[REPLAY_NOTES_MAX];
	uint64_t events;
	uint64_t samples_late;
	uint64_t softnet_before;
	uint64_t frames;
	int64_t opened_ns;	/* before the capture was opened */
	int64_t passed_ns;	/* events up to here were passed on */
	int64_t last_packet_ns; /* CLOCK_MONOTONIC, as the next four */
	int64_t last_round_ns;
	int64_t last_counters_ns;
	int64_t last_flush_ns;
	int64_t clock_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC, 0: not known yet */
	int64_t clock_back_ns;	 /* so far it was set back, in all */
	bool packets_ended;
	bool finished;
	int report_error;
	char error[RECORDER_ERROR_SIZE];
};

static int fail(struct recorder *r, int rc, const char *what)
{
	if (!r->error[0])
		snprintf(r->error, sizeof(r->error), "%.*s: %s", (int)sizeof(r->error) - 128, what,
			 strerror(-rc));
	return rc;
}

/* Everything but packets: to the recording, and on. */
static int on_event(void *context, const struct event *event)
{
	struct recorder *r = context;

	r->events++;
	if (r->folder)
		folder_event(r->folder, event);
	if (r->scout)
		scout_tell(r->scout, event);
	return merge_push(r->merge, event);
}

/*
 * Of the first round. A listener that it finds was there when the capture began,
 * though the round takes its time: the packets until then are for it.
 */
static int on_first_event(void *context, const struct event *event)
{
	struct recorder *r = context;
	struct event earlier = *event;

	if (event->kind == EVENT_LISTENER && event->listener.change != LISTENER_CLOSED)
		earlier.time_ns = r->opened_ns;
	return on_event(r, &earlier);
}

static int on_packet(void *context, const struct event *event)
{
	struct recorder *r = context;

	if (r->sampler && r->options.look_up_children && event->kind == EVENT_SEGMENT &&
	    handshakes_finished_by(r->handshakes, &event->segment))
		sampler_watch_child(r->sampler, &event->segment.flow);
	return merge_push(r->merge, event);
}

static void switch_off(struct recorder *r, enum source source, const char *note)
{
	r->meta.sources[source].on = false;
	snprintf(r->meta.sources[source].note, sizeof(r->meta.sources[source].note), "%.*s",
		 RECORDING_TEXT_SIZE - 1, note);
}

static int open_capture(struct recorder *r, char error[RECORDER_ERROR_SIZE])
{
	struct capture_live_options options = {
	    .interface = r->options.interface,
	    .filter = r->meta.filter,
	    .ring_bytes = r->options.ring_bytes ? r->options.ring_bytes : RING_BYTES,
	    .block_timeout_ms = BLOCK_TIMEOUT_MS,
	};
	char reason[CAPTURE_ERROR_SIZE];
	int rc;

	rc = capture_filter_format(r->options.targets, r->options.targets_count, r->meta.filter,
				   sizeof(r->meta.filter));
	if (rc) {
		snprintf(error, RECORDER_ERROR_SIZE, "too many ports to watch: %s", strerror(-rc));
		return rc;
	}
	rc = capture_open_live(&options, &r->capture, reason);
	if (rc) {
		r->capture = NULL;
		snprintf(error, RECORDER_ERROR_SIZE, "%s", reason);
		return rc;
	}
	r->meta.sources[SOURCE_CAPTURE].on = true;
	return 0;
}

static int say_loss(struct recorder *r, enum source source, enum loss_kind kind, uint64_t count)
{
	struct event event = {
	    .time_ns = clock_now_ns(), .kind = EVENT_LOSS, .source = source, .loss = {kind, count}};

	if (r->meta.losses[kind] == count)
		return 0;
	r->meta.losses[kind] = count;
	return on_event(r, &event);
}

/* What the scout has found. */
static int on_found(void *context, const struct event *event)
{
	struct recorder *r = context;

	switch ((int)event->kind) {
	case EVENT_LISTENER:
		return r->sampler ? sampler_owned(r->sampler, &event->listener, on_event, r) : 0;
	case EVENT_LOSS:
		return say_loss(r, event->source, event->loss.kind, event->loss.count);
	default:
		return on_event(r, event);
	}
}

/* Until the owners of the first listeners are known: they were theirs when the capture began. */
static int on_first_found(void *context, const struct event *event)
{
	struct recorder *r = context;

	if (event->kind == EVENT_LISTENER)
		return r->sampler ? sampler_owned(r->sampler, &event->listener, on_first_event, r)
				  : 0;
	return on_found(context, event);
}

/* Before anything else is open, and before the namespace is another. */
static void open_scout(struct recorder *r)
{
	struct scout_findings findings;
	char error[SCOUT_ERROR_SIZE];

	if (scout_start(r->options.netns, &r->scout, error) < 0) {
		r->scout = NULL;
		switch_off(r, SOURCE_PROC, error);
		return;
	}
	scout_findings(r->scout, &findings);
	r->meta.sources[SOURCE_PROC].on = findings.proc_error == 0;
	if (findings.proc_error)
		switch_off(r, SOURCE_PROC,
			   findings.proc_error == -EPERM
			       ? "no CAP_NET_ADMIN: forks and exits of processes are not seen"
			       : "not the initial network namespace, where alone the kernel "
				 "answers: forks and exits of processes are not seen");
}

/* What it costs nobody pays who has not asked for it. */
static void open_probe(struct recorder *r)
{
	uint16_t ports[RECORDING_TARGETS_MAX];
	struct accept_probe_options options = {ports, r->options.targets_count};
	int rc;

	for (size_t i = 0; i < r->options.targets_count; i++)
		ports[i] = r->options.targets[i].port;
	rc = accept_probe_new(&options, &r->probe);
	if (rc == 0) {
		r->meta.sources[SOURCE_BPF].on = true;
		return;
	}
	r->probe = NULL;
	switch_off(r, SOURCE_BPF,
		   rc == -EPERM
		       ? "no CAP_BPF and CAP_PERFMON: times of accept() are bounds, not points"
		   : rc == -ENOTSUP
		       ? "the accept probe is not built in, or this kernel cannot run it: times of "
			 "accept() are bounds, not points"
		       : "the accept probe could not be loaded: times of accept() are bounds, not "
			 "points");
}

static void open_sampler(struct recorder *r)
{
	struct sampler_options options = {
	    .targets = r->options.targets,
	    .targets_count = r->options.targets_count,
	    .look_up_children = r->options.look_up_children,
	};
	int rc = sampler_new(&options, &r->sampler);

	if (rc == 0 && r->scout)
		sampler_expect_owners(r->sampler);
	if (rc == 0) {
		r->meta.sources[SOURCE_SAMPLER].on = true;
		return;
	}
	r->sampler = NULL;
	switch_off(r, SOURCE_SAMPLER,
		   "sock_diag does not answer: depths, limits and counters are not known");
}

static int open_report(struct recorder *r, char error[RECORDER_ERROR_SIZE])
{
	struct reporter_options options = {
	    .kind = REPORT_LIVE,
	    .path = r->options.path,
	    .meta = &r->meta,
	    .max_open = r->options.max_open,
	    .live_slots = r->options.live_slots,
	    .sinks_count = r->options.sinks_count,
	};
	int rc;

	memcpy(options.sinks, r->options.sinks, sizeof(options.sinks));
	rc = reporter_new(&options, &r->reporter);
	if (rc == 0)
		rc = merge_new(reporter_event, r->reporter, &r->merge);
	if (rc == 0)
		rc = handshakes_new(&r->handshakes);
	if (rc)
		snprintf(error, RECORDER_ERROR_SIZE, "%s", strerror(-rc));
	return rc;
}

static void fill_meta(struct recorder *r)
{
	snprintf(r->meta.version, sizeof(r->meta.version), "%s", SYNSCOPE_VERSION);
	snprintf(r->meta.interface, sizeof(r->meta.interface), "%s", r->options.interface);
	host_read(&r->meta.host);
	r->meta.start_ns = r->passed_ns = clock_now_ns();
	r->meta.end_ns = TIME_UNKNOWN;
	r->meta.sample_interval_us = (uint32_t)(r->options.sample_interval_ns / NS_PER_US);
	for (size_t i = 0; i < r->options.targets_count && i < RECORDING_TARGETS_MAX; i++)
		r->meta.targets[r->meta.targets_count++] = r->options.targets[i];
	r->meta.sources[SOURCE_SERVER].on = r->options.channel != NULL;
}

int recorder_new(const struct recorder_options *options, struct recorder **out,
		 char error[RECORDER_ERROR_SIZE])
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		snprintf(error, RECORDER_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	r->options = *options;
	if (r->options.sample_interval_ns == 0)
		r->options.sample_interval_ns = NS_PER_MS;
	if (options->processes)
		open_scout(r);
	switch_off(r, SOURCE_BPF, "");
	if (options->exact_accepts)
		open_probe(r);
	rc = options->netns ? namespace_enter(options->netns, error) : 0;
	if (rc)
		goto fail;
	open_sampler(r);
	r->opened_ns = clock_now_ns();
	rc = open_capture(r, error);
	if (rc)
		goto fail;
	fill_meta(r);
	rc = open_report(r, error);
	if (rc)
		goto fail;
	if (options->path)
		rc = folder_new(options->path, options->force, &options->rotation, r->capture,
				&r->meta, &r->folder, error);
	if (rc)
		goto fail;
	for (int s = 0; s < SOURCE_COUNT; s++)
		if (r->meta.sources[s].on)
			merge_watermark(r->merge, (enum source)s, TIME_UNKNOWN);
	r->last_packet_ns = clock_monotonic_ns();
	r->softnet_before = softnet_dropped();
	if (r->sampler) {
		rc = sampler_round(r->sampler, on_first_event, r);
		/* With its owners come a listener's options: they decide what a packet means. */
		if (rc == 0 && r->scout)
			rc = scout_settle(r->scout, OWNERS_NS, on_first_found, r);
		if (rc == 0)
			rc = sampler_counters(r->sampler, COUNTERS_BEFORE, on_event, r);
		if (rc)
			snprintf(error, RECORDER_ERROR_SIZE, "%s",
				 r->error[0] ? r->error : strerror(-rc));
	}
	r->last_round_ns = r->last_counters_ns = r->last_flush_ns = clock_monotonic_ns();
	if (rc)
		goto fail;
	*out = r;
	return 0;
fail:
	recorder_free(r);
	return rc;
}

static bool is_idle(const struct recorder *r, int64_t now_ns)
{
	return now_ns - r->last_packet_ns > IDLE_AFTER_NS &&
	       (!r->sampler || sampler_depth(r->sampler) == 0);
}

static void wait_for_work(struct recorder *r, int wake_fd, int64_t until_ns)
{
	int64_t now_ns = clock_monotonic_ns();
	bool idle = is_idle(r, now_ns);
	int64_t interval_ns = idle ? IDLE_INTERVAL_NS : r->options.sample_interval_ns;
	int64_t wait_ns = r->last_round_ns + interval_ns - now_ns;
	struct pollfd fds[2] = {{.fd = wake_fd, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
	struct timespec ts;

	if (idle && !r->packets_ended)
		fds[1].fd = capture_fd(r->capture);
	if (until_ns != INT64_MAX && until_ns - now_ns < wait_ns)
		wait_ns = until_ns - now_ns;
	if (wait_ns < 0)
		wait_ns = 0;
	ts = (struct timespec){.tv_sec = wait_ns / NS_PER_SEC, .tv_nsec = wait_ns % NS_PER_SEC};
	if (ppoll(fds, 2, &ts, NULL) < 0 && errno != EINTR) {
		/* Only for want of memory: the sources are drained all the same. */
	}
}

static int read_packets(struct recorder *r, int64_t now_ns)
{
	int64_t n;

	if (r->packets_ended)
		return 0;
	n = capture_read(r->capture, 0, on_packet, r);
	if (n < 0) {
		r->packets_ended = true;
		merge_close(r->merge, SOURCE_CAPTURE);
		if (r->folder)
			folder_check_packets(r->folder);
		if (r->folder && folder_error(r->folder))
			return 0; /* said at the end of the step */
		if (!r->error[0])
			snprintf(r->error, sizeof(r->error), "%s; what was recorded is kept",
				 capture_error(r->capture));
		return (int)n;
	}
	if (n > 0) {
		r->frames += (uint64_t)n;
		r->last_packet_ns = now_ns;
	}
	return 0;
}

static int read_sources(struct recorder *r, int64_t now_ns)
{
	int rc = read_packets(r, now_ns);

	if (rc == 0 && r->options.channel) {
		rc = channel_read(r->options.channel, on_event, r);
		rc = rc < 0 ? fail(r, rc, "the server's events") : 0;
	}
	if (rc == 0 && r->scout)
		rc = scout_read(r->scout, on_found, r);
	if (rc == 0 && r->probe) {
		rc = accept_probe_read(r->probe, on_event, r);
		if (rc)
			rc = fail(r, rc, "the accept probe");
	}
	return rc;
}

static int sample(struct recorder *r, int64_t now_ns)
{
	int64_t interval_ns = is_idle(r, now_ns) ? IDLE_INTERVAL_NS : r->options.sample_interval_ns;
	int rc;

	if (!r->sampler || now_ns - r->last_round_ns < interval_ns - interval_ns / 8)
		return 0;
	if (now_ns - r->last_round_ns > 2 * IDLE_INTERVAL_NS ||
	    (!is_idle(r, now_ns) && r->last_round_ns > r->last_packet_ns &&
	     now_ns - r->last_round_ns > 2 * interval_ns))
		r->samples_late++;
	r->last_round_ns = now_ns;
	rc = sampler_round(r->sampler, on_event, r);
	if (rc == 0 && now_ns - r->last_counters_ns >= COUNTERS_NS && !is_idle(r, now_ns)) {
		r->last_counters_ns = now_ns;
		rc = sampler_counters(r->sampler, COUNTERS_DURING, on_event, r);
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
		rc = say_loss(r, SOURCE_SAMPLER, LOSS_NETLINK, sampler.netlink_lost);
	if (rc == 0)
		rc = say_loss(r, SOURCE_SAMPLER, LOSS_LOOKUPS, sampler.lookups_skipped);
	if (rc == 0 && r->probe)
		rc = say_loss(r, SOURCE_BPF, LOSS_BPF_EVENTS,
			      accept_probe_lost(r->probe) + accept_probe_unread(r->probe));
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
	rc = merge_restart(r->merge);
	return rc ? fail(r, rc, "the report") : 0;
}

/* Promises for every source that is on, and passes on what is due. */
static int pass_on(struct recorder *r, int64_t before_reading_ns)
{
	int rc;

	for (int s = 0; s < SOURCE_COUNT; s++)
		if (r->meta.sources[s].on && !(s == SOURCE_CAPTURE && r->packets_ended))
			merge_watermark(r->merge, (enum source)s, before_reading_ns - HOLD_NS);
	r->passed_ns = before_reading_ns - HOLD_NS;
	rc = merge_run(r->merge);
	return rc ? fail(r, rc, "the report") : 0;
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
	if (rc == 0 && now_ns - recorder->last_flush_ns >= FLUSH_NS) {
		recorder->last_flush_ns = now_ns;
		rc = say_losses(recorder);
		if (rc == 0 && recorder->folder)
			folder_flush(recorder->folder);
	}
	if (rc == 0)
		rc = pass_on(recorder, before_ns);
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
	return reporter_snapshot(recorder->reporter,
				 recorder->finished ? recorder->meta.end_ns : recorder->passed_ns);
}

void recorder_turn(struct recorder *recorder)
{
	reporter_turn(recorder->reporter);
}

static int look_up(void *context, const struct flow *client_to_server)
{
	struct recorder *r = context;

	return sampler_look_up(r->sampler, client_to_server, on_event, r);
}

/* What is on its way, the last samples and counters, and the sockets of the doubtful. */
static int finish_sources(struct recorder *r)
{
	int64_t end_ns = clock_monotonic_ns() + DRAIN_NS;
	int rc = 0;

	while (rc == 0 && clock_monotonic_ns() < end_ns)
		rc = step(r, -1, end_ns);
	if (rc == 0 && r->sampler) {
		rc = sampler_round(r->sampler, on_event, r);
		if (rc == 0)
			rc = sampler_counters(r->sampler, COUNTERS_AFTER, on_event, r);
	}
	end_ns = clock_monotonic_ns() + DRAIN_NS;
	while (rc == 0 && clock_monotonic_ns() < end_ns)
		rc = step(r, -1, end_ns);
	if (rc == 0)
		rc = say_losses(r);
	for (int s = 0; s < SOURCE_COUNT; s++)
		merge_close(r->merge, (enum source)s);
	if (rc == 0)
		rc = merge_run(r->merge);
	if (rc == 0 && r->sampler) {
		rc = reporter_unsettled(r->reporter, look_up, r);
		for (int s = 0; s < SOURCE_COUNT; s++)
			merge_close(r->merge, (enum source)s);
		if (rc == 0)
			rc = merge_run(r->merge);
	}
	return rc;
}

static void fill_source(struct recorder *r)
{
	struct capture_stats stats;

	capture_stats(r->capture, &stats);
	r->meta.packets = stats.frames;
	r->source.packets = stats.frames;
	r->source.packets_dropped =
	    r->meta.losses[LOSS_PACKETS_KERNEL] + r->meta.losses[LOSS_PACKETS_INTERFACE];
	memcpy(r->source.skipped, stats.skipped, sizeof(r->source.skipped));
	r->source.late_events = merge_late(r->merge);
	r->source.start_ns = r->meta.start_ns;
	r->source.end_ns = r->meta.end_ns;
	r->source.notes_count = replay_notes(&r->meta, r->notes, REPLAY_NOTES_MAX);
	if (r->clock_back_ns && r->source.notes_count < REPLAY_NOTES_MAX)
		snprintf(
		    r->notes[r->source.notes_count++], REPLAY_NOTE_SIZE,
		    "clock: it was set back by %lld ms while it was recorded; times before and "
		    "after that cannot be compared",
		    (long long)(r->clock_back_ns / NS_PER_MS));
	for (size_t i = 0; i < r->source.notes_count; i++)
		r->note_pointers[i] = r->notes[i];
	r->source.notes = r->note_pointers;
}

int recorder_finish(struct recorder *recorder)
{
	struct recorder *r = recorder;
	int rc = finish_sources(r), rc_folder;

	r->finished = true;
	r->meta.end_ns = clock_now_ns();
	fill_source(r);
	if (r->folder)
		folder_finish(r->folder);
	rc_folder = check_folder(r);
	r->report_error = reporter_finish(r->reporter, &r->source);
	return rc ? rc : rc_folder;
}

int recorder_report_error(const struct recorder *recorder)
{
	return recorder->report_error;
}

const char *recorder_error(const struct recorder *recorder)
{
	return recorder->error;
}

const struct recording_meta *recorder_meta(const struct recorder *recorder)
{
	return &recorder->meta;
}

int recorder_folder(const struct recorder *recorder)
{
	return recorder->folder ? folder_fd(recorder->folder) : -1;
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
	return reporter_report(recorder->reporter);
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	folder_free(recorder->folder);
	if (recorder->capture && capture_free(recorder->capture) < 0) {
		/* The folder has ended its file: there is nothing left to fail. */
	}
	sampler_free(recorder->sampler);
	scout_free(recorder->scout);
	accept_probe_free(recorder->probe);
	handshakes_free(recorder->handshakes);
	merge_free(recorder->merge);
	reporter_free(recorder->reporter);
	free(recorder);
}
