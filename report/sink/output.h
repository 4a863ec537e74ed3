/*
 * Interface for the output of a sink: a buffer in front of a FILE that is
 * written in big pieces. The first error stays, and nothing is written after it.
 */
#ifndef REPORT_SINK_OUTPUT_H
#define REPORT_SINK_OUTPUT_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define OUTPUT_SIZE ((size_t)64 * 1024)

struct output {
	FILE *file; /* the caller's */
	int error;  /* 0 or the first -errno */
	size_t used;
	char buffer[OUTPUT_SIZE];
};

void output_init(struct output *output, FILE *file);

/* Hands the buffer to the file. */
void output_drain(struct output *output);

/*
 * Room for size <= OUTPUT_SIZE bytes to be written by the caller, who then calls
 * output_commit() with the end of what was written.
 */
static inline char *output_reserve(struct output *output, size_t size)
{
	if (OUTPUT_SIZE - output->used < size)
		output_drain(output);
	return output->buffer + output->used;
}

static inline void output_commit(struct output *output, const char *end)
{
	output->used = (size_t)(end - output->buffer);
}

/* Any number of bytes. */
void output_bytes(struct output *output, const char *bytes, size_t length);

static inline void output_text(struct output *output, const char *text)
{
	output_bytes(output, text, strlen(text));
}

/* Drains, flushes the file and returns the first error (-ENOSPC, -EPIPE, ...) or 0. */
int output_finish(struct output *output) __attribute__((warn_unused_result));

#endif
