/*
 * Interface for streams: the bytes of a file or of standard input, decompressed
 * where they are compressed, from the beginning to the end, without seeking.
 */
#ifndef CAPTURE_FILE_STREAM_H
#define CAPTURE_FILE_STREAM_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct stream;

/* So many bytes can be looked at before they are read: as many as pcap's file header has. */
#define STREAM_PEEK_SIZE 24

/*
 * Opens path ("-": standard input). Returns 0, or -errno with the reason in
 * *reason (constant text, or NULL when errno says it all). The caller owns
 * *out and ends it with stream_free().
 */
int stream_open(const char *path, struct stream **out, const char **reason)
    __attribute__((warn_unused_result));

/*
 * The first bytes, without reading them away: their number, less than STREAM_PEEK_SIZE at an early
 * end.
 */
size_t stream_peek(const struct stream *stream, const uint8_t **bytes);

/*
 * Up to size bytes: their number, 0 at the end, or -errno. The first call gives what can be peeked
 * at.
 */
ssize_t stream_read(struct stream *stream, uint8_t *to, size_t size)
    __attribute__((warn_unused_result));

/*
 * A FILE that reads the stream. It reads ahead of whoever uses it, except that
 * it stops behind what can be peeked at: who has read just that may go on with
 * stream_read(). The caller closes it before the stream. NULL without memory.
 */
FILE *stream_file(struct stream *stream);

/* Why the end is not the end: the compressed data is cut or damaged. NULL: it is. */
const char *stream_reason(const struct stream *stream);

/* That it is cut: what came before is as it was written, as a crash of the writer leaves it. */
bool stream_is_cut(const struct stream *stream);

void stream_free(struct stream *stream);

#endif
