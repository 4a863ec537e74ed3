/*
 * Interface for the folder of a live run: the packets, events and meta.json that
 * are kept. A folder that cannot be written any more does not stop the run that
 * it belongs to: it says so once, with what it holds.
 */
#ifndef PIPELINE_FOLDER_FOLDER_H
#define PIPELINE_FOLDER_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"
#include "event/event.h"
#include "event/recording/recording.h"
#include "pipeline/folder/retention.h"

#define FOLDER_ERROR_SIZE (CAPTURE_ERROR_SIZE + 256)

struct folder;

/* When a new part begins, and which are kept; all 0: the recording is one. */
struct rotation {
	uint64_t bytes;	 /* of packets and events; 0: whatever the size */
	int64_t time_ns; /* 0: however long */
	bool compress;	 /* packets and events of the parts */
	bool append;	 /* parts that are there already stay, the next number follows them */
	struct retention_policy retention;
};

static inline bool rotation_is_on(const struct rotation *rotation)
{
	return rotation->bytes || rotation->time_ns;
}

/*
 * Makes the recording in path, or with rotation in its folder 000001, with the
 * packets that capture reads from now on. capture and meta stay the caller's and must outlive the
 * folder. 0, or -errno with a line for a person in error.
 */
int folder_new(const char *path, bool force, const struct rotation *rotation,
	       struct capture *capture, const struct recording_meta *meta, struct folder **out,
	       char error[FOLDER_ERROR_SIZE]) __attribute__((warn_unused_result));

/* Keeps an event that is no packet. After an error it does nothing. */
void folder_event(struct folder *folder, const struct event *event);

/* Hands what is buffered to the kernel; call it at least once a second. */
void folder_flush(struct folder *folder);

/* Whether it is time for folder_turn(). */
bool folder_is_due(const struct folder *folder);

/*
 * Ends the part and begins the next with the listeners that are known. What is
 * on its way in between goes to the next: no event is in both, and none in neither.
 */
void folder_turn(struct folder *folder);

/* Other sizes, times and numbers from now on, of a folder with rotation; append has no effect. */
void folder_rotate(struct folder *folder, const struct rotation *rotation);

/*
 * Something happened at time_ns (kind: "drop", "slow-accept") that makes the part of that
 * time worth keeping: it gets an incident.json, and outlives the others. Told once a part.
 */
void folder_incident(struct folder *folder, int64_t time_ns, const char *kind);

/* Looks whether the capture's last error was one of writing its packets, and then takes it over. */
void folder_check_packets(struct folder *folder);

/* Ends the recording: meta.json gets the end. */
void folder_finish(struct folder *folder);

/* 0, or the first error, -errno; then folder_text() is one line with what was kept. */
int folder_error(const struct folder *folder);
const char *folder_text(const struct folder *folder);

/* What this run made, of folders and files: descriptors, the folder's own. */
#define FOLDER_MADE_MAX 5
size_t folder_made(const struct folder *folder, int fds[FOLDER_MADE_MAX]);

/* The folder of the parts, in which more are made later; -1 without rotation. */
int folder_parts_fd(const struct folder *folder);

/* The run did not begin: removes what it made. Then only folder_free() may follow. */
void folder_discard(struct folder *folder);

/* Ends the capture's dump too, which must still be there. NULL is legal. */
void folder_free(struct folder *folder);

#endif
