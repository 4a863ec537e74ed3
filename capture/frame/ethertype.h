/*
 * Interface for what an EtherType or an LLC header announces: the ways on that
 * Ethernet, Linux cooked captures, GRE, SNAP and others have in common.
 */
#ifndef CAPTURE_FRAME_ETHERTYPE_H
#define CAPTURE_FRAME_ETHERTYPE_H

#include "capture/frame/decode.h"

/* IEEE 802 numbers, and those that only GRE uses. */
enum ethertype {
	ETHERTYPE_LENGTH_MAX = 1500, /* up to here it is a length, and LLC follows */
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ERSPAN3 = 0x22eb,
	ETHERTYPE_TRILL = 0x22f3,   /* RFC 6325 */
	ETHERTYPE_BATMAN = 0x4305,  /* B.A.T.M.A.N. advanced */
	ETHERTYPE_BRIDGED = 0x6558, /* transparent Ethernet bridging */
	ETHERTYPE_VLAN = 0x8100,    /* 802.1Q */
	ETHERTYPE_IPV6 = 0x86dd,
	ETHERTYPE_PPP = 0x880b,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
	ETHERTYPE_PPPOE = 0x8864, /* its session stage */
	ETHERTYPE_QINQ = 0x88a8,  /* 802.1ad */
	ETHERTYPE_ERSPAN2 = 0x88be,
	ETHERTYPE_MACSEC = 0x88e5,     /* 802.1AE */
	ETHERTYPE_BACKBONE = 0x88e7,   /* 802.1ah, MAC in MAC */
	ETHERTYPE_FABRICPATH = 0x8903, /* Cisco's, MAC in MAC */
	ETHERTYPE_METADATA = 0x8909,   /* Cisco's */
	ETHERTYPE_VNTAG = 0x8926,
	ETHERTYPE_HSR = 0x892f,
	ETHERTYPE_ETAG = 0x893f,  /* 802.1BR */
	ETHERTYPE_NSH = 0x894f,	  /* RFC 8300 */
	ETHERTYPE_QINQ1 = 0x9100, /* before 802.1ad, still sent */
	ETHERTYPE_QINQ2 = 0x9200,
	ETHERTYPE_RTAG = 0xf1c1, /* 802.1CB */
};

/* The cursor is behind the type. */
enum decode ethertype_decode(struct decoder *d, uint16_t type);

/* The cursor is at an Ethernet header, at its destination address. */
enum decode ethernet_decode(struct decoder *d);

/* The cursor is at an LLC header (IEEE 802.2), with SNAP or without. */
enum decode llc_decode(struct decoder *d);

/* The cursor is at the SNAP header that follows an LLC one, or NLPID 0x80. */
enum decode snap_decode(struct decoder *d);

/* The cursor is at the first label of a stack (RFC 3032). */
enum decode mpls_decode(struct decoder *d);

#endif
