/*
 * Interface for the devices: from which network device TCP has a packet, which
 * inet_lookup_listener() compares with what a listener is bound to (SO_BINDTODEVICE, VRF).
 *
 * What this host sends to itself passes over lo, but counts as of the device that has the
 * address it is sent to (inet_iif(), inet6_iif()).
 */
#ifndef REPORT_QUEUE_DEVICES_H
#define REPORT_QUEUE_DEVICES_H

#include "event/event.h"

#define DEVICES_ADDRESSES_MAX (1u << 12)

/* Each namespace has it, and always as its first. */
#define LOOPBACK_INDEX 1

struct devices {
	struct device_address *addresses;
	size_t count;
	size_t room;
	uint32_t captured; /* all packets are of this one; 0: of any, or not known */
	bool captured_alone;
	bool captured_lo;
};

/* index 0, or not certain: another one may have handed it to TCP. */
struct packet_device {
	uint32_t index;
	bool certain;
};

enum device_fit { DEVICE_OTHER, DEVICE_PERHAPS, DEVICE_FITS };

/* Zero is ready. */
void devices_release(struct devices *devices);

void devices_take(struct devices *devices, const struct address_change *change);

/* seen: of its segment; 0 unknown. */
struct packet_device devices_of(const struct devices *devices, uint32_t seen, bool loopback,
				const struct address *destination);

/* Whether the listener gets what comes from there. */
enum device_fit devices_fit(const struct listener *listener, struct packet_device from);

#endif
