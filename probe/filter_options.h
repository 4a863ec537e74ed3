/*
 * What the packet filter is told before it is loaded. Shared by both sides.
 */
#ifndef PROBE_FILTER_OPTIONS_H
#define PROBE_FILTER_OPTIONS_H

#include <linux/types.h>

enum filter_any {
	FILTER_THIS = 0, /* the address alone */
	FILTER_ANY,	 /* every address */
	FILTER_ANY_IPV4,
};

struct filter_target {
	__u32 address[4]; /* network order; IPv4 is mapped into IPv6 */
	__u16 port;	  /* network order */
	__u16 any;	  /* enum filter_any */
};

#define FILTER_TARGETS_MAX 64
#define FILTER_FLOWS_MAX   131072

#endif
