/*
 * Link-layer headers as capture files have them (https://www.tcpdump.org/linktypes.html).
 *
 * It does not open what is above: an EtherType or an IP version leads on.
 */
#include "capture/frame/link.h"

#include "capture/frame/ethertype.h"
#include "capture/frame/ip.h"
#include "capture/frame/meta.h"
#include "capture/frame/ppp.h"
#include "capture/frame/wlan.h"

#define NULL_HEADER_SIZE       4
#define SLL_HEADER_SIZE	       16
#define SLL2_HEADER_SIZE       20
#define IPOIB_HEADER_SIZE      44
#define FIREWIRE_HEADER_SIZE   18
#define TOKEN_RING_HEADER_SIZE 14

/* ARPHRD_ values and PACKET_OUTGOING as <linux/if_arp.h> and <linux/if_packet.h> have them. */
enum hardware {
	HARDWARE_LOOPBACK = 772,
	HARDWARE_80211 = 801,
	HARDWARE_RADIOTAP = 803,
	HARDWARE_NETLINK = 824,
};

#define PACKET_TYPE_OUTGOING 4

/* In a cooked header, what is no EtherType: ETH_P_802_2 of <linux/if_ether.h>. */
#define COOKED_LLC 4

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

/*
 * NULL has the family in the byte order of the writer, LOOP in network order. Families are small.
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
	d->loopback = hardware == HARDWARE_LOOPBACK;
	/* On lo a packet goes out and comes back in: one of the two is enough. */
	if (d->outgoing && hardware == HARDWARE_LOOPBACK)
		return decode_skip(d, SKIP_OUTGOING_COPY);
	switch (hardware) {
	case HARDWARE_80211:
		return wlan_decode(d);
	case HARDWARE_RADIOTAP:
		return radiotap_decode(d);
	case HARDWARE_NETLINK: /* its protocol is a netlink family */
		return decode_skip(d, SKIP_NOT_IP);
	default:
		break;
	}
	if (protocol > ETHERTYPE_LENGTH_MAX)
		return ethertype_decode(d, protocol);
	return protocol == COOKED_LLC ? llc_decode(d) : decode_skip(d, SKIP_NOT_IP);
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
	d->device = get_be32(h + 4);
	return cooked_decode(d, get_be16(h + 8), h[10], get_be16(h));
}

/* Headers of a fixed size that tell nothing about what follows. */
static enum decode skip_to(struct decoder *d, uint32_t size, link_fn decode)
{
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	return decode(d);
}

/* Direction and a compressed header, which tcpdump.org says to pass over. */
static enum decode slip_decode(struct decoder *d)
{
	return skip_to(d, 16, ip_decode);
}

/* Family, security parameters index, flags: OpenBSD's enc(4). */
static enum decode enc_decode(struct decoder *d)
{
	return skip_to(d, 12, ip_decode);
}

/* Solaris' ipnet(7D): lengths, zones and interfaces. */
static enum decode ipnet_decode(struct decoder *d)
{
	return skip_to(d, 24, ip_decode);
}

/* Control, destination and source; then LLC. */
static enum decode fddi_decode(struct decoder *d)
{
	return skip_to(d, 13, llc_decode);
}

/* RFC 2625: network addresses of 8 bytes each. */
static enum decode fibre_channel_decode(struct decoder *d)
{
	return skip_to(d, 16, llc_decode);
}

/* A direction byte before PPP, HDLC, frame relay. */
static enum decode ppp_direction_decode(struct decoder *d)
{
	return skip_to(d, 1, ppp_decode);
}

static enum decode hdlc_direction_decode(struct decoder *d)
{
	return skip_to(d, 1, cisco_hdlc_decode);
}

static enum decode frame_relay_direction_decode(struct decoder *d)
{
	return skip_to(d, 1, frame_relay_decode);
}

/*
 * hilscher netANALYZER, with its preamble or without; EPON's and mPackets' preambles; Broadcom's
 * tag that is put first.
 */
static enum decode four_bytes_decode(struct decoder *d)
{
	return skip_to(d, 4, ethernet_decode);
}

static enum decode netanalyzer_transparent_decode(struct decoder *d)
{
	return skip_to(d, 12, ethernet_decode);
}

static enum decode preamble_decode(struct decoder *d)
{
	return skip_to(d, 8, ethernet_decode);
}

/* PPP in HDLC framing, or Cisco's HDLC: the first byte tells. */
static enum decode ppp_serial_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 1);

	if (!h)
		return decode_short(d, 1);
	return *h == 0x0f || *h == 0x8f ? cisco_hdlc_decode(d) : ppp_decode(d);
}

/* RFC 4391 behind a global routing header: EtherType and two bytes of nothing. */
static enum decode ipoib_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, IPOIB_HEADER_SIZE);

	if (!h)
		return decode_short(d, IPOIB_HEADER_SIZE);
	return ethertype_decode(d, get_be16(h + 40));
}

/* RFC 2734's addresses of 8 bytes, as Darwin has them. */
static enum decode firewire_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, FIREWIRE_HEADER_SIZE);

	if (!h)
		return decode_short(d, FIREWIRE_HEADER_SIZE);
	return ethertype_decode(d, get_be16(h + 16));
}

