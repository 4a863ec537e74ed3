/*
 * Tunnels over UDP, known by their registered ports alone.
 *
 * Ports prove nothing: each header is checked for what cannot be in it, and
 * what fails is some other UDP, not a malformed tunnel.
 */
#include "capture/frame/udp.h"

#include "capture/frame/ethertype.h"
#include "capture/frame/gre.h"
#include "capture/frame/ip.h"
#include "capture/frame/ppp.h"
#include "capture/frame/wlan.h"

#define UDP_HEADER_SIZE	   8
#define VXLAN_HEADER_SIZE  8
#define GENEVE_HEADER_SIZE 8
#define GTP_HEADER_SIZE	   8
#define GTP_OPTIONAL_SIZE  4
#define LISP_HEADER_SIZE   8
#define AYIYA_HEADER_SIZE  8
#define TZSP_HEADER_SIZE   4
#define CAPWAP_HEADER_SIZE 8

/* What TaZmen's sniffer protocol carries, and its tags without a length. */
enum tzsp_load { TZSP_ETHERNET = 0x01, TZSP_WLAN = 0x12, TZSP_PRISM = 0x77, TZSP_AVS = 0x7f };
enum tzsp_tag { TZSP_PAD = 0, TZSP_END = 1 };

static enum decode not_a_tunnel(struct decoder *d)
{
	return decode_skip(d, SKIP_NOT_TCP);
}

/* RFC 7348 section 5. */
static enum decode vxlan_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, VXLAN_HEADER_SIZE);

	if (!h)
		return decode_short(d, VXLAN_HEADER_SIZE);
	return h[0] & 0x08 ? ethernet_decode(d) : not_a_tunnel(d);
}

/* draft-ietf-nvo3-vxlan-gpe: with the P bit the fourth byte says what follows. */
static enum decode vxlan_gpe_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, VXLAN_HEADER_SIZE);

	if (!h)
		return decode_short(d, VXLAN_HEADER_SIZE);
	if (!(h[0] & 0x08))
		return not_a_tunnel(d);
	if (!(h[0] & 0x04))
		return ethernet_decode(d);
	switch (h[3]) {
	case 1:
		return ipv4_decode(d);
	case 2:
		return ipv6_decode(d);
	case 3:
		return ethernet_decode(d);
	case 4:
		return ethertype_decode(d, ETHERTYPE_NSH);
	case 5:
		return mpls_decode(d);
	default:
		return decode_skip(d, SKIP_NOT_IP);
	}
}

/* RFC 8926 section 3.4. */
static enum decode geneve_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, GENEVE_HEADER_SIZE);
	uint32_t options;
	uint16_t type;

	if (!h)
		return decode_short(d, GENEVE_HEADER_SIZE);
	if (h[0] >> 6 != 0)
		return not_a_tunnel(d);
	options = (h[0] & 0x3fu) * 4;
	type = get_be16(h + 2);
	if (!cursor_skip(&d->cursor, options))
		return decode_short(d, options);
	return type > ETHERTYPE_LENGTH_MAX ? ethertype_decode(d, type) : not_a_tunnel(d);
}

/* 3GPP TS 29.281 section 5: version 1, and of its messages the one that carries a packet. */
static enum decode gtp_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, GTP_HEADER_SIZE);
	uint8_t next, length;

	if (!h)
		return decode_short(d, GTP_HEADER_SIZE);
	if (h[0] >> 5 != 1 || !(h[0] & 0x10) || h[1] != 255)
		return not_a_tunnel(d);
	if (h[0] & 0x07) {
		h = cursor_take(&d->cursor, GTP_OPTIONAL_SIZE);
		if (!h)
			return decode_short(d, GTP_OPTIONAL_SIZE);
		next = h[3];
		while (next) { /* extension headers: a length in words, ..., the next one's type */
			if (!cursor_u8(&d->cursor, &length))
				return decode_short(d, 1);
			if (!length)
				return decode_skip(d, SKIP_MALFORMED);
			h = cursor_take(&d->cursor, length * 4u - 1);
			if (!h)
				return decode_short(d, length * 4u - 1);
			next = h[length * 4 - 2];
		}
	}
	h = cursor_peek(&d->cursor, 1);
	if (!h)
		return decode_short(d, 1);
	return *h >> 4 == 4 || *h >> 4 == 6 ? ip_decode(d) : decode_skip(d, SKIP_NOT_IP);
}

/* RFC 2661 section 3.1: optional fields by flag; data messages carry PPP. */
static enum decode l2tp_decode(struct decoder *d)
{
	uint16_t flags, offset;
	uint32_t size = 4; /* tunnel and session */

	if (!cursor_be16(&d->cursor, &flags))
		return decode_short(d, 2);
	if ((flags & 0x000f) != 2 || (flags & 0x8000))
		return not_a_tunnel(d);
	if (flags & 0x4000)
		size += 2; /* length */
	if (flags & 0x0800)
		size += 4; /* sequence numbers */
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	if (flags & 0x0200) {
		if (!cursor_be16(&d->cursor, &offset))
			return decode_short(d, 2);
		if (!cursor_skip(&d->cursor, offset))
			return decode_short(d, offset);
	}
	return ppp_decode(d);
}

/* RFC 4380 section 5.1.1: indications of authentication and origin may come first. */
static enum decode teredo_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 4);

	if (h && get_be16(h) == 1) {
		uint32_t size = 13u + h[2] + h[3];

		if (!cursor_skip(&d->cursor, size))
			return decode_short(d, size);
		h = cursor_peek(&d->cursor, 4);
	}
	if (h && get_be16(h) == 0) {
		if (!cursor_skip(&d->cursor, 8))
			return decode_short(d, 8);
		h = cursor_peek(&d->cursor, 4);
	}
	if (!h)
		return decode_short(d, 4);
	return *h >> 4 == 6 ? ipv6_decode(d) : not_a_tunnel(d);
}

