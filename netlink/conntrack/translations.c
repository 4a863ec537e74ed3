/*
 * Two netlink sockets: one that is told of new entries (NFNLGRP_CONNTRACK_NEW), one that asks
 * for those that are there. An entry is told when it is confirmed, that is when its SYN has
 * passed all hooks (nf_conntrack_confirm): before the listener gets it.
 *
 * A group of netfilter takes CAP_NET_ADMIN, as asking does.
 */
#include "netlink/conntrack/translations.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/socket.h"

/* It is there as soon as conntrack is. The sockets would load modules where it is not. */
#define LOADED "/proc/sys/net/netfilter/nf_conntrack_max"

/* An entry is told after its SYN was captured, by so much at the most. */
#define LEAD_NS (10 * NS_PER_MS)

/* How many messages may wait: 8 MiB are 20,000. */
#define BUFFER_BYTES (8 << 20)

/* Reading should end where entries come faster than they can be read. */
#define READ_MAX 4096

struct translations {
	const struct endpoint *targets;
	size_t targets_count;
	struct mnl_socket *told;
	struct mnl_socket *asked;
	struct nf_conntrack *entry;
	uint32_t sequence;
	uint64_t lost;
	bool read_once;
	int64_t looked_ns; /* CLOCK_REALTIME, when all that had come was read */
	int64_t time_ns;   /* of the entries to come */
	int64_t read_ns;   /* of those that were read last */
	event_fn fn;
	void *context;
	_Alignas(struct nlmsghdr) uint8_t buffer[32768];
};

static int open_socket(struct mnl_socket **out, unsigned group)
{
	int bytes = BUFFER_BYTES, error;

	error = netlink_open(out, NETLINK_NETFILTER, 0);
	if (error || !group)
		return error;
	if (mnl_socket_setsockopt(*out, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
		error = -errno;
		netlink_close(*out);
		*out = NULL;
		return error;
	}
	(void)setsockopt(mnl_socket_get_fd(*out), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
			 sizeof(bytes));
	return 0;
}

int translations_new(const struct endpoint *targets, size_t count, struct translations **out)
{
	struct translations *t;
	int rc;

	*out = NULL;
	if (access(LOADED, F_OK) < 0)
		return -ENOENT;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->targets = targets;
	t->targets_count = count;
	t->entry = nfct_new();
	rc = t->entry ? open_socket(&t->told, NFNLGRP_CONNTRACK_NEW) : -ENOMEM;
	if (rc == 0)
		rc = open_socket(&t->asked, 0);
	if (rc) {
		translations_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void translations_free(struct translations *translations)
{
	if (!translations)
		return;
	netlink_close(translations->told);
	netlink_close(translations->asked);
	if (translations->entry)
		nfct_destroy(translations->entry);
	free(translations);
}

int translations_fd(const struct translations *translations)
{
	return translations ? mnl_socket_get_fd(translations->told) : -1;
}

uint64_t translations_lost(const struct translations *translations)
{
	return translations->lost;
}

static struct endpoint get_endpoint(const struct nf_conntrack *ct, enum nf_conntrack_attr ipv4,
				    enum nf_conntrack_attr ipv6, enum nf_conntrack_attr port)
{
	const void *address4 = nfct_get_attr(ct, ipv4), *address6 = nfct_get_attr(ct, ipv6);
	struct endpoint e = {.port = ntohs(nfct_get_attr_u16(ct, port))};

	if (address4)
		e.address = address_from_ipv4(address4);
	else if (address6)
		e.address = address_from_ipv6(address6);
	return e;
}

static bool is_target(const struct translations *t, const struct endpoint *e)
{
	for (size_t i = 0; i < t->targets_count; i++)
		if (t->targets[i].port == e->port &&
		    (address_is_any(&t->targets[i].address) ||
		     address_equal(&t->targets[i].address, &e->address)))
			return true;
	return t->targets_count == 0;
}

/* One entry -> an event, where NAT changed something of what is watched. */
static int take(struct translations *t, const struct nlmsghdr *header)
{
	struct event event = {.kind = EVENT_TRANSLATION, .source = SOURCE_SAMPLER};
	struct endpoint from, to, answer_from, answer_to;
	struct nf_conntrack *ct = t->entry;

	nfct_destroy(ct);
	t->entry = ct = nfct_new();
	if (!ct)
		return -ENOMEM;
	if (nfct_nlmsg_parse(header, ct) < 0 ||
	    nfct_get_attr_u8(ct, ATTR_ORIG_L4PROTO) != IPPROTO_TCP)
		return 0;
	from = get_endpoint(ct, ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, ATTR_ORIG_PORT_SRC);
	to = get_endpoint(ct, ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST, ATTR_ORIG_PORT_DST);
	answer_from = get_endpoint(ct, ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, ATTR_REPL_PORT_SRC);
	answer_to = get_endpoint(ct, ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_DST);
	if ((endpoint_equal(&from, &answer_to) && endpoint_equal(&to, &answer_from)) ||
	    (!is_target(t, &to) && !is_target(t, &answer_from)))
		return 0;
	event.time_ns = t->time_ns;
	event.translation = (struct translation){
	    .original = {from.address, to.address, from.port, to.port},
	    .client = answer_to,
	    .server = answer_from,
	    .fresh = t->read_once,
	    .read_ns = t->read_ns,
	};
	return t->fn(t->context, &event);
}

/* The messages of one buffer; -EALREADY: the dump is over. */
static int take_all(struct translations *t, ssize_t n, bool dump)
{
	const struct nlmsghdr *header = (const void *)t->buffer;
	int left = (int)n, rc = 0;

	for (; rc == 0 && mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
		if (dump && header->nlmsg_seq != t->sequence)
			continue;
		if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
			return dump ? -EALREADY : 0;
		if (header->nlmsg_type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
			rc = take(t, header);
	}
	return rc;
}

/* What is there of one family: entries have no end of their own in it. */
static int ask(struct translations *t, uint8_t family)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(t->buffer);
	struct nfgenmsg *message;
	int rc = 0;

	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = ++t->sequence;
	message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->nfgen_family = family;
	message->version = NFNETLINK_V0;
	if (mnl_socket_sendto(t->asked, header, header->nlmsg_len) < 0)
		return -errno;
	while (rc == 0) {
		ssize_t n = mnl_socket_recvfrom(t->asked, t->buffer, sizeof(t->buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			t->lost++;
			return 0;
		}
		t->read_ns = clock_now_ns();
		rc = take_all(t, n, true);
	}
	return rc == -EALREADY ? 0 : rc;
}

static int read_told(struct translations *t)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < READ_MAX; i++) {
		ssize_t n = mnl_socket_recvfrom(t->told, t->buffer, sizeof(t->buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			t->lost++;
			continue;
		}
		if (n < 0)
			return 0;
		t->read_ns = clock_now_ns();
		rc = take_all(t, n, false);
	}
	return rc;
}

int translations_read(struct translations *translations, event_fn fn, void *context)
{
	struct translations *t = translations;
	int64_t now_ns = clock_now_ns();
	int rc = 0;

	t->fn = fn;
	t->context = context;
	t->time_ns = (t->read_once ? t->looked_ns : now_ns) - LEAD_NS;
	if (!t->read_once) {
		rc = ask(t, AF_INET);
		if (rc == 0)
			rc = ask(t, AF_INET6);
		t->read_once = true;
	}
	if (rc == 0)
		rc = read_told(t);
	t->looked_ns = now_ns;
	return rc;
}
