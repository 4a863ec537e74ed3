#include "capture/frame/tcp.h"

#include <pcap/dlt.h>

#include "frame.h"

/* MSS 1460, SACK permitted, timestamps, NOP, window scale 7: a Linux SYN. */
#define SYN_OPTIONS              \
	"020405b4"               \
	"0402"                   \
	"080a 11223344 00000000" \
	"01"                     \
	"030307"

Test(tcp, a_syn_of_linux_is_read_whole)
{
	struct segment s = frame_segment(DLT_RAW, IPV4("003c", "06") TCP("a002") SYN_OPTIONS);

	frame_expect_segment(&s, false);
	cr_expect_eq(s.flags, TCP_FLAG_SYN);
	cr_expect_eq(s.payload, 0);
	cr_expect_eq(s.ip_id, 0x1234);
	cr_expect_eq(s.frame, 1);
	cr_expect_eq(s.options, SEGMENT_TIMESTAMP | SEGMENT_SACK_PERMITTED | SEGMENT_WINDOW_SCALE);
	cr_expect_eq(s.window_scale, 7);
	cr_expect_eq(s.tsval, 0x11223344);
	cr_expect_eq(s.tsecr, 0);
	cr_expect_not(s.outgoing);
}

Test(tcp, a_header_cut_anywhere_is_a_skip_and_cut_options_say_so)
{
	const char *frame = IPV4("003c", "06") TCP("a002") SYN_OPTIONS;
	struct frame f = frame_of(frame);

	frame_every_truncation(DLT_RAW, frame, 40);
	for (uint32_t n = 40; n < 60; n++) {
		struct decoder d = {.frame = 0};
		struct decoded out = frame_decode_with(&d, DLT_RAW, &f, n, 60);

		cr_expect_eq(out.result, DECODE_SEGMENT);
		cr_expect(out.event.segment.options & SEGMENT_OPTIONS_CUT, "%u bytes", n);
		cr_expect_eq(out.event.segment.payload, 0);
	}
}

Test(tcp, payload_is_what_ip_says_and_not_what_was_kept)
{
	struct segment s;
	struct frame f;
	struct decoder d = {.frame = 0};
	struct decoded out;

	/* 5 bytes of data, then Ethernet's padding */
	s = frame_segment(DLT_EN10MB, ETH("0800") IPV4("002d", "06") TCP("5018") "4745542f0a"
										 "00");
	cr_expect_eq(s.payload, 5);
	/* 1,000 bytes, none kept */
	f = frame_of(IPV4("0410", "06") TCP("5018"));
	out = frame_decode_with(&d, DLT_RAW, &f, f.size, 1040);
	cr_assert_eq(out.result, DECODE_SEGMENT);
	cr_expect_eq(out.event.segment.payload, 1000);
	/* the same, from a tool that wrote the cut length as the length */
	out = frame_decode_with(&d, DLT_RAW, &f, f.size, f.size);
	cr_assert_eq(out.result, DECODE_SEGMENT);
	cr_expect_eq(out.event.segment.payload, 1000);
	/* no length at all: a sender with segmentation offload */
	f = frame_of(IPV4("0000", "06") TCP("5018"));
	out = frame_decode_with(&d, DLT_RAW, &f, f.size, 70040);
	cr_assert_eq(out.result, DECODE_SEGMENT);
	cr_expect_eq(out.event.segment.payload, 70000);
}

Test(tcp, timestamps_are_found_in_the_usual_layout_and_in_others)
{
	struct segment s;

	s = frame_segment(DLT_RAW, IPV4("0034", "06") TCP("8010") "0101 080a 00000001 00000002");
	cr_expect_eq(s.options, SEGMENT_TIMESTAMP);
	cr_expect_eq(s.tsval, 1);
	cr_expect_eq(s.tsecr, 2);
	s = frame_segment(DLT_RAW, IPV4("0034", "06") TCP("8010") "080a 00000003 00000004 0101");
	cr_expect_eq(s.options, SEGMENT_TIMESTAMP);
	cr_expect_eq(s.tsval, 3);
	cr_expect_eq(s.tsecr, 4);
	/* behind a SACK block */
	s = frame_segment(DLT_RAW, IPV4("0040", "06") TCP("b010") "0101 050a 0000000100000002 "
								  "0101 080a 00000005 00000006");
	cr_expect_eq(s.options, SEGMENT_TIMESTAMP);
	cr_expect_eq(s.tsecr, 6);
	s = frame_segment(DLT_RAW, IPV4("0028", "06") TCP("5010"));
	cr_expect_eq(s.options, 0);
	cr_expect_eq(s.tsval, 0);
	cr_expect_eq(s.tsecr, 0);
}

