/*
 * Interface for the window on a stream: so many bytes in one piece, as the
 * readers of records and blocks want them, without a copy for each.
 */
#ifndef CAPTURE_FILE_WINDOW_H
#define CAPTURE_FILE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "capture/file/stream.h"

/* Nothing that a file has in one piece is longer: pcapng's blocks may be, in theory. */
#define WINDOW_MAX ((size_t)32 * 1024 * 1024)

struct window {
	struct stream *stream;
	uint8_t *bytes;
	size_t capacity;
	size_t start;
	size_t end;
	uint64_t offset; /* of start in the stream */
	int error;	 /* -errno of a read that failed, or of memory */
};

void window_init(struct window *window, struct stream *stream);
void window_release(struct window *window);

/* The slow way of window_peek(): reads on. */
const uint8_t *window_fill(struct window *window, size_t n);

/*
 * The next n bytes (at most WINDOW_MAX), until the next call; NULL when there are fewer, or
 * window->error is set.
 */
static inline const uint8_t *window_peek(struct window *w, size_t n)
{
	return n <= w->end - w->start ? w->bytes + w->start : window_fill(w, n);
}

/* How many bytes there are of those that a failed window_peek() asked for. */
static inline size_t window_left(const struct window *w)
{
	return w->end - w->start;
}

/* Steps over n bytes that have been peeked at. */
static inline void window_skip(struct window *w, size_t n)
{
	w->start += n;
	w->offset += n;
}

#endif
