/*
 * Interface for streams: a file, or standard input, as a FILE that libpcap or
 * a reader of ours can read from its beginning to its end, without seeking.
 */
#ifndef CAPTURE_STREAM_H
#define CAPTURE_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct stream;

/* The first bytes of what can be read; fewer in a file that is shorter. */
#define STREAM_MAGIC_SIZE 8

/*
 * Opens path ("-": standard input). Returns 0, or -errno with the reason in
 * *reason (constant text, or NULL when errno says it all). The caller owns
 * *out; the FILE of stream_file() has to be closed before stream_free().
 */
int stream_open(const char *path, struct stream **out, const char **reason)
    __attribute__((warn_unused_result));

/* The first bytes without reading them away: their number, up to STREAM_MAGIC_SIZE. */
size_t stream_magic(const struct stream *stream, const uint8_t **magic);

/*
 * A FILE on the stream, for one thread: it does no locking. The caller closes
 * it; the stream stays. NULL when out of memory. Once only.
 */
FILE *stream_file(struct stream *stream);

/* Why the last read of the FILE failed; NULL when errno said it all. */
const char *stream_reason(const struct stream *stream);

void stream_free(struct stream *stream);

#endif
