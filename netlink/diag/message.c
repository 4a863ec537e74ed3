/*
 * Builds sock_diag requests and reads replies. Knows the layout of
 * linux/inet_diag.h; knows nothing about sockets to the kernel.
 */
#include "netlink/diag/message.h"

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>

static void put_address(__be32 words[4], const struct address *address)
{
	memset(words, 0, 4 * sizeof(words[0]));
	if (address_is_ipv4(address))
		memcpy(words, address->bytes + 12, 4);
	else
		memcpy(words, address->bytes, 16);
}

size_t diag_build_look_up(void *buffer, uint32_t sequence, const struct endpoint *local,
			  const struct endpoint *remote, uint32_t interface, unsigned want)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = sequence;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = address_is_ipv4(&local->address) ? AF_INET : AF_INET6;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_ext = (uint8_t)want;
	request->idiag_states = ~0U;
	request->id.idiag_sport = htons(local->port);
	request->id.idiag_dport = htons(remote->port);
	put_address(request->id.idiag_src, &local->address);
	put_address(request->id.idiag_dst, &remote->address);
	request->id.idiag_if = interface;
	request->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	request->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return header->nlmsg_len;
}

/*
 * The kernel's filter (inet_diag_bc_run, inet_diag_bc_audit): a jump to the very
 * end accepts, one beyond it rejects, and "yes" must lead on to the next
 * operation. So each port is a comparison of two operations of 4 bytes, the
 * second of which holds the port, and a jump to the end.
 */
static void put_ports(struct nlmsghdr *header, const uint16_t *ports, size_t count)
{
	struct inet_diag_bc_op code[3 * DIAG_PORTS_MAX];
	const unsigned short size = sizeof(code[0]);

	for (size_t i = 0; i < count; i++) {
		unsigned short left = (unsigned short)(3 * (count - i) * size);

		code[3 * i] = (struct inet_diag_bc_op){
		    .code = INET_DIAG_BC_S_EQ,
		    .yes = (unsigned char)(2 * size),
		    .no = i + 1 < count ? 3 * size : left + size,
		};
		code[3 * i + 1] = (struct inet_diag_bc_op){.no = ports[i]};
		code[3 * i + 2] = (struct inet_diag_bc_op){
		    .code = INET_DIAG_BC_JMP, .yes = (unsigned char)size, .no = left - 2 * size};
	}
	mnl_attr_put(header, INET_DIAG_REQ_BYTECODE, count * 3 * sizeof(code[0]), code);
}

/*
 * The older of the two requests (TCPDIAG_GETSOCK): it alone asks for both
 * families in one walk of the kernel's tables.
 */
size_t diag_build_dump(void *buffer, uint32_t sequence, uint32_t states, const uint16_t *ports,
		       size_t ports_count, unsigned want)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req *request;

	header->nlmsg_type = TCPDIAG_GETSOCK;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = sequence;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->idiag_family = AF_UNSPEC;
	request->idiag_ext = (uint8_t)want;
	request->idiag_states = states;
	if (ports_count == 1)
		request->id.idiag_sport = htons(ports[0]);
	else if (ports_count > 1)
		put_ports(header, ports, ports_count);
	return header->nlmsg_len;
}

static struct endpoint get_endpoint(uint8_t family, const __be32 words[4], __be16 port)
{
	struct endpoint e = {.port = ntohs(port)};
	uint8_t bytes[16];

	memcpy(bytes, words, sizeof(bytes));
	e.address = family == AF_INET ? address_from_ipv4(bytes) : address_from_ipv6(bytes);
	return e;
}

/* Attributes grow with kernels and are cut by older ones: only a field that is whole is read. */
static bool get_u32(const struct nlattr *attribute, size_t offset, uint32_t *value)
{
	if (mnl_attr_get_payload_len(attribute) < offset + sizeof(*value))
		return false;
	memcpy(value, (const char *)mnl_attr_get_payload(attribute) + offset, sizeof(*value));
	return true;
}

static void get_attribute(const struct nlattr *attribute, struct diag_socket *out)
{
	uint32_t value;

	switch (mnl_attr_get_type(attribute)) {
	case INET_DIAG_SKMEMINFO:
		out->drops_known =
		    get_u32(attribute, SK_MEMINFO_DROPS * sizeof(uint32_t), &out->drops);
		break;
	case INET_DIAG_INFO:
		if (get_u32(attribute, offsetof(struct tcp_info, tcpi_last_data_sent), &value))
			out->last_sent_ms = value;
		break;
	case INET_DIAG_SOCKOPT: { /* since 5.10 */
		struct inet_diag_sockopt options = {0};
		size_t length = mnl_attr_get_payload_len(attribute);

		memcpy(&options, mnl_attr_get_payload(attribute),
		       length < sizeof(options) ? length : sizeof(options));
		out->transparent = options.transparent;
		break;
	}
	case INET_DIAG_SKV6ONLY:
		if (mnl_attr_get_payload_len(attribute) >= 1)
			out->v6only = *(const uint8_t *)mnl_attr_get_payload(attribute) != 0;
		break;
	default:
		break;
	}
}

