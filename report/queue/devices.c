/*
 * A list of the addresses that devices have; it is looked through only where a listener is
 * bound to a device and its client is of this host.
 */
#include "report/queue/devices.h"

#include <stdlib.h>

#include "event/array.h"
#include "report/attempt/network.h"

struct device_address {
	struct address_prefix prefix;
	uint32_t device;
};

void devices_release(struct devices *devices)
{
	free(devices->addresses);
	devices->addresses = NULL;
	devices->count = devices->room = 0;
}

static struct device_address *find(struct devices *d, const struct address_prefix *prefix)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->addresses[i].prefix.bits == prefix->bits &&
		    address_equal(&d->addresses[i].prefix.address, &prefix->address))
			return &d->addresses[i];
	return NULL;
}

void devices_take(struct devices *d, const struct address_change *change)
{
	struct device_address *known = find(d, &change->prefix);

	if (known && change->gone) {
		*known = d->addresses[--d->count];
		return;
	}
	if (!known && (change->gone || !change->device))
		return;
	if (!known && d->count == d->room) {
		void *bigger = array_grow(d->addresses, &d->room, sizeof(*d->addresses), 16,
					  DEVICES_ADDRESSES_MAX);

		if (!bigger)
			return; /* what is sent to it is of no device that is known */
		d->addresses = bigger;
	}
	if (!known)
		known = &d->addresses[d->count++];
	*known = (struct device_address){change->prefix, change->device};
}

static bool is_in(const struct address *address, const struct address_prefix *prefix)
{
	/* A recording may say more bits than there are. */
	const struct network network = {prefix->address, prefix->bits < 128 ? prefix->bits : 128};

	return network_has(&network, address);
}

static struct packet_device of_own(const struct devices *d, const struct address *destination)
{
	const struct device_address *best = NULL;

	for (size_t i = 0; i < d->count; i++)
		if (is_in(destination, &d->addresses[i].prefix) &&
		    (!best || best->prefix.bits < d->addresses[i].prefix.bits))
			best = &d->addresses[i];
	if (best)
		return (struct packet_device){best->device, best->device != 0};
	if (address_is_loopback(destination))
		return (struct packet_device){LOOPBACK_INDEX, true};
	return (struct packet_device){0};
}

struct packet_device devices_of(const struct devices *d, uint32_t seen, bool loopback,
				const struct address *destination)
{
	if (loopback || seen == LOOPBACK_INDEX || (!seen && d->captured_lo))
		return of_own(d, destination);
	if (seen)
		return (struct packet_device){seen, true};
	return (struct packet_device){d->captured, d->captured && d->captured_alone};
}

enum device_fit devices_fit(const struct listener *l, struct packet_device from)
{
	if (!l->interface || l->interface == from.index)
		return DEVICE_FITS;
	/* What older recordings do not say: but lo has no ports, and is none. */
	if (l->device_ports_count > LISTENER_PORTS_MAX && l->interface != LOOPBACK_INDEX)
		return from.certain && from.index == LOOPBACK_INDEX ? DEVICE_OTHER : DEVICE_PERHAPS;
	for (unsigned i = 0; from.index && i < l->device_ports_count && i < LISTENER_PORTS_MAX; i++)
		if (l->device_ports[i] == from.index)
			return DEVICE_FITS;
	return from.certain ? DEVICE_OTHER : DEVICE_PERHAPS;
}