/* IEEE 802.5: with the first bit of the source set, routing of a stated length follows. */
static enum decode token_ring_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, TOKEN_RING_HEADER_SIZE), *route;

	if (!h)
		return decode_short(d, TOKEN_RING_HEADER_SIZE);
	if (h[8] & 0x80) {
		route = cursor_peek(&d->cursor, 2);
		if (!route)
			return decode_short(d, 2);
		if (!cursor_skip(&d->cursor, route[0] & 0x1f))
			return decode_short(d, route[0] & 0x1f);
	}
	return llc_decode(d);
}

/* Classical IP over ATM (RFC 2225): LLC, or IP alone. */
static enum decode atm_clip_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 3);

	if (!h)
		return decode_short(d, 3);
	return h[0] == 0xaa && h[1] == 0xaa ? llc_decode(d) : ip_decode(d);
}

/* Direction and kind, path and channel; of the kinds LLC (2) and an emulated Ethernet (1). */
static enum decode sun_atm_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, 4);

	if (!h)
		return decode_short(d, 4);
	switch (h[0] & 0x0f) {
	case 1:
		return skip_to(d, 2, ethernet_decode);
	case 2:
		return llc_decode(d);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

/* Linux' interfaces of switches: a tag of the switch between the addresses and the type. */
static enum decode switch_tag_decode(struct decoder *d, uint32_t size)
{
	const uint8_t *h = cursor_take(&d->cursor, 12 + size + 2);

	return h ? ethertype_decode(d, get_be16(h + 12 + size)) : decode_short(d, 12 + size + 2);
}

/* Broadcom's, and Marvell's without a type of its own. */
static enum decode tag4_decode(struct decoder *d)
{
	return switch_tag_decode(d, 4);
}

/* Marvell's with one. */
static enum decode tag8_decode(struct decoder *d)
{
	return switch_tag_decode(d, 8);
}

static const struct {
	int linktype;
	link_fn decode;
} links[] = {
    {DLT_EN10MB, ethernet_decode},
    {DLT_LINUX_SLL, sll_decode},
    {DLT_LINUX_SLL2, sll2_decode},
    {DLT_RAW, ip_decode},
    {DLT_RAW_OPENBSD, ip_decode},
    {DLT_RAW_LINKTYPE, ip_decode},
    {DLT_IPV4, ip_decode},
    {DLT_IPV6, ip_decode},
    {DLT_NULL, null_decode},
    {DLT_LOOP, null_decode},
    {DLT_PPP, ppp_serial_decode},
    {DLT_PPP_SERIAL, ppp_serial_decode},
    {DLT_PPP_ETHER, pppoe_decode},
    {DLT_PPP_WITH_DIR, ppp_direction_decode},
    {DLT_C_HDLC, cisco_hdlc_decode},
    {DLT_C_HDLC_WITH_DIR, hdlc_direction_decode},
    {DLT_FRELAY, frame_relay_decode},
    {DLT_FRELAY_WITH_DIR, frame_relay_direction_decode},
    {DLT_SLIP, slip_decode},
    {DLT_MPLS, mpls_decode},
    {DLT_IEEE802_11, wlan_decode},
    {DLT_IEEE802_11_RADIO, radiotap_decode},
    {DLT_PRISM_HEADER, prism_decode},
    {DLT_IEEE802_11_RADIO_AVS, avs_decode},
    {DLT_PPI, ppi_decode},
    {DLT_NFLOG, nflog_decode},
    {DLT_PFLOG, pflog_decode},
    {DLT_PKTAP, pktap_decode},
    {DLT_ENC, enc_decode},
    {DLT_IPNET, ipnet_decode},
    {DLT_IPOIB, ipoib_decode},
    {DLT_FDDI, fddi_decode},
    {DLT_IEEE802, token_ring_decode},
    {DLT_ATM_RFC1483, llc_decode},
    {DLT_ATM_CLIP, atm_clip_decode},
    {DLT_SUNATM, sun_atm_decode},
    {DLT_ERF, erf_decode},
    {DLT_DSA_TAG_BRCM, tag4_decode},
    {DLT_DSA_TAG_BRCM_PREPEND, four_bytes_decode},
    {DLT_DSA_TAG_DSA, tag4_decode},
    {DLT_DSA_TAG_EDSA, tag8_decode},
    {DLT_IP_OVER_FC, fibre_channel_decode},
    {DLT_APPLE_IP_OVER_IEEE1394, firewire_decode},
    {DLT_NETANALYZER, four_bytes_decode},
    {DLT_NETANALYZER_TRANSPARENT, netanalyzer_transparent_decode},
    {DLT_EPON, preamble_decode},
    {DLT_ETHERNET_MPACKET, preamble_decode},
    {DLT_JUNIPER_ETHER, juniper_ethernet_decode},
    {DLT_JUNIPER_PPP, juniper_ppp_decode},
    {DLT_JUNIPER_FRELAY, juniper_frame_relay_decode},
    {DLT_JUNIPER_CHDLC, juniper_hdlc_decode},
};

link_fn link_find(int linktype)
{
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (links[i].linktype == linktype)
			return links[i].decode;
	return NULL;
}
