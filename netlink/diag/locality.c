/*
 * Asks rtnetlink for the route to an address: of type RTN_LOCAL it is ours.
 */
#include "netlink/diag/locality.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "event/clock.h"

#define SLOTS	256 /* a power of two */
#define KEEP_NS (5 * NS_PER_SEC)

struct answer {
	struct address address;
	int64_t until_ns; /* monotonic; 0: empty */
	bool local;
};

struct locality {
	struct mnl_socket *socket;
	uint32_t sequence;
	struct answer answers[SLOTS];
};

int locality_new(struct locality **out)
{
	struct locality *l = calloc(1, sizeof(*l));
	int error;

	if (!l)
		return -ENOMEM;
	l->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!l->socket) {
		error = -errno;
		goto free_locality;
	}
	if (mnl_socket_bind(l->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		error = -errno;
		goto close_socket;
	}
	*out = l;
	return 0;
close_socket:
	mnl_socket_close(l->socket);
free_locality:
	free(l);
	return error;
}

void locality_free(struct locality *l)
{
	if (!l)
		return;
	mnl_socket_close(l->socket);
	free(l);
}

bool address_is_link_local(const struct address *address)
{
	return address->bytes[0] == 0xfe && (address->bytes[1] & 0xc0) == 0x80;
}

static size_t build(struct locality *l, void *buffer, const struct address *address)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	bool ipv4 = address_is_ipv4(address);
	struct rtmsg *route;

	header->nlmsg_type = RTM_GETROUTE;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = ++l->sequence;
	route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	route->rtm_family = ipv4 ? AF_INET : AF_INET6;
	route->rtm_dst_len = ipv4 ? 32 : 128;
	mnl_attr_put(header, RTA_DST, ipv4 ? 4 : 16, address->bytes + (ipv4 ? 12 : 0));
	return header->nlmsg_len;
}

/* The kernel answers while the request is sent. What is no answer of its is "yes". */
static bool ask(struct locality *l, const struct address *address)
{
	_Alignas(struct nlmsghdr) char buffer[4096];
	size_t size = build(l, buffer, address);

	if (mnl_socket_sendto(l->socket, buffer, size) < 0)
		return true;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(l->socket, buffer, sizeof(buffer));
		const struct nlmsghdr *header = (const void *)buffer;
		struct rtmsg route;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !mnl_nlmsg_ok(header, (int)n))
			return true;
		if (header->nlmsg_seq != l->sequence)
			continue; /* of an earlier request that gave up */
		if (header->nlmsg_type == NLMSG_ERROR)
			return false; /* no route at all */
		if (header->nlmsg_type != RTM_NEWROUTE ||
		    mnl_nlmsg_get_payload_len(header) < sizeof(route))
			return true;
		memcpy(&route, mnl_nlmsg_get_payload(header), sizeof(route));
		return route.rtm_type == RTN_LOCAL;
	}
}

static struct answer *slot_of(struct locality *l, const struct address *address)
{
	uint64_t high, low;

	memcpy(&high, address->bytes, 8);
	memcpy(&low, address->bytes + 8, 8);
	return &l->answers[((high ^ low) * UINT64_C(0x9e3779b97f4a7c15)) >> 56 & (SLOTS - 1)];
}

bool locality_is_local(struct locality *l, const struct address *address)
{
	struct answer *answer = slot_of(l, address);
	int64_t now_ns = clock_monotonic_ns();

	if (address_is_link_local(address))
		return true;
	if (answer->until_ns <= now_ns || !address_equal(&answer->address, address))
		*answer = (struct answer){
		    .address = *address, .until_ns = now_ns + KEEP_NS, .local = ask(l, address)};
	return answer->local;
}
