/*
 * IP: headers, extension headers, and the way on to what they carry.
 *
 * It does not verify header checksums (offloading leaves them wrong in captures
 * of the sending host). Of options it reads none but a source route.
 */
#include "capture/frame/ip.h"

#include "capture/frame/ethertype.h"
#include "capture/frame/fragment.h"
#include "capture/frame/gre.h"
#include "capture/frame/icmp.h"
#include "capture/frame/tcp.h"
#include "capture/frame/udp.h"

#define IPV4_HEADER_SIZE     20
#define IPV6_HEADER_SIZE     40
#define FRAGMENT_HEADER_SIZE 8
#define ETHERIP_HEADER_SIZE  2 /* RFC 3378 */

/* Options of IPv4, RFC 791 section 3.1: loose and strict source route. */
enum ipv4_option {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_LSRR = 131,
	OPTION_SSRR = 137,
};

static bool fail(struct decoder *d, enum skip_reason reason)
{
	d->reason = reason;
	return false;
}

static bool fail_short(struct decoder *d, uint32_t n)
{
	return fail(d, cursor_was_cut(&d->cursor, n) ? SKIP_TRUNCATED : SKIP_MALFORMED);
}

/* Extension headers: RFC 8200 section 4, AH: RFC 4302 section 2.2. */
static bool read_extensions(struct decoder *d, struct ip *ip)
{
	struct cursor *c = &d->cursor;

	for (;;) {
		const uint8_t *h = c->at;
		uint32_t size;

		switch (ip->protocol) {
		case PROTOCOL_HOPOPT:
		case PROTOCOL_ROUTING:
		case PROTOCOL_DSTOPTS:
		case PROTOCOL_MOBILITY:
		case PROTOCOL_HIP:
		case PROTOCOL_SHIM6:
			if (!cursor_peek(c, 2))
				return fail_short(d, 2);
			size = (h[1] + 1u) * 8;
			break;
		case PROTOCOL_AH:
			if (!cursor_peek(c, 2))
				return fail_short(d, 2);
			size = (h[1] + 2u) * 4;
			break;
		case PROTOCOL_FRAGMENT:
			if (!ip->ipv6)
				return true;
			size = FRAGMENT_HEADER_SIZE;
			if (!cursor_peek(c, size))
				return fail_short(d, size);
			ip->fragment_offset = get_be16(h + 2) & 0xfff8;
			ip->more_fragments = h[3] & 1;
			ip->fragment_id = get_be32(h + 4);
			ip->id = (uint16_t)ip->fragment_id;
			break;
		default:
			return true;
		}
		if (!cursor_peek(c, size))
			return fail_short(d, size);
		ip->protocol = *h;
		(void)cursor_skip(c, size);
		if (ip_is_fragment(ip))
			return true; /* what follows may be the middle of something */
	}
}

/*
 * A source route names the destination last: the header has the next hop. A
 * route whose pointer is beyond its end has been followed already.
 */
