/*
 * Interface for the reasons why a frame gave no segment. Every frame that is
 * read is either a segment, an ICMP error, or counted under one of these.
 */
#ifndef EVENT_SKIP_H
#define EVENT_SKIP_H

enum skip_reason {
	SKIP_NOT_IP,	/* ARP, STP, 802.11 management, ... */
	SKIP_NOT_TCP,	/* IP with another protocol, or an ICMP that is no error about TCP */
	SKIP_TRUNCATED, /* the snaplen, or the file, ends before the TCP header does */
	SKIP_MALFORMED, /* lengths contradict each other */
	SKIP_FRAGMENT,	/* a fragment without the TCP header, or one that waits for the others */
	SKIP_FRAGMENT_TABLE, /* a fragment that the bounded table had no room for */
	SKIP_ENCAPSULATION,  /* nested deeper than the decoder goes, or a kind that it does not open
			      */
	SKIP_ENCRYPTED,	     /* ESP, protected 802.11 */
	SKIP_LINK_TYPE,	    /* the file (or this interface of a pcapng) has a link type not known */
	SKIP_OUTGOING_COPY, /* the second copy of a packet on lo */
	SKIP_REASON_COUNT,
};

/* "not-ip", "truncated", ...: the member names of source.skipped in the JSON report. */
const char *skip_reason_name(enum skip_reason reason);

#endif
