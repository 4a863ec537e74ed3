/*
 * Interface for fragments: IP datagrams that came in pieces (RFC 791 section
 * 3.2, RFC 8200 section 4.5), put together as far as headers go.
 *
 * The table is bounded (FRAGMENT_DATAGRAMS_MAX datagrams, about 400 KiB) and
 * allocated when the first fragment comes. A datagram that is not whole after
 * 30 s of the capture's time is forgotten, as the kernel does it.
 */
#ifndef CAPTURE_FRAME_FRAGMENT_H
#define CAPTURE_FRAME_FRAGMENT_H

#include "capture/frame/decode.h"
#include "capture/frame/ip.h"

#define FRAGMENT_SETS	       64
#define FRAGMENT_WAYS	       4
#define FRAGMENT_DATAGRAMS_MAX (FRAGMENT_SETS * FRAGMENT_WAYS)

/* Of a datagram's beginning so much is kept: headers, also those of a tunnel. */
#define FRAGMENT_HEAD_SIZE 256

enum fragment_result {
	FRAGMENT_WHOLE,	    /* head has the beginning of the datagram, which is whole now */
	FRAGMENT_WAITS,	    /* for the others, or belongs to nothing that can be TCP */
	FRAGMENT_NO_ROOM,   /* it waits too, but another datagram had to make room; or no memory */
	FRAGMENT_MALFORMED, /* beyond the end of any datagram */
};

struct fragment_head {
	uint8_t bytes[FRAGMENT_HEAD_SIZE];
	uint32_t captured; /* bytes of it from the first on */
	uint32_t wire;	   /* length of the datagram's payload */
};

/*
 * Takes the fragment whose header is ip and whose payload the cursor is at.
 */
enum fragment_result fragment_add(struct decoder *d, const struct ip *ip,
				  struct fragment_head *head);

void fragments_free(struct fragments *fragments);

#endif
