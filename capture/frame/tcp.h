/*
 * Interface for the TCP decoder (RFC 9293 section 3.1).
 */
#ifndef CAPTURE_FRAME_TCP_H
#define CAPTURE_FRAME_TCP_H

#include "capture/frame/decode.h"
#include "capture/frame/ip.h"

/* The cursor is at the TCP header and ends where the IP packet does. */
enum decode tcp_decode(struct decoder *d, const struct ip *ip);

#endif
