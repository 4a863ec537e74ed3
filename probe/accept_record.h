/*
 * What the BPF program hands to its reader: one record for each accept(). Shared
 * by both sides, so that it has fixed widths and no padding.
 */
#ifndef PROBE_ACCEPT_RECORD_H
#define PROBE_ACCEPT_RECORD_H

#include <linux/types.h>

struct accept_record {
	__u64 monotonic_ns;
	__u32 pid; /* thread group */
	__u32 tid;
	__s32 fd;
	__u16 ipv4;	   /* 1: the first 4 bytes of each address are an IPv4 address */
	__u16 local_port;  /* host order */
	__u16 remote_port; /* host order */
	__u16 reserved[3];
	__u8 local[16];
	__u8 remote[16];
};

#define ACCEPT_RING_BYTES (1 << 20)

#endif
