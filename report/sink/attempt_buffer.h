/*
 * Interface for the attempt buffer: finished attempts put aside until the report is
 * complete, for formats that print the summary before them. A first part stays
 * in memory, the rest goes to a temporary file without a name, so that memory
 * does not grow with the attempts seen and nothing is left behind.
 */
#ifndef REPORT_SINK_ATTEMPT_BUFFER_H
#define REPORT_SINK_ATTEMPT_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "report/attempt/attempt.h"

struct attempt_buffer;

/*
 * memory_bytes: how much is kept in memory, 0 for 1 MiB. The file is made in
 * $TMPDIR, or in /tmp, right away, since the process may be confined later; if
 * that fails it is tried again when it is needed. Returns 0 or -ENOMEM.
 */
int attempt_buffer_new(size_t memory_bytes, struct attempt_buffer **out)
    __attribute__((warn_unused_result));

/* Copies the attempt with the marks that it has. Returns 0 or -errno (-ENOSPC: $TMPDIR is full). */
int attempt_buffer_add(struct attempt_buffer *buffer, const struct attempt *attempt)
    __attribute__((warn_unused_result));

uint64_t attempt_buffer_count(const struct attempt_buffer *buffer);

/* The next attempt_buffer_next() gives the first attempt. May be called again and again. */
void attempt_buffer_rewind(struct attempt_buffer *buffer);

/*
 * Gives the next attempt, in the order in which they were added; marks beyond
 * marks_count are not filled. Returns 1, 0 after the last one, or -errno.
 */
int attempt_buffer_next(struct attempt_buffer *buffer, struct attempt *attempt)
    __attribute__((warn_unused_result));

/* NULL is legal. */
void attempt_buffer_free(struct attempt_buffer *buffer);

#endif
