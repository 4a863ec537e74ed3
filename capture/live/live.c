/*
 * Live capture: a ring of frames that the kernel fills (TPACKET_V2) and a
 * reader that never waits.
 *
 * libpcap's immediate mode is what chooses this ring. Without it libpcap makes one of
 * blocks (TPACKET_V3), of 256 KiB each: the kernel hands one over when it is full or some
 * ms old, so that 64 of them are gone after 64 times these ms, full or not. However few
 * packets came, a reader that was stopped for longer than that has lost some.
 *
 * The price of immediate mode is that each packet wakes who waits for it. So nobody does
 * while packets come: the recorder reads by its clock, and waits for the first packet alone
 * (recorder_wait()).
 */
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/capture.h"
#include "capture/handle.h"
#include "capture/live/filter.h"

/*
 * Enough for the whole TCP header of a SYN, whatever its options: 20 (SLL2, or
 * 14 of Ethernet) + 4 (a VLAN tag) + 40 (IPv6) + 60 = 124, and for the quoted
 * ports of an ICMPv6 error behind as much: 20 + 4 + 40 + 8 + 40 + 8 = 120.
 */
#define SNAPLEN_DEFAULT 128

/* With the kernel's header such a frame takes 224 bytes: 16 MiB are 75,000. */
#define RING_DEFAULT (16 << 20)

/* A read that never waits should also end: so many frames at once, about a ring full. */
#define READ_MAX 65536

#define ANY "any"

struct live {
	uint32_t dropped; /* as libpcap counts them, in 32 bits */
	uint32_t interface_dropped;
};

static void on_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct capture *c = (struct capture *)user;

	if (!capture_frame(c, capture_time_ns(h->ts.tv_sec, h->ts.tv_usec), bytes, h->caplen,
			   h->len))
		pcap_breakloop(c->pcap);
}

/* The only failures of a read: the interface went away, or what no one can foresee. */
static int read_failed(struct capture *c)
{
	if (strcmp(c->name, ANY) != 0 && !if_nametoindex(c->name))
		return capture_fail(c, -ENETDOWN, "the interface is gone");
	return capture_fail(c, -EIO, "%s", pcap_geterr(c->pcap));
}

static int64_t live_read(struct capture *c, uint64_t max)
{
	uint64_t first = c->stats.frames, limit = max && max < READ_MAX ? max : READ_MAX;

	for (;;) {
		uint64_t done = c->stats.frames - first;
		int n;

		if (c->fn_result || done >= limit)
			break;
		n = pcap_dispatch(c->pcap, (int)(limit - done), on_frame, (u_char *)c);
		if (n == 0)
			break;
		if (n < 0 && n != PCAP_ERROR_BREAK)
			return read_failed(c);
	}
	return (int64_t)(c->stats.frames - first);
}

static void live_stats(struct capture *c, struct capture_stats *stats)
{
	struct live *live = c->reader;
	struct pcap_stat now;

	/* Not ps_recv: on lo it counts every packet twice. */
	if (pcap_stats(c->pcap, &now) == 0) {
		c->stats.dropped += (uint32_t)(now.ps_drop - live->dropped);
		c->stats.interface_dropped += (uint32_t)(now.ps_ifdrop - live->interface_dropped);
		live->dropped = now.ps_drop;
		live->interface_dropped = now.ps_ifdrop;
	}
	*stats = c->stats;
}

static void live_close(struct capture *c)
{
	if (c->pcap)
		pcap_close(c->pcap);
	free(c->reader);
}

static int set_filter(struct capture *c, const char *filter);

static const struct capture_ops live_ops = {
    .read = live_read,
    .stats = live_stats,
    .set_filter = set_filter,
    .close = live_close,
};

/* "lo, eth0": the interfaces that there are. */
static void list_interfaces(char *text, size_t size)
{
	struct if_nameindex *names = if_nameindex();
	size_t used = 0;

	*text = '\0';
	for (struct if_nameindex *i = names; i && i->if_index; i++) {
		int n = snprintf(text + used, size - used, "%s%s", used ? ", " : "", i->if_name);

		if (n < 0 || (size_t)n >= size - used) {
			text[used] = '\0';
			break;
		}
		used += (size_t)n;
	}
	if_freenameindex(names);
}

static int activation_failed(struct capture *c, int status)
{
	char names[512];

	switch (status) {
	case PCAP_ERROR_PERM_DENIED:
	case PCAP_ERROR_PROMISC_PERM_DENIED:
		return capture_fail(c, -EPERM,
				    "no permission to capture: CAP_NET_RAW is required; use sudo, "
				    "or run \"setcap cap_net_raw+ep PROGRAM\" once");
	case PCAP_ERROR_NO_SUCH_DEVICE:
		list_interfaces(names, sizeof(names));
		return capture_fail(c, -ENODEV, "no such interface; choose one of: %s, any", names);
	case PCAP_ERROR_IFACE_NOT_UP:
		return capture_fail(c, -ENETDOWN, "the interface is down; \"ip link set %s up\"",
				    c->name);
	default:
		return capture_fail(c, -EIO, "%s",
				    *pcap_geterr(c->pcap) ? pcap_geterr(c->pcap)
							  : pcap_statustostr(status));
	}
}

/* The index of a loopback interface; 0 when name is none. */
static unsigned loopback_index(int fd, const char *name)
{
	struct ifreq request;

	memset(&request, 0, sizeof(request));
	strncpy(request.ifr_name, name, sizeof(request.ifr_name) - 1);
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0 || !(request.ifr_flags & IFF_LOOPBACK))
		return 0;
	return if_nametoindex(name);
}

