/*
 * Interface for the link layer: the header that the capture's link type names.
 */
#ifndef CAPTURE_FRAME_LINK_H
#define CAPTURE_FRAME_LINK_H

#include <pcap/dlt.h>

#include "capture/frame/decode.h"

/* Decodes a frame from its link-layer header on. */
typedef enum decode (*link_fn)(struct decoder *d);

/* linktype is one of libpcap's DLT_ values. NULL: the decoders do not know it. */
link_fn link_find(int linktype);

#endif