/*
 * inet_sk_diag_fill(): idiag_retrans is how often the timer has sent its SYN again. It is counted
 * just before, and then the timer starts anew: while that has some time left, it agrees with what
 * was sent.
 */
#define TIMER_RETRANSMIT 1

static enum diag_result get_socket(const struct nlmsghdr *header, struct diag_socket *out)
{
	struct inet_diag_msg msg;
	size_t left = mnl_nlmsg_get_payload_len(header);
	const struct nlattr *attribute;

	memset(out, 0, sizeof(*out));
	if (left < sizeof(msg))
		return DIAG_MALFORMED;
	memcpy(&msg, mnl_nlmsg_get_payload(header), sizeof(msg));
	if (msg.idiag_family != AF_INET && msg.idiag_family != AF_INET6)
		return DIAG_OTHER;
	out->cookie = (uint64_t)msg.id.idiag_cookie[1] << 32 | (uint64_t)msg.id.idiag_cookie[0];
	out->local = get_endpoint(msg.idiag_family, msg.id.idiag_src, msg.id.idiag_sport);
	out->remote = get_endpoint(msg.idiag_family, msg.id.idiag_dst, msg.id.idiag_dport);
	out->interface = msg.id.idiag_if;
	out->uid = msg.idiag_uid;
	out->inode = msg.idiag_inode;
	out->ipv6 = msg.idiag_family == AF_INET6;
	out->state = msg.idiag_state;
	out->last_sent_ms = -1;
	if (msg.idiag_state == DIAG_LISTEN) {
		out->depth = msg.idiag_rqueue;
		out->limit = msg.idiag_wqueue;
	}
	if (msg.idiag_state == DIAG_SYN_SENT && msg.idiag_timer == TIMER_RETRANSMIT &&
	    msg.idiag_expires)
		out->syns = 1u + msg.idiag_retrans;
	attribute = mnl_nlmsg_get_payload_offset(header, sizeof(msg));
	left -= sizeof(msg);
	while (left >= sizeof(*attribute)) {
		size_t step = MNL_ALIGN(attribute->nla_len);

		if (attribute->nla_len < sizeof(*attribute) || attribute->nla_len > left)
			return DIAG_MALFORMED;
		get_attribute(attribute, out);
		if (step >= left)
			break;
		left -= step;
		attribute = (const struct nlattr *)((const char *)attribute + step);
	}
	return DIAG_SOCKET;
}

enum diag_result diag_next(struct diag_cursor *cursor, struct diag_message *message)
{
	struct nlmsghdr header;
	const struct nlmsghdr *at = (const void *)cursor->next;
	size_t step;

	if (cursor->left == 0)
		return DIAG_END;
	if (cursor->left < sizeof(header))
		return DIAG_TRUNCATED;
	memcpy(&header, at, sizeof(header));
	if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > cursor->left)
		return DIAG_TRUNCATED;
	step = MNL_ALIGN((size_t)header.nlmsg_len);
	if (step > cursor->left)
		step = cursor->left;
	cursor->next += step;
	cursor->left -= step;
	if (header.nlmsg_seq != cursor->sequence)
		return DIAG_OTHER;
	message->interrupted = (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	message->error = 0;
	switch (header.nlmsg_type) {
	case NLMSG_ERROR:
	case NLMSG_DONE:
		/* Both carry an int: the error, or 0. A DONE without one is a plain end. */
		if (mnl_nlmsg_get_payload_len(at) >= sizeof(message->error))
			memcpy(&message->error, mnl_nlmsg_get_payload(at), sizeof(message->error));
		else if (header.nlmsg_type == NLMSG_ERROR)
			return DIAG_MALFORMED;
		if (header.nlmsg_type == NLMSG_ERROR || message->error < 0)
			return DIAG_ERROR;
		return DIAG_DONE;
	case SOCK_DIAG_BY_FAMILY:
	case TCPDIAG_GETSOCK:
		return get_socket(at, &message->socket);
	default:
		return DIAG_OTHER;
	}
}
