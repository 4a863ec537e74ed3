/*
 * Interface for the text of meta.json: what was recorded, where and how.
 * docs/recording.md describes the members. No files: the writer and the reader
 * of the recording own those.
 */
#ifndef EVENT_RECORDING_META_H
#define EVENT_RECORDING_META_H

#include <stddef.h>
#include <stdio.h>

#include "event/recording/recording.h"

/* The "schema" member. A reader refuses any other number. */
#define RECORDING_SCHEMA "synscope.recording/1"

/* A meta.json that is longer is no meta.json. */
#define RECORDING_META_SIZE_MAX (1024 * 1024)

/* Writes the whole object. Errors stay in out, for ferror(). */
void recording_meta_format(FILE *out, const struct recording_meta *meta);

/*
 * Fills *meta, all of it. A member that is missing is unknown (null, -1, empty),
 * one that is not known is ignored, one of the wrong type is an error. Returns 0
 * or -EBADMSG (no such JSON), -EPROTONOSUPPORT (another schema), -ENOMEM, with
 * one line for a person in error that does not name the file.
 */
int recording_meta_parse(const char *text, size_t length, struct recording_meta *meta, char *error,
			 size_t error_size) __attribute__((warn_unused_result));

#endif
