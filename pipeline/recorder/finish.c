/*
 * The end of a recording: what is still on its way, what was lost, what is not known, and the
 * report.
 */
#include <stdio.h>
#include <string.h>

#include "netlink/softnet.h"
#include "pipeline/recorder/parts.h"

/* How long the last packets may be on their way through the capture's blocks. */
#define DRAIN_NS (60 * NS_PER_MS)

/* Of what was there for so long the owners were looked for. */
#define LOOKED_NS (2 * NS_PER_SEC)

/* The server says its own losses; these are the recorder's. */
int recorder_say_losses(struct recorder *r)
{
	struct capture_stats capture;
	struct sampler_stats sampler = {0};
	int rc;

	capture_stats(r->capture, &capture);
	if (r->sampler)
		sampler_stats(r->sampler, &sampler);
	rc = recorder_say_loss(r, SOURCE_CAPTURE, LOSS_PACKETS_KERNEL, capture.dropped);
	if (rc == 0)
		rc = recorder_say_loss(r, SOURCE_CAPTURE, LOSS_PACKETS_INTERFACE,
				       capture.interface_dropped);
	if (rc == 0)
		rc = recorder_say_loss(r, SOURCE_CAPTURE, LOSS_PACKETS_BACKLOG,
				       softnet_dropped() - r->softnet_before);
	if (rc == 0)
		rc = recorder_say_loss(r, SOURCE_SAMPLER, LOSS_SAMPLES_LATE, r->samples_late);
	if (rc == 0)
		rc = recorder_say_loss(
		    r, SOURCE_SAMPLER, LOSS_NETLINK,
		    sampler.netlink_lost + (r->addresses ? addresses_lost(r->addresses) : 0) +
			(r->translations ? translations_lost(r->translations) : 0));
	if (rc == 0)
		rc = recorder_say_loss(r, SOURCE_SAMPLER, LOSS_LOOKUPS,
				       sampler.lookups_skipped + analysis_skipped(r->analysis));
	return rc;
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
		rc = recorder_work(r, -1, end_ns);
	if (rc == 0 && r->sampler) {
		rc = sampler_round(r->sampler, recorder_on_sampled, r);
		if (rc == 0)
			rc = sampler_bracket(r->sampler, COUNTERS_AFTER, recorder_on_sampled,
					     recorder_on_event, r);
	}
	end_ns = clock_monotonic_ns() + DRAIN_NS;
	while (rc == 0 && clock_monotonic_ns() < end_ns)
		rc = recorder_work(r, -1, end_ns);
	if (rc == 0)
		rc = recorder_say_losses(r);
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
	recorder_note_owners(r, clock_monotonic_ns() - LOOKED_NS);
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
	host_read_end(&r->meta.host);
	fill_source(r);
	if (r->folder)
		folder_finish(r->folder);
	rc_folder = recorder_check_folder(r);
	if (reporter)
		r->report_error = reporter_finish(reporter, &r->source);
	recorder_publish(r, clock_monotonic_ns(), true);
	return rc ? rc : rc_folder;
}

int recorder_report_error(const struct recorder *recorder)
{
	return recorder->report_error;
}
