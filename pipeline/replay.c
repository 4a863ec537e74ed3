/*
 * Replays what was recorded. It decides nothing: it reads, merges by time and
 * passes on, and turns what is missing into notes.
 *
 * A recording in parts is read as one: the files of its parts one after the
 * other, without what is repeated at the boundaries, and with the losses, which
 * each part counts from its own beginning, added up.
 */
#include "pipeline/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/replay_parts.h"
#include "report/track/merge.h"

#define FRAMES_AT_ONCE 4096
#define LINES_AT_ONCE  4096
/* events.jsonl is in order of arrival: an event is at most this much older than one before it. */
#define EVENTS_SKEW_NS (5 * NS_PER_SEC)
/* Samples come more often while packets do: where they end earlier than that, some are missing. */
#define EVENTS_GAP_NS NS_PER_SEC

void replay_source_note(const struct recording_meta *meta, enum source source,
			char note[REPLAY_NOTE_SIZE])
{
	snprintf(note, REPLAY_NOTE_SIZE, "%s: %s", source_name(source), meta->sources[source].note);
}

size_t replay_notes(const struct recording_meta *meta, char notes[][REPLAY_NOTE_SIZE], size_t max)
{
	size_t n = 0;

	for (int i = 0; i < SOURCE_COUNT && n < max; i++)
		if (meta->sources[i].note[0])
			replay_source_note(meta, (enum source)i, notes[n++]);
	return n;
}

struct packets_to {
	struct replay *replay;
	struct merge *merge;
	uint64_t frames_before; /* in the parts before: the numbers go on */
	int64_t *last_ns;	/* becomes the youngest stamp */
};

/* The window has not begun, or begins with this packet: what was skipped by now is before it. */
static void note_skipped(struct replay *r, const struct event *event)
{
	const struct replay_window *w = &r->window;
	struct capture_stats stats;

	if (w->since_ns == INT64_MIN || r->packets_begun)
		return;
	r->packets_begun = event->time_ns >= w->since_ns - REPLAY_WINDOW_EARLY_NS;
	if (!r->packets_begun)
		return;
	for (size_t i = 0; i <= r->packets_part; i++) {
		if (!r->parts[i].capture)
			continue;
		capture_stats(r->parts[i].capture, &stats);
		for (int s = 0; s < SKIP_REASON_COUNT; s++)
			r->skipped_before[s] += stats.skipped[s];
	}
}

static int to_merge(void *context, const struct event *event)
{
	const struct packets_to *to = context;
	struct event own = *event;

	note_skipped(to->replay, event);
	if (own.kind == EVENT_SEGMENT)
		own.segment.frame += to->frames_before;
	else if (own.kind == EVENT_ICMP)
		own.icmp.frame += to->frames_before;
	if (to->replay->window.cut && own.time_ns > *to->last_ns)
		*to->last_ns = own.time_ns;
	if (!replay_window_wants(&to->replay->window, event)) {
		/* Those behind the last event are counted. */
		to->replay->packets_past |= !to->replay->window.cut &&
					    replay_window_is_past(&to->replay->window, event);
		return 0;
	}
	if (own.time_ns > *to->last_ns)
		*to->last_ns = own.time_ns;
	return merge_push(to->merge, &own);
}

static int packets_failed(struct replay *r, int64_t rc)
{
	snprintf(r->error, sizeof(r->error), "%s",
		 capture_error(r->parts[r->packets_part].capture));
	return (int)rc;
}

/*
 * A SYN whose answer is in the part that is gone was answered all the same: observation ends so
 * much before the last packet that the counters are read in between.
 */
static void end_with_packets(struct replay *r, const struct replay_part *part,
			     const struct capture_stats *stats)
{
	r->packets_cut = stats->cut || (part->ended && stats->frames < part->packets);
	if (r->recording && r->last_packet_ns != TIME_UNKNOWN && r->packets_cut)
		replay_window_cut(&r->window, r->meta.start_ns,
				  r->last_packet_ns - REPLAY_WINDOW_CUT_NS);
}

/* Reads some frames into the merge; *more is false at the end. */
static int pull_packets(struct replay *r, struct merge *merge, bool *more)
{
	struct replay_part *part = &r->parts[r->packets_part];
	struct packets_to to = {r, merge, r->frames_before, &r->last_packet_ns};
	struct capture_stats stats;
	int64_t n = 0;

	if (part->capture)
		n = capture_read(part->capture, FRAMES_AT_ONCE, to_merge, &to);
	/* That the file is cut is to be known before the last of them are judged. */
	if (n > 0 && n < FRAMES_AT_ONCE)
		n = capture_read(part->capture, FRAMES_AT_ONCE, to_merge, &to);
	if (n < 0)
		return packets_failed(r, n);
	if (n > 0 && !r->packets_past)
		return 0;
	if (part->capture) {
		capture_stats(part->capture, &stats);
		r->frames_before += stats.frames;
	}
	if (++r->packets_part == r->parts_count || r->packets_past) {
		if (part->capture && !r->packets_past)
			end_with_packets(r, part, &stats);
		merge_close(merge, SOURCE_CAPTURE);
		*more = false;
	}
	return 0;
}

