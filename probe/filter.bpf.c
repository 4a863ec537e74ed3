// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The packet filter that remembers: a socket filter which passes of each connection
 * what tells of its handshake and of its end, and nothing of what it carries.
 *
 * Theory of operation. A flow is known from its SYN, or its SYN-ACK, on. Of both sides
 * everything passes that can be a part of the handshake, until the server acknowledges
 * what the client sent first: a final ACK can be any of the client's segments, and each
 * that a full accept queue drops counts. After that pass SYN, RST, the first FIN of each
 * side, the first data of the server, twice if the first are a byte or two, and its first
 * acknowledgement by the client. A flow
 * that is not known began before, or is too old (the map holds the last that were used):
 * of it pass SYN and RST alone. Two processors may see the two directions of a flow at the
 * same time: what they can spoil is that a packet more passes.
 *
 * Offsets are from the network header, so that the link type does not matter.
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "probe/filter_options.h"

#define ETH_P_IP     0x0800
#define ETH_P_IPV6   0x86dd
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8

#define PACKET_OUTGOING 4
/* include/net/flow.h: it is the first device of each network namespace. */
#define LOOPBACK_IFINDEX 1

#define PROTOCOL_HOPOPTS  0
#define PROTOCOL_ICMP	  1
#define PROTOCOL_TCP	  6
#define PROTOCOL_ROUTING  43
#define PROTOCOL_FRAGMENT 44
#define PROTOCOL_AH	  51
#define PROTOCOL_ICMPV6	  58
#define PROTOCOL_DSTOPTS  60

#define VLAN_TAGS_MAX  2
#define EXTENSIONS_MAX 4

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

/* New data of the client that passes before any is acknowledged; what is sent again passes too. */
#define CLIENT_DATA_MAX 6
/* Bare ACKs of the server before that: challenges, and what answers a SYN that it did not like. */
#define SERVER_ACKS_MAX 8
/* Numbers further ahead than this are of another connection (a window is less: RFC 7323). */
#define AHEAD_MAX (1u << 30)
/* The server's first word, if another is to pass. */
#define FIRST_WORD_MAX 2

const volatile __u32 snaplen = 262144;
const volatile __u32 targets_count = 0;
const volatile struct filter_target targets[FILTER_TARGETS_MAX] = {};

struct key {
	__u32 client[4];
	__u32 server[4];
	__u16 client_port; /* network order */
	__u16 server_port;
};

enum {
	ANSWERED = 0x01,  /* server_isn is known */
	HEARD = 0x02,	  /* the server has acknowledged data of the client */
	SPOKE = 0x04,	  /* the server has sent data */
	SPOKE_ACK = 0x08, /* which the client has acknowledged */
	FIN_CLIENT = 0x10,
	FIN_SERVER = 0x20,
};

struct flow {
	__u32 client_isn;
	__u32 server_isn;
	__u32 high; /* the client's data up to here have passed, from its first byte */
	__u8 state;
	__u8 client_data;
	__u8 server_acks;
	__u8 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FILTER_FLOWS_MAX);
	__type(key, struct key);
	__type(value, struct flow);
} flows SEC(".maps");

struct packet {
	__u32 source[4]; /* IPv4 is mapped into IPv6 */
	__u32 destination[4];
	__u32 seq;
	__u32 ack;
	__u32 payload;
	__u16 source_port; /* network order */
	__u16 destination_port;
	__u8 flags;
	bool ipv4;
};

enum verdict { DROP, PASS, IS_TCP };

static __always_inline int load(const struct __sk_buff *skb, __u32 offset, void *to, __u32 size)
{
	return (int)bpf_skb_load_bytes_relative(skb, offset, to, size, BPF_HDR_START_NET);
}

static __always_inline bool is_target(const __u32 address[4], __u16 port, bool ipv4)
{
	if (targets_count == 0)
		return true;
	for (__u32 i = 0; i < FILTER_TARGETS_MAX; i++) {
		const volatile struct filter_target *t = &targets[i];

		if (i >= targets_count)
			break;
		if (t->port != port)
			continue;
		if (t->any ? t->any == FILTER_ANY || ipv4
			   : t->address[0] == address[0] && t->address[1] == address[1] &&
				 t->address[2] == address[2] && t->address[3] == address[3])
			return true;
	}
	return false;
}

/* Reads the TCP header at offset; end is where the IP packet ends. */
static __always_inline enum verdict read_tcp(const struct __sk_buff *skb, __u32 offset, __u32 end,
					     struct packet *p)
{
	struct {
		__u16 source;
		__u16 destination;
		__u32 seq;
		__u32 ack;
		__u8 data_offset;
		__u8 flags;
	} __attribute__((packed)) tcp;
	__u32 data;

