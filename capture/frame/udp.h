/*
 * Interface for the tunnels that run over UDP.
 */
#ifndef CAPTURE_FRAME_UDP_H
#define CAPTURE_FRAME_UDP_H

#include "capture/frame/decode.h"

/* The cursor is at the UDP header. What is no tunnel is SKIP_NOT_TCP. */
enum decode udp_decode(struct decoder *d);

/* True when one of the ports is a tunnel's. */
bool udp_is_tunnel(uint16_t sport, uint16_t dport);

#endif
