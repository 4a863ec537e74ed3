/*
 * Interface for the IP decoder: IPv4 (RFC 791) and IPv6 (RFC 8200) with its
 * extension headers, and what they carry.
 */
#ifndef CAPTURE_FRAME_IP_H
#define CAPTURE_FRAME_IP_H

#include "capture/frame/decode.h"

/* Protocol numbers that a decoder opens or names (IANA "Assigned Internet Protocol Numbers"). */
enum ip_protocol {
	PROTOCOL_HOPOPT = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IPV4 = 4,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_GRE = 47,
	PROTOCOL_ESP = 50,
	PROTOCOL_AH = 51,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DSTOPTS = 60,
	PROTOCOL_IPIP = 94,
	PROTOCOL_ETHERIP = 97,
	PROTOCOL_IPCOMP = 108,
	PROTOCOL_L2TPV3 = 115,
	PROTOCOL_MOBILITY = 135,
	PROTOCOL_MPLS = 137,
	PROTOCOL_HIP = 139,
	PROTOCOL_SHIM6 = 140,
	PROTOCOL_ETHERNET = 143,
};

/*
 * One IP header, its extension headers included. Addresses are where they stand in the frame, 4 or
 * 16 bytes: to write them, read them and write them again is what decoding would take longest for.
 */
struct ip {
	const uint8_t *saddr;
	const uint8_t *daddr;
	uint32_t fragment_id;
	uint32_t fragment_offset; /* bytes */
	uint16_t id;		  /* as struct segment has it */
	uint8_t ttl;
	uint8_t protocol; /* what follows the last extension header that was read */
	bool ipv6;
	bool more_fragments;
};

static inline struct address ip_address(const struct ip *ip, const uint8_t *bytes)
{
	return ip->ipv6 ? address_from_ipv6(bytes) : address_from_ipv4(bytes);
}

static inline bool ip_is_fragment(const struct ip *ip)
{
	return ip->more_fragments || ip->fragment_offset;
}

/*
 * Reads a header and its extension headers, up to a protocol that is none or,
 * in a fragment that is not the first, up to the fragment header. The cursor is
 * left behind them and ends where the IP packet does. False with d->reason set.
 */
bool ip_read(struct decoder *d, struct ip *ip) __attribute__((warn_unused_result));

/* Decodes the packet of either version that begins at the cursor. */
enum decode ip_decode(struct decoder *d);

/* The same, for a packet whose version something has already named. */
enum decode ipv4_decode(struct decoder *d);
enum decode ipv6_decode(struct decoder *d);

#endif
