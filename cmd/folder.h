/*
 * Interface for the folder of a live run: the packets, events and meta.json that
 * are kept. A folder that cannot be written any more does not stop the run that
 * it belongs to: it says so once, with what it holds.
 */
#ifndef CMD_FOLDER_H
#define CMD_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/capture.h"
#include "event/event.h"
#include "event/recording.h"

#define FOLDER_ERROR_SIZE (CAPTURE_ERROR_SIZE + 256)

struct folder;

/*
 * Makes the recording in path, with the packets that capture reads from now on.
 * capture and meta stay the caller's and must outlive the folder. 0, or -errno
 * with a line for a person in error.
 */
int folder_new(const char *path, bool force, struct capture *capture,
	       const struct recording_meta *meta, struct folder **out,
	       char error[FOLDER_ERROR_SIZE]) __attribute__((warn_unused_result));

/* Keeps an event that is no packet. After an error it does nothing. */
void folder_event(struct folder *folder, const struct event *event);

/* Hands what is buffered to the kernel; call it at least once a second. */
void folder_flush(struct folder *folder);

/* Looks whether the capture's last error was one of writing its packets, and then takes it over. */
void folder_check_packets(struct folder *folder);

/* Ends the recording: meta.json gets the end. */
void folder_finish(struct folder *folder);

/* 0, or the first error, -errno; then folder_text() is one line with what was kept. */
int folder_error(const struct folder *folder);
const char *folder_text(const struct folder *folder);

/* A descriptor of the folder with the files, the folder's own. */
int folder_fd(const struct folder *folder);

/* Ends the capture's dump too, which must still be there. NULL is legal. */
void folder_free(struct folder *folder);

#endif