static uint8_t options_of(const char *tcp)
{
	char frame[512];

	snprintf(frame, sizeof(frame), IPV4("0000", "06") "%s", tcp);
	return frame_segment(DLT_RAW, frame).options;
}

Test(tcp, fast_open_has_two_numbers_and_may_carry_a_cookie)
{
	cr_expect_eq(options_of(TCP("6002") "2202 0101"), SEGMENT_FASTOPEN);
	cr_expect_eq(options_of(TCP("8002") "220a 1122334455667788 0101"),
		     SEGMENT_FASTOPEN | SEGMENT_FASTOPEN_COOKIE);
	cr_expect_eq(options_of(TCP("6002") "fe04 f989"), SEGMENT_FASTOPEN);
	cr_expect_eq(options_of(TCP("8002") "fe0c f989 1122334455667788"),
		     SEGMENT_FASTOPEN | SEGMENT_FASTOPEN_COOKIE);
	/* another experiment */
	cr_expect_eq(options_of(TCP("6002") "fe04 1234"), 0);
	cr_expect_eq(options_of(TCP("6002") "fe02 0101"), 0);
}

Test(tcp, multipath_is_seen)
{
	cr_expect_eq(options_of(TCP("6002") "1e04 0181"), SEGMENT_MPTCP);
	cr_expect_eq(options_of(TCP("8002") "1e0c 1001 a0b0c0d0 01020304"),
		     SEGMENT_MPTCP | SEGMENT_MP_JOIN);
	/* without a subtype */
	cr_expect_eq(options_of(TCP("6002") "1e02 0101"), 0);
}

Test(tcp, broken_options_end_the_reading_and_say_so)
{
	/* length 0, 1, beyond the header, and a kind without its length */
	cr_expect_eq(options_of(TCP("6002") "0300 0000"), SEGMENT_OPTIONS_CUT);
	cr_expect_eq(options_of(TCP("6002") "0301 0000"), SEGMENT_OPTIONS_CUT);
	cr_expect_eq(options_of(TCP("6002") "0305 0000"), SEGMENT_OPTIONS_CUT);
	cr_expect_eq(options_of(TCP("6002") "0101 0103"), SEGMENT_OPTIONS_CUT);
	/* what came before counts */
	cr_expect_eq(options_of(TCP("7002") "0402 0101 0300 0000"),
		     SEGMENT_SACK_PERMITTED | SEGMENT_OPTIONS_CUT);
	/* the list's end ends it, whatever follows */
	cr_expect_eq(options_of(TCP("6002") "0003 00ff"), 0);
	/* sizes that the options cannot have */
	cr_expect_eq(options_of(TCP("7002") "0302 0403 01 0807 01"), SEGMENT_OPTIONS_CUT);
	cr_expect_eq(options_of(TCP("7002") "0302 0403 01 0803 01"), 0);
}

Test(tcp, a_header_length_that_cannot_be_is_malformed)
{
	frame_is_skipped(DLT_RAW, IPV4("0028", "06") TCP("4002"), SKIP_MALFORMED);
	frame_is_skipped(DLT_RAW, IPV4("0028", "06") TCP("0002"), SKIP_MALFORMED);
	frame_is_skipped(DLT_RAW, IPV4("0027", "06") TCP("5002"), SKIP_MALFORMED);
}

Test(tcp, a_header_longer_than_its_packet_is_read_as_far_as_it_goes)
{
	struct segment s = frame_segment(DLT_RAW, IPV4("0028", "06") TCP("6002"));

	frame_expect_segment(&s, false);
	cr_expect_eq(s.flags, TCP_FLAG_SYN);
	cr_expect_eq(s.payload, 0);
	cr_expect_eq(s.options, SEGMENT_OPTIONS_CUT);
	s = frame_segment(DLT_RAW, IPV4("002a", "06") TCP("6002") "0402");
	cr_expect_eq(s.options, SEGMENT_OPTIONS_CUT | SEGMENT_SACK_PERMITTED);
}
