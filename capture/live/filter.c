/*
 * The kernel filter's text, in the language of pcap-filter(7).
 *
 * What to catch, and what to leave out:
 *
 * The kernel's filter remembers nothing, so it cannot know which segment of a
 * client is the final ACK. Any segment can be, and with TCP_DEFER_ACCEPT, or
 * when the bare ACK got lost, it is one with data. What it can know is what
 * most of a busy connection consists of:
 * - segments of the server: never wanted but for SYN, FIN and RST.
 * - bulk data of the client: segments that fill an MTU of 1,500 and have no PSH.
 *   The last segment of every write has PSH (RFC 9293 section 3.9.1.2), and who
 *   has much to write sets it at least once in half a window. So of the client's
 *   segments all pass but those of 1,280 (the smallest MTU of IPv6) to 1,500
 *   bytes without PSH.
 *
 * What is longer has been joined by offloading, or goes over lo: it may be a
 * whole first flight, and costs little: an upload of 2 GB/s over lo is 17 such
 * frames a megabyte, whose headers are all that is copied; no difference of its
 * rate with and without the capture could be measured.
 *
 * So a bare ACK and a first request that fits a segment always pass. A final ACK
 * is missed only when it is the first of several full segments, no bare ACK came
 * before it, and no offloading joined them. Then the next segment with PSH
 * stands for it, mostly one of the same flight.
 */
#include "capture/live/filter.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "capture/capture.h"

/* `and` and `or` have the same precedence in this language: everything has its parentheses. */
#define CLIENT_SEGMENT                                                  \
	"((ip and (tcp[13]&15!=0 or ip[2:2]<1280 or ip[2:2]>1500)) or " \
	"(ip6 and (ip6[53]&15!=0 or ip6[4:2]<1240 or ip6[4:2]>1460)))"
#define SERVER_SEGMENT "((ip and tcp[13]&7!=0) or (ip6 and ip6[53]&7!=0))"

/*
 * TCP behind one extension header of IPv6: hop-by-hop options, routing,
 * destination options or (its reserved byte is where the others have their
 * length: 0) a fragment header. More than one is left to chance.
 */
#define EXTENSION	  "(ip6[6]=0 or ip6[6]=43 or ip6[6]=44 or ip6[6]=60) and ip6[40]=6"
#define EXTENSION_TCP	  "ip6[(ip6[41]<<3)+"
#define EXTENSION_SEGMENT "(" EXTENSION_TCP "61]&15!=0 or ip6[4:2]<1240 or ip6[4:2]>1460)"

/* Fragments but the first: of which port they are, nobody knows yet. They are rare. */
#define FRAGMENTS \
	"(ip[9]=6 and ip[6:2]&0x1fff!=0) or (ip6[6]=44 and ip6[40]=6 and ip6[42:2]&0xfff8!=0)"

/* Errors that quote TCP, of any port: they are rare too. */
#define ICMP_ERRORS                                                                          \
	"(icmp and (icmp[0]=3 or icmp[0]=4 or icmp[0]=11 or icmp[0]=12) and icmp[17]=6) or " \
	"(ip6[6]=58 and ip6[40]>=1 and ip6[40]<=4)"

/* Between the expression for packets without a tag and the same for packets with one. */
#define VLAN_AND ") or (vlan and ("

struct text {
	char *at;
	size_t left;
	bool full;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left) {
		t->full = true;
		return;
	}
	t->at += n;
	t->left -= (size_t)n;
}

/* True for the first of the targets that have this address. */
static bool is_first(const struct endpoint *targets, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (address_equal(&targets[j].address, &targets[i].address))
			return false;
	return true;
}

static void put_ports(struct text *t, const struct endpoint *targets, size_t count, size_t of)
{
	const char *separator = "";

	put(t, "(");
	for (size_t i = of; i < count; i++) {
		if (!address_equal(&targets[i].address, &targets[of].address))
			continue;
		put(t, "%s%u", separator, targets[i].port);
		separator = " or ";
	}
	put(t, ")");
}

/* direction is "src" or "dst". */
static void put_endpoints(struct text *t, const struct endpoint *targets, size_t count,
			  const char *direction)
{
	const char *separator = "";

	put(t, "(");
	for (size_t i = 0; i < count; i++) {
		const struct address *a = &targets[i].address;
		char address[ENDPOINT_TEXT_SIZE];

		if (!is_first(targets, i))
			continue;
		put(t, "%s", separator);
		separator = " or ";
		if (!address_is_any(a)) {
			address_format(a, address, sizeof(address));
			put(t, "(%s host %s and ", direction, address);
		} else {
			put(t, "(%s", address_is_ipv4(a) ? "ip and " : "");
		}
		put(t, "tcp %s port ", direction);
		put_ports(t, targets, count, i);
		put(t, ")");
	}
	put(t, ")");
}

/* Exact for one port, else every port between the lowest and the highest. */
static void put_extension(struct text *t, const struct endpoint *targets, size_t count)
{
	unsigned low = UINT16_MAX, high = 0;

	for (size_t i = 0; i < count; i++) {
		if (address_is_ipv4(&targets[i].address))
			continue;
		if (targets[i].port < low)
			low = targets[i].port;
		if (targets[i].port > high)
			high = targets[i].port;
	}
	if (low > high)
		return;
	put(t, " or (" EXTENSION " and " EXTENSION_SEGMENT " and (");
	for (int offset = 48; offset <= 50; offset += 2)
		put(t, "%s(" EXTENSION_TCP "%d:2]>=%u and " EXTENSION_TCP "%d:2]<=%u)",
		    offset == 48 ? "" : " or ", offset, low, offset, high);
	put(t, "))");
}

/*
 * A load beyond the packet's end rejects the packet whatever else would have
 * matched it. So fragments, which can be short, come before what looks deep
 * into a packet.
 */
static void put_expression(struct text *t, const struct endpoint *targets, size_t count)
{
	if (count) {
		put(t, "(");
		put_endpoints(t, targets, count, "dst");
		put(t, " and " CLIENT_SEGMENT ") or (");
		put_endpoints(t, targets, count, "src");
		put(t, " and " SERVER_SEGMENT ") or " FRAGMENTS " or " ICMP_ERRORS);
		put_extension(t, targets, count);
	} else { /* which side is the server's? Both are taken for a client's */
		put(t, "(tcp and " CLIENT_SEGMENT ") or " FRAGMENTS " or " ICMP_ERRORS
		       " or (" EXTENSION " and " EXTENSION_SEGMENT ")");
	}
}

int capture_filter_format(const struct endpoint *targets, size_t count, char *text, size_t size)
{
	struct text t = {text, size, false};

	put(&t, "(");
	put_expression(&t, targets, count);
	put(&t, VLAN_AND);
	put_expression(&t, targets, count);
	put(&t, "))");
	return t.full ? -ENOSPC : 0;
}

int filter_adapt(const char *text, bool vlan, unsigned loopback, char *out, size_t size)
{
	struct text t = {out, size, false};
	const char *cut = text ? strstr(text, VLAN_AND) : NULL;
	bool filter = text && *text;

	if (filter)
		put(&t, "(");
	if (filter && cut && !vlan)
		put(&t, "%.*s)", (int)(cut - text), text);
	else if (filter)
		put(&t, "%s", text);
	if (filter)
		put(&t, ")");
	if (loopback)
		put(&t, "%snot (ifindex %u and outbound)", filter ? " and " : "", loopback);
	if (!filter && !loopback)
		put(&t, "%s", "");
	return t.full ? -ENOSPC : 0;
}