/* There is one in a network namespace. */
static unsigned find_loopback(int fd)
{
	struct if_nameindex *names = if_nameindex();
	unsigned index = 0;

	for (struct if_nameindex *i = names; i && i->if_index && !index; i++)
		index = loopback_index(fd, i->if_name);
	if_freenameindex(names);
	return index;
}

/*
 * On lo every packet is seen twice, as it goes out and as it comes back in.
 * libpcap passes over the first, but only after the kernel has copied it: here
 * it does not even enter the ring. (Kernels before 4.20 do not know the option.)
 */
static void ignore_outgoing(struct capture *c)
{
	int on = 1;

	if (loopback_index(pcap_fileno(c->pcap), c->name))
		(void)setsockopt(pcap_fileno(c->pcap), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on,
				 sizeof(on));
}

static int set_filter(struct capture *c, const char *filter)
{
	bool any = strcmp(c->name, ANY) == 0, ethernet = pcap_datalink(c->pcap) == DLT_EN10MB;
	unsigned loopback = any ? find_loopback(pcap_fileno(c->pcap)) : 0;
	char adapted[FILTER_SIZE];
	struct bpf_program program;
	int result = filter_adapt(filter, ethernet, loopback, adapted, sizeof(adapted));

	if (result)
		return capture_fail(c, result, "the filter is too long");
	if (!*adapted)
		return 0;
	if (pcap_compile(c->pcap, &program, adapted, 1, PCAP_NETMASK_UNKNOWN))
		return capture_fail(c, -EINVAL, "filter: %s", pcap_geterr(c->pcap));
	if (pcap_setfilter(c->pcap, &program))
		result = capture_fail(c, -EINVAL, "filter: %s", pcap_geterr(c->pcap));
	pcap_freecode(&program);
	return result;
}

/* libpcap falls back on filtering here when the kernel does not take the program. */
static void note_userland_filter(struct capture *c, const char *filter)
{
	socklen_t length = 0;

	if (filter && *filter &&
	    getsockopt(pcap_fileno(c->pcap), SOL_SOCKET, SO_GET_FILTER, NULL, &length) == 0 &&
	    length == 0)
		capture_note(c,
			     "%s: the kernel rejected the filter: every packet is copied and "
			     "filtered in user space",
			     c->name);
}

/*
 * From here on the program filters, which takes the other's place at once. What came
 * between the two began just before, and is the other's choice.
 */
static void attach_program(struct capture *c, int program)
{
	c->by_program = program > 0 && setsockopt(pcap_fileno(c->pcap), SOL_SOCKET, SO_ATTACH_BPF,
						  &program, sizeof(program)) == 0;
}

static int configure(struct capture *c, const struct capture_live_options *o)
{
	size_t bytes = o->ring_bytes ? o->ring_bytes : RING_DEFAULT;
	int ring = bytes < INT_MAX ? (int)bytes : INT_MAX;
	const struct {
		int (*set)(pcap_t *, int);
		int value;
	} settings[] = {
	    {pcap_set_snaplen, o->snaplen ? o->snaplen : SNAPLEN_DEFAULT},
	    {pcap_set_promisc, 0},
	    {pcap_set_immediate_mode, 1},
	    {pcap_set_buffer_size, ring},
	    {pcap_set_tstamp_precision, PCAP_TSTAMP_PRECISION_NANO},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		int status = settings[i].set(c->pcap, settings[i].value);

		if (status)
			return capture_fail(c, -EINVAL, "%s", pcap_statustostr(status));
	}
	return 0;
}

static int activate(struct capture *c, const struct capture_live_options *o)
{
	char message[PCAP_ERRBUF_SIZE] = "";
	int status, result;

	result = configure(c, o);
	if (result)
		return result;
	status = pcap_activate(c->pcap);
	if (status < 0)
		return activation_failed(c, status);
	if (strcmp(c->name, ANY) == 0 && pcap_set_datalink(c->pcap, DLT_LINUX_SLL2))
		return capture_fail(c, -EIO, "%s", pcap_geterr(c->pcap));
	ignore_outgoing(c);
	result = set_filter(c, o->filter);
	if (result)
		return result;
	note_userland_filter(c, o->filter);
	attach_program(c, o->filter_program);
	if (pcap_setnonblock(c->pcap, 1, message))
		return capture_fail(c, -EIO, "%s", message);
	capture_set_linktype(c, pcap_datalink(c->pcap));
	return 0;
}

int capture_open_live(const struct capture_live_options *options, struct capture **out,
		      char error[CAPTURE_ERROR_SIZE])
{
	char message[PCAP_ERRBUF_SIZE] = "";
	struct capture *c = capture_new(&live_ops, options->interface);
	int result;

	if (!c) {
		snprintf(error, CAPTURE_ERROR_SIZE, "%s: out of memory", options->interface);
		return -ENOMEM;
	}
	c->live = true;
	c->one_device = strcmp(options->interface, ANY) != 0;
	c->reader = calloc(1, sizeof(struct live));
	c->pcap = pcap_create(options->interface, message);
	if (!c->reader || !c->pcap) {
		result = capture_fail(c, -ENOMEM, "%s", *message ? message : "out of memory");
		goto fail;
	}
	result = activate(c, options);
	if (result)
		goto fail;
	*out = c;
	return 0;

fail:
	snprintf(error, CAPTURE_ERROR_SIZE, "%s", c->error);
	(void)!capture_free(c);
	return result;
}
