// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The BPF program: at the end of a system call that was accept() or accept4()
 * and gave a descriptor, it follows the descriptor to its socket and writes down
 * the connection. The kernel's structures are declared here as far as they are
 * read; their layout is filled in when the program is loaded (CO-RE).
 */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "probe/accept_record.h"

#define KERNEL __attribute__((preserve_access_index))

#define AF_INET	      2
#define AF_INET6      10
#define IPPROTO_TCP   6
#define IPPROTO_MPTCP 262
#define S_IFMT	      0170000
#define S_IFSOCK      0140000

/* The number of the system call: each architecture has its own register for it. */
struct pt_regs___x86 {
	unsigned long orig_ax;
} KERNEL;

struct pt_regs___arm64 {
	int syscallno;
} KERNEL;

struct inode {
	unsigned short i_mode;
} KERNEL;

struct ns_common {
	unsigned int inum;
} KERNEL;

struct net {
	struct ns_common ns;
} KERNEL;

typedef struct {
	struct net *net;
} KERNEL possible_net_t;

struct in6_addr {
	__u8 bytes[16];
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
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

/* Set before loading. */
const volatile long accept_number = -1;
const volatile long accept4_number = -1;
const volatile __u32 network = 0; /* inode of the network namespace */
const volatile __u32 ports_count = 0;
const volatile __u16 ports[32] = {0};

/* Read by the reader. */
__u64 lost = 0;
__u64 unread = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ACCEPT_RING_BYTES);
} ring SEC(".maps");

static __always_inline bool is_accept(void *registers)
{
	struct pt_regs___x86 *x86 = registers;
	struct pt_regs___arm64 *arm64 = registers;
	long number = -1;

	if (bpf_core_field_exists(x86->orig_ax))
		number = (long)BPF_CORE_READ(x86, orig_ax);
	else if (bpf_core_field_exists(arm64->syscallno))
		number = BPF_CORE_READ(arm64, syscallno);
	return number >= 0 && (number == accept4_number || number == accept_number);
}

/* The socket of a descriptor of this process, or NULL. */
static __always_inline struct sock *socket_of(long fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	struct socket *socket;

	if (fd >= BPF_CORE_READ(table, max_fds) ||
	    bpf_probe_read_kernel(&file, sizeof(file), &files[fd]) || !file ||
	    (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

static __always_inline bool is_watched(__u16 port)
{
	if (ports_count == 0)
		return true;
	for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (i < ports_count && ports[i] == port)
			return true;
	return false;
}

SEC("raw_tp/sys_exit")
int on_sys_exit(struct bpf_raw_tracepoint_args *context)
{
	long fd = (long)context->args[1];
	struct accept_record *record;
	__u16 family, protocol, port;
	struct sock *sk;
	__u64 now_ns, id;

	if (fd < 0 || !is_accept((void *)context->args[0]))
		return 0;
	now_ns = bpf_ktime_get_ns();
	sk = socket_of(fd);
	if (!sk) {
		__sync_fetch_and_add(&unread, 1);
		return 0;
	}
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	protocol = BPF_CORE_READ(sk, sk_protocol);
	port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if ((family != AF_INET && family != AF_INET6) ||
	    (protocol != IPPROTO_TCP && protocol != IPPROTO_MPTCP) || !is_watched(port) ||
	    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) != network)
		return 0;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	id = bpf_get_current_pid_tgid();
	__builtin_memset(record, 0, sizeof(*record));
	record->monotonic_ns = now_ns;
	record->pid = (__u32)(id >> 32);
	record->tid = (__u32)id;
	record->fd = (__s32)fd;
	record->local_port = port;
	record->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	record->ipv4 = family == AF_INET;
	if (family == AF_INET) {
		bpf_core_read(record->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(record->remote, 4, &sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(record->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(record->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
	/* A wake-up for each costs the server a third of its throughput: the reader polls. */
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
