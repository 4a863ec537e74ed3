/*
 * Interface for the spool: finished attempts put aside until the report is
 * complete, for formats that print the summary before them. A first part stays
 * in memory, the rest goes to a temporary file without a name, so that memory
 * does not grow with the attempts seen and nothing is left behind.
 */
#ifndef REPORT_SINK_SPOOL_H
#define REPORT_SINK_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "report/attempt/attempt.h"

struct spool;

/*
 * memory_bytes: how much is kept in memory, 0 for 1 MiB. The file is made in
 * $TMPDIR, or in /tmp, right away, since the process may be confined later; if
 * that fails it is tried again when it is needed. Returns 0 or -ENOMEM.
 */
int spool_new(size_t memory_bytes, struct spool **out) __attribute__((warn_unused_result));

/* Copies the attempt with the marks that it has. Returns 0 or -errno (-ENOSPC: $TMPDIR is full). */
int spool_add(struct spool *spool, const struct attempt *attempt)
    __attribute__((warn_unused_result));

uint64_t spool_count(const struct spool *spool);

/* The next spool_next() gives the first attempt. May be called again and again. */
void spool_rewind(struct spool *spool);

/*
 * Gives the next attempt, in the order in which they were added; marks beyond
 * marks_count are not filled. Returns 1, 0 after the last one, or -errno.
 */
int spool_next(struct spool *spool, struct attempt *attempt) __attribute__((warn_unused_result));

/* NULL is legal. */
void spool_free(struct spool *spool);

#endif
