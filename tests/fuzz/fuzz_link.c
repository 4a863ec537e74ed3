/*
 * Link layers, and everything that may stand between them and a TCP header.
 *
 * Input: link type (two bytes, low one first), how many bytes the snaplen cut
 * off, then the frame.
 */
#include <stdbool.h>

#include "capture/frame/fragment.h"
#include "capture/frame/link.h"
#include "decoding.h"

/* Each has the goal that a segment is found behind it. */
static const struct {
	const char *name;
	int linktype;
} links[] = {
    {"EN10MB", DLT_EN10MB},
    {"LINUX_SLL", DLT_LINUX_SLL},
    {"LINUX_SLL2", DLT_LINUX_SLL2},
    {"RAW", DLT_RAW},
    {"NULL", DLT_NULL},
    {"LOOP", DLT_LOOP},
    {"PPP", DLT_PPP},
    {"PPP_SERIAL", DLT_PPP_SERIAL},
    {"PPP_ETHER", DLT_PPP_ETHER},
    {"PPP_WITH_DIR", DLT_PPP_WITH_DIR},
    {"C_HDLC", DLT_C_HDLC},
    {"C_HDLC_WITH_DIR", DLT_C_HDLC_WITH_DIR},
    {"FRELAY", DLT_FRELAY},
    {"FRELAY_WITH_DIR", DLT_FRELAY_WITH_DIR},
    {"SLIP", DLT_SLIP},
    {"MPLS", DLT_MPLS},
    {"IEEE802_11", DLT_IEEE802_11},
    {"IEEE802_11_RADIO", DLT_IEEE802_11_RADIO},
    {"PRISM_HEADER", DLT_PRISM_HEADER},
    {"IEEE802_11_RADIO_AVS", DLT_IEEE802_11_RADIO_AVS},
    {"PPI", DLT_PPI},
    {"NFLOG", DLT_NFLOG},
    {"PFLOG", DLT_PFLOG},
    {"PKTAP", DLT_PKTAP},
    {"ENC", DLT_ENC},
    {"IPNET", DLT_IPNET},
    {"IPOIB", DLT_IPOIB},
    {"FDDI", DLT_FDDI},
    {"IEEE802", DLT_IEEE802},
    {"ATM_RFC1483", DLT_ATM_RFC1483},
    {"ATM_CLIP", DLT_ATM_CLIP},
    {"SUNATM", DLT_SUNATM},
    {"ERF", DLT_ERF},
    {"DSA_TAG_BRCM", DLT_DSA_TAG_BRCM},
    {"DSA_TAG_BRCM_PREPEND", DLT_DSA_TAG_BRCM_PREPEND},
    {"DSA_TAG_DSA", DLT_DSA_TAG_DSA},
    {"DSA_TAG_EDSA", DLT_DSA_TAG_EDSA},
    {"IP_OVER_FC", DLT_IP_OVER_FC},
    {"APPLE_IP_OVER_IEEE1394", DLT_APPLE_IP_OVER_IEEE1394},
    {"NETANALYZER", DLT_NETANALYZER},
    {"NETANALYZER_TRANSPARENT", DLT_NETANALYZER_TRANSPARENT},
    {"EPON", DLT_EPON},
    {"ETHERNET_MPACKET", DLT_ETHERNET_MPACKET},
    {"JUNIPER_ETHER", DLT_JUNIPER_ETHER},
    {"JUNIPER_PPP", DLT_JUNIPER_PPP},
    {"JUNIPER_FRELAY", DLT_JUNIPER_FRELAY},
    {"JUNIPER_CHDLC", DLT_JUNIPER_CHDLC},
};

#define LINKS (sizeof(links) / sizeof(links[0]))

enum goal {
	IN_IPV4 = SKIP_REASON_COUNT, /* before these: each reason to skip a frame */
	IN_IPV6,
	IN_TUNNEL,
	ICMP_ERROR,
	BEHIND_LINK, /* one for each */
};

struct fuzz_goal fuzz_goals[BEHIND_LINK + LINKS + 1];

static void name_goals(void)
{
	for (int r = 0; r < SKIP_REASON_COUNT; r++)
		fuzz_goals[r].name = skip_reason_name((enum skip_reason)r);
	/* The table of fragments is full only after hundreds of frames: another target's goal. */
	fuzz_goals[SKIP_FRAGMENT_TABLE].reached = 1;
	fuzz_goals[IN_IPV4].name = "a segment in IPv4";
	fuzz_goals[IN_IPV6].name = "a segment in IPv6";
	fuzz_goals[IN_TUNNEL].name = "a segment within a tunnel";
	fuzz_goals[ICMP_ERROR].name = "an ICMP error";
	for (size_t i = 0; i < LINKS; i++)
		fuzz_goals[BEHIND_LINK + i].name = links[i].name;
}

static void count_segment(const struct decoder *d, int linktype)
{
	fuzz_goals[address_is_ipv4(&d->event->segment.flow.saddr) ? IN_IPV4 : IN_IPV6].reached++;
	fuzz_goals[IN_TUNNEL].reached += d->depth > 2;
	for (size_t i = 0; i < LINKS; i++)
		fuzz_goals[BEHIND_LINK + i].reached += links[i].linktype == linktype;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decoder d = {.frame = 0};
	struct event event;
	uint32_t captured;
	int linktype;
	link_fn decode;

	if (!fuzz_goals[0].name)
		name_goals();
	if (size < 3 || size > UINT16_MAX)
		return 0;
	linktype = get_le16(data);
	decode = link_find(linktype);
	if (!decode) {
		fuzz_goals[SKIP_LINK_TYPE].reached++;
		return 0;
	}
	captured = (uint32_t)size - 3;
	d.event = &event;
	switch (fuzz_decode(&d, decode, data + 3, captured, captured + data[2])) {
	case DECODE_SEGMENT:
		count_segment(&d, linktype);
		break;
	case DECODE_ICMP_ERROR:
		fuzz_goals[ICMP_ERROR].reached++;
		break;
	case DECODE_SKIP:
		fuzz_goals[d.reason].reached++;
		break;
	}
	fragments_free(d.fragments);
	return 0;
}