/* What a part says at its beginning and end so that it stands alone: the whole says it once. */
static bool is_repeated(const struct replay *r, const struct event *event)
{
	bool first = r->events_part == 0, last = r->events_part + 1 == r->parts_count;

	if (event->kind == EVENT_COUNTERS)
		return (event->counters.when == COUNTERS_BEFORE && !first) ||
		       (event->counters.when == COUNTERS_AFTER && !last);
	if (event->kind == EVENT_LISTENER || event->kind == EVENT_LISTEN ||
	    event->kind == EVENT_OWNER)
		return !first && event->time_ns == r->parts[r->events_part].start_ns;
	return false;
}

/* A part counts its losses from its own beginning. */
static void add_losses(const struct replay *r, struct event *event)
{
	const struct replay_part *part = &r->parts[r->events_part];

	if (event->kind == EVENT_LOSS && event->loss.kind < LOSS_KIND_COUNT)
		event->loss.count += part->losses_before[event->loss.kind];
}

/*
 * A recorder that was killed, or a file that is cut: without the samples, what became of the packets
 * after them is not known.
 */
static void end_with_events(struct replay *r)
{
	if (r->counted_ns != TIME_UNKNOWN && !r->counters_ended)
		replay_window_cut(&r->window, r->meta.start_ns, r->counted_ns);
}

static int pull_events(struct replay *r, struct merge *merge, bool *more)
{
	int64_t newest_ns = TIME_UNKNOWN;
	struct event event;
	int rc = 0;

	for (int i = 0; i < LINES_AT_ONCE && rc == 0 && *more; i++) {
		struct recording_reader *reader = r->parts[r->events_part].reader;
		enum recording_result result =
		    reader ? recording_read(reader, &event) : RECORDING_END;

		switch (result) {
		case RECORDING_EVENT:
			if (event.time_ns > newest_ns)
				newest_ns = event.time_ns;
			if (replay_window_is_past(&r->window, &event)) {
				r->events_past = true;
				*more = false;
				break;
			}
			if (!replay_window_wants(&r->window, &event))
				break;
			if (event.time_ns > r->last_event_ns)
				r->last_event_ns = event.time_ns;
			if (event.kind == EVENT_COUNTERS) {
				r->counted_ns = event.time_ns;
				r->counters_ended |= event.counters.when == COUNTERS_AFTER;
			}
			if (is_repeated(r, &event))
				break;
			add_losses(r, &event);
			/* What the capture lost is no promise of its packets, which stand
			 * elsewhere.
			 */
			rc = merge_push_by(
			    merge, event.source == SOURCE_CAPTURE ? SOURCE_SAMPLER : event.source,
			    &event);
			break;
		case RECORDING_CUT:
			replay_note(r,
				    "events: the last line of " RECORDING_EVENTS " is incomplete");
			break;
		case RECORDING_MALFORMED:
			break;
		case RECORDING_ERROR:
			replay_note(r, "events: reading " RECORDING_EVENTS " failed: %s",
				    strerror(-recording_reader_error(reader)));
			*more = ++r->events_part < r->parts_count;
			break;
		case RECORDING_END:
			*more = ++r->events_part < r->parts_count;
			/* Each part has its own end. */
			r->counters_ended &= !*more;
			break;
		}
	}
	if (!*more && !r->events_past)
		end_with_events(r);
	for (int s = SOURCE_CAPTURE + 1; s < SOURCE_COUNT; s++) {
		if (!*more)
			merge_close(merge, (enum source)s);
		else if (newest_ns != TIME_UNKNOWN)
			merge_watermark(merge, (enum source)s, newest_ns - EVENTS_SKEW_NS);
	}
	if (rc)
		snprintf(r->error, sizeof(r->error), "%.4000s: %s", r->path, strerror(-rc));
	return rc;
}

