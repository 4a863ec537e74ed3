/*
 * Interface for IEEE 802.11 and the headers that capture tools put before it.
 */
#ifndef CAPTURE_FRAME_WLAN_H
#define CAPTURE_FRAME_WLAN_H

#include "capture/frame/decode.h"

/* The cursor is at an 802.11 header. */
enum decode wlan_decode(struct decoder *d);

/* ... whose two bytes of frame control may be in the other order, as controllers send them. */
enum decode wlan_swapped_decode(struct decoder *d);

/*
 * ... at a radiotap (https://www.radiotap.org), Prism or AVS header that an 802.11 header follows.
 */
enum decode radiotap_decode(struct decoder *d);
enum decode prism_decode(struct decoder *d);
enum decode avs_decode(struct decoder *d);

#endif
