/*
 * Interface for replay: a capture file, or a recording's packets and events in
 * one order -> a reporter.
 */
#ifndef PIPELINE_REPLAY_H
#define PIPELINE_REPLAY_H

#include "capture/capture.h"
#include "event/recording/recording.h"
#include "pipeline/replay_window.h"
#include "report/reporter.h"

#define REPLAY_NOTES_MAX 32
/* Their files are open all at once: what is read is opened before privileges are given up. */
#define REPLAY_PARTS_MAX 128
#define REPLAY_NOTE_SIZE 512

/* A recording is one, or several, as record --rotate-time leaves them. */
struct replay_part {
	struct capture *capture; /* NULL: it has no packets */
	struct recording_reader *reader;
	int64_t start_ns;
	bool ended; /* then meta.json says how many frames and lines there were */
	uint64_t packets;
	uint64_t events;
	uint64_t losses_before[LOSS_KIND_COUNT]; /* in the parts before this one */
};

struct replay {
	int64_t last_packet_ns; /* the youngest seen; TIME_UNKNOWN */
	int64_t last_event_ns;
	const char *path;
	bool recording;
	struct recording_meta meta;
	struct replay_window window;
	struct replay_part *parts;
	size_t parts_count;
	uint64_t frames_before;			    /* of the parts whose packets were read */
	uint64_t skipped_before[SKIP_REASON_COUNT]; /* frames before the window */
	size_t packets_part;			    /* which is read */
	size_t events_part;
	int64_t counted_ns; /* the last reading of the counters; TIME_UNKNOWN: none */
	bool counters_ended; /* it is that of the recording's end */
	bool period;	     /* a part of the recording was asked for */
	bool packets_cut;
	bool packets_begun; /* those of the window */
	bool packets_past;  /* those that are read come after the window */
	bool events_past;
	char notes[REPLAY_NOTES_MAX][REPLAY_NOTE_SIZE];
	const char *note_pointers[REPLAY_NOTES_MAX];
	size_t notes_count;
	unsigned notes_left_out;
	char error[CAPTURE_ERROR_SIZE];
};

/*
 * The span of time that the recording in path covers, of all its parts; *end_ns is now where
 * it is still written. TIME_UNKNOWN where it is none, or does not say.
 */
void replay_span(const char *path, int64_t *start_ns, int64_t *end_ns);

/*
 * Opens what happened from since_ns (INT64_MIN: the beginning) to until_ns (INT64_MAX: the
 * end): of a recording in parts, those that have some of it. Returns 0, or -errno with a line
 * in replay->error. Ended by replay_release() in any case.
 */
int replay_open(struct replay *replay, const char *path, int64_t since_ns, int64_t until_ns)
    __attribute__((warn_unused_result));

/*
 * Feeds everything to the reporter and fills *source for reporter_finish().
 * 0, or -errno with a line in replay->error.
 */
int replay_run(struct replay *replay, struct reporter *reporter, struct reporter_source *source)
    __attribute__((warn_unused_result));

void replay_release(struct replay *replay);

/* What the meta of a recording leaves unknown, as notes; also for a live run. */
size_t replay_notes(const struct recording_meta *meta, char notes[][REPLAY_NOTE_SIZE], size_t max);
/* The one of this source, which has something to note. */
void replay_source_note(const struct recording_meta *meta, enum source source,
			char note[REPLAY_NOTE_SIZE]);

#endif
