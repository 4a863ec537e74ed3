#include "capture/frame/ip.h"

#include <pcap/dlt.h>

#include "frame.h"

Test(ip, both_versions_are_read)
{
	struct segment s;

	s = frame_segment(DLT_RAW, IPV4("0028", "06") TCP("5010"));
	frame_expect_segment(&s, false);
	s = frame_segment(DLT_RAW, IPV6("0014", "06") TCP("5010"));
	frame_expect_segment(&s, true);
	cr_expect_eq(s.ip_id, 0);
}

Test(ip, every_truncation_is_a_clean_skip)
{
	frame_every_truncation(DLT_RAW, IPV4("0028", "06") TCP("5010"), 40);
	frame_every_truncation(DLT_RAW, IPV6("0014", "06") TCP("5010"), 60);
	frame_every_truncation(DLT_RAW,
			       IPV6("0034", "00") "2b00 010400000000"
						  "3c00 0000 00000000"
						  "0601 010a0000000000000000000000"
						  "00" TCP("5010"),
			       92);
}

Test(ip, ipv4_options_are_stepped_over)
{
	struct segment s =
	    frame_segment(DLT_RAW, "4600002c"
				   "12344000"
				   "40060000" CLIENT4 SERVER4 "94040000" TCP("5010"));

	frame_expect_segment(&s, false);
}

Test(ip, a_source_route_names_the_destination_last)
{
	struct segment s;

	/* strict, by 198.51.100.1; the header has the next hop, the route ends at 192.0.2.1 */
	s = frame_segment(DLT_RAW, "47000030"
				   "12344000"
				   "40060000" CLIENT4 "c6336401"
				   "890704" SERVER4 "00" TCP("5010"));
	frame_expect_segment(&s, false);
	/* loose, behind a NOP */
	s = frame_segment(DLT_RAW, "47000030"
				   "12344000"
				   "40060000" CLIENT4 "c6336401"
				   "01830704" SERVER4 TCP("5010"));
	frame_expect_segment(&s, false);
	/* already followed: what it has is where the packet has been */
	s = frame_segment(DLT_RAW, "47000030"
				   "12344000"
				   "40060000" CLIENT4 SERVER4 "830708"
				   "c6336401"
				   "00" TCP("5010"));
	frame_expect_segment(&s, false);
	/* lengths that cannot be */
	s = frame_segment(DLT_RAW, "46000"
				   "02c"
				   "12344000"
				   "40060000" CLIENT4 SERVER4 "83ff0401" TCP("5010"));
	frame_expect_segment(&s, false);
	s = frame_segment(DLT_RAW, "46000"
				   "02c"
				   "12344000"
				   "40060000" CLIENT4 SERVER4 "83010401" TCP("5010"));
	frame_expect_segment(&s, false);
}

Test(ip, extension_headers_are_stepped_over)
{
	/* hop-by-hop, routing, destination options of 16 bytes, authentication of 16 bytes */
	struct segment s = frame_segment(
	    DLT_RAW, IPV6("0044", "00") "2b00 010400000000"
					"3c00 0000 00000000"
					"3301 010c000000000000000000000000"
					"0602 0000 00000001 00000001 11111111" TCP("5010"));

	frame_expect_segment(&s, true);
	cr_expect_eq(s.payload, 0);
	/* mobility, host identity, shim6: RFC 7045 */
	s = frame_segment(DLT_RAW, IPV6("002c", "87") "8b00 000000000000"
						      "8c00 000000000000"
						      "0600 000000000000" TCP("5010"));
	frame_expect_segment(&s, true);
	/* authentication in IPv4 */
	s = frame_segment(DLT_RAW,
			  IPV4("0038", "33") "0602 0000 00000001 00000001 11111111" TCP("5010"));
	frame_expect_segment(&s, false);
}

Test(ip, an_atomic_fragment_is_a_whole_packet)
{
	struct segment s =
	    frame_segment(DLT_RAW, IPV6("001c", "2c") "0600 0000 0000abcd" TCP("5010"));

	frame_expect_segment(&s, true);
	cr_expect_eq(s.ip_id, 0xabcd);
}

