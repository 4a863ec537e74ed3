/*
 * Two sockets: one that is told when addresses or interfaces change, one to ask. The answer is
 * compared with the one before.
 */
#include "netlink/route/addresses.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "event/array.h"
#include "netlink/route/dump.h"
#include "netlink/socket.h"

#define ATTEMPTS 3
/* Nothing is read more often than this, and routes are asked for so often. */
#define STEP_NS	  (10 * NS_PER_MS)
#define ROUTES_NS (5 * NS_PER_SEC)

/* Several devices have the address. */
#define DEVICE_SEVERAL UINT32_MAX

struct held {
	struct address_prefix prefix;
	uint32_t device; /* 0: not said, as of an IPv6 route, which may be of lo then */
};

struct set {
	struct held *prefixes; /* sorted, each once */
	size_t count;
	size_t room;
};

struct addresses {
	struct mnl_socket *told;
	struct route_dump dump;
	uint64_t lost;
	struct set known;
	struct set next;
	bool read_once;
	bool overflowed; /* of this answer */
	int64_t step_ns; /* CLOCK_MONOTONIC */
	int64_t read_ns;
	int64_t looked_ns; /* CLOCK_REALTIME, of the call before */
};

int addresses_new(struct addresses **out)
{
	struct addresses *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->looked_ns = TIME_UNKNOWN;
	rc = netlink_open(&a->told, NETLINK_ROUTE,
			  RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_LINK);
	if (rc == 0)
		rc = route_dump_open(&a->dump);
	if (rc) {
		addresses_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void addresses_free(struct addresses *addresses)
{
	if (!addresses)
		return;
	netlink_close(addresses->told);
	route_dump_close(&addresses->dump);
	free(addresses->known.prefixes);
	free(addresses->next.prefixes);
	free(addresses);
}

uint64_t addresses_lost(const struct addresses *addresses)
{
	return addresses->lost;
}

static void keep(struct addresses *a, uint8_t family, const uint8_t *bytes, unsigned bits,
		 uint32_t device)
{
	struct set *s = &a->next;

	if (s->count == s->room) {
		void *bigger =
		    array_grow(s->prefixes, &s->room, sizeof(*s->prefixes), 64, ADDRESSES_MAX);

		if (!bigger) {
			a->overflowed = true;
			return;
		}
		s->prefixes = bigger;
	}
	s->prefixes[s->count++] = (struct held){
	    .prefix =
		{
		    .address =
			family == AF_INET ? address_from_ipv4(bytes) : address_from_ipv6(bytes),
		    .bits = (uint8_t)(family == AF_INET ? bits + 96 : bits),
		},
	    .device = device,
	};
}

static size_t size_of(uint8_t family)
{
	return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
}

/* The attribute of this kind, if it is an address of the family. */
static const uint8_t *find_address(const struct nlmsghdr *header, size_t offset, uint16_t type,
				   uint8_t family)
{
	const struct nlattr *attribute;

	mnl_attr_for_each(attribute, header,
			  offset) if (mnl_attr_get_type(attribute) == type &&
				      mnl_attr_get_payload_len(attribute) >= size_of(family) &&
				      size_of(family)) return mnl_attr_get_payload(attribute);
	return NULL;
}

/* ifaddr: IFA_LOCAL is the own end where there are two, IFA_ADDRESS the other one then. */
static void take_address(struct addresses *a, const struct nlmsghdr *header)
{
	struct ifaddrmsg message;
	const uint8_t *bytes;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(message))
		return;
	memcpy(&message, mnl_nlmsg_get_payload(header), sizeof(message));
	bytes = find_address(header, sizeof(message), IFA_LOCAL, message.ifa_family);
	if (!bytes)
		bytes = find_address(header, sizeof(message), IFA_ADDRESS, message.ifa_family);
	if (bytes)
		keep(a, message.ifa_family, bytes, message.ifa_family == AF_INET ? 32 : 128,
		     message.ifa_index);
}

static uint32_t find_device(const struct nlmsghdr *header, const struct rtmsg *message)
{
	const struct nlattr *attribute;

	if (message->rtm_family != AF_INET)
		return 0;
	mnl_attr_for_each(
	    attribute, header,
	    sizeof(*message)) if (mnl_attr_get_type(attribute) == RTA_OIF &&
				  mnl_attr_get_payload_len(attribute) >=
				      sizeof(uint32_t)) return mnl_attr_get_u32(attribute);
	return 0;
}

static void take_route(struct addresses *a, const struct nlmsghdr *header)
{
	static const uint8_t nothing[16];
	struct rtmsg message;
	const uint8_t *bytes;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(message))
		return;
	memcpy(&message, mnl_nlmsg_get_payload(header), sizeof(message));
	if (message.rtm_type != RTN_LOCAL || message.rtm_table != RT_TABLE_LOCAL ||
	    message.rtm_dst_len > 8 * size_of(message.rtm_family))
		return;
	bytes = find_address(header, sizeof(message), RTA_DST, message.rtm_family);
	if (bytes || message.rtm_dst_len == 0)
		keep(a, message.rtm_family, bytes ? bytes : nothing, message.rtm_dst_len,
		     find_device(header, &message));
}

static void take(void *addresses, const struct nlmsghdr *header)
{
	if (header->nlmsg_type == RTM_NEWADDR)
		take_address(addresses, header);
	else if (header->nlmsg_type == RTM_NEWROUTE)
		take_route(addresses, header);
}