/* draft-massar-v6ops-ayiya: identity and signature of stated sizes, then a packet. */
static enum decode ayiya_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, AYIYA_HEADER_SIZE);
	uint32_t size;

	if (!h)
		return decode_short(d, AYIYA_HEADER_SIZE);
	if ((h[2] & 0x0f) != 1) /* "forward" */
		return not_a_tunnel(d);
	size = (1u << (h[0] >> 4)) + (h[1] >> 4) * 4u;
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	switch (h[3]) {
	case PROTOCOL_IPV6:
		return ipv6_decode(d);
	case PROTOCOL_IPV4:
		return ipv4_decode(d);
	default:
		return not_a_tunnel(d);
	}
}

/* RFC 9300 section 5.1. */
static enum decode lisp_decode(struct decoder *d)
{
	const uint8_t *h;

	if (!cursor_skip(&d->cursor, LISP_HEADER_SIZE))
		return decode_short(d, LISP_HEADER_SIZE);
	h = cursor_peek(&d->cursor, 1);
	if (!h)
		return decode_short(d, 1);
	return *h >> 4 == 4 || *h >> 4 == 6 ? ip_decode(d) : not_a_tunnel(d);
}

/* Version, type (0 and 1 carry a frame), load, then tags up to the one that ends them. */
static enum decode tzsp_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, TZSP_HEADER_SIZE);
	uint8_t tag, length;

	if (!h)
		return decode_short(d, TZSP_HEADER_SIZE);
	if (h[0] != 1 || h[1] > 1)
		return not_a_tunnel(d);
	for (;;) {
		if (!cursor_u8(&d->cursor, &tag))
			return decode_short(d, 1);
		if (tag == TZSP_END)
			break;
		if (tag == TZSP_PAD)
			continue;
		if (!cursor_u8(&d->cursor, &length))
			return decode_short(d, 1);
		if (!cursor_skip(&d->cursor, length))
			return decode_short(d, length);
	}
	switch (get_be16(h + 2)) {
	case TZSP_ETHERNET:
		return ethernet_decode(d);
	case TZSP_WLAN:
		return wlan_decode(d);
	case TZSP_PRISM:
		return prism_decode(d);
	case TZSP_AVS:
		return avs_decode(d);
	default:
		return not_a_tunnel(d);
	}
}

/*
 * RFC 5415 section 4.3: the first word has the preamble, the length in words
 * (5 bits), two identifiers (5 each) and flags. Frames in pieces are not put together.
 */
static enum decode capwap_decode(struct decoder *d)
{
	const uint32_t native = 0x100, fragment = 0x80, keep_alive = 0x08, ieee80211 = 1;
	const uint8_t *h = cursor_peek(&d->cursor, CAPWAP_HEADER_SIZE);
	uint32_t word, size;

	if (!h)
		return decode_short(d, CAPWAP_HEADER_SIZE);
	word = get_be32(h);
	if (word >> 24 == 1)
		return decode_skip(d, SKIP_ENCRYPTED); /* DTLS */
	size = (word >> 19 & 0x1f) * 4;
	if (word >> 24 || (word & keep_alive) || size < CAPWAP_HEADER_SIZE)
		return not_a_tunnel(d);
	if (word & fragment)
		return decode_skip(d, SKIP_FRAGMENT);
	if (!cursor_skip(&d->cursor, size))
		return decode_short(d, size);
	if (!(word & native))
		return ethernet_decode(d);
	return (word >> 9 & 0x1f) == ieee80211 ? wlan_swapped_decode(d) : not_a_tunnel(d);
}

/* RFC 3948: four zero bytes are IKE, one byte is a keep-alive. */
static enum decode esp_decode(struct decoder *d)
{
	const uint8_t *h = cursor_peek(&d->cursor, 4);

	return h && get_be32(h) ? decode_skip(d, SKIP_ENCRYPTED) : not_a_tunnel(d);
}

static const struct {
	uint16_t port;
	enum decode (*decode)(struct decoder *d);
} tunnels[] = {
    {1701, l2tp_decode},  {2152, gtp_decode},	 {3544, teredo_decode}, {4341, lisp_decode},
    {4500, esp_decode},	  {4754, gre_decode},	 {4789, vxlan_decode},	{4790, vxlan_gpe_decode},
    {5072, ayiya_decode}, {5247, capwap_decode}, {6081, geneve_decode}, {6635, mpls_decode},
    {8472, vxlan_decode}, {37008, tzsp_decode},
};

static enum decode (*find(uint16_t port))(struct decoder *d)
{
	for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		if (tunnels[i].port == port)
			return tunnels[i].decode;
	return NULL;
}

bool udp_is_tunnel(uint16_t sport, uint16_t dport)
{
	return find(dport) || find(sport);
}

enum decode udp_decode(struct decoder *d)
{
	const uint8_t *h = cursor_take(&d->cursor, UDP_HEADER_SIZE);
	enum decode (*decode)(struct decoder * d);
	uint16_t length;

	if (!h)
		return decode_short(d, UDP_HEADER_SIZE);
	decode = find(get_be16(h + 2));
	if (!decode)
		decode = find(get_be16(h));
	if (!decode)
		return not_a_tunnel(d);
	length = get_be16(h + 4);
	if (length >= UDP_HEADER_SIZE) {
		length -= UDP_HEADER_SIZE;
		if (length < cursor_wire(&d->cursor))
			cursor_limit(&d->cursor, length);
	}
	return decode(d);
}
