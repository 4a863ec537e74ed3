/*
 * Interface between the decoders: what they share about the frame in hand.
 *
 * A decoder is called with the cursor at its header. It steps over the header,
 * calls the decoder of what comes next, and returns what that one returned. The
 * innermost TCP header with its innermost IP header makes the segment. No
 * decoder keeps anything after it has returned but the fragment table.
 */
#ifndef CAPTURE_FRAME_DECODE_H
#define CAPTURE_FRAME_DECODE_H

#include "capture/frame/cursor.h"
#include "event/event.h"
#include "event/skip.h"

/* Headers that may contain each other: IP in IP, Ethernet in VXLAN, ... */
#define DECODE_DEPTH_MAX 12

enum decode {
	DECODE_SEGMENT,	   /* event->segment is filled */
	DECODE_ICMP_ERROR, /* event->icmp is filled */
	DECODE_SKIP,	   /* neither: reason says why */
};

struct fragments;

struct decoder {
	struct cursor cursor;
	struct event *event;
	struct fragments *fragments; /* made when the first fragment comes; see fragment.h */
	int64_t time_ns;	     /* of the frame */
	uint64_t frame;		     /* its number, from 1 */
	uint32_t depth;
	uint32_t device; /* see struct segment */
	bool outgoing;
	bool loopback; /* it passes over lo, where no other device sees it */
	enum skip_reason reason;
};

static inline enum decode decode_skip(struct decoder *d, enum skip_reason reason)
{
	d->reason = reason;
	return DECODE_SKIP;
}

/* The next n bytes are not all there. */
static inline enum decode decode_short(struct decoder *d, uint32_t n)
{
	return decode_skip(d, cursor_was_cut(&d->cursor, n) ? SKIP_TRUNCATED : SKIP_MALFORMED);
}

/* False when the frame nests deeper than a decoder follows. */
static inline bool decode_deeper(struct decoder *d)
{
	return ++d->depth <= DECODE_DEPTH_MAX;
}

#endif