/* 0, -EAGAIN when it is to be asked again, or -errno. */
static int ask(struct addresses *a, uint16_t type, uint8_t family)
{
	struct nlmsghdr *request = route_dump_begin(&a->dump, type);
	int rc;

	if (type == RTM_GETADDR) {
		struct ifaddrmsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));

		message->ifa_family = family;
	} else {
		struct rtmsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));

		message->rtm_family = family;
		message->rtm_table = RT_TABLE_LOCAL;
		message->rtm_type = RTN_LOCAL;
	}
	rc = route_dump_ask(&a->dump, request, take, a);
	a->overflowed |= a->dump.interrupted;
	return rc;
}

static int compare(const void *x, const void *y)
{
	return memcmp(&((const struct held *)x)->prefix, &((const struct held *)y)->prefix,
		      sizeof(struct address_prefix));
}

/* Sorted, and each once: an address is in both answers. */
static void put_in_order(struct set *s)
{
	struct held *last = s->prefixes;

	if (!s->count)
		return;
	qsort(s->prefixes, s->count, sizeof(*s->prefixes), compare);
	for (const struct held *h = last + 1; h < s->prefixes + s->count; h++) {
		if (compare(h, last) != 0)
			*++last = *h;
		else if (!last->device)
			last->device = h->device;
		else if (h->device && h->device != last->device)
			last->device = DEVICE_SEVERAL;
	}
	s->count = (size_t)(last - s->prefixes) + 1;
}

/* What the namespace has now -> a->next. An interrupted dump may lack something: again. */
static int ask_all(struct addresses *a)
{
	static const struct {
		uint16_t type;
		uint8_t family;
	} questions[] = {{RTM_GETADDR, AF_INET},
			 {RTM_GETADDR, AF_INET6},
			 {RTM_GETROUTE, AF_INET},
			 {RTM_GETROUTE, AF_INET6}};
	int rc = -EAGAIN;

	for (int i = 0; i < ATTEMPTS; i++) {
		a->next.count = 0;
		a->overflowed = false;
		for (size_t q = 0; q < sizeof(questions) / sizeof(questions[0]); q++) {
			rc = ask(a, questions[q].type, questions[q].family);
			/*
			 * A kernel without IPv6 has no such table, one before strict checks no
			 * filter.
			 */
			if (rc == -EOPNOTSUPP || rc == -EINVAL || rc == -ENOENT)
				rc = 0;
			if (rc)
				break;
		}
		if (rc == 0 && !a->overflowed)
			break;
		if (rc && rc != -EAGAIN)
			return rc;
	}
	a->lost += rc || a->overflowed;
	put_in_order(&a->next);
	return 0;
}

static int tell(const struct held *held, bool gone, int64_t time_ns, event_fn fn, void *context)
{
	struct event event = {
	    .kind = EVENT_ADDRESS,
	    .source = SOURCE_SAMPLER,
	    .time_ns = time_ns,
	    .address = {.prefix = held->prefix,
			.device = held->device == DEVICE_SEVERAL ? 0 : held->device,
			.gone = gone},
	};

	return fn(context, &event);
}

/* Both are sorted: one walk along both. */
static int tell_changes(struct addresses *a, int64_t now_ns, event_fn fn, void *context)
{
	int64_t came_ns = a->looked_ns == TIME_UNKNOWN ? now_ns : a->looked_ns;
	const struct set *old = &a->known, *new = &a->next;
	size_t i = 0, j = 0;
	int rc = 0;

	while (rc == 0 && (i < old->count || j < new->count)) {
		int order = i == old->count   ? 1
			    : j == new->count ? -1
					      : compare(&old->prefixes[i], &new->prefixes[j]);

		if (order > 0)
			rc = tell(&new->prefixes[j++], false, came_ns, fn, context);
		else if (order < 0)
			rc = tell(&old->prefixes[i++], true, now_ns, fn, context);
		else if (old->prefixes[i++].device != new->prefixes[j++].device)
			rc = tell(&new->prefixes[j - 1], false, now_ns, fn, context);
	}
	return rc;
}

/* True when the kernel told of a change, or of too many to be told. */
static bool is_told(struct addresses *a)
{
	bool told = false;

	for (;;) {
		ssize_t n = mnl_socket_recvfrom(a->told, a->dump.buffer, sizeof(a->dump.buffer));

		if (n >= 0 || errno == ENOBUFS || errno == ENOSPC)
			told = true;
		else if (errno != EINTR)
			return told;
	}
}

int addresses_step(struct addresses *addresses, event_fn fn, void *context)
{
	struct addresses *a = addresses;
	int64_t now_ns = clock_monotonic_ns(), before_ns = clock_now_ns();
	struct set known;
	int rc;

	if (a->read_once && now_ns - a->step_ns < STEP_NS)
		return 0;
	a->step_ns = now_ns;
	if (!is_told(a) && a->read_once && now_ns - a->read_ns < ROUTES_NS) {
		a->looked_ns = before_ns;
		return 0;
	}
	rc = ask_all(a);
	if (rc)
		return rc;
	a->read_ns = now_ns;
	a->read_once = true;
	rc = tell_changes(a, clock_now_ns(), fn, context);
	a->looked_ns = before_ns;
	known = a->known;
	a->known = a->next;
	a->next = known;
	return rc;
}
