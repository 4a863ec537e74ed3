/*
 * Interface for GRE (RFC 2784, RFC 2890), PPTP's GRE (RFC 2637) and ERSPAN.
 */
#ifndef CAPTURE_FRAME_GRE_H
#define CAPTURE_FRAME_GRE_H

#include "capture/frame/decode.h"

/* The cursor is at the GRE header. */
enum decode gre_decode(struct decoder *d);

#endif
