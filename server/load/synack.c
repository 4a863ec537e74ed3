/*
 * The watch on SYN-ACKs: a raw TCP socket gets a copy of each segment that
 * comes in, before TCP sees it, with the time at which the device handed it
 * over. A filter in the kernel leaves only the SYN-ACKs of one server.
 */
#include "server/load/synack.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "event/clock.h"
#include "server/socket_address.h"

#define RECEIVE_BYTES (4 << 20)

/* Offsets in the TCP header, RFC 9293 section 3.1. */
#define TCP_DESTINATION	 2
#define TCP_FLAGS	 13
#define TCP_HEADER_LEAST 20
#define SYN_ACK		 0x12

struct synack_watch {
	int fd;
	bool ipv4; /* what is read begins with the IPv4 header; for IPv6 with TCP's, raw(7), ipv6(7)
		    */
};

static int attach_filter(int fd, bool ipv4, uint16_t port)
{
	struct sock_filter code[] = {
	    /* x: where the TCP header begins */
	    ipv4 ? (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0)
		 : (struct sock_filter)BPF_STMT(BPF_LDX | BPF_IMM, 0),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 4),
	    BPF_STMT(BPF_LD | BPF_B | BPF_IND, TCP_FLAGS),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, SYN_ACK),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYN_ACK, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

static int prepare(int fd, const struct endpoint *server, bool ipv4)
{
	const struct endpoint from = {.address = server->address};
	union socket_address a;
	socklen_t length = socket_address_from(&from, &a);
	int one = 1, bytes = RECEIVE_BYTES;
	int r = attach_filter(fd, ipv4, server->port);

	if (r < 0)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) < 0)
		return -errno;
	/* The first needs more privilege; either may give less, and is enough for hundreds. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0)
		return -errno;
	/* Connected, it gets no segments of other hosts. */
	return connect(fd, &a.any, length) < 0 ? -errno : 0;
}

int synack_watch_new(const struct endpoint *server, struct synack_watch **out)
{
	struct synack_watch *watch = malloc(sizeof(*watch));
	int r;

	if (!watch)
		return -ENOMEM;
	watch->ipv4 = address_is_ipv4(&server->address);
	watch->fd = socket(watch->ipv4 ? AF_INET : AF_INET6,
			   SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	r = watch->fd < 0 ? -errno : prepare(watch->fd, server, watch->ipv4);
	if (r < 0) {
		if (watch->fd >= 0)
			close(watch->fd);
		free(watch);
		return r;
	}
	*out = watch;
	return 0;
}

static int64_t stamp_of(struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		struct timespec ts;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS ||
		    c->cmsg_len < CMSG_LEN(sizeof(ts)))
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
	}
	return TIME_UNKNOWN;
}

/* False when the bytes are too short to tell. */
static bool client_of(const uint8_t *bytes, size_t length, bool ipv4, struct endpoint *client)
{
	size_t tcp = 0;

	*client = (struct endpoint){0};
	if (ipv4) {
		if (length < sizeof(struct in_addr) * 5)
			return false;
		client->address = address_from_ipv4(bytes + 16);
		tcp = (size_t)(bytes[0] & 0x0f) * 4;
	}
	if (length < tcp || length - tcp < TCP_HEADER_LEAST)
		return false;
	bytes += tcp + TCP_DESTINATION;
	client->port = (uint16_t)(bytes[0] << 8 | bytes[1]);
	return true;
}

void synack_watch_read(struct synack_watch *watch, synack_fn fn, void *context)
{
	for (;;) {
		uint8_t bytes[128];
		_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
		struct iovec iov = {.iov_base = bytes, .iov_len = sizeof(bytes)};
		struct msghdr message = {.msg_iov = &iov,
					 .msg_iovlen = 1,
					 .msg_control = control,
					 .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(watch->fd, &message, 0);
		struct endpoint client;
		int64_t time_ns;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		time_ns = stamp_of(&message);
		if (time_ns != TIME_UNKNOWN && client_of(bytes, (size_t)n, watch->ipv4, &client))
			fn(context, &client, time_ns);
	}
}

void synack_watch_free(struct synack_watch *watch)
{
	if (!watch)
		return;
	close(watch->fd);
	free(watch);
}
