/*
 * Replays what was recorded. It decides nothing: it reads, merges by time and
 * passes on, and turns what is missing into notes.
 */
#include "cmd/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/merge.h"

#define FRAMES_AT_ONCE 4096
#define LINES_AT_ONCE  4096
/* events.jsonl is in order of arrival: an event is at most this much older than one before it. */
#define EVENTS_SKEW_NS (5 * NS_PER_SEC)

static void add_note(struct replay *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void add_note(struct replay *r, const char *format, ...)
{
	va_list args;

	if (r->notes_count == REPLAY_NOTES_MAX)
		return;
	va_start(args, format);
	vsnprintf(r->notes[r->notes_count++], REPLAY_NOTE_SIZE, format, args);
	va_end(args);
}

size_t replay_notes(const struct recording_meta *meta, char notes[][REPLAY_NOTE_SIZE], size_t max)
{
	size_t n = 0;

	for (int i = 0; i < SOURCE_COUNT && n < max; i++)
		if (!meta->sources[i].on && meta->sources[i].note[0])
			snprintf(notes[n++], REPLAY_NOTE_SIZE, "%s: %s",
				 source_name((enum source)i), meta->sources[i].note);
	return n;
}

static int open_packets(struct replay *r, const char *path)
{
	char error[CAPTURE_ERROR_SIZE];
	int rc = capture_open_file(path, &r->capture, error);

	if (rc == 0)
		return 0;
	r->capture = NULL;
	if (!r->recording) {
		snprintf(r->error, sizeof(r->error), "%s", error);
		return rc;
	}
	add_note(r, "packets: %.400s; without them no handshake can be followed", error);
	return 0;
}

static int open_recording(struct replay *r)
{
	char error[RECORDING_ERROR_SIZE], path[PATH_MAX];
	int rc;

	rc = recording_read_meta(r->path, &r->meta, error);
	if (rc) {
		/* The rest may still be good: say what is missing and go on. */
		add_note(r, "meta: %.400s; the host's settings are unknown", error);
		memset(&r->meta, 0, sizeof(r->meta));
		r->meta.start_ns = r->meta.end_ns = TIME_UNKNOWN;
		r->meta.host.somaxconn = r->meta.host.tcp_max_syn_backlog = -1;
		r->meta.host.tcp_syncookies = r->meta.host.tcp_abort_on_overflow = -1;
		r->meta.host.tcp_synack_retries = -1;
	} else if (r->meta.end_ns == TIME_UNKNOWN) {
		add_note(r, "meta: the recording was not ended; it holds what was written by then");
	}
	rc = recording_reader_new(r->path, &r->reader, error);
	if (rc) {
		r->reader = NULL;
		add_note(r, "events: %.400s; queue depths, accepts and counters are unknown",
			 error);
	}
	if (snprintf(path, sizeof(path), "%s/%s", r->path, RECORDING_PACKETS) >=
	    (int)sizeof(path)) {
		snprintf(r->error, sizeof(r->error), "%.4000s: the path is too long", r->path);
		return -ENAMETOOLONG;
	}
	rc = open_packets(r, path);
	if (rc == 0 && !r->capture && !r->reader) {
		snprintf(r->error, sizeof(r->error),
			 "%.4000s: neither " RECORDING_PACKETS " nor " RECORDING_EVENTS
			 " can be read: there is nothing to report",
			 r->path);
		return -ENOENT;
	}
	return rc;
}

int replay_open(struct replay *replay, const char *path)
{
	memset(replay, 0, sizeof(*replay));
	replay->path = path;
	replay->recording = recording_is(path);
	if (replay->recording)
		return open_recording(replay);
	return open_packets(replay, path);
}

static int to_merge(void *context, const struct event *event)
{
	return merge_push(context, event);
}

static int packets_failed(struct replay *r, int64_t rc)
{
	snprintf(r->error, sizeof(r->error), "%s", capture_error(r->capture));
	return (int)rc;
}

/* Reads some frames into the merge; *more is false at the end. */
static int pull_packets(struct replay *r, struct merge *merge, bool *more)
{
	int64_t n = capture_read(r->capture, FRAMES_AT_ONCE, to_merge, merge);

	if (n < 0)
		return packets_failed(r, n);
	if (n == 0) {
		merge_close(merge, SOURCE_CAPTURE);
		*more = false;
	}
	return 0;
}

static int pull_events(struct replay *r, struct merge *merge, bool *more)
{
	int64_t newest_ns = TIME_UNKNOWN;
	struct event event;
	int rc = 0;

	for (int i = 0; i < LINES_AT_ONCE && rc == 0 && *more; i++) {
		switch (recording_read(r->reader, &event)) {
		case RECORDING_EVENT:
			if (event.time_ns > newest_ns)
				newest_ns = event.time_ns;
			rc = merge_push(merge, &event);
			break;
		case RECORDING_CUT:
			add_note(r, "events: the last line of " RECORDING_EVENTS " is cut off");
			break;
		case RECORDING_MALFORMED:
			break;
		case RECORDING_ERROR:
			add_note(r, "events: reading " RECORDING_EVENTS " failed: %s",
				 strerror(errno));
			*more = false;
			break;
		case RECORDING_END:
			*more = false;
			break;
		}
	}
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
	bool packets = r->capture != NULL, events = r->reader != NULL;
	struct merge *merge;
	int rc = merge_new(reporter_event, reporter, &merge);

	if (rc) {
		snprintf(r->error, sizeof(r->error), "%s", strerror(-rc));
		return rc;
	}
	for (int s = 0; s < SOURCE_COUNT; s++)
		if (s == SOURCE_CAPTURE ? packets : events)
			merge_watermark(merge, (enum source)s, TIME_UNKNOWN);
	while (rc == 0 && (packets || events)) {
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
	*late = merge_late(merge);
	merge_free(merge);
	return rc;
}

static int run_packets(struct replay *r, struct reporter *reporter)
{
	int64_t n;

	do
		n = capture_read(r->capture, 0, reporter_event, reporter);
	while (n > 0);
	return n < 0 ? packets_failed(r, n) : 0;
}

/* Whole lines or frames that are gone leave no trace in the file: meta.json knows how many it had.
 */
static void note_missing(struct replay *r, uint64_t frames)
{
	const struct recording_meta *meta = &r->meta;
	uint64_t lines = r->reader ? recording_lines(r->reader) : 0;

	if (!r->recording || meta->end_ns == TIME_UNKNOWN)
		return;
	if (frames < meta->packets)
		add_note(
		    r, "packets: %" PRIu64 " of %" PRIu64 " frames that were written are not there",
		    meta->packets - frames, meta->packets);
	if (lines < meta->events)
		add_note(r,
			 "events: %" PRIu64 " of %" PRIu64 " lines that were written are not there",
			 meta->events - lines, meta->events);
}

static void fill_source(struct replay *r, struct reporter_source *source)
{
	struct capture_stats stats = {0};

	if (r->capture) {
		capture_stats(r->capture, &stats);
		source->packets = stats.frames;
		memcpy(source->skipped, stats.skipped, sizeof(source->skipped));
		if (stats.note[0])
			add_note(r, "packets: %.500s", stats.note);
		else if (stats.cut)
			add_note(r, "packets: the file ends within a frame; the frames before it "
				    "are reported");
	}
	note_missing(r, stats.frames);
	if (r->reader && recording_malformed(r->reader))
		add_note(r,
			 "events: %" PRIu64 " of %" PRIu64
			 " lines are no events and were passed over",
			 recording_malformed(r->reader), recording_lines(r->reader));
	source->start_ns = source->end_ns = TIME_UNKNOWN;
	if (r->recording) {
		source->start_ns = r->meta.start_ns;
		source->end_ns = r->meta.end_ns;
		source->packets_dropped =
		    r->meta.losses[LOSS_PACKETS_KERNEL] + r->meta.losses[LOSS_PACKETS_INTERFACE];
		r->notes_count += replay_notes(&r->meta, r->notes + r->notes_count,
					       REPLAY_NOTES_MAX - r->notes_count);
	}
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
	rc =
	    replay->recording ? run_merged(replay, reporter, &late) : run_packets(replay, reporter);
	if (rc)
		return rc;
	source->late_events = late;
	fill_source(replay, source);
	return 0;
}

void replay_release(struct replay *replay)
{
	if (replay->capture && capture_free(replay->capture) < 0) {
		/* It wrote nothing: there is nothing to lose. */
	}
	recording_reader_free(replay->reader);
	replay->capture = NULL;
	replay->reader = NULL;
}
