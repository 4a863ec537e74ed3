/*
 * Interface for the cursor: the one way to read bytes that came from a network.
 *
 * A cursor stands in the captured bytes of one frame and knows two lengths: what
 * the capture kept, and what the packet had on the wire. Every read checks the
 * first; the second tells apart a packet that the snaplen cut from one whose
 * lengths contradict each other. It never allocates and never copies.
 */
#ifndef CAPTURE_FRAME_CURSOR_H
#define CAPTURE_FRAME_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursor {
	const uint8_t *at;
	const uint8_t *end; /* of what was captured */
	uint32_t missing;   /* bytes that the packet had behind end */
};

static inline struct cursor cursor_of(const uint8_t *bytes, uint32_t captured, uint32_t wire)
{
	return (struct cursor){bytes, bytes + captured, wire > captured ? wire - captured : 0};
}

/* Bytes captured from here on. */
static inline uint32_t cursor_left(const struct cursor *c)
{
	return (uint32_t)(c->end - c->at);
}

/* Bytes that the packet had from here on. */
static inline uint32_t cursor_wire(const struct cursor *c)
{
	return cursor_left(c) + c->missing;
}

/* Network order, from bytes that were taken. */
static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint16_t get_le16(const uint8_t *p)
{
	return (uint16_t)(p[1] << 8 | p[0]);
}

static inline uint32_t get_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Steps over n bytes and gives where they begin; NULL, and no step, when they are not all there. */
static inline const uint8_t *cursor_take(struct cursor *c, uint32_t n)
{
	const uint8_t *p = c->at;

	if (n > cursor_left(c))
		return NULL;
	c->at += n;
	return p;
}

static inline bool cursor_skip(struct cursor *c, uint32_t n)
{
	return cursor_take(c, n) != NULL;
}

/* Looks at n bytes without a step. */
static inline const uint8_t *cursor_peek(const struct cursor *c, uint32_t n)
{
	return n > cursor_left(c) ? NULL : c->at;
}

static inline bool cursor_u8(struct cursor *c, uint8_t *out)
{
	const uint8_t *p = cursor_take(c, 1);

	if (!p)
		return false;
	*out = *p;
	return true;
}

static inline bool cursor_be16(struct cursor *c, uint16_t *out)
{
	const uint8_t *p = cursor_take(c, 2);

	if (!p)
		return false;
	*out = get_be16(p);
	return true;
}

static inline bool cursor_be32(struct cursor *c, uint32_t *out)
{
	const uint8_t *p = cursor_take(c, 4);

	if (!p)
		return false;
	*out = get_be32(p);
	return true;
}

/*
 * A header says that this much belongs to it from here on: what follows is
 * padding or a trailer. A length beyond the frame's own is believed: frames
 * get cut by tools that write the cut length as the length on the wire.
 */
static inline void cursor_limit(struct cursor *c, uint32_t length)
{
	uint32_t left = cursor_left(c);

	c->missing = length > left ? length - left : 0;
	if (length < left)
		c->end = c->at + length;
}

/* True when it was the capture that left out the n bytes, not the packet. */
static inline bool cursor_was_cut(const struct cursor *c, uint32_t n)
{
	return n > cursor_left(c) && n - cursor_left(c) <= c->missing;
}

#endif
