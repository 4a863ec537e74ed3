/*
 * Ethernet, LLC, and the tags and shims that stand before an IP packet.
 *
 * It does not know the link types of captures: those are link.c's.
 */
#include "capture/frame/ethertype.h"

#include "capture/frame/ip.h"
#include "capture/frame/ppp.h"

#define ETHERNET_HEADER_SIZE 14
#define LLC_HEADER_SIZE	     3
#define SNAP_HEADER_SIZE     5
#define MPLS_LABEL_SIZE	     4
#define CONTROL_WORD_SIZE    4 /* RFC 4385 */
#define NSH_BASE_SIZE	     4
#define TRILL_HEADER_SIZE    6

/* Tags whose last two bytes are the type of what follows. */
#define VLAN_TAG_SIZE	  4
#define VNTAG_SIZE	  6
#define HSR_TAG_SIZE	  6
#define RTAG_SIZE	  6
#define ETAG_SIZE	  8
#define BACKBONE_TAG_SIZE 4 /* followed by an Ethernet header */
#define FABRICPATH_SIZE	  2 /* forwarding tag and TTL, and likewise */

enum llc_sap { SAP_IP = 0x06, SAP_SNAP = 0xaa, SAP_OSI = 0xfe };

enum snap_oui { OUI_ETHERTYPE = 0x000000, OUI_BRIDGE_TUNNEL = 0x0000f8, OUI_BRIDGED = 0x0080c2 };

/* RFC 2427 and RFC 2684: bridged Ethernet, with its FCS or without. */
enum bridged_pid { BRIDGED_WITH_FCS = 0x0001, BRIDGED = 0x0007 };

/* NLPIDs, RFC 6328. */
enum nlpid { NLPID_IPV4 = 0xcc, NLPID_IPV6 = 0x8e };

#define LLC_UNNUMBERED 0x03

#define BATMAN_VERSION 15

enum batman_packet {
	BATMAN_BROADCAST = 0x01,
	BATMAN_UNICAST = 0x40,
	BATMAN_UNICAST_4ADDRESSES = 0x42,
};

enum decode snap_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, SNAP_HEADER_SIZE);
	uint16_t pid;

	if (!h)
		return decode_short(d, SNAP_HEADER_SIZE);
	pid = get_be16(h + 3);
	switch (get_be32(h) >> 8) {
	case OUI_ETHERTYPE:
	case OUI_BRIDGE_TUNNEL:
		return pid > ETHERTYPE_LENGTH_MAX ? ethertype_decode(d, pid)
						  : decode_skip(d, SKIP_NOT_IP);
	case OUI_BRIDGED:
		if (pid == BRIDGED || pid == BRIDGED_WITH_FCS)
			return ethernet_decode(d);
		return decode_skip(d, SKIP_NOT_IP);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

enum decode llc_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, LLC_HEADER_SIZE);
	uint8_t nlpid;

	if (!h)
		return decode_short(d, LLC_HEADER_SIZE);
	if (h[2] != LLC_UNNUMBERED || h[0] != h[1])
		return decode_skip(d, SKIP_NOT_IP);
	switch (h[0]) {
	case SAP_SNAP:
		return snap_decode(d);
	case SAP_IP:
		return ipv4_decode(d);
	case SAP_OSI: /* routed by NLPID: RFC 2684 section 5.1 */
		if (!cursor_u8(&d->cursor, &nlpid))
			return decode_short(d, 1);
		if (nlpid == NLPID_IPV4)
			return ipv4_decode(d);
		if (nlpid == NLPID_IPV6)
			return ipv6_decode(d);
		return decode_skip(d, SKIP_NOT_IP);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

/* True when an Ethernet header that leads somewhere may stand so many bytes on. */
static bool looks_like_ethernet(const struct decoder *d, uint32_t offset)
{
	const uint8_t *h = cursor_peek(&d->cursor, offset + ETHERNET_HEADER_SIZE);

	if (!h)
		return false;
	switch (get_be16(h + offset + 12)) {
	case ETHERTYPE_IPV4:
	case ETHERTYPE_IPV6:
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_MPLS:
	case ETHERTYPE_PPPOE:
		return true;
	default:
		return false;
	}
}

/*
 * Nothing in a stack says what is below it. The first four bits tell IP apart
 * (RFC 4928); 0 is a pseudowire's control word, or the address of an Ethernet
 * header without one.
 */
enum decode mpls_decode(struct decoder *d)
{
	const uint8_t *h;

	do {
		h = cursor_take(&d->cursor, MPLS_LABEL_SIZE);
		if (!h)
			return decode_short(d, MPLS_LABEL_SIZE);
	} while (!(h[2] & 1));
	h = cursor_peek(&d->cursor, 1);
	if (!h)
		return decode_short(d, 1);
	if (*h >> 4 == 4 || *h >> 4 == 6)
		return ip_decode(d);
	if (cursor_was_cut(&d->cursor, CONTROL_WORD_SIZE + ETHERNET_HEADER_SIZE))
		return decode_skip(d, SKIP_TRUNCATED);
	if (*h >> 4 == 0 && looks_like_ethernet(d, CONTROL_WORD_SIZE))
		(void)cursor_skip(&d->cursor, CONTROL_WORD_SIZE);
	else if (!looks_like_ethernet(d, 0))
		return decode_skip(d, SKIP_NOT_IP);
	return ethernet_decode(d);
}

/* RFC 8300 section 2.2: the low six bits of the second byte are the length in words. */
static enum decode nsh_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, NSH_BASE_SIZE);
	uint32_t size;

	if (!h)
		return decode_short(d, NSH_BASE_SIZE);
	size = (h[1] & 0x3fu) * 4;
	if (size < NSH_BASE_SIZE)
		return decode_skip(d, SKIP_MALFORMED);
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	switch (h[3]) {
	case 1:
		return ipv4_decode(d);
	case 2:
		return ipv6_decode(d);
	case 3:
		return ethernet_decode(d);
	case 5:
		return mpls_decode(d);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

/* 802.1AE: what is only signed can be read. Its type is left in *type. */
static bool macsec_open(struct decoder *d, uint16_t *type, enum decode *result)
{
	const uint8_t *h = cursor_take(&d->cursor, 6);
	bool sci;

	if (!h) {
		*result = decode_short(d, 6);
		return false;
	}
	sci = h[0] & 0x20;
	if (h[0] & 0x0c) {
		*result = decode_skip(d, SKIP_ENCRYPTED);
		return false;
	}
	if ((sci && !cursor_skip(&d->cursor, 8)) || !cursor_be16(&d->cursor, type)) {
		*result = decode_short(d, sci ? 10 : 2);
		return false;
	}
	return true;
}

/* Size of a tag that is followed by another type, that type included; 0 for no such tag. */
static uint32_t tag_size(uint16_t type)
{
	switch (type) {
	case ETHERTYPE_VLAN:
	case ETHERTYPE_QINQ:
	case ETHERTYPE_QINQ1:
	case ETHERTYPE_QINQ2:
		return VLAN_TAG_SIZE;
	case ETHERTYPE_VNTAG:
		return VNTAG_SIZE;
	case ETHERTYPE_HSR:
		return HSR_TAG_SIZE;
	case ETHERTYPE_RTAG:
		return RTAG_SIZE;
	case ETHERTYPE_ETAG:
		return ETAG_SIZE;
	default:
		return 0;
	}
}

/* RFC 6325 section 3: two bytes of flags, with the options' length in words, and two nicknames. */
static enum decode trill_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, TRILL_HEADER_SIZE);
	uint32_t options;

	if (!h)
		return decode_short(d, TRILL_HEADER_SIZE);
	options = (get_be16(h) >> 6 & 0x1fu) * 4;
	if (!cursor_skip(&d->cursor, options))
		return decode_short(d, options);
	return ethernet_decode(d);
}

