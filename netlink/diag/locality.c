/*
 * Asks rtnetlink for the route to an address: of type RTN_LOCAL it is ours. A client's has to
 * be of another type, and one that leads there.
 */
#include "netlink/diag/locality.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "event/clock.h"
#include "netlink/socket.h"

#define SLOTS	256 /* a power of two */
#define KEEP_NS (5 * NS_PER_SEC)

struct answer {
	struct address address;
	int64_t until_ns; /* monotonic; 0: empty */
	bool local;
};

/* Routes back are asked for so often at most, whoever sends how many SYNs. */
#define BACK_WINDOW_NS	(10 * NS_PER_MS)
#define BACK_WINDOW_MAX 32

struct locality {
	struct mnl_socket *socket;
	uint32_t sequence;
	struct answer answers[SLOTS];
	int64_t window_ns; /* monotonic: of routes back */
	unsigned window_asked;
};

int locality_new(struct locality **out)
{
	struct locality *l = calloc(1, sizeof(*l));
	int error;

	if (!l)
		return -ENOMEM;
	error = netlink_open(&l->socket, NETLINK_ROUTE, 0);
	if (error) {
		free(l);
		return error;
	}
	*out = l;
	return 0;
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

/* from: NULL, or the address of this host that the packet will have. */
static size_t build(struct locality *l, void *buffer, const struct address *address,
		    const struct address *from)
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
	if (from && address_is_ipv4(from) == ipv4) {
		route->rtm_src_len = route->rtm_dst_len;
		mnl_attr_put(header, RTA_SRC, ipv4 ? 4 : 16, from->bytes + (ipv4 ? 12 : 0));
	}
	return header->nlmsg_len;
}

/*
 * The kernel answers while the request is sent. The type of the route, RTN_UNSPEC: there is none
 * to use; -EAGAIN: that was no answer.
 */
static int ask_type(struct locality *l, const struct address *address, const struct address *from)
{
	_Alignas(struct nlmsghdr) char buffer[4096];
	size_t size = build(l, buffer, address, from);

	if (mnl_socket_sendto(l->socket, buffer, size) < 0)
		return -EAGAIN;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(l->socket, buffer, sizeof(buffer));
		const struct nlmsghdr *header = (const void *)buffer;
		struct rtmsg route;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || !mnl_nlmsg_ok(header, (int)n))
			return -EAGAIN;
		if (header->nlmsg_seq != l->sequence)
			continue; /* of an earlier request that gave up */
		if (header->nlmsg_type == NLMSG_ERROR)
			return RTN_UNSPEC;
		if (header->nlmsg_type != RTM_NEWROUTE ||
		    mnl_nlmsg_get_payload_len(header) < sizeof(route))
			return -EAGAIN;
		memcpy(&route, mnl_nlmsg_get_payload(header), sizeof(route));
		return route.rtm_type;
	}
}

/* What is no answer is "yes". */
static bool ask(struct locality *l, const struct address *address)
{
	int type = ask_type(l, address, NULL);

	return type < 0 || type == RTN_LOCAL;
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

int locality_route_back(struct locality *l, const struct flow *client_to_server, bool *found)
{
	const struct address *client = &client_to_server->saddr;
	int64_t now_ns = clock_monotonic_ns();
	int type;

	if (now_ns - l->window_ns >= BACK_WINDOW_NS) {
		l->window_ns = now_ns;
		l->window_asked = 0;
	}
	/* The interface, which the kernel knows, belongs to a link-local one. */
	if (address_is_link_local(client) || l->window_asked == BACK_WINDOW_MAX)
		return -EAGAIN;
	l->window_asked++;
	type = ask_type(l, client, &client_to_server->daddr);
	if (type < 0)
		return -EAGAIN;
	*found = type == RTN_UNICAST || type == RTN_LOCAL || type == RTN_ANYCAST;
	return 0;
}
