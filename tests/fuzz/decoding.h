/*
 * For the targets of the decoders: runs one on bytes, and checks what every
 * decoder promises.
 */
#ifndef TESTS_FUZZ_DECODING_H
#define TESTS_FUZZ_DECODING_H

#include <stdlib.h>
#include <string.h>

#include "capture/frame/decode.h"
#include "capture/frame/ip.h"
#include "fuzz.h"

/* From a copy of its own, so that reading behind it is found. wire >= size. */
static inline enum decode fuzz_decode(struct decoder *d, enum decode (*decode)(struct decoder *d),
				      const uint8_t *data, uint32_t size, uint32_t wire)
{
	uint8_t *copy = malloc(size ? size : 1);
	enum decode result;

	if (!copy)
		return DECODE_SKIP;
	if (size)
		memcpy(copy, data, size);
	memset(d->event, 0xa5, sizeof(*d->event));
	d->cursor = cursor_of(copy + (size ? 0 : 1), size, wire);
	d->depth = 0;
	d->outgoing = false;
	d->reason = SKIP_REASON_COUNT;
	d->frame++;
	result = decode(d);
	free(copy);
	switch (result) {
	case DECODE_SEGMENT:
		FUZZ_ASSERT(d->event->segment.frame == d->frame);
		break;
	case DECODE_ICMP_ERROR:
		FUZZ_ASSERT(d->event->icmp.frame == d->frame);
		break;
	case DECODE_SKIP:
		FUZZ_ASSERT(d->reason < SKIP_REASON_COUNT);
		break;
	}
	return result;
}

#endif
