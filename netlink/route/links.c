/*
 * One dump of all links, kept until the next.
 */
#include "netlink/route/links.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "event/array.h"
#include "netlink/route/dump.h"

#define ATTEMPTS  3
#define LINKS_MAX 65536
#define KIND_SIZE 16
/* Masters upon masters: a VRF of a bridge of a bond is three. */
#define NESTING_MAX 8

struct link {
	uint32_t index;
	uint32_t master; /* 0: none */
	bool is_vrf_port;
	uint32_t below; /* IFLA_LINK of this namespace; 0: none */
	bool is_tunnel; /* and up: the kernel makes some that nobody uses */
	char name[DEVICE_NAME_SIZE];
};

struct links {
	struct route_dump dump;
	struct link *links;
	size_t count;
	size_t room;
	bool cut; /* there was no room for all */
};

int links_new(struct links **out)
{
	struct links *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return -ENOMEM;
	rc = route_dump_open(&l->dump);
	if (rc) {
		links_free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void links_free(struct links *links)
{
	if (!links)
		return;
	route_dump_close(&links->dump);
	free(links->links);
	free(links);
}

static void get_text(const struct nlattr *attribute, char *text, size_t size)
{
	size_t length =
	    strnlen(mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute));

	if (length >= size)
		length = size - 1;
	memcpy(text, mnl_attr_get_payload(attribute), length);
	text[length] = '\0';
}

static void get_u32(const struct nlattr *attribute, uint32_t *value)
{
	if (mnl_attr_get_payload_len(attribute) >= sizeof(*value))
		memcpy(value, mnl_attr_get_payload(attribute), sizeof(*value));
}

/* What packets come out of that came in elsewhere, inside of others, is a tunnel. */
static bool is_tunnel_kind(const char *kind)
{
	static const char *const others[] = {"",       "bond",	  "bridge",  "dummy", "ifb",
					     "ipvlan", "macvlan", "macvtap", "team",  "tun",
					     "veth",   "vlan",	  "vrf"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(kind, others[i]) == 0)
			return false;
	return true;
}

static void take_info(const struct nlattr *info, struct link *link, char *kind)
{
	const struct nlattr *attribute;
	char of_port[KIND_SIZE] = "";

	mnl_attr_for_each_nested(attribute, info)
	{
		if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
			get_text(attribute, kind, KIND_SIZE);
		else if (mnl_attr_get_type(attribute) == IFLA_INFO_SLAVE_KIND)
			get_text(attribute, of_port, sizeof(of_port));
	}
	link->is_vrf_port = strcmp(of_port, "vrf") == 0;
}

static void keep(struct links *l, const struct link *link)
{
	if (l->count == l->room) {
		void *bigger = array_grow(l->links, &l->room, sizeof(*l->links), 16, LINKS_MAX);

		if (!bigger) {
			l->cut = true;
			return;
		}
		l->links = bigger;
	}
	l->links[l->count++] = *link;
}

static void take(void *links, const struct nlmsghdr *header)
{
	const struct nlattr *attribute;
	struct ifinfomsg message;
	struct link link = {0};
	char kind[KIND_SIZE] = "";
	bool elsewhere = false;

	if (header->nlmsg_type != RTM_NEWLINK ||
	    mnl_nlmsg_get_payload_len(header) < sizeof(message))
		return;
	memcpy(&message, mnl_nlmsg_get_payload(header), sizeof(message));
	link.index = (uint32_t)message.ifi_index;
	mnl_attr_for_each(attribute, header, sizeof(message))
	{
		switch (mnl_attr_get_type(attribute)) {
		case IFLA_IFNAME:
			get_text(attribute, link.name, sizeof(link.name));
			break;
		case IFLA_MASTER:
			get_u32(attribute, &link.master);
			break;
		case IFLA_LINK:
			get_u32(attribute, &link.below);
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_LINKINFO:
			take_info(attribute, &link, kind);
			break;
		default:
			break;
		}
	}
	link.is_tunnel = (message.ifi_flags & IFF_UP) && is_tunnel_kind(kind);
	/* A veth device is beside its peer, not upon it. */
	if (elsewhere || strcmp(kind, "veth") == 0 || link.below == link.index)
		link.below = 0;
	keep(links, &link);
}

int links_read(struct links *links)
{
	int rc = -EAGAIN;

	for (int i = 0; i < ATTEMPTS && rc == -EAGAIN; i++) {
		struct nlmsghdr *request = route_dump_begin(&links->dump, RTM_GETLINK);
		struct ifinfomsg *message = mnl_nlmsg_put_extra_header(request, sizeof(*message));

		message->ifi_family = AF_UNSPEC;
		links->count = 0;
		links->cut = false;
		rc = route_dump_ask(&links->dump, request, take, links);
		if (rc == 0 && (links->cut || links->dump.interrupted))
			rc = -EAGAIN;
	}
	if (rc)
		links->count = 0;
	return rc;
}

static const struct link *find(const struct links *links, uint32_t index)
{
	for (size_t i = 0; i < links->count; i++)
		if (links->links[i].index == index)
			return &links->links[i];
	return NULL;
}

static bool is_port_of(const struct links *links, const struct link *link, uint32_t master)
{
	for (int i = 0; i < NESTING_MAX && link && link->master; i++) {
		if (link->master == master)
			return true;
		link = find(links, link->master);
	}
	return false;
}

static int by_index(const void *x, const void *y)
{
	const uint32_t *a = x, *b = y;

	return (*a > *b) - (*a < *b);
}

bool links_describe(const struct links *links, struct listener *listener)
{
	const struct link *device = find(links, listener->interface);
	char name[DEVICE_NAME_SIZE] = "";
	uint32_t ports[LISTENER_PORTS_MAX];
	uint16_t count = 0;
	bool changed;

	if (!device) /* it has gone: its name stays as it was */
		memcpy(name, listener->device, sizeof(name));
	else
		memcpy(name, device->name, sizeof(name));
	for (size_t i = 0; device && i < links->count && count <= LISTENER_PORTS_MAX; i++) {
		if (!is_port_of(links, &links->links[i], device->index))
			continue;
		if (count < LISTENER_PORTS_MAX)
			ports[count] = links->links[i].index;
		count++;
	}
	if (!device)
		count = LISTENER_PORTS_UNKNOWN;
	if (count <= LISTENER_PORTS_MAX && count)
		qsort(ports, count, sizeof(*ports), by_index);
	changed = strcmp(name, listener->device) != 0 || count != listener->device_ports_count ||
		  (count <= LISTENER_PORTS_MAX &&
		   memcmp(ports, listener->device_ports, count * sizeof(*ports)) != 0);
	memcpy(listener->device, name, sizeof(name));
	listener->device_ports_count = count;
	if (count <= LISTENER_PORTS_MAX)
		memcpy(listener->device_ports, ports, count * sizeof(*ports));
	return changed;
}

bool links_is_alone(const struct links *links, const char *name, uint32_t *index)
{
	const struct link *device = NULL;

	for (size_t i = 0; i < links->count; i++)
		if (strcmp(links->links[i].name, name) == 0)
			device = &links->links[i];
	*index = device ? device->index : 0;
	if (!device || (device->master && !device->is_vrf_port))
		return false;
	for (size_t i = 0; i < links->count; i++)
		if (links->links[i].is_tunnel || links->links[i].below == device->index)
			return false;
	return true;
}
