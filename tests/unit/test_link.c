#include "capture/link.h"

#include <pcap/dlt.h>

#include "frame.h"

#define PACKET4 IPV4("0028", "06") TCP("5010")
#define PACKET6 IPV6("0014", "06") TCP("5010")

/* packet type, hardware type, address length, address, protocol */
#define SLL(packet_type, hardware, protocol) \
	packet_type hardware "0006"          \
			     "0200000000070000" protocol
/* protocol, must be zero, interface, hardware type, packet type, address length, address */
#define SLL2(packet_type, hardware, protocol)         \
	protocol "0000"                               \
		 "00000002" hardware packet_type "06" \
		 "0200000000070000"

static void carries(int linktype, const char *ipv4, const char *ipv6)
{
	struct segment s;

	s = frame_segment(linktype, ipv4);
	frame_expect_segment(&s, false);
	s = frame_segment(linktype, ipv6);
	frame_expect_segment(&s, true);
	frame_every_truncation(linktype, ipv4, frame_of(ipv4).size);
	frame_every_truncation(linktype, ipv6, frame_of(ipv6).size);
}

Test(link, ethernet)
{
	carries(DLT_EN10MB, ETH("0800") PACKET4, ETH("86dd") PACKET6);
	frame_is_skipped(DLT_EN10MB, ETH("0806") "0001080006040001", SKIP_NOT_IP);
}

Test(link, vlan_tags_are_stepped_over)
{
	carries(DLT_EN10MB,
		ETH("8100") "0064"
			    "0800" PACKET4,
		ETH("8100") "0064"
			    "86dd" PACKET6);
	carries(DLT_EN10MB,
		ETH("88a8") "0064"
			    "8100"
			    "0065"
			    "0800" PACKET4,
		ETH("9100") "0064"
			    "9200"
			    "0065"
			    "86dd" PACKET6);
}

Test(link, tags_to_the_end_of_the_frame_are_no_packet)
{
	char frame[3000] = ETH("8100");

	for (int i = 0; i < 300; i++)
		strcat(frame, "00648100");
	frame_is_skipped(DLT_EN10MB, frame, SKIP_MALFORMED);
}

Test(link, cooked)
{
	carries(DLT_LINUX_SLL, SLL("0000", "0001", "0800") PACKET4,
		SLL("0000", "0001", "86dd") PACKET6);
	carries(DLT_LINUX_SLL2, SLL2("00", "0001", "0800") PACKET4,
		SLL2("00", "0001", "86dd") PACKET6);
	carries(DLT_LINUX_SLL, SLL("0000", "0001", "8100") "00640800" PACKET4,
		SLL("0000", "0001", "8100") "006486dd" PACKET6);
}

Test(link, cooked_headers_tell_the_direction)
{
	cr_expect(frame_segment(DLT_LINUX_SLL, SLL("0004", "0001", "0800") PACKET4).outgoing);
	cr_expect_not(frame_segment(DLT_LINUX_SLL, SLL("0000", "0001", "0800") PACKET4).outgoing);
	cr_expect(frame_segment(DLT_LINUX_SLL2, SLL2("04", "0001", "0800") PACKET4).outgoing);
	cr_expect_not(frame_segment(DLT_LINUX_SLL2, SLL2("00", "0001", "0800") PACKET4).outgoing);
}

Test(link, the_outgoing_copy_on_lo_is_left_out)
{
	frame_is_skipped(DLT_LINUX_SLL, SLL("0004", "0304", "0800") PACKET4, SKIP_OUTGOING_COPY);
	frame_is_skipped(DLT_LINUX_SLL2, SLL2("04", "0304", "0800") PACKET4, SKIP_OUTGOING_COPY);
	cr_expect_not(frame_segment(DLT_LINUX_SLL, SLL("0000", "0304", "0800") PACKET4).outgoing);
}

Test(link, raw_has_no_header)
{
	carries(DLT_RAW, PACKET4, PACKET6);
	carries(DLT_IPV4, PACKET4, PACKET6);
	carries(DLT_IPV6, PACKET4, PACKET6);
	/* numbers that files have from systems where they are DLT_RAW */
	carries(14, PACKET4, PACKET6);
	carries(101, PACKET4, PACKET6);
}

Test(link, null_has_the_family_in_either_order)
{
	carries(DLT_NULL, "02000000" PACKET4, "1e000000" PACKET6);
	carries(DLT_NULL, "00000002" PACKET4, "00000018" PACKET6);
	carries(DLT_LOOP, "00000002" PACKET4, "0000001c" PACKET6);
	carries(DLT_NULL, "02000000" PACKET4, "0a000000" PACKET6);
	carries(DLT_NULL, "02000000" PACKET4, "17000000" PACKET6);
	frame_is_skipped(DLT_NULL, "07000000" PACKET4, SKIP_NOT_IP);
}

Test(link, an_unknown_type_has_no_decoder)
{
	cr_expect_null(link_find(DLT_USER0));
	cr_expect_null(link_find(-1));
	cr_expect_not_null(link_find(DLT_EN10MB));
}
