/*
 * Interface for the output of a recording: packets.pcap or events.jsonl as it is
 * written, as it is or compressed (zstd, RFC 8878, named .zst). Bytes in, file
 * out; what the bytes are is their writer's business.
 *
 * What was put is in the file when recording_output_put() returns: of compressed
 * data a whole block, so that after SIGKILL or on a full disk the file decompresses
 * up to there.
 */
#ifndef EVENT_RECORDING_OUTPUT_H
#define EVENT_RECORDING_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORDING_OUTPUT_SUFFIX ".zst"

struct recording_output;

/*
 * Makes the file anew in the folder (mode 0640, never through a link, -EEXIST when
 * it is there), with the suffix when compressed. 0 or -errno; the caller ends *out
 * with recording_output_free().
 */
int recording_output_new(int dirfd, const char *name, bool compressed,
			 struct recording_output **out) __attribute__((warn_unused_result));

/*
 * Hands size bytes to the kernel. 0, or -errno; then *kept tells how many of these
 * bytes are in the file (of compressed data none), nothing more can be put, and
 * recording_output_cut() may take back the last of them.
 */
int recording_output_put(struct recording_output *output, const void *bytes, size_t size,
			 size_t *kept) __attribute__((warn_unused_result));

/* After an error, of a file that is not compressed: takes the last surplus bytes back. */
void recording_output_cut(struct recording_output *output, size_t surplus);

/* A descriptor of the file, the output's own: do not close. */
int recording_output_fd(const struct recording_output *output);

/* Length of the file, in bytes. */
uint64_t recording_output_bytes(const struct recording_output *output);

/*
 * Ends the compressed data, reaches the disk if sync, closes, frees. Returns the first
 * error, -errno. NULL is legal.
 */
int recording_output_free(struct recording_output *output, bool sync)
    __attribute__((warn_unused_result));

#endif
