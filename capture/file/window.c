/*
 * The window: a buffer that moves along a stream, and grows as long as bytes
 * really come. A length that a file only claims costs no memory.
 */
#include "capture/file/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fits the second-level cache: what the kernel copies into it is read from there. */
#define CAPACITY_MIN ((size_t)256 * 1024)

void window_init(struct window *w, struct stream *stream)
{
	memset(w, 0, sizeof(*w));
	w->stream = stream;
}

void window_release(struct window *w)
{
	free(w->bytes);
	w->bytes = NULL;
}

static int make_room(struct window *w)
{
	uint8_t *bytes;
	size_t capacity;

	if (w->start) {
		memmove(w->bytes, w->bytes + w->start, w->end - w->start);
		w->end -= w->start;
		w->start = 0;
	}
	if (w->end < w->capacity)
		return 0;
	capacity = w->capacity ? 2 * w->capacity : CAPACITY_MIN;
	bytes = realloc(w->bytes, capacity);
	if (!bytes)
		return -ENOMEM;
	w->bytes = bytes;
	w->capacity = capacity;
	return 0;
}

const uint8_t *window_fill(struct window *w, size_t n)
{
	if (n > WINDOW_MAX) {
		w->error = -EFBIG;
		return NULL;
	}
	while (w->end - w->start < n && !w->error) {
		ssize_t got;

		w->error = make_room(w);
		if (w->error)
			break;
		got = stream_read(w->stream, w->bytes + w->end, w->capacity - w->end);
		if (got < 0)
			w->error = (int)got;
		if (got <= 0)
			break;
		w->end += (size_t)got;
	}
	return w->end - w->start < n ? NULL : w->bytes + w->start;
}