	if (load(skb, offset, &tcp, sizeof(tcp)))
		return DROP;
	p->source_port = tcp.source;
	p->destination_port = tcp.destination;
	p->seq = bpf_ntohl(tcp.seq);
	p->ack = bpf_ntohl(tcp.ack);
	p->flags = tcp.flags;
	data = offset + (tcp.data_offset >> 4) * 4u;
	p->payload = end > data ? end - data : 0;
	return IS_TCP;
}

/* Errors that quote TCP. */
static __always_inline enum verdict read_icmp(const struct __sk_buff *skb, __u32 offset)
{
	__u8 type = 0, quoted = 0;

	if (load(skb, offset, &type, 1) || load(skb, offset + 8 + 9, &quoted, 1))
		return DROP;
	return (type == 3 || type == 4 || type == 11 || type == 12) && quoted == PROTOCOL_TCP
		   ? PASS
		   : DROP;
}

static __always_inline enum verdict read_ipv4(const struct __sk_buff *skb, __u32 offset,
					      struct packet *p)
{
	struct {
		__u8 version_length;
		__u8 tos;
		__u16 length;
		__u16 id;
		__u16 fragment;
		__u8 ttl;
		__u8 protocol;
		__u16 checksum;
		__u32 source;
		__u32 destination;
	} ip;
	__u32 length;

	if (load(skb, offset, &ip, sizeof(ip)))
		return DROP;
	length = (ip.version_length & 15u) * 4u;
	if (ip.protocol == PROTOCOL_ICMP)
		return read_icmp(skb, offset + length);
	if (ip.protocol != PROTOCOL_TCP)
		return DROP;
	/* A fragment but the first: of which port it is nobody knows. */
	if (ip.fragment & bpf_htons(0x1fff))
		return PASS;
	p->ipv4 = true;
	p->source[0] = p->source[1] = p->destination[0] = p->destination[1] = 0;
	p->source[2] = p->destination[2] = bpf_htonl(0xffff);
	p->source[3] = ip.source;
	p->destination[3] = ip.destination;
	return read_tcp(skb, offset + length, offset + bpf_ntohs(ip.length), p);
}

static __always_inline enum verdict read_ipv6(const struct __sk_buff *skb, __u32 offset,
					      struct packet *p)
{
	struct {
		__u32 version_flow;
		__u16 length;
		__u8 next;
		__u8 hops;
		__u32 source[4];
		__u32 destination[4];
	} ip;
	__u32 end;
	__u8 next;

	if (load(skb, offset, &ip, sizeof(ip)))
		return DROP;
	end = offset + sizeof(ip) + bpf_ntohs(ip.length);
	offset += sizeof(ip);
	next = ip.next;
	__builtin_memcpy(p->source, ip.source, sizeof(p->source));
	__builtin_memcpy(p->destination, ip.destination, sizeof(p->destination));
	p->ipv4 = false;
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		struct {
			__u8 next;
			__u8 length;
			__u16 fragment;
		} extension;

		if (next == PROTOCOL_TCP || next == PROTOCOL_ICMPV6)
			break;
		if (next != PROTOCOL_HOPOPTS && next != PROTOCOL_ROUTING &&
		    next != PROTOCOL_DSTOPTS && next != PROTOCOL_FRAGMENT && next != PROTOCOL_AH)
			return DROP;
		if (load(skb, offset, &extension, sizeof(extension)))
			return DROP;
		if (next == PROTOCOL_FRAGMENT) {
			if (extension.fragment & bpf_htons(0xfff8))
				return extension.next == PROTOCOL_TCP ? PASS : DROP;
			offset += 8;
		} else if (next == PROTOCOL_AH) {
			offset += (extension.length + 2u) * 4u;
		} else {
			offset += (extension.length + 1u) * 8u;
		}
		next = extension.next;
	}
	if (next == PROTOCOL_TCP)
		return read_tcp(skb, offset, end, p);
	if (next == PROTOCOL_ICMPV6) {
		__u8 type = 0;

		return load(skb, offset, &type, 1) == 0 && type >= 1 && type <= 4 ? PASS : DROP;
	}
	return PASS; /* more extensions than are looked at: rare */
}

static __always_inline enum verdict read_packet(const struct __sk_buff *skb, struct packet *p)
{
	__u16 protocol = (__u16)skb->protocol;
	__u32 offset = 0;

	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		if (load(skb, offset + 2, &protocol, sizeof(protocol)))
			return DROP;
		offset += 4;
	}
	if (protocol == bpf_htons(ETH_P_IP))
		return read_ipv4(skb, offset, p);
	if (protocol == bpf_htons(ETH_P_IPV6))
		return read_ipv6(skb, offset, p);
	return DROP;
}

/* The flow whose client sent this packet, or with reverse whose server did. */
static __always_inline void make_key(struct key *key, const struct packet *p, bool reverse)
{
	__builtin_memcpy(key->client, reverse ? p->destination : p->source, sizeof(key->client));
	__builtin_memcpy(key->server, reverse ? p->source : p->destination, sizeof(key->server));
	key->client_port = reverse ? p->destination_port : p->source_port;
	key->server_port = reverse ? p->source_port : p->destination_port;
}

