/*
 * Interface for what an EtherType or an LLC header announces: the ways on that
 * Ethernet, Linux cooked captures, GRE, SNAP and others have in common.
 */
#ifndef CAPTURE_ETHERTYPE_H
#define CAPTURE_ETHERTYPE_H

#include "capture/decode.h"

/* IEEE 802 numbers. */
enum ethertype {
	ETHERTYPE_LENGTH_MAX = 1500, /* up to here it is a length, and LLC follows */
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_VLAN = 0x8100,  /* 802.1Q */
	ETHERTYPE_QINQ = 0x88a8,  /* 802.1ad */
	ETHERTYPE_QINQ1 = 0x9100, /* before 802.1ad, still sent */
	ETHERTYPE_QINQ2 = 0x9200,
	ETHERTYPE_IPV6 = 0x86dd,
};

/* The cursor is behind the type. */
enum decode ethertype_decode(struct decoder *d, uint16_t type);

/* The cursor is at an Ethernet header, at its destination address. */
enum decode ethernet_decode(struct decoder *d);

#endif
