#include "capture/frame/link.h"

#include <pcap/dlt.h>

#include "frame.h"

/* A data frame from the station to the network, in the clear; a radiotap header without fields. */
#define WLAN           \
	"0801"         \
	"0000"         \
	"020000000001" \
	"020000000007" \
	"020000000001" \
	"0000"
#define RADIOTAP \
	"0000"   \
	"0800"   \
	"00000000"

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
	frame_carries(linktype, false, ipv4);
	frame_carries(linktype, true, ipv6);
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

Test(link, cooked_headers_of_other_hardware)
{
	/* 802.2, 802.11 and radiotap say what follows by themselves */
	frame_carries(DLT_LINUX_SLL, false,
		      SLL("0000", "0001", "0004") "aaaa03000000"
						  "0800" PACKET4);
	frame_carries(DLT_LINUX_SLL, false,
		      SLL("0000", "0321", "0000") WLAN "aaaa03000000"
						       "0800" PACKET4);
	frame_carries(DLT_LINUX_SLL, false,
		      SLL("0000", "0323", "0000") RADIOTAP WLAN "aaaa03000000"
								"0800" PACKET4);
	/* netlink's families are no EtherTypes, and 802.3 without LLC is no IP */
	frame_is_skipped(DLT_LINUX_SLL, SLL("0000", "0338", "0800") PACKET4, SKIP_NOT_IP);
	frame_is_skipped(DLT_LINUX_SLL, SLL("0000", "0001", "0001") PACKET4, SKIP_NOT_IP);
}

#define LLC_SNAP "aaaa03000000"

Test(link, old_local_networks)
{
	/* FDDI, token ring without and with routing, fibre channel, FireWire, InfiniBand */
	carries(DLT_FDDI,
		"50"
		"020000000001"
		"020000000007" LLC_SNAP "0800" PACKET4,
		"50"
		"020000000001"
		"020000000007" LLC_SNAP "86dd" PACKET6);
	carries(DLT_IEEE802,
		"1040"
		"020000000001"
		"020000000007" LLC_SNAP "0800" PACKET4,
		"1040"
		"020000000001"
		"820000000007"
		"0630"
		"00120023" LLC_SNAP "86dd" PACKET6);
	carries(DLT_IP_OVER_FC,
		"0000020000000001"
		"0000020000000007" LLC_SNAP "0800" PACKET4,
		"0000020000000001"
		"0000020000000007" LLC_SNAP "86dd" PACKET6);
	carries(DLT_APPLE_IP_OVER_IEEE1394,
		"0000020000000001"
		"0000020000000007"
		"0800" PACKET4,
		"0000020000000001"
		"0000020000000007"
		"86dd" PACKET6);
	carries(DLT_IPOIB,
		"0000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000"
		"08000000" PACKET4,
		"0000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000"
		"86dd0000" PACKET6);
}

Test(link, atm)
{
	carries(DLT_ATM_RFC1483, LLC_SNAP "0800" PACKET4,
		"fefe03"
		"8e" PACKET6);
	carries(DLT_ATM_RFC1483, "aaaa030080c20007" ETH("0800") PACKET4,
		"fefe03"
		"8e" PACKET6);
	carries(DLT_ATM_CLIP, PACKET4, LLC_SNAP "86dd" PACKET6);
	frame_is_skipped(DLT_ATM_RFC1483,
			 "fefe03"
			 "81" PACKET4,
			 SKIP_NOT_IP);
}

Test(link, headers_of_a_fixed_size)
{
	carries(DLT_SLIP,
		"00"
		"000000000000000000000000000000" PACKET4,
		"01"
		"000000000000000000000000000000" PACKET6);
	carries(DLT_ENC,
		"02000000"
		"00001000"
		"00000000" PACKET4,
		"18000000"
		"00001000"
		"00000000" PACKET6);
	carries(DLT_IPNET,
		"0102000000000028"
		"00000001"
		"00000000"
		"00000000"
		"00000000" PACKET4,
		"011a00000000003c"
		"00000001"
		"00000000"
		"00000000"
		"00000000" PACKET6);
	carries(DLT_NETANALYZER, "00000000" ETH("0800") PACKET4, "00000000" ETH("86dd") PACKET6);
	carries(DLT_NETANALYZER_TRANSPARENT,
		"00000000"
		"55555555555555d5" ETH("0800") PACKET4,
		"00000000"
		"55555555555555d5" ETH("86dd") PACKET6);
	carries(DLT_ETHERNET_MPACKET, "55555555555555d5" ETH("0800") PACKET4,
		"55555555555555d5" ETH("86dd") PACKET6);
}

Test(link, an_unknown_type_has_no_decoder)
{
	cr_expect_null(link_find(DLT_USER0));
	cr_expect_null(link_find(-1));
	cr_expect_not_null(link_find(DLT_EN10MB));
}

/* Where it passed: interface 2 of the header, which way, and over lo or not. */
Test(link, sll2_names_the_device)
{
	struct decoded in = frame_decode(DLT_LINUX_SLL2, SLL2("00", "0001", "0800") PACKET4);
	struct decoded out = frame_decode(DLT_LINUX_SLL2, SLL2("04", "0001", "0800") PACKET4);
	struct decoded sll = frame_decode(DLT_LINUX_SLL, SLL("0000", "0001", "0800") PACKET4);

	cr_assert_eq(in.event.segment.device, 2);
	cr_assert_not(in.event.segment.outgoing);
	cr_assert_eq(out.event.segment.device, 2);
	cr_assert(out.event.segment.outgoing);
	cr_assert_eq(sll.event.segment.device, 0);
}