static __always_inline bool on_syn(const struct packet *p)
{
	struct flow *known, flow = {.client_isn = p->seq};
	struct key key;

	make_key(&key, p, false);
	known = bpf_map_lookup_elem(&flows, &key);
	if (!known || known->client_isn != p->seq)
		bpf_map_update_elem(&flows, &key, &flow, BPF_ANY);
	return true;
}

static __always_inline bool on_syn_ack(const struct packet *p)
{
	struct flow *known, flow = {
				.client_isn = p->ack - 1,
				.server_isn = p->seq,
				.state = ANSWERED,
			    };
	struct key key;

	make_key(&key, p, true);
	known = bpf_map_lookup_elem(&flows, &key);
	if (!known) {
		bpf_map_update_elem(&flows, &key, &flow, BPF_ANY);
		return true;
	}
	/* What came before is of a connection that had this flow, and answered the SYN. */
	if (!(known->state & ANSWERED)) {
		known->client_data = known->server_acks = 0;
		known->high = 0;
		known->state = 0;
	}
	known->server_isn = p->seq;
	known->state |= ANSWERED;
	return true;
}

/* Beyond the SYN's own number, and of this connection. */
static __always_inline bool is_ahead(__u32 number, __u32 isn)
{
	return number - isn > 1 && number - isn < AHEAD_MAX;
}

static __always_inline bool from_client(struct flow *flow, const struct packet *p)
{
	bool first_fin = (p->flags & FIN) && !(flow->state & FIN_CLIENT);
	__u32 end = p->seq - flow->client_isn - 1 + p->payload;

	if (first_fin)
		flow->state |= FIN_CLIENT;
	/* Who has heard nothing and acknowledges more than the SYN-ACK proves nothing. */
	if ((flow->state & (SPOKE | SPOKE_ACK | ANSWERED)) == (SPOKE | ANSWERED) &&
	    is_ahead(p->ack, flow->server_isn)) {
		flow->state |= SPOKE_ACK | HEARD;
		return true;
	}
	if (first_fin)
		return true;
	if (flow->state & HEARD)
		return false;
	if (end >= AHEAD_MAX)
		return false; /* of a connection that had this flow before */
	if (!p->payload || end <= flow->high)
		return true;
	if (flow->client_data >= CLIENT_DATA_MAX)
		return false;
	flow->client_data++;
	flow->high = end;
	return true;
}

/* PostgreSQL says 'N' to one who asks for TLS, before it says whether it takes the connection. */
static __always_inline bool is_second_word(const struct flow *flow, const struct packet *p)
{
	return (flow->state & ANSWERED) && p->seq - flow->server_isn - 2 < FIRST_WORD_MAX;
}

static __always_inline bool from_server(struct flow *flow, const struct packet *p)
{
	bool first_fin = (p->flags & FIN) && !(flow->state & FIN_SERVER);
	bool first_data = p->payload && (!(flow->state & SPOKE) || is_second_word(flow, p));

	if (first_fin)
		flow->state |= FIN_SERVER;
	if (p->payload)
		flow->state |= SPOKE;
	if (!(flow->state & HEARD) && is_ahead(p->ack, flow->client_isn)) {
		if ((flow->state & ANSWERED) || flow->server_acks++ >= SERVER_ACKS_MAX)
			flow->state |= HEARD;
		return true;
	}
	if (first_fin || first_data)
		return true;
	if ((flow->state & HEARD) || p->payload || flow->server_acks >= SERVER_ACKS_MAX)
		return false;
	flow->server_acks++;
	return true;
}

static __always_inline bool on_tcp(const struct packet *p)
{
	bool to_server = is_target(p->destination, p->destination_port, p->ipv4);
	bool of_server = is_target(p->source, p->source_port, p->ipv4);
	struct flow *flow;
	struct key key;

	if (!to_server && !of_server)
		return false;
	if ((p->flags & RST) || !(p->flags & (SYN | ACK)))
		return true;
	if (p->flags & SYN) {
		if (!(p->flags & ACK))
			return on_syn(p);
		return of_server ? on_syn_ack(p) : true;
	}
	if (to_server) {
		make_key(&key, p, false);
		flow = bpf_map_lookup_elem(&flows, &key);
		if (flow)
			return from_client(flow, p);
	}
	if (of_server) {
		make_key(&key, p, true);
		flow = bpf_map_lookup_elem(&flows, &key);
		if (flow)
			return from_server(flow, p);
	}
	return false;
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	struct packet packet = {};

	/* On lo each packet is seen as it goes out and as it comes back in. */
	if (skb->pkt_type == PACKET_OUTGOING && skb->ifindex == LOOPBACK_IFINDEX)
		return 0;
	switch (read_packet(skb, &packet)) {
	case PASS:
		return (int)snaplen;
	case IS_TCP:
		return on_tcp(&packet) ? (int)snaplen : 0;
	case DROP:
		break;
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
