/*
 * IP: headers, extension headers, and the way on to what they carry.
 *
 * It does not verify header checksums (offloading leaves them wrong in captures
 * of the sending host) and takes no notice of options but to step over them.
 */
#include "capture/ip.h"

#include "capture/icmp.h"
#include "capture/tcp.h"

#define IPV4_HEADER_SIZE     20
#define IPV6_HEADER_SIZE     40
#define FRAGMENT_HEADER_SIZE 8

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
		total = d->cursor.wire;
	if (total < size)
		return fail(d, SKIP_MALFORMED);
	cursor_limit(&d->cursor, total);
	if (!cursor_skip(&d->cursor, size))
		return fail_short(d, size);

	fragment = get_be16(h + 6);
	ip->saddr = address_from_ipv4(h + 12);
	ip->daddr = address_from_ipv4(h + 16);
	ip->id = get_be16(h + 4);
	ip->fragment_id = ip->id;
	ip->fragment_offset = (fragment & 0x1fff) * 8;
	ip->more_fragments = fragment & 0x2000;
	ip->ttl = h[8];
	ip->protocol = h[9];
	ip->ipv6 = false;
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
	ip->saddr = address_from_ipv6(h + 8);
	ip->daddr = address_from_ipv6(h + 24);
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

static enum decode decode_protocol(struct decoder *d, const struct ip *ip)
{
	switch (ip->protocol) {
	case PROTOCOL_TCP:
		return tcp_decode(d, ip);
	case PROTOCOL_ICMP:
		return ip->ipv6 ? decode_skip(d, SKIP_NOT_TCP) : icmp_decode(d, ip);
	case PROTOCOL_ICMPV6:
		return ip->ipv6 ? icmp_decode(d, ip) : decode_skip(d, SKIP_NOT_TCP);
	case PROTOCOL_IPV4:
		return ipv4_decode(d);
	case PROTOCOL_IPV6:
		return ipv6_decode(d);
	case PROTOCOL_ESP:
		return decode_skip(d, SKIP_ENCRYPTED);
	default:
		return decode_skip(d, SKIP_NOT_TCP);
	}
}

static enum decode decode_payload(struct decoder *d, const struct ip *ip)
{
	if (__builtin_expect(ip_is_fragment(ip), 0))
		return decode_skip(d, SKIP_FRAGMENT);
	return decode_protocol(d, ip);
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
