/*
 * Interface for the layout of the running kernel, by its own description (BTF) and its list of
 * symbols: what the BPF programs cannot find out for themselves.
 */
#ifndef PROBE_LAYOUT_H
#define PROBE_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

struct layout {
	uint32_t accept_arguments; /* of inet_csk_accept(); 0: it is not there */
	bool drops;		   /* tcp_conn_request() and tcp_v4_syn_recv_sock() are there */
	bool ipv6;		   /* and tcp_v6_syn_recv_sock() */
	bool data_ready;	   /* sock:sk_data_ready is there */
	/* Places in struct linux_mib: numbers differ by kernel, names do not. */
	uint32_t mib_overflows;
	uint32_t mib_listen_drops;
	uint32_t mib_syn_queue;
};

/* What is not known is 0. */
void layout_read(struct layout *layout);

/* Of __per_cpu_offset[], 0 where it is hidden (kptr_restrict). It reads all symbols: some ms. */
uint64_t layout_processor_offsets(void);

#endif
