/*
 * Link types whose header wraps another link's.
 */
#include "capture/frame/meta.h"

#include "capture/frame/ethertype.h"
#include "capture/frame/ip.h"
#include "capture/frame/link.h"
#include "capture/frame/ppp.h"

#define NFLOG_HEADER_SIZE   4
#define NFLOG_PAYLOAD	    9 /* NFULA_PAYLOAD of <linux/netfilter/nfnetlink_log.h> */
#define PFLOG_HEADER_MIN    4
#define PKTAP_HEADER_MIN    12
#define PKTAP_PACKET	    1 /* PTH_TYPE_PACKET */
#define PPI_HEADER_SIZE	    8
#define ERF_HEADER_SIZE	    16
#define ERF_EXTENSION_SIZE  8
#define JUNIPER_HEADER_SIZE 4
#define JUNIPER_MAGIC	    0x4d4743 /* "MGC" */
#define JUNIPER_NO_LINK	    0x02
#define JUNIPER_EXTENSIONS  0x80

/* In the byte order of this host: libpcap has turned it. */
static uint16_t get_host16(const uint8_t *p)
{
	const uint16_t one = 1;

	return *(const uint8_t *)&one ? get_le16(p) : get_be16(p);
}

/* Attributes as netlink has them: length, type, value, filled up to a multiple of four. */
enum decode nflog_decode(struct decoder *d)
{
	const uint8_t *h;

	if (!cursor_skip(&d->cursor, NFLOG_HEADER_SIZE))
		return decode_short(d, NFLOG_HEADER_SIZE);
	for (;;) {
		uint32_t length;
		uint16_t type;

		h = cursor_take(&d->cursor, 4);
		if (!h)
			return cursor_wire(&d->cursor) ? decode_short(d, 4)
						       : decode_skip(d, SKIP_NOT_IP);
		length = get_host16(h);
		type = get_host16(h + 2);
		if (length < 4)
			return decode_skip(d, SKIP_MALFORMED);
		length -= 4;
		if (type == NFLOG_PAYLOAD) {
			if (length < cursor_wire(&d->cursor))
				cursor_limit(&d->cursor, length);
			return ip_decode(d);
		}
		length = (length + 3) / 4 * 4;
		if (!cursor_skip(&d->cursor, length))
			return decode_short(d, length);
	}
}

/* Its length does not count the padding that follows it. */
enum decode pflog_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, PFLOG_HEADER_MIN);
	uint32_t length;

	if (!h)
		return decode_short(d, PFLOG_HEADER_MIN);
	length = (h[0] + 3u) / 4 * 4;
	if (length < PFLOG_HEADER_MIN)
		return decode_skip(d, SKIP_MALFORMED);
	if (!cursor_skip(&d->cursor, length))
		return decode_short(d, length);
	return ip_decode(d);
}

static enum decode nested(struct decoder *d, uint32_t linktype)
{
	link_fn decode = linktype <= INT32_MAX ? link_find((int)linktype) : NULL;

	if (!decode)
		return decode_skip(d, SKIP_LINK_TYPE);
	return decode_deeper(d) ? decode(d) : decode_skip(d, SKIP_ENCAPSULATION);
}

enum decode pktap_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, PKTAP_HEADER_MIN);
	uint32_t length;

	if (!h)
		return decode_short(d, PKTAP_HEADER_MIN);
	length = get_le32(h);
	if (length < PKTAP_HEADER_MIN)
		return decode_skip(d, SKIP_MALFORMED);
	if (!cursor_skip(&d->cursor, length))
		return decode_short(d, length);
	if (get_le32(h + 4) != PKTAP_PACKET)
		return decode_skip(d, SKIP_NOT_IP);
	return nested(d, get_le32(h + 8));
}

enum decode ppi_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, PPI_HEADER_SIZE);
	uint32_t length;

	if (!h)
		return decode_short(d, PPI_HEADER_SIZE);
	length = get_le16(h + 2);
	if (length < PPI_HEADER_SIZE)
		return decode_skip(d, SKIP_MALFORMED);
	if (!cursor_skip(&d->cursor, length))
		return decode_short(d, length);
	return nested(d, get_le32(h + 4));
}

/* Kinds of records, without the bit that says that extensions follow. */
enum erf_kind {
	ERF_POS = 1,
	ERF_ETHERNET = 2,
	ERF_COLOR_POS = 10,
	ERF_COLOR_ETHERNET = 11,
	ERF_DSM_COLOR_POS = 15,
	ERF_DSM_COLOR_ETHERNET = 16,
	ERF_HASH_POS = 19,
	ERF_HASH_ETHERNET = 20,
	ERF_IPV4 = 22,
	ERF_IPV6 = 23,
};

/* The first bit of the kind, and of each extension, says that another extension follows. */
enum decode erf_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, ERF_HEADER_SIZE);
	uint8_t kind, more;

	if (!h)
		return decode_short(d, ERF_HEADER_SIZE);
	kind = h[8] & 0x7f;
	for (more = h[8] & 0x80; more; more = *h & 0x80) {
		h = cursor_take(&d->cursor, ERF_EXTENSION_SIZE);
		if (!h)
			return decode_short(d, ERF_EXTENSION_SIZE);
	}
	switch (kind) {
	case ERF_POS:
	case ERF_COLOR_POS:
	case ERF_DSM_COLOR_POS:
	case ERF_HASH_POS:
		return nested(d, DLT_PPP_SERIAL); /* or Cisco's HDLC */
	case ERF_ETHERNET:
	case ERF_COLOR_ETHERNET:
	case ERF_DSM_COLOR_ETHERNET:
	case ERF_HASH_ETHERNET:
		if (!cursor_skip(&d->cursor, 2)) /* offset and padding */
			return decode_short(d, 2);
		return ethernet_decode(d);
	case ERF_IPV4:
	case ERF_IPV6:
		return ip_decode(d);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

/* Magic, flags, and extensions of a stated length. True when the link's own header follows. */
static bool juniper_open(struct decoder *d, enum decode *result)
{
	const uint8_t *h = cursor_take(&d->cursor, JUNIPER_HEADER_SIZE);
	uint16_t extensions = 0;

	*result = DECODE_SKIP;
	if (!h) {
		(void)decode_short(d, JUNIPER_HEADER_SIZE);
		return false;
	}
	if (get_be32(h) >> 8 != JUNIPER_MAGIC) {
		(void)decode_skip(d, SKIP_MALFORMED);
		return false;
	}
	if (h[3] & JUNIPER_EXTENSIONS) {
		if (!cursor_be16(&d->cursor, &extensions)) {
			(void)decode_short(d, 2);
			return false;
		}
		if (!cursor_skip(&d->cursor, extensions)) {
			(void)decode_short(d, extensions);
			return false;
		}
	}
	if (h[3] & JUNIPER_NO_LINK) {
		*result = ip_decode(d);
		return false;
	}
	return true;
}

enum decode juniper_ethernet_decode(struct decoder *d)
{
	enum decode result;

	return juniper_open(d, &result) ? ethernet_decode(d) : result;
}

enum decode juniper_ppp_decode(struct decoder *d)
{
	enum decode result;

	return juniper_open(d, &result) ? ppp_decode(d) : result;
}

enum decode juniper_frame_relay_decode(struct decoder *d)
{
	enum decode result;

	return juniper_open(d, &result) ? frame_relay_decode(d) : result;
}

enum decode juniper_hdlc_decode(struct decoder *d)
{
	enum decode result;

	return juniper_open(d, &result) ? cisco_hdlc_decode(d) : result;
}
