/*
 * Interface for the ICMP decoder: errors that quote a TCP segment.
 */
#ifndef CAPTURE_FRAME_ICMP_H
#define CAPTURE_FRAME_ICMP_H

#include "capture/frame/decode.h"
#include "capture/frame/ip.h"

/*
 * The cursor is at the ICMP or ICMPv6 header (ip->ipv6 says which). An error
 * that quotes 8 bytes or more of a TCP header fills d->event->icmp; everything
 * else is a skip.
 */
enum decode icmp_decode(struct decoder *d, const struct ip *ip);

#endif
