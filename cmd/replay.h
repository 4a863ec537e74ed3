/*
 * Interface for replay: a capture file, or a recording's packets and events in
 * one order -> a reporter.
 */
#ifndef CMD_REPLAY_H
#define CMD_REPLAY_H

#include "capture/capture.h"
#include "event/recording.h"
#include "report/reporter.h"

#define REPLAY_NOTES_MAX 16
#define REPLAY_NOTE_SIZE 512

struct replay {
	const char *path;
	bool recording;
	struct recording_meta meta;
	struct capture *capture; /* NULL: the recording has no packets */
	struct recording_reader *reader;
	char notes[REPLAY_NOTES_MAX][REPLAY_NOTE_SIZE];
	const char *note_pointers[REPLAY_NOTES_MAX];
	size_t notes_count;
	char error[CAPTURE_ERROR_SIZE];
};

/* Returns 0, or -errno with a line in replay->error. Ended by replay_release() in any case. */
int replay_open(struct replay *replay, const char *path) __attribute__((warn_unused_result));

/*
 * Feeds everything to the reporter and fills *source for reporter_finish().
 * 0, or -errno with a line in replay->error.
 */
int replay_run(struct replay *replay, struct reporter *reporter, struct reporter_source *source)
    __attribute__((warn_unused_result));

void replay_release(struct replay *replay);

/* What the meta of a recording leaves unknown, as notes; also for a live run. */
size_t replay_notes(const struct recording_meta *meta, char notes[][REPLAY_NOTE_SIZE], size_t max);

#endif
