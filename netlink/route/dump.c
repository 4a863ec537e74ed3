/*
 * Asks rtnetlink, and reads the answer to its end. What its messages say is the caller's to read.
 */
#include "netlink/route/dump.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netlink/socket.h"

int route_dump_open(struct route_dump *dump)
{
	int on = 1, rc = netlink_open(&dump->socket, NETLINK_ROUTE, 0);

	if (rc)
		return rc;
	/* So that the kernel heeds the table of a request (since 4.20): else all routes come. */
	(void)mnl_socket_setsockopt(dump->socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return 0;
}

void route_dump_close(struct route_dump *dump)
{
	netlink_close(dump->socket);
	dump->socket = NULL;
}

struct nlmsghdr *route_dump_begin(struct route_dump *dump, uint16_t type)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(dump->buffer);

	header->nlmsg_type = type;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = ++dump->sequence;
	return header;
}

static int error_of(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	return mnl_nlmsg_get_payload_len(header) >= sizeof(*error) ? error->error : -EBADMSG;
}

int route_dump_ask(struct route_dump *dump, const struct nlmsghdr *request, route_dump_fn fn,
		   void *context)
{
	dump->interrupted = false;
	if (mnl_socket_sendto(dump->socket, request, request->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t n = mnl_socket_recvfrom(dump->socket, dump->buffer, sizeof(dump->buffer));
		const struct nlmsghdr *header = (const void *)dump->buffer;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOBUFS || errno == ENOSPC ? -EAGAIN : -errno;
		for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
			if (header->nlmsg_seq != dump->sequence)
				continue;
			if (header->nlmsg_flags & NLM_F_DUMP_INTR)
				dump->interrupted = true;
			if (header->nlmsg_type == NLMSG_DONE)
				return 0;
			if (header->nlmsg_type == NLMSG_ERROR)
				return error_of(header);
			fn(context, header);
		}
	}
}