static void read_route(struct ip *ip, const uint8_t *options, uint32_t size)
{
	uint32_t at = 0;

	while (at + 2 <= size && options[at] != OPTION_END) {
		uint32_t length = options[at + 1];

		if (options[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (length < 2 || length > size - at)
			return;
		if ((options[at] == OPTION_LSRR || options[at] == OPTION_SSRR) && length >= 7 &&
		    options[at + 2] <= length)
			ip->daddr = options + at + length - 4;
		at += length;
	}
}

static bool ipv4_read(struct decoder *d, struct ip *ip)
{
	const uint8_t *h = cursor_peek(&d->cursor, IPV4_HEADER_SIZE);
	uint32_t size, total, fragment;

	if (!h)
		return fail_short(d, IPV4_HEADER_SIZE);
	size = (h[0] & 0x0fu) * 4;
	total = get_be16(h + 2);
	if (h[0] >> 4 != 4 || size < IPV4_HEADER_SIZE)
		return fail(d, SKIP_MALFORMED);
	if (total == 0) /* a sender with segmentation offload: too long for the field, or not yet
			   filled in */
		total = cursor_wire(&d->cursor);
	if (total < size)
		return fail(d, SKIP_MALFORMED);
	cursor_limit(&d->cursor, total);
	if (!cursor_skip(&d->cursor, size))
		return fail_short(d, size);

	fragment = get_be16(h + 6);
	ip->saddr = h + 12;
	ip->daddr = h + 16;
	ip->id = get_be16(h + 4);
	ip->fragment_id = ip->id;
	ip->fragment_offset = (fragment & 0x1fff) * 8;
	ip->more_fragments = fragment & 0x2000;
	ip->ttl = h[8];
	ip->protocol = h[9];
	ip->ipv6 = false;
	if (__builtin_expect(size > IPV4_HEADER_SIZE, 0))
		read_route(ip, h + IPV4_HEADER_SIZE, size - IPV4_HEADER_SIZE);
	if (__builtin_expect(ip->protocol == PROTOCOL_AH, 0) && !ip_is_fragment(ip))
		return read_extensions(d, ip);
	return true;
}

static bool ipv6_read(struct decoder *d, struct ip *ip)
{
	const uint8_t *h = cursor_take(&d->cursor, IPV6_HEADER_SIZE);
	uint32_t length;

	if (!h)
		return fail_short(d, IPV6_HEADER_SIZE);
	if (h[0] >> 4 != 6)
		return fail(d, SKIP_MALFORMED);
	length = get_be16(h + 4);
	if (length) /* 0: a jumbogram (RFC 2675), whose length the frame tells as well */
		cursor_limit(&d->cursor, length);
	ip->saddr = h + 8;
	ip->daddr = h + 24;
	ip->id = 0;
	ip->fragment_id = 0;
	ip->fragment_offset = 0;
	ip->more_fragments = false;
	ip->ttl = h[7];
	ip->protocol = h[6];
	ip->ipv6 = true;
	if (__builtin_expect(ip->protocol == PROTOCOL_TCP, 1))
		return true;
	return read_extensions(d, ip);
}

bool ip_read(struct decoder *d, struct ip *ip)
{
	const uint8_t *h = cursor_peek(&d->cursor, 1);

	if (!h)
		return fail_short(d, 1);
	switch (*h >> 4) {
	case 4:
		return ipv4_read(d, ip);
	case 6:
		return ipv6_read(d, ip);
	default:
		return fail(d, SKIP_MALFORMED);
	}
}

static enum decode etherip_decode(struct decoder *d)
{
	if (!cursor_skip(&d->cursor, ETHERIP_HEADER_SIZE))
		return decode_short(d, ETHERIP_HEADER_SIZE);
	return ethernet_decode(d);
}

static enum decode decode_other(struct decoder *d, const struct ip *ip)
{
	switch (ip->protocol) {
	case PROTOCOL_UDP:
		return udp_decode(d);
	case PROTOCOL_ICMP:
		return ip->ipv6 ? decode_skip(d, SKIP_NOT_TCP) : icmp_decode(d, ip);
	case PROTOCOL_ICMPV6:
		return ip->ipv6 ? icmp_decode(d, ip) : decode_skip(d, SKIP_NOT_TCP);
	case PROTOCOL_IPV4:
	case PROTOCOL_IPIP:
		return ipv4_decode(d);
	case PROTOCOL_IPV6:
		return ipv6_decode(d);
	case PROTOCOL_GRE:
		return gre_decode(d);
	case PROTOCOL_ETHERIP:
		return etherip_decode(d);
	case PROTOCOL_ETHERNET:
		return ethernet_decode(d);
	case PROTOCOL_MPLS:
		return mpls_decode(d);
	case PROTOCOL_ESP:
		return decode_skip(d, SKIP_ENCRYPTED);
	case PROTOCOL_IPCOMP: /* compressed */
	case PROTOCOL_L2TPV3: /* the length of its cookie was agreed on out of band */
		return decode_skip(d, SKIP_ENCAPSULATION);
	default:
		return decode_skip(d, SKIP_NOT_TCP);
	}
}

static enum decode decode_whole(struct decoder *d, struct ip *ip)
{
	if (__builtin_expect(ip->protocol == PROTOCOL_TCP, 1))
		return tcp_decode(d, ip);
	return decode_other(d, ip);
}

/*
 * A first fragment that the snaplen cut is read by itself: with such a snaplen
 * the rest may not even have passed the capture's filter. Its payload is what
 * this fragment has.
 */
static enum decode decode_fragment(struct decoder *d, struct ip *ip)
{
	struct fragment_head head;

	if (ip->fragment_offset || cursor_left(&d->cursor) == cursor_wire(&d->cursor)) {
		switch (fragment_add(d, ip, &head)) {
		case FRAGMENT_WAITS:
			return decode_skip(d, SKIP_FRAGMENT);
		case FRAGMENT_NO_ROOM:
			return decode_skip(d, SKIP_FRAGMENT_TABLE);
		case FRAGMENT_MALFORMED:
			return decode_skip(d, SKIP_MALFORMED);
		case FRAGMENT_WHOLE:
			d->cursor = cursor_of(head.bytes, head.captured, head.wire);
			break;
		}
	}
	ip->fragment_offset = 0;
	ip->more_fragments = false;
	if (!read_extensions(d, ip))
		return DECODE_SKIP;
	return decode_whole(d, ip);
}

static enum decode decode_payload(struct decoder *d, struct ip *ip)
{
	if (__builtin_expect(ip_is_fragment(ip), 0))
		return decode_fragment(d, ip);
	return decode_whole(d, ip);
}

enum decode ip_decode(struct decoder *d)
{
	struct ip ip;

	if (!decode_deeper(d))
		return decode_skip(d, SKIP_ENCAPSULATION);
	if (!ip_read(d, &ip))
		return DECODE_SKIP;
	return decode_payload(d, &ip);
}

enum decode ipv4_decode(struct decoder *d)
{
	struct ip ip;

	if (!decode_deeper(d))
		return decode_skip(d, SKIP_ENCAPSULATION);
	if (!ipv4_read(d, &ip))
		return DECODE_SKIP;
	return decode_payload(d, &ip);
}

enum decode ipv6_decode(struct decoder *d)
{
	struct ip ip;

	if (!decode_deeper(d))
		return decode_skip(d, SKIP_ENCAPSULATION);
	if (!ipv6_read(d, &ip))
		return DECODE_SKIP;
	return decode_payload(d, &ip);
}
