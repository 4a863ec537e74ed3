/*
 * Link-layer headers as capture files have them (https://www.tcpdump.org/linktypes.html).
 *
 * It does not open what is above: an EtherType or an IP version leads on.
 */
#include "capture/link.h"

#include "capture/ethertype.h"
#include "capture/ip.h"

#define NULL_HEADER_SIZE 4
#define SLL_HEADER_SIZE	 16
#define SLL2_HEADER_SIZE 20

/* ARPHRD_LOOPBACK and PACKET_OUTGOING as <linux/if_arp.h> and <linux/if_packet.h> have them. */
#define HARDWARE_LOOPBACK    772
#define PACKET_TYPE_OUTGOING 4

/* LINKTYPE_ values that are DLT_ values on other systems: files have been written with them. */
#define DLT_RAW_OPENBSD	 14
#define DLT_RAW_LINKTYPE 101

/* Address families of IPv6 on the systems that write NULL headers. */
enum null_family {
	FAMILY_IPV4 = 2,
	FAMILY_IPV6_LINUX = 10,
	FAMILY_IPV6_WINDOWS = 23,
	FAMILY_IPV6_BSD = 24,
	FAMILY_IPV6_FREEBSD = 28,
	FAMILY_IPV6_DARWIN = 30,
};

/* NULL has the family in the byte order of the writer, LOOP in network order. Families are small.
 */
static enum decode null_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, NULL_HEADER_SIZE);
	uint32_t family;

	if (!h)
		return decode_short(d, NULL_HEADER_SIZE);
	family = get_be32(h);
	if (family > 0xffff)
		family = get_le32(h);
	switch (family) {
	case FAMILY_IPV4:
		return ipv4_decode(d);
	case FAMILY_IPV6_LINUX:
	case FAMILY_IPV6_WINDOWS:
	case FAMILY_IPV6_BSD:
	case FAMILY_IPV6_FREEBSD:
	case FAMILY_IPV6_DARWIN:
		return ipv6_decode(d);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

static enum decode cooked_decode(struct decoder *d, uint16_t hardware, uint16_t packet_type,
				 uint16_t protocol)
{
	d->outgoing = packet_type == PACKET_TYPE_OUTGOING;
	/* On lo a packet goes out and comes back in: one of the two is enough. */
	if (d->outgoing && hardware == HARDWARE_LOOPBACK)
		return decode_skip(d, SKIP_OUTGOING_COPY);
	return ethertype_decode(d, protocol);
}

static enum decode sll_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, SLL_HEADER_SIZE);

	if (!h)
		return decode_short(d, SLL_HEADER_SIZE);
	return cooked_decode(d, get_be16(h + 2), get_be16(h), get_be16(h + 14));
}

static enum decode sll2_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, SLL2_HEADER_SIZE);

	if (!h)
		return decode_short(d, SLL2_HEADER_SIZE);
	return cooked_decode(d, get_be16(h + 8), h[10], get_be16(h));
}

static const struct {
	int linktype;
	link_fn decode;
} links[] = {
    {DLT_EN10MB, ethernet_decode}, {DLT_LINUX_SLL, sll_decode},	 {DLT_LINUX_SLL2, sll2_decode},
    {DLT_RAW, ip_decode},	   {DLT_RAW_OPENBSD, ip_decode}, {DLT_RAW_LINKTYPE, ip_decode},
    {DLT_IPV4, ip_decode},	   {DLT_IPV6, ip_decode},	 {DLT_NULL, null_decode},
    {DLT_LOOP, null_decode},
};

link_fn link_find(int linktype)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].linktype == linktype)
			return links[i].decode;
	return NULL;
}
