/*
 * GRE: the tunnel header that names its load by an EtherType.
 */
#include "capture/frame/gre.h"

#include "capture/frame/ethertype.h"
#include "capture/frame/ip.h"
#include "capture/frame/ppp.h"
#include "capture/frame/wlan.h"

#define GRE_HEADER_SIZE	    4
#define ERSPAN2_HEADER_SIZE 8
#define ERSPAN3_HEADER_SIZE 12
#define ERSPAN3_SUBHEADER   8
#define WCCP_HEADER_SIZE    4

enum gre_flag {
	GRE_CHECKSUM = 0x8000,
	GRE_ROUTING = 0x4000, /* RFC 1701 */
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	GRE_ACKNOWLEDGEMENT = 0x0080, /* version 1 */
	GRE_VERSION = 0x0007,
};

/* What GRE carries under numbers that are no EtherTypes, and one that is. */
enum gre_type {
	GRE_ARP = 0x0806,
	GRE_CDP = 0x2000,
	GRE_NHRP = 0x2001,	/* RFC 2332 */
	GRE_WLAN = 0x8200,	/* Aruba's access points: 802.11, each radio under a number of */
	GRE_WLAN_LAST = 0x8370, /* its own, in steps of 16 */
	GRE_WCCP = 0x883e,
};

/* Without sequence numbers it is type I, which has no header (draft-foschiano-erspan). */
static enum decode erspan2_decode(struct decoder *d, uint16_t flags)
{
	if ((flags & GRE_SEQUENCE) && !cursor_skip(&d->cursor, ERSPAN2_HEADER_SIZE))
		return decode_short(d, ERSPAN2_HEADER_SIZE);
	return ethernet_decode(d);
}

/* Bits 14 to 10 of its last word: the kind of frame, 0 Ethernet and 2 IP; bit 0: a subheader. */
static enum decode erspan3_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, ERSPAN3_HEADER_SIZE);
	uint16_t word;

	if (!h)
		return decode_short(d, ERSPAN3_HEADER_SIZE);
	word = get_be16(h + 10);
	if ((word & 1) && !cursor_skip(&d->cursor, ERSPAN3_SUBHEADER))
		return decode_short(d, ERSPAN3_SUBHEADER);
	switch (word >> 10 & 0x1f) {
	case 0:
		return ethernet_decode(d);
	case 2:
		return ip_decode(d);
	default:
		return decode_skip(d, SKIP_ENCAPSULATION);
	}
}

/* WCCP's second version has a header of its own, which never begins as an IPv4 packet does. */
static enum decode wccp_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 1);

	if (!h)
		return decode_short(d, 1);
	if (*h >> 4 != 4 && !cursor_skip(&d->cursor, WCCP_HEADER_SIZE))
		return decode_short(d, WCCP_HEADER_SIZE);
	return ipv4_decode(d);
}

static bool is_wlan(uint16_t type)
{
	return type >= GRE_WLAN && type <= GRE_WLAN_LAST && (type & 0x0f) == 0;
}

/* A type that nobody steps into may carry anything: that is not to say that it is no IP. */
static enum decode typed_decode(struct decoder *d, uint16_t type)
{
	const uint8_t *before = d->cursor.at;
	enum decode result;

	if (type <= ETHERTYPE_LENGTH_MAX || type == GRE_ARP || type == GRE_CDP || type == GRE_NHRP)
		return decode_skip(d, SKIP_NOT_IP);
	if (is_wlan(type))
		return wlan_decode(d);
	result = ethertype_decode(d, type);
	if (result == DECODE_SKIP && d->reason == SKIP_NOT_IP && d->cursor.at == before)
		return decode_skip(d, SKIP_ENCAPSULATION);
	return result;
}

enum decode gre_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, GRE_HEADER_SIZE);
	uint16_t flags, type;
	uint32_t size = 0;

	if (!h)
		return decode_short(d, GRE_HEADER_SIZE);
	if (!decode_deeper(d))
		return decode_skip(d, SKIP_ENCAPSULATION);
	flags = get_be16(h);
	type = get_be16(h + 2);
	if ((flags & GRE_ROUTING) || (flags & GRE_VERSION) > 1)
		return decode_skip(d, SKIP_ENCAPSULATION);
	if (flags & GRE_CHECKSUM)
		size += 4;
	if (flags & GRE_KEY)
		size += 4;
	if (flags & GRE_SEQUENCE)
		size += 4;
	if ((flags & GRE_VERSION) == 1 && (flags & GRE_ACKNOWLEDGEMENT))
		size += 4;
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	switch (type) {
	case ETHERTYPE_ERSPAN2:
		return erspan2_decode(d, flags);
	case ETHERTYPE_ERSPAN3:
		return erspan3_decode(d);
	case GRE_WCCP:
		return wccp_decode(d);
	default:
		return typed_decode(d, type);
	}
}
