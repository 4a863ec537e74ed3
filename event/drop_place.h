/*
 * Where the kernel dropped a segment of a handshake, and which of its counters it moved for it.
 * BPF programs, which have no C library, share this.
 */
#ifndef EVENT_DROP_PLACE_H
#define EVENT_DROP_PLACE_H

enum drop_place {
	DROP_SYN_ACCEPT_QUEUE, /* tcp_conn_request: ListenOverflows */
	DROP_SYN_QUEUE,	       /* tcp_conn_request: TCPReqQFullDrop */
	DROP_SYN_OTHER,	       /* tcp_conn_request: ListenDrops alone */
	DROP_ACK_ACCEPT_QUEUE, /* tcp_v4_syn_recv_sock, tcp_v6_syn_recv_sock: ListenOverflows */
	DROP_ACK_OTHER,	       /* the same: ListenDrops alone */
	DROP_PLACE_COUNT,
};

#endif
