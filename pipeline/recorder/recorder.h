/*
 * Interface for the recorder: the live pipeline of record, demo and watch. Opens
 * the sources, records what they say, merges it and reports it.
 */
#ifndef PIPELINE_RECORDER_RECORDER_H
#define PIPELINE_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"
#include "event/event.h"
#include "event/recording/recording.h"
#include "pipeline/exporter/exporter.h"
#include "pipeline/folder/folder.h"
#include "report/attempt/report.h"
#include "report/sink/sink.h"
#include "report/watch/snapshot.h"
#include "server/channel/channel.h"

#define RECORDER_ERROR_SIZE (CAPTURE_ERROR_SIZE + 256)
#define RECORDER_SINKS_MAX  4

#define RECORDER_INTERVAL_NS NS_PER_MS

struct recorder;

struct recorder_options {
	const char *path;  /* the recording's folder; NULL: nothing is kept */
	bool force;	   /* replace a recording that is there */
	const char *netns; /* the network namespace of this process or name; NULL: where it is */
	struct rotation rotation; /* of path; all 0: none */
	const char *interface;
	const struct endpoint *targets;
	size_t targets_count;		/* 0: every TCP port */
	int64_t sample_interval_ns;	/* 0: RECORDER_INTERVAL_NS, more under load */
	size_t ring_bytes;		/* 0: the default of capture/ */
	struct channel_reader *channel; /* of the bundled server, stays the caller's; or NULL */
	bool processes; /* forks and exits by the proc connector, where the kernel gives them */
	bool look_up_children; /* for bounds of accept(): where nobody reports it */
	bool no_bpf;	       /* load no BPF programs, though they could be */
	bool exact_accepts; /* see each accept(), also where that takes every system call's end */
	uint32_t max_open;
	const struct filter
	    *filter;	     /* of the report and the rows; the recording has all; or NULL */
	bool unreported;     /* nobody wants the report: the recording alone is made */
	unsigned live_slots; /* see struct reporter_options: recorder_snapshot() will be asked */
	struct exporter *exporter; /* of metrics, stays the caller's; or NULL */
	size_t sinks_count;
	struct sink *sinks[RECORDER_SINKS_MAX]; /* stay the caller's */
};

/*
 * Opens every source; one that may not be had is switched off with a note: see
 * recorder_notes(). 0; or -errno with one line for a person in error. The caller ends *out with
 * recorder_free().
 */
int recorder_new(const struct recorder_options *options, struct recorder **out,
		 char error[RECORDER_ERROR_SIZE]) __attribute__((warn_unused_result));

/*
 * Sleeps until there is something to do, at most until wake_fd (or -1) is
 * readable or until_ns (CLOCK_MONOTONIC, INT64_MAX for none), and does it. 0, or
 * -errno with a line from recorder_error(): the run is over, what was recorded by
 * then is kept, and recorder_finish() makes the report of it.
 */
int recorder_step(struct recorder *recorder, int wake_fd, int64_t until_ns)
    __attribute__((warn_unused_result));

/* Whether the last step found its wake_fd readable. */
bool recorder_was_woken(const struct recorder *recorder);

/*
 * What is known by now, which is what happened until half a second ago: so long
 * events are held back, to bring those of all sources into one order. After
 * recorder_finish(): all. NULL when out of memory; else valid until the next call.
 */
const struct snapshot *recorder_snapshot(struct recorder *recorder);

/* The interval of the snapshots ends with the last one, and a new one begins. */
void recorder_turn(struct recorder *recorder);

/*
 * Other sizes, times and numbers of the parts from now on, and a new part. Both the old and the new
 * rotation are on. Incidents are told only if they were asked for at the start. 0, or -errno as
 * recorder_step().
 */
int recorder_rotate(struct recorder *recorder, const struct rotation *rotation)
    __attribute__((warn_unused_result));

/*
 * Takes in what is still on its way, ends the recording, and finishes the report,
 * also after a step that failed. 0, or -errno with a line from recorder_error().
 */
int recorder_finish(struct recorder *recorder) __attribute__((warn_unused_result));

/* After recorder_finish(): 0, or the first error of a sink: the report was not written whole. */
int recorder_report_error(const struct recorder *recorder);

/*
 * What is not seen for want of a privilege, and what it would take: a line each. The
 * report has these too, among what else is not known. Returns how many there are; valid until the
 * next call.
 */
size_t recorder_notes(struct recorder *recorder, const char *const **out);

/*
 * What went wrong with a part of it while the rest goes on, one line, once: a helper process that
 * ended, metrics that cannot be written. NULL when there is nothing new.
 */
const char *recorder_news(struct recorder *recorder);

const char *recorder_error(const struct recorder *recorder);
const struct recording_meta *recorder_meta(const struct recorder *recorder);

/* As folder_made() and folder_parts_fd(); 0 and -1 when nothing is kept. */
size_t recorder_made(const struct recorder *recorder, int fds[FOLDER_MADE_MAX]);
int recorder_parts_fd(const struct recorder *recorder);

/* The run did not begin: nothing of its recording is left behind. recorder_free() follows. */
void recorder_discard(struct recorder *recorder);

/* Frames and events by now, for progress. */
uint64_t recorder_frames(const struct recorder *recorder);
uint64_t recorder_events(const struct recorder *recorder);
size_t recorder_listeners(const struct recorder *recorder);

/* Valid after recorder_finish(), until recorder_free(). */
const struct report *recorder_report(const struct recorder *recorder);

void recorder_free(struct recorder *recorder);

#endif
