/*
 * Interface for link types whose header wraps another link's: what firewalls,
 * routers and capture drivers write before the packet as it was.
 */
#ifndef CAPTURE_FRAME_META_H
#define CAPTURE_FRAME_META_H

#include "capture/frame/decode.h"

/* The cursor is at the beginning of the frame. */
enum decode nflog_decode(struct decoder *d);		/* netfilter's log */
enum decode pflog_decode(struct decoder *d);		/* the log of BSD's pf */
enum decode pktap_decode(struct decoder *d);		/* Darwin's pktap */
enum decode ppi_decode(struct decoder *d);		/* per-packet information */
enum decode erf_decode(struct decoder *d);		/* Endace's extensible record format */
enum decode juniper_ethernet_decode(struct decoder *d); /* Juniper's routers, by link type */
enum decode juniper_ppp_decode(struct decoder *d);
enum decode juniper_frame_relay_decode(struct decoder *d);
enum decode juniper_hdlc_decode(struct decoder *d);

#endif
