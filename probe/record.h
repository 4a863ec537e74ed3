/*
 * What the BPF programs hand to their reader: one record for each thing that
 * happened. Shared by both sides, so that it has fixed widths and no padding.
 */
#ifndef PROBE_RECORD_H
#define PROBE_RECORD_H

#include <linux/types.h>

enum probe_record_kind {
	RECORD_ENTRY,	/* a child socket was made: it enters the accept queue */
	RECORD_ACCEPT,	/* accept() returned a connection */
	RECORD_LISTEN,	/* a socket began to listen; remote says nothing */
	RECORD_UNLISTEN, /* and ended */
	RECORD_DROP /* the listener dropped a SYN or a final ACK */
};

struct probe_record {
	__u64 monotonic_ns;
	__u64 listener; /* ENTRY, DROP: its cookie; 0: not to be found */
	__u32 pid;	/* ACCEPT: thread group; ENTRY: 1 + the device that the child is bound to */
	__u32 tid;	/* ACCEPT */
	__s32 fd;	/* ACCEPT: -1: not known */
	__u32 depth;	/* ENTRY, DROP: of the accept queue before it */
	__u32 limit;	/* ENTRY, DROP: of the accept queue */
	__u32 drops;	/* LISTEN: sk_drops: not 0 where it listened before; DROP: enum drop_place */
	__u16 kind;	/* enum probe_record_kind */
	__u8 ipv4;	/* 1: the first 4 bytes of each address are an IPv4 address */
	__u8 drops_known;
	__u16 local_port;  /* host order */
	__u16 remote_port; /* host order */
	__u8 local[16];
	__u8 remote[16];
};

#define PROBE_RING_BYTES (1 << 21)

#endif
