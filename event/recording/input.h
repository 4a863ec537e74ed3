/*
 * Interface for the input of a recording: events.jsonl as it is read, compressed
 * (zstd) or not. File in, bytes out.
 */
#ifndef EVENT_RECORDING_INPUT_H
#define EVENT_RECORDING_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct recording_input;

/*
 * Takes over fd, which it closes also when it fails. 0 or -ENOMEM; ended by recording_input_free().
 */
int recording_input_new(int fd, bool compressed, struct recording_input **out)
    __attribute__((warn_unused_result));

/*
 * Reads until size bytes or the end; fewer than size mean the end. -errno when reading
 * fails, -EBADMSG when the compressed data is damaged. Data that stops between two blocks,
 * as a crash leaves it, just ends there.
 */
ssize_t recording_input_read(struct recording_input *input, void *out, size_t size)
    __attribute__((warn_unused_result));

/* NULL is legal. */
void recording_input_free(struct recording_input *input);

#endif