Test(ip, ip_in_ip_gives_the_inner_packet)
{
	struct segment s;

	s = frame_segment(DLT_RAW, IPV6("0028", "04") IPV4("0028", "06") TCP("5010"));
	frame_expect_segment(&s, false);
	s = frame_segment(DLT_RAW, IPV4("0050", "29") IPV6("0014", "06") TCP("5010"));
	frame_expect_segment(&s, true);
	frame_every_truncation(DLT_RAW, IPV6("0028", "04") IPV4("0028", "06") TCP("5010"), 80);
}

Test(ip, other_protocols_that_carry_packets)
{
	frame_carries(DLT_RAW, false, IPV4("003c", "5e") PACKET4);
	frame_carries(DLT_RAW, false, IPV4("004c", "61") "3000" ETH("0800") PACKET4);
	frame_carries(DLT_RAW, false, IPV4("0040", "89") "0001d1ff" PACKET4);
	frame_carries(DLT_RAW, false, IPV6("0036", "8f") ETH("0800") PACKET4);
	frame_is_skipped(DLT_RAW, IPV4("0018", "6c") "00000000", SKIP_ENCAPSULATION);
	frame_is_skipped(DLT_RAW, IPV4("0018", "73") "00000001", SKIP_ENCAPSULATION);
}

Test(ip, nesting_without_end_is_refused)
{
	char frame[64 * 41] = "";

	for (int i = 0; i < 40; i++)
		strcat(frame, IPV4("0000", "04"));
	frame_is_skipped(DLT_RAW, frame, SKIP_ENCAPSULATION);
}

Test(ip, what_is_not_tcp_is_named)
{
	frame_is_skipped(DLT_RAW, IPV4("001c", "11") "0035003500080000", SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW, IPV6("0000", "3b"), SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW, IPV4("001c", "32") "0000000100000001", SKIP_ENCRYPTED);
	frame_is_skipped(DLT_RAW, IPV6("0008", "32") "0000000100000001", SKIP_ENCRYPTED);
	/* each version has an ICMP of its own */
	frame_is_skipped(DLT_RAW, IPV4("001c", "3a") "0100000000000000", SKIP_NOT_TCP);
	frame_is_skipped(DLT_RAW, IPV6("0008", "01") "0301000000000000", SKIP_NOT_TCP);
}

Test(ip, lengths_that_contradict_are_malformed)
{
	frame_is_skipped(DLT_RAW, "00", SKIP_MALFORMED);
	frame_is_skipped(DLT_RAW, IPV4("0013", "06") TCP("5010"), SKIP_MALFORMED);
	frame_is_skipped(DLT_RAW,
			 "44"
			 "00002812344000400600"
			 "00" CLIENT4 SERVER4 TCP("5010"),
			 SKIP_MALFORMED);
	frame_is_skipped(DLT_RAW,
			 "50"
			 "00002812344000400600"
			 "00" CLIENT4 SERVER4 TCP("5010"),
			 SKIP_MALFORMED);
	/* a header with options that is longer than its packet */
	frame_is_skipped(DLT_RAW,
			 "4f000028"
			 "12344000"
			 "40060000" CLIENT4 SERVER4 TCP("5010"),
			 SKIP_MALFORMED);
	/* an extension header that is longer than its packet */
	frame_is_skipped(DLT_RAW, IPV6("0008", "00") "0601 010400000000", SKIP_MALFORMED);
	frame_is_skipped(DLT_RAW, IPV6("0001", "00") "06", SKIP_MALFORMED);
}

Test(ip, padding_behind_the_packet_is_no_payload)
{
	struct segment s =
	    frame_segment(DLT_EN10MB, ETH("0800") IPV4("0028", "06") TCP("5010") "000000000000");

	cr_expect_eq(s.payload, 0);
	s = frame_segment(DLT_EN10MB, ETH("86dd") IPV6("0014", "06") TCP("5010") "0000");
	cr_expect_eq(s.payload, 0);
}

Test(ip, a_jumbogram_is_as_long_as_its_frame)
{
	struct frame f = frame_of(IPV6("0000", "00") "0600 c204 00011194" TCP("5010"));
	struct decoder d = {.frame = 0};
	struct decoded out = frame_decode_with(&d, DLT_RAW, &f, f.size, 40 + 70036);

	cr_assert_eq(out.result, DECODE_SEGMENT);
	cr_expect_eq(out.event.segment.payload, 70036 - 28);
}
