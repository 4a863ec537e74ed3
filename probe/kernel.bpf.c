// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/*
 * The BPF programs of the kernel probe: what enters an accept queue, what accept()
 * returns, who begins to listen and ends. Each is loaded on its own: see kernel.c.
 */
#include "probe/types.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "event/drop_place.h"
#include "probe/record.h"

/* Set before loading. */
const volatile long accept_number = -1;
const volatile long accept4_number = -1;
const volatile __u32 network = 0; /* inode of the network namespace */
const volatile __u32 ports_count = 0;
const volatile __u16 ports[32] = {0};

/* Of LINUX_MIB_*, by the kernel's own description. */
const volatile __u32 mib_overflows = 0;
const volatile __u32 mib_listen_drops = 0;
const volatile __u32 mib_syn_queue = 0;
const volatile __u64 processor_offsets = 0; /* the address of __per_cpu_offset[] */

/* Read by the reader. */
__u64 lost = 0;
__u64 unread = 0;
/* Set by the reader before it sleeps for long: the first record is to wake it. */
__u32 asleep = 0;
/* Set by the reader: on_ready() is there, and will be. */
__u32 ready_told = 0;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PROBE_RING_BYTES);
} ring SEC(".maps");

/*
 * The child that this processor has made last: it is put into the accept queue, and
 * becomes ESTABLISHED, before the same softirq makes another.
 */
struct made {
	__u64 sk;
	__u64 monotonic_ns;
	__u64 listener;
	__u32 depth;
	__u32 limit;
	bool established; /* and on_ready() is to tell of it */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct made);
} last_made SEC(".maps");

static __always_inline bool is_watched(__u16 port)
{
	if (ports_count == 0)
		return true;
	for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (i < ports_count && ports[i] == port)
			return true;
	return false;
}

/* A TCP socket of a watched port in the watched network namespace. */
static __always_inline bool is_ours(struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);

	return (family == AF_INET || family == AF_INET6) &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP) &&
	       is_watched(BPF_CORE_READ(sk, __sk_common.skc_num)) &&
	       BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) == network;
}