/* Packets and events side by side: whichever the merge waits for is read on. */
static int run_merged(struct replay *r, struct reporter *reporter, uint64_t *late)
{
	bool packets = false, events = false;
	struct merge *merge;
	int rc;

	r->window.fn = reporter_event;
	r->window.context = reporter;
	rc = merge_new(replay_window_event, &r->window, &merge);
	if (rc) {
		snprintf(r->error, sizeof(r->error), "%s", strerror(-rc));
		return rc;
	}
	for (size_t i = 0; i < r->parts_count; i++) {
		packets = packets || r->parts[i].capture;
		events = events || r->parts[i].reader;
	}
	for (int s = 0; s < SOURCE_COUNT; s++)
		if (s == SOURCE_CAPTURE ? packets : events)
			merge_watermark(merge, (enum source)s, TIME_UNKNOWN);
	while (rc == 0 && (packets || events) && (!r->window.ended || r->window.cut)) {
		if (packets && (!events || !merge_waiting(merge, SOURCE_CAPTURE)))
			rc = pull_packets(r, merge, &packets);
		else
			rc = pull_events(r, merge, &events);
		if (rc)
			break;
		rc = merge_run(merge);
		if (rc == -ENOMEM) /* anything else is a failure of the report's output */
			snprintf(r->error, sizeof(r->error), "%s", strerror(-rc));
	}
	if (rc == 0 && (r->events_past || r->window.cut))
		rc = replay_window_finish(&r->window);
	*late = merge_late(merge);
	merge_free(merge);
	return rc;
}

struct packets_alone {
	struct replay *replay;
	struct reporter *reporter;
	bool begun;
};

static int to_reporter(void *context, const struct event *event)
{
	struct packets_alone *to = context;

	if (!to->begun) {
		struct capture_stats stats;

		capture_stats(to->replay->parts->capture, &stats);
		reporter_began(to->reporter, stats.first_ns);
		to->begun = true;
	}
	return reporter_event(to->reporter, event);
}

static int to_window(void *replay, const struct event *event)
{
	struct replay *r = replay;

	note_skipped(r, event);
	return replay_window_event(&r->window, event);
}

static int run_packets(struct replay *r, struct reporter *reporter)
{
	struct packets_alone to = {.replay = r, .reporter = reporter};
	int64_t n;

	r->window.fn = to_reporter;
	r->window.context = &to;
	do
		n = replay_window_is_set(&r->window)
			? capture_read(r->parts->capture, 0, to_window, r)
			: capture_read(r->parts->capture, 0, to_reporter, &to);
	while (n > 0 && !r->window.ended);
	return n < 0 ? packets_failed(r, n) : 0;
}

/* Whole lines or frames that are gone leave no trace in the file: meta.json knows how many it had.
 */
static void note_missing(struct replay *r, const struct replay_part *part, uint64_t frames,
			 struct reporter_source *source)
{
	uint64_t lines = part->reader ? recording_lines(part->reader) : 0;

	if (!r->recording || !part->ended || r->period)
		return;
	source->packets_missing |= frames < part->packets;
	source->events_missing |= lines < part->events;
	if (frames < part->packets)
		replay_note(r, "packets: %" PRIu64 " of %" PRIu64 " recorded frames are missing",
			    part->packets - frames, part->packets);
	if (lines < part->events)
		replay_note(r, "events: %" PRIu64 " of %" PRIu64 " recorded lines are missing",
			    part->events - lines, part->events);
}

static void add_up(struct replay *r, const struct replay_part *part, struct reporter_source *source)
{
	struct capture_stats stats = {0};

	source->packets_missing |= !part->capture;
	source->events_missing |= !part->reader;
	if (part->capture) {
		capture_stats(part->capture, &stats);
		source->packets += stats.frames;
		for (int i = 0; i < SKIP_REASON_COUNT; i++)
			source->skipped[i] += stats.skipped[i];
		if (stats.note[0])
			replay_note(r, "packets: %.500s", stats.note);
		else if (stats.cut)
			replay_note(r,
				    "packets: the file ends in the middle of a frame; the frames "
				    "before it are reported");
	}
	note_missing(r, part, stats.frames, source);
	if (part->reader && recording_malformed(part->reader))
		replay_note(
		    r, "events: %" PRIu64 " of %" PRIu64 " lines are not events and were skipped",
		    recording_malformed(part->reader), recording_lines(part->reader));
}

/* A capture file was observing from its first frame to its last, of whatever kind they are. */
static void take_span(const struct replay *r, struct reporter_source *source)
{
	struct capture_stats stats;

	source->start_ns = source->end_ns = TIME_UNKNOWN;
	if (r->recording || !r->parts_count || !r->parts->capture)
		return;
	capture_stats(r->parts->capture, &stats);
	source->start_ns = stats.first_ns;
	source->end_ns = stats.last_ns;
}

