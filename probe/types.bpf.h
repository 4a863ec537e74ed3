/*
 * The kernel's structures, declared as far as the BPF programs read them; their
 * layout is filled in when a program is loaded (CO-RE).
 */
#ifndef PROBE_TYPES_BPF_H
#define PROBE_TYPES_BPF_H

#include <linux/bpf.h>
#include <stdbool.h>

#define KERNEL __attribute__((preserve_access_index))

#define AF_INET	      2
#define AF_INET6      10
#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262
#define S_IFMT	      0170000
#define S_IFSOCK      0140000

#define ETH_P_IP 0x0800

/* include/net/tcp_states.h */
#define TCP_ESTABLISHED 1
#define TCP_SYN_RECV	3
#define TCP_CLOSE	7
#define TCP_LISTEN	10

/* The number of the system call, and the first arguments of a function: each architecture has its
 * own registers for them. */
struct pt_regs___x86 {
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
} KERNEL;

struct pt_regs___arm64 {
	unsigned long long regs[31];
	int syscallno;
} KERNEL;

struct inode {
	unsigned short i_mode;
} KERNEL;

struct ns_common {
	unsigned int inum;
} KERNEL;

/* Of each processor its own: an address within that of the first. */
struct linux_mib {
	unsigned long mibs[1];
} KERNEL;

struct netns_mib {
	struct linux_mib *net_statistics;
} KERNEL;

struct net {
	struct ns_common ns;
	struct netns_mib mib;
} KERNEL;

struct sk_buff {
	unsigned char *head;
	__u16 transport_header;
	__u16 network_header;
	__be16 protocol;
} KERNEL;

typedef struct {
	struct net *net;
} KERNEL possible_net_t;

struct in6_addr {
	__u8 bytes[16];
};

typedef struct {
	__s64 counter;
} KERNEL atomic64_t;

typedef struct {
	int counter;
} KERNEL atomic_t;

struct sock;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_reuseport : 1;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	struct sock *skc_listener;
	atomic64_t skc_cookie;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u32 sk_ack_backlog;
	__u32 sk_max_ack_backlog;
	atomic_t sk_drops;
} KERNEL;

struct request_sock {
	struct sock_common __req_common;
} KERNEL;

struct request_sock_queue {
	struct request_sock *rskq_accept_head;
} KERNEL;

struct inet_connection_sock {
	struct request_sock_queue icsk_accept_queue;
} KERNEL;

struct socket {
	struct sock *sk;
} KERNEL;

struct file {
	struct inode *f_inode;
	void *private_data;
} KERNEL;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} KERNEL;

struct files_struct {
	struct fdtable *fdt;
} KERNEL;

struct task_struct {
	struct files_struct *files;
} KERNEL;

#endif