static __always_inline struct probe_record *reserve(struct sock *sk, __u16 kind, __u64 monotonic_ns)
{
	struct probe_record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	__builtin_memset(record, 0, sizeof(*record));
	record->monotonic_ns = monotonic_ns;
	record->kind = kind;
	record->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	record->remote_port = __builtin_bswap16(BPF_CORE_READ(sk, __sk_common.skc_dport));
	record->ipv4 = BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET;
	if (record->ipv4) {
		bpf_core_read(record->local, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(record->remote, 4, &sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(record->local, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(record->remote, 16, &sk->__sk_common.skc_v6_daddr);
	}
	return record;
}

/* A wake-up for each costs the server a third of its throughput: the reader polls. */
static __always_inline void submit(struct probe_record *record)
{
	bool wake = asleep;

	if (wake)
		asleep = 0;
	bpf_ringbuf_submit(record, wake ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void tell_entry(struct made *made)
{
	struct sock *sk = (struct sock *)made->sk;
	struct probe_record *record;

	made->sk = 0;
	record = reserve(sk, RECORD_ENTRY, made->monotonic_ns);
	if (!record)
		return;
	record->listener = made->listener;
	record->depth = made->depth;
	record->limit = made->limit;
	/* tcp_v4_syn_recv_sock(): as its request is (ir_iif). */
	record->pid = 1 + (__u32)BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	submit(record);
}

/*
 * inet_csk_clone_lock(): the child is a copy of its listener, and counts the accept
 * queue as that did. Until some kernel after 6.12 its queue is still the listener's
 * too, so that the first that waits there, if somebody does, says who the listener is.
 * The client's end is not filled in yet: see on_established().
 */
static __always_inline void on_made(struct sock *sk)
{
	struct inet_connection_sock *csk = (struct inet_connection_sock *)sk;
	struct request_sock *first = BPF_CORE_READ(csk, icsk_accept_queue.rskq_accept_head);
	__u32 zero = 0;
	struct made *made = bpf_map_lookup_elem(&last_made, &zero);

	if (!made)
		return;
	made->sk = (__u64)sk;
	made->monotonic_ns = bpf_ktime_get_ns();
	made->listener = 0;
	made->established = false;
	if (first)
		made->listener = (__u64)BPF_CORE_READ(first, __req_common.skc_listener,
						      __sk_common.skc_cookie.counter);
	made->depth = BPF_CORE_READ(sk, sk_ack_backlog);
	made->limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
}

/*
 * tcp_child_process(), after inet_csk_reqsk_queue_add(). A child of TCP Fast Open
 * waits in SYN_RECV, where others are made meanwhile: its SYN-ACK tells of it.
 */
static __always_inline void on_established(struct sock *sk)
{
	__u32 zero = 0;
	struct made *made = bpf_map_lookup_elem(&last_made, &zero);

	if (!made || made->sk != (__u64)sk)
		return;
	if (ready_told && !made->listener &&
	    BPF_CORE_READ_BITFIELD_PROBED(&sk->__sk_common, skc_reuseport))
		made->established = true;
	else
		tell_entry(made);
}

/*
 * sock:sk_data_ready, since Linux 6.3: (sk). tcp_child_process() tells the listener of the child
 * that has become ESTABLISHED just now, tcp_conn_request() of one of TCP Fast Open that has been
 * made just now: which of SO_REUSEPORT siblings it is.
 */
SEC("?raw_tp/sk_data_ready")
int on_ready(struct bpf_raw_tracepoint_args *context)
{
	struct sock *sk = (struct sock *)context->args[0];
	__u32 zero = 0;
	struct made *made;

	if (BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_LISTEN)
		return 0;
	made = bpf_map_lookup_elem(&last_made, &zero);
	if (!made || !made->sk || !is_ours(sk))
		return 0;
	made->listener = (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	if (made->established)
		tell_entry(made);
	return 0;
}

static __always_inline void on_listening(struct sock *sk, __u16 kind)
{
	struct probe_record *record = reserve(sk, kind, bpf_ktime_get_ns());

	if (!record)
		return;
	if (bpf_core_field_exists(sk->sk_drops.counter)) {
		record->drops = (__u32)BPF_CORE_READ(sk, sk_drops.counter);
		record->drops_known = 1;
	}
	submit(record);
}

/* sock:inet_sock_set_state, since Linux 4.16: (sk, old state, new state). */
SEC("?raw_tp/inet_sock_set_state")
int on_state(struct bpf_raw_tracepoint_args *context)
{
	struct sock *sk = (struct sock *)context->args[0];
	int old = (int)context->args[1], new = (int)context->args[2];

	if (old != TCP_LISTEN && new != TCP_LISTEN &&
	    (old != TCP_SYN_RECV || new != TCP_ESTABLISHED))
		return 0;
	if (!is_ours(sk))
		return 0;
	if (old == TCP_LISTEN && new == TCP_SYN_RECV)
		on_made(sk);
	else if (old == TCP_SYN_RECV)
		on_established(sk);
	else
		on_listening(sk, new == TCP_LISTEN ? RECORD_LISTEN : RECORD_UNLISTEN);
	return 0;
}

static __always_inline void accepted(struct sock *sk, int fd)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct probe_record *record;

	if (!is_ours(sk))
		return;
	record = reserve(sk, RECORD_ACCEPT, bpf_ktime_get_ns());
	if (!record)
		return;
	record->pid = (__u32)(id >> 32);
	record->tid = (__u32)id;
	record->fd = fd;
	submit(record);
}

/*
 * inet_csk_accept() returns the child's socket or NULL. Four arguments until Linux
 * 6.9, two since; what it returns is behind them. The verifier knows how many there are, and
 * refuses a program that may read more, also where it never does.
 */
SEC("?fexit/inet_csk_accept")
int on_accept_of_4(__u64 *context)
{
	struct sock *sk = (struct sock *)context[4];

	if (sk)
		accepted(sk, -1);
	return 0;
}

SEC("?fexit/inet_csk_accept")
int on_accept_of_2(__u64 *context)
{
	struct sock *sk = (struct sock *)context[2];

	if (sk)
		accepted(sk, -1);
	return 0;
}

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

/* The end of every system call, for where inet_csk_accept() cannot be reached. */
SEC("?raw_tp/sys_exit")
int on_sys_exit(struct bpf_raw_tracepoint_args *context)
{
	long fd = (long)context->args[1];
	struct sock *sk;

	if (fd < 0 || !is_accept((void *)context->args[0]))
		return 0;
	sk = socket_of(fd);
	if (sk)
		accepted(sk, (int)fd);
	else
		__sync_fetch_and_add(&unread, 1);
	return 0;
}

/*
 * Drops: the counters of the namespace that this processor has moved in the call of
 * tcp_conn_request() or tcp_v4_syn_recv_sock(), which nothing else of TCP interrupts here, are
 * moved for this segment.
 */
struct moved {
	__u64 sk; /* 0: none of these calls runs */
	__u64 skb;
	__u64 overflows;
	__u64 listen_drops;
	__u64 syn_queue;
};

#define CALL_SYN 0
#define CALL_ACK 1

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct moved);
} calls SEC(".maps");

static __always_inline __u64 mib_of(const char *mibs, __u32 number)
{
	unsigned long value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), mibs + number * sizeof(value));
	return value;
}

static __always_inline void read_moved(struct sock *sk, struct moved *out)
{
	struct linux_mib *first = BPF_CORE_READ(sk, __sk_common.skc_net.net, mib.net_statistics);
	__u64 offset = 0;
	const char *mibs;

	bpf_probe_read_kernel(
	    &offset, sizeof(offset),
	    (const void *)(processor_offsets + bpf_get_smp_processor_id() * sizeof(offset)));
	mibs = (const char *)first + offset + bpf_core_field_offset(struct linux_mib, mibs);
	out->sk = (__u64)sk;
	out->overflows = mib_of(mibs, mib_overflows);
	out->listen_drops = mib_of(mibs, mib_listen_drops);
	out->syn_queue = mib_of(mibs, mib_syn_queue);
}

static __always_inline int call_begins(__u64 sk, __u64 skb, __u32 call)
{
	struct moved *moved = bpf_map_lookup_elem(&calls, &call);

	if (!moved)
		return 0;
	moved->sk = 0;
	moved->skb = skb;
	if (is_ours((struct sock *)sk))
		read_moved((struct sock *)sk, moved);
	return 0;
}

/* From the packet: a listener has no other end. */
static __always_inline bool fill_ends(struct probe_record *record, const struct sk_buff *skb)
{
	const unsigned char *head = BPF_CORE_READ(skb, head);
	const unsigned char *ip = head + BPF_CORE_READ(skb, network_header);
	const unsigned char *tcp = head + BPF_CORE_READ(skb, transport_header);
	__u16 port = 0;

	record->ipv4 = BPF_CORE_READ(skb, protocol) == __builtin_bswap16(ETH_P_IP);
	if (record->ipv4) {
		bpf_probe_read_kernel(record->remote, 4, ip + 12);
		bpf_probe_read_kernel(record->local, 4, ip + 16);
	} else {
		bpf_probe_read_kernel(record->remote, 16, ip + 8);
		bpf_probe_read_kernel(record->local, 16, ip + 24);
	}
	if (bpf_probe_read_kernel(&port, sizeof(port), tcp))
		return false;
	record->remote_port = __builtin_bswap16(port);
	return true;
}

static __always_inline int call_ends(__u32 call)
{
	struct moved *moved = bpf_map_lookup_elem(&calls, &call), now = {0};
	struct probe_record *record;
	__u32 place, other = CALL_SYN;
	struct sock *sk;

	if (!moved || !moved->sk)
		return 0;
	sk = (struct sock *)moved->sk;
	moved->sk = 0;
	read_moved(sk, &now);
	if (now.overflows != moved->overflows)
		place = call == CALL_SYN ? DROP_SYN_ACCEPT_QUEUE : DROP_ACK_ACCEPT_QUEUE;
	else if (now.syn_queue != moved->syn_queue)
		place = DROP_SYN_QUEUE;
	else if (now.listen_drops != moved->listen_drops)
		place = call == CALL_SYN ? DROP_SYN_OTHER : DROP_ACK_OTHER;
	else
		return 0;
	record = reserve(sk, RECORD_DROP, bpf_ktime_get_ns());
	if (record) {
		record->listener = (__u64)BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
		record->depth = BPF_CORE_READ(sk, sk_ack_backlog);
		record->limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
		record->drops = place;
		if (fill_ends(record, (struct sk_buff *)moved->skb))
			submit(record);
		else
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	}
	/* A child of TCP Fast Open is made within the call for its SYN. */
	moved = call == CALL_ACK ? bpf_map_lookup_elem(&calls, &other) : NULL;
	if (moved && moved->sk)
		*moved = now;
	return 0;
}

/* (operations, operations, listener, packet) */
SEC("?fentry/tcp_conn_request")
int on_syn_begins(__u64 *context)
{
	return call_begins(context[2], context[3], CALL_SYN);
}

SEC("?fexit/tcp_conn_request")
int on_syn_ends(__u64 *context)
{
	return call_ends(CALL_SYN);
}

/* (listener, packet, ...) */
SEC("?fentry/tcp_v4_syn_recv_sock")
int on_ack4_begins(__u64 *context)
{
	return call_begins(context[0], context[1], CALL_ACK);
}

SEC("?fexit/tcp_v4_syn_recv_sock")
int on_ack4_ends(__u64 *context)
{
	return call_ends(CALL_ACK);
}

/* It calls the one of IPv4 for clients of IPv4: the first that ends has told. */
SEC("?fentry/tcp_v6_syn_recv_sock")
int on_ack6_begins(__u64 *context)
{
	return call_begins(context[0], context[1], CALL_ACK);
}

SEC("?fexit/tcp_v6_syn_recv_sock")
int on_ack6_ends(__u64 *context)
{
	return call_ends(CALL_ACK);
}

/*
 * The same by kprobes, for kernels that refuse fexit on a function of six arguments
 * (Linux 6.1). None of these functions sleeps: no more returns are awaited at once than there
 * are processors. inet_csk_accept() does: with more threads in it than a kretprobe has room
 * for, accepts would be missed without a word.
 */
static __always_inline __u64 argument(void *registers, int number)
{
	struct pt_regs___x86 *x86 = registers;
	struct pt_regs___arm64 *arm64 = registers;

	if (bpf_core_field_exists(arm64->regs))
		return BPF_CORE_READ(arm64, regs[number]);
	switch (number) {
	case 0:
		return BPF_CORE_READ(x86, di);
	case 1:
		return BPF_CORE_READ(x86, si);
	case 2:
		return BPF_CORE_READ(x86, dx);
	default:
		return BPF_CORE_READ(x86, cx);
	}
}

SEC("?kprobe/tcp_conn_request")
int on_syn_is_called(void *registers)
{
	return call_begins(argument(registers, 2), argument(registers, 3), CALL_SYN);
}

SEC("?kretprobe/tcp_conn_request")
int on_syn_returns(void *registers)
{
	return call_ends(CALL_SYN);
}

SEC("?kprobe/tcp_v4_syn_recv_sock")
int on_ack4_is_called(void *registers)
{
	return call_begins(argument(registers, 0), argument(registers, 1), CALL_ACK);
}

SEC("?kretprobe/tcp_v4_syn_recv_sock")
int on_ack4_returns(void *registers)
{
	return call_ends(CALL_ACK);
}

SEC("?kprobe/tcp_v6_syn_recv_sock")
int on_ack6_is_called(void *registers)
{
	return call_begins(argument(registers, 0), argument(registers, 1), CALL_ACK);
}

SEC("?kretprobe/tcp_v6_syn_recv_sock")
int on_ack6_returns(void *registers)
{
	return call_ends(CALL_ACK);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
