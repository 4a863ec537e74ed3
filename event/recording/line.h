/*
 * Interface for one line of events.jsonl: an event as a JSON object, and back.
 * docs/recording.md describes the members. No files: the writer and the reader
 * of the recording own those.
 */
#ifndef EVENT_RECORDING_LINE_H
#define EVENT_RECORDING_LINE_H

#include <stddef.h>

#include "event/event.h"

/* No line that recording_line_format() writes is longer, its newline counted. */
#define RECORDING_LINE_SIZE 4096

/*
 * The longest line that is read: a newer version may write longer ones, but not
 * such. libFuzzer's builds get to the end of a short one much sooner.
 */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define RECORDING_LINE_MAX ((size_t)2 * RECORDING_LINE_SIZE)
#else
#define RECORDING_LINE_MAX ((size_t)64 * RECORDING_LINE_SIZE)
#endif

/*
 * Writes the event as one line with its newline, no NUL; out needs
 * RECORDING_LINE_SIZE bytes. Returns its length; 0 for a segment or an ICMP
 * error (they are packets) and for an unknown kind or source.
 */
size_t recording_line_format(char *out, const struct event *event);

enum recording_line_result {
	RECORDING_LINE_EVENT,
	RECORDING_LINE_UNKNOWN,	  /* an object with time_ns and event, of a kind not known here */
	RECORDING_LINE_MALFORMED, /* anything else */
};

/*
 * Fills *event, all of it, from a line without its newline. Members that are not known are ignored.
 */
enum recording_line_result recording_line_parse(const char *line, size_t length,
						struct event *event);

#endif
