/*
 * Ethernet, VLAN tags, and what an EtherType announces.
 *
 * It does not know the link types of captures: those are link.c's.
 */
#include "capture/ethertype.h"

#include "capture/ip.h"

#define ETHERNET_HEADER_SIZE 14
#define VLAN_TAG_SIZE	     4 /* with the type that follows the tag */

enum decode ethertype_decode(struct decoder *d, uint16_t type)
{
	for (;;) {
		const uint8_t *h;

		switch (type) {
		case ETHERTYPE_IPV4:
			return ipv4_decode(d);
		case ETHERTYPE_IPV6:
			return ipv6_decode(d);
		case ETHERTYPE_VLAN:
		case ETHERTYPE_QINQ:
		case ETHERTYPE_QINQ1:
		case ETHERTYPE_QINQ2:
			h = cursor_take(&d->cursor, VLAN_TAG_SIZE);
			if (!h)
				return decode_short(d, VLAN_TAG_SIZE);
			type = get_be16(h + 2);
			break;
		default:
			return decode_skip(d, SKIP_NOT_IP);
		}
	}
}

enum decode ethernet_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, ETHERNET_HEADER_SIZE);

	if (!h)
		return decode_short(d, ETHERNET_HEADER_SIZE);
	return ethertype_decode(d, get_be16(h + 12));
}
