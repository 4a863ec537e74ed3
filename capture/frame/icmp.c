/*
 * ICMP (RFC 792) and ICMPv6 (RFC 4443): errors that quote a TCP segment.
 *
 * A quoted header is never a segment: nobody sent it again. Redirects quote too
 * but are advice to a router's neighbour and end nothing, so they are no errors
 * here. What follows the quoted datagram (RFC 4884 extensions) is not read.
 */
#include "capture/frame/icmp.h"

#define ICMP_HEADER_SIZE 8
#define QUOTED_TCP_SIZE	 8 /* ports and sequence number: what RFC 792 promises */

enum icmp_type {
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
};

enum icmpv6_type {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PACKET_TOO_BIG = 2,
	ICMPV6_TIME_EXCEEDED = 3,
	ICMPV6_PARAMETER_PROBLEM = 4,
};

static bool is_error(const struct ip *ip, uint8_t type)
{
	if (ip->ipv6)
		return type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER_PROBLEM;
	switch (type) {
	case ICMP_UNREACHABLE:
	case ICMP_SOURCE_QUENCH:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER_PROBLEM:
		return true;
	default:
		return false;
	}
}

enum decode icmp_decode(struct decoder *d, const struct ip *ip)
{
	struct icmp_error *e = &d->event->icmp;
	const uint8_t *h = cursor_take(&d->cursor, ICMP_HEADER_SIZE);
	const uint8_t *tcp;
	struct ip quoted;
	uint8_t type, code;

	if (!h)
		return decode_short(d, ICMP_HEADER_SIZE);
	type = h[0];
	code = h[1];
	if (!is_error(ip, type))
		return decode_skip(d, SKIP_NOT_TCP);
	if (!ip_read(d, &quoted))
		return DECODE_SKIP;
	if (quoted.protocol != PROTOCOL_TCP)
		return decode_skip(d, SKIP_NOT_TCP);
	if (quoted.fragment_offset)
		return decode_skip(d, SKIP_FRAGMENT);
	tcp = cursor_take(&d->cursor, QUOTED_TCP_SIZE);
	if (!tcp)
		return decode_short(d, QUOTED_TCP_SIZE);

	e->flow.saddr = ip_address(&quoted, quoted.saddr);
	e->flow.daddr = ip_address(&quoted, quoted.daddr);
	e->flow.sport = get_be16(tcp);
	e->flow.dport = get_be16(tcp + 2);
	e->seq = get_be32(tcp + 4);
	e->from = ip_address(ip, ip->saddr);
	e->type = type;
	e->code = code;
	e->ipv6 = ip->ipv6;
	e->frame = d->frame;
	return DECODE_ICMP_ERROR;
}
