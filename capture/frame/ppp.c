/*
 * PPP (RFC 1661), PPPoE (RFC 2516), Cisco HDLC and frame relay (RFC 2427).
 *
 * Compressed headers (RFC 1144 and later) are not expanded: that would take a
 * memory of the connection's earlier packets.
 */
#include "capture/frame/ppp.h"

#include "capture/frame/ethertype.h"
#include "capture/frame/ip.h"

#define PPPOE_HEADER_SIZE      6
#define CISCO_HDLC_HEADER_SIZE 4
#define BRIDGED_HEADER_SIZE    2 /* RFC 3518 */
#define MULTILINK_HEADER_SIZE  4 /* RFC 1990, long sequence numbers */

enum ppp_protocol {
	PPP_IPV4 = 0x0021,
	PPP_VJ_COMPRESSED = 0x002d,
	PPP_VJ_UNCOMPRESSED = 0x002f,
	PPP_BRIDGED = 0x0031,
	PPP_MULTILINK = 0x003d,
	PPP_ENCRYPTED = 0x0053,
	PPP_IPV6 = 0x0057,
	PPP_ROHC = 0x0003,
	PPP_COMPRESSED = 0x00fd,
	PPP_MPLS = 0x0281,
	PPP_MPLS_MULTICAST = 0x0283,
};

enum nlpid { NLPID_SNAP = 0x80, NLPID_IPV6 = 0x8e, NLPID_IPV4 = 0xcc };

enum hdlc_address { HDLC_ALL_STATIONS = 0xff, HDLC_UNNUMBERED = 0x03 };

static enum decode bridged_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, BRIDGED_HEADER_SIZE);

	if (!h)
		return decode_short(d, BRIDGED_HEADER_SIZE);
	return h[1] == 1 ? ethernet_decode(d) : decode_skip(d, SKIP_NOT_IP); /* 1: IEEE 802.3 */
}

/* A packet that was not split can be read; the others cannot without a memory. */
static enum decode multilink_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, MULTILINK_HEADER_SIZE);

	if (!h)
		return decode_short(d, MULTILINK_HEADER_SIZE);
	return (h[0] & 0xc0) == 0xc0 ? ppp_decode(d) : decode_skip(d, SKIP_FRAGMENT);
}

/* One byte when its lowest bit is set: protocol-field compression. */
static bool read_protocol(struct cursor *c, uint16_t *protocol)
{
	const uint8_t *h = cursor_take(c, 1);

	if (!h)
		return false;
	*protocol = *h;
	if (*h & 1)
		return true;
	h = cursor_take(c, 1);
	if (h)
		*protocol = (uint16_t)(*protocol << 8 | *h);
	return h;
}

enum decode ppp_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 2);
	uint16_t protocol;

	if (!decode_deeper(d))
		return decode_skip(d, SKIP_ENCAPSULATION);
	if (!h)
		return decode_short(d, 2);
	if (h[0] == HDLC_ALL_STATIONS && h[1] == HDLC_UNNUMBERED)
		(void)cursor_skip(&d->cursor, 2);
	if (!read_protocol(&d->cursor, &protocol))
		return decode_short(d, 1);
	switch (protocol) {
	case PPP_IPV4:
		return ipv4_decode(d);
	case PPP_IPV6:
		return ipv6_decode(d);
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		return mpls_decode(d);
	case PPP_BRIDGED:
		return bridged_decode(d);
	case PPP_MULTILINK:
		return multilink_decode(d);
	case PPP_ENCRYPTED:
		return decode_skip(d, SKIP_ENCRYPTED);
	case PPP_ROHC:
	case PPP_VJ_COMPRESSED:
	case PPP_VJ_UNCOMPRESSED:
	case PPP_COMPRESSED:
		return decode_skip(d, SKIP_ENCAPSULATION);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

enum decode pppoe_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, PPPOE_HEADER_SIZE);
	uint16_t length;

	if (!h)
		return decode_short(d, PPPOE_HEADER_SIZE);
	length = get_be16(h + 4);
	if (length < cursor_wire(&d->cursor))
		cursor_limit(&d->cursor, length);
	return ppp_decode(d);
}

enum decode cisco_hdlc_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, CISCO_HDLC_HEADER_SIZE);
	uint16_t type;

	if (!h)
		return decode_short(d, CISCO_HDLC_HEADER_SIZE);
	type = get_be16(h + 2);
	if (type <= ETHERTYPE_LENGTH_MAX)
		return decode_skip(d, SKIP_NOT_IP);
	return ethertype_decode(d, type);
}

/* RFC 2427 section 4: NLPID 0x80 is SNAP. */
static enum decode nlpid_decode(struct decoder *d, uint8_t nlpid)
{
	switch (nlpid) {
	case NLPID_IPV4:
		return ipv4_decode(d);
	case NLPID_IPV6:
		return ipv6_decode(d);
	case NLPID_SNAP:
		return snap_decode(d);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

/*
 * The address has two to four bytes; the lowest bit of the last one is set. Then
 * comes RFC 2427's 03, a pad byte perhaps, and an NLPID; or, as Cisco has it,
 * an EtherType.
 */
enum decode frame_relay_decode(struct decoder *d)
{
	const uint8_t *h;
	uint32_t size = 0;
	uint8_t nlpid;
	uint16_t type;

	do {
		h = cursor_take(&d->cursor, 1);
		if (!h)
			return decode_short(d, 1);
	} while (!(*h & 1) && ++size < 4);
	if (!(*h & 1) || !size)
		return decode_skip(d, SKIP_MALFORMED);
	h = cursor_peek(&d->cursor, 1);
	if (!h)
		return decode_short(d, 1);
	if (*h != HDLC_UNNUMBERED) {
		if (!cursor_be16(&d->cursor, &type))
			return decode_short(d, 2);
		if (type <= ETHERTYPE_LENGTH_MAX)
			return decode_skip(d, SKIP_NOT_IP);
		return ethertype_decode(d, type);
	}
	(void)cursor_skip(&d->cursor, 1);
	do
		if (!cursor_u8(&d->cursor, &nlpid))
			return decode_short(d, 1);
	while (nlpid == 0);
	return nlpid_decode(d, nlpid);
}