/* What was observed is the window alone, as far as it was recorded. */
static void take_window(struct replay *r, struct reporter_source *source)
{
	const struct replay_window *w = &r->window;

	if (w->others)
		replay_note(r,
			    "period: %" PRIu64 " more connection%s in accept queues when it began; "
			    "their handshakes were not read",
			    w->others, w->others == 1 ? " was" : "s were");
	for (int i = 0; w->since_ns != INT64_MIN && i < SKIP_REASON_COUNT; i++)
		source->skipped[i] =
		    r->packets_begun ? source->skipped[i] - r->skipped_before[i] : 0;
	source->packets = w->packets;
	source->more_before = w->since_ns != INT64_MIN && w->since_ns > source->start_ns;
	source->more_after = w->ended || source->end_ns > w->until_ns;
	if (w->begun)
		source->start_ns =
		    r->recording || w->since_ns == INT64_MIN ? w->from_ns : w->since_ns;
	if (w->ended)
		source->end_ns = w->to_ns;
	else if (source->end_ns > w->until_ns)
		source->end_ns = w->until_ns;
	source->packets_dropped =
	    w->losses_within[LOSS_PACKETS_KERNEL] + w->losses_within[LOSS_PACKETS_INTERFACE];
}

static void note_cut(struct replay *r)
{
	int64_t end_ns = r->window.cut ? r->window.until_ns : r->last_event_ns;
	int64_t gap_ns = r->last_packet_ns - end_ns;

	if (!r->recording || end_ns == TIME_UNKNOWN || r->last_packet_ns == TIME_UNKNOWN ||
	    gap_ns <= (r->window.cut ? 0 : EVENTS_GAP_NS) || r->packets_cut)
		return;
	if (r->window.cut)
		replay_note(r,
			    "events: they end %.1f s before the packets, and the report with them",
			    (double)gap_ns / NS_PER_SEC);
	else
		replay_note(r,
			    "events: they end %.1f s before the packets; accepts, queue depths and "
			    "counters after that are unknown",
			    (double)gap_ns / NS_PER_SEC);
}

static void fill_source(struct replay *r, struct reporter_source *source)
{
	for (size_t i = 0; i < r->parts_count; i++)
		add_up(r, &r->parts[i], source);
	/* Of an older recording, or one without meta.json, the packets themselves tell. */
	source->packets_missing |=
	    r->recording && !r->meta.sources[SOURCE_CAPTURE].on && !source->packets;
	take_span(r, source);
	note_cut(r);
	if (r->recording) {
		source->start_ns = r->meta.start_ns;
		source->end_ns = r->meta.end_ns;
		source->packets_dropped =
		    r->meta.losses[LOSS_PACKETS_KERNEL] + r->meta.losses[LOSS_PACKETS_INTERFACE];
		r->notes_count += replay_notes(&r->meta, r->notes + r->notes_count,
					       REPLAY_NOTES_MAX - r->notes_count);
	}
	if (r->period) {
		take_window(r, source);
	} else if (r->window.cut) {
		source->end_ns = r->window.to_ns;
		source->more_after = true;
	}
	if (r->notes_left_out)
		snprintf(r->notes[REPLAY_NOTES_MAX - 1], REPLAY_NOTE_SIZE,
			 "recording: and %u more notes", r->notes_left_out + 1);
	for (size_t i = 0; i < r->notes_count; i++)
		r->note_pointers[i] = r->notes[i];
	source->notes = r->note_pointers;
	source->notes_count = r->notes_count;
}

int replay_run(struct replay *replay, struct reporter *reporter, struct reporter_source *source)
{
	uint64_t late = 0;
	int rc;

	memset(source, 0, sizeof(*source));
	replay->period = replay_window_is_set(&replay->window);
	rc =
	    replay_window_open(&replay->window, replay->recording ? &replay->meta : NULL, reporter);
	if (rc) {
		snprintf(replay->error, sizeof(replay->error), "%s", strerror(-rc));
		return rc;
	}
	rc =
	    replay->recording ? run_merged(replay, reporter, &late) : run_packets(replay, reporter);
	if (rc)
		return rc;
	if (replay_window_is_set(&replay->window) && !replay->window.begun) {
		snprintf(replay->error, sizeof(replay->error),
			 "%.4000s: nothing was recorded in this period", replay->path);
		return -ENODATA;
	}
	source->late_events = late;
	fill_source(replay, source);
	return 0;
}

void replay_release(struct replay *replay)
{
	for (size_t i = 0; i < replay->parts_count; i++) {
		if (capture_free(replay->parts[i].capture) < 0) {
			/* It wrote nothing: there is nothing to lose. */
		}
		recording_reader_free(replay->parts[i].reader);
	}
	replay_window_release(&replay->window);
	free(replay->parts);
	replay->parts = NULL;
	replay->parts_count = 0;
}
