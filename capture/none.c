/*
 * No capture, where the privilege for one is not there: no frame ever comes, and a
 * dump of it is a pcap file without packets.
 */
#include <errno.h>

#include "capture/capture.h"
#include "capture/handle.h"

#define SNAPLEN 128

static int64_t none_read(struct capture *c, uint64_t max)
{
	(void)c;
	(void)max;
	return 0;
}

static void none_stats(struct capture *c, struct capture_stats *stats)
{
	*stats = c->stats;
}

static void none_close(struct capture *c)
{
	if (c->pcap)
		pcap_close(c->pcap);
}

static const struct capture_ops none_ops = {
    .read = none_read,
    .stats = none_stats,
    .close = none_close,
};

int capture_open_none(struct capture **out)
{
	struct capture *c = capture_new(&none_ops, "none");

	if (!c)
		return -ENOMEM;
	c->pcap =
	    pcap_open_dead_with_tstamp_precision(DLT_EN10MB, SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	if (!c->pcap) {
		if (capture_free(c) < 0) {
			/* It has no dump: there is nothing to lose. */
		}
		return -ENOMEM;
	}
	capture_set_linktype(c, DLT_EN10MB);
	*out = c;
	return 0;
}