/* Linux' uapi/linux/batadv_packet.h, version 15: those of its packets that carry a whole frame. */
static enum decode batman_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 2);
	uint32_t size;

	if (!h)
		return decode_short(d, 2);
	if (h[1] != BATMAN_VERSION)
		return decode_skip(d, SKIP_NOT_IP);
	switch (h[0]) {
	case BATMAN_BROADCAST:
		size = 14;
		break;
	case BATMAN_UNICAST:
		size = 10;
		break;
	case BATMAN_UNICAST_4ADDRESSES:
		size = 18;
		break;
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	return ethernet_decode(d);
}

/* Version, number of options of four bytes each, and the type of what follows. */
static bool metadata_open(struct decoder *d, uint16_t *type)
{
	const uint8_t *h = cursor_take(&d->cursor, 2);

	return h && cursor_skip(&d->cursor, h[1] * 4u) && cursor_be16(&d->cursor, type);
}

static enum decode shim_decode(struct decoder *d, uint16_t type)
{
	enum decode result;

	switch (type) {
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
		return mpls_decode(d);
	case ETHERTYPE_PPPOE:
		return pppoe_decode(d);
	case ETHERTYPE_PPP:
		return ppp_decode(d);
	case ETHERTYPE_BRIDGED:
		return ethernet_decode(d);
	case ETHERTYPE_NSH:
		return nsh_decode(d);
	case ETHERTYPE_BACKBONE:
		if (!cursor_skip(&d->cursor, BACKBONE_TAG_SIZE))
			return decode_short(d, BACKBONE_TAG_SIZE);
		return ethernet_decode(d);
	case ETHERTYPE_FABRICPATH:
		if (!cursor_skip(&d->cursor, FABRICPATH_SIZE))
			return decode_short(d, FABRICPATH_SIZE);
		return ethernet_decode(d);
	case ETHERTYPE_TRILL:
		return trill_decode(d);
	case ETHERTYPE_BATMAN:
		return batman_decode(d);
	case ETHERTYPE_METADATA:
		if (!metadata_open(d, &type))
			return decode_short(d, 2);
		return decode_deeper(d) ? ethertype_decode(d, type)
					: decode_skip(d, SKIP_ENCAPSULATION);
	case ETHERTYPE_MACSEC:
		if (!macsec_open(d, &type, &result))
			return result;
		return decode_deeper(d) ? ethertype_decode(d, type)
					: decode_skip(d, SKIP_ENCAPSULATION);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

enum decode ethertype_decode(struct decoder *d, uint16_t type)
{
	for (;;) {
		const uint8_t *h;
		uint32_t size;

		if (__builtin_expect(type == ETHERTYPE_IPV4, 1))
			return ipv4_decode(d);
		if (type == ETHERTYPE_IPV6)
			return ipv6_decode(d);
		if (type <= ETHERTYPE_LENGTH_MAX) {
			if (type < cursor_wire(&d->cursor))
				cursor_limit(&d->cursor, type); /* behind it is padding */
			return llc_decode(d);
		}
		size = tag_size(type);
		if (!size)
			return shim_decode(d, type);
		h = cursor_take(&d->cursor, size);
		if (!h)
			return decode_short(d, size);
		type = get_be16(h + size - 2);
	}
}

enum decode ethernet_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, ETHERNET_HEADER_SIZE);

	if (!h)
		return decode_short(d, ETHERNET_HEADER_SIZE);
	if (!decode_deeper(d))
		return decode_skip(d, SKIP_ENCAPSULATION);
	return ethertype_decode(d, get_be16(h + 12));
}
