/*
 * Interface for PPP and for the serial framings that are used like it.
 */
#ifndef CAPTURE_FRAME_PPP_H
#define CAPTURE_FRAME_PPP_H

#include "capture/frame/decode.h"

/*
 * The cursor is at the address and control bytes ff 03 or, where they are left out, the protocol.
 */
enum decode ppp_decode(struct decoder *d);

/* The cursor is at the header of a PPPoE session packet (RFC 2516). */
enum decode pppoe_decode(struct decoder *d);

/* The cursor is at a Cisco HDLC header. */
enum decode cisco_hdlc_decode(struct decoder *d);

/* The cursor is at the address of a frame relay header (RFC 2427). */
enum decode frame_relay_decode(struct decoder *d);

#endif
