#include "capture/frame/icmp.h"

#include <pcap/dlt.h>

#include "frame.h"

/* A router, 198.51.100.9 or 2001:db8::9, writes to the client about the client's own segment. */
#define ROUTER4 "c6336409"
#define ROUTER6 "20010db8000000000000000000000009"

#define ICMP_TO_CLIENT(total, type_code)        \
	"4500" total "0001"                     \
	"0000"                                  \
	"40"                                    \
	"01"                                    \
	"0000" ROUTER4 CLIENT4 type_code "0000" \
	"00000000"
#define ICMPV6_TO_CLIENT(length, type_code)   \
	"60000000" length "3a"                \
	"40" ROUTER6 CLIENT6 type_code "0000" \
	"00000000"

/* What RFC 792 promises of the TCP header: ports and sequence number. */
#define QUOTED \
	"c000" \
	"0050" \
	"01020304"

static struct icmp_error error_of(const char *hex)
{
	struct decoded out = frame_decode(DLT_RAW, hex);

	cr_assert_eq(out.result, DECODE_ICMP_ERROR, "no error: %s", skip_reason_name(out.reason));
	cr_expect_eq(out.event.icmp.flow.sport, 49152);
	cr_expect_eq(out.event.icmp.flow.dport, 80);
	cr_expect_eq(out.event.icmp.seq, 0x01020304);
	cr_expect_eq(out.event.icmp.frame, 1);
	return out.event.icmp;
}

Test(icmp, an_error_names_the_segment_that_it_quotes)
{
	struct icmp_error e;

	e = error_of(ICMP_TO_CLIENT("0038", "0301") IPV4("0040", "06") QUOTED);
	frame_expect_address(&e.flow.saddr, CLIENT4);
	frame_expect_address(&e.flow.daddr, SERVER4);
	frame_expect_address(&e.from, ROUTER4);
	cr_expect_eq(e.type, 3);
	cr_expect_eq(e.code, 1);
	cr_expect_not(e.ipv6);

	e = error_of(ICMPV6_TO_CLIENT("0038", "0104") IPV6("0014", "06") QUOTED);
	frame_expect_address(&e.flow.saddr, CLIENT6);
	frame_expect_address(&e.flow.daddr, SERVER6);
	frame_expect_address(&e.from, ROUTER6);
	cr_expect_eq(e.type, 1);
	cr_expect_eq(e.code, 4);
	cr_expect(e.ipv6);
}

Test(icmp, a_quoted_header_is_found_behind_options_and_extensions)
{
	error_of(ICMP_TO_CLIENT("003c", "0301") "46000044"
						"12344000"
						"40060000" CLIENT4 SERVER4 "94040000" QUOTED);
	error_of(ICMPV6_TO_CLIENT("0040", "0104") IPV6("001c", "00") "0600 010400000000" QUOTED);
}

Test(icmp, all_errors_are_taken_and_nothing_else)
{
	static const uint8_t errors4[] = {3, 4, 11, 12}, errors6[] = {1, 2, 3, 4};
	char frame[1024];

	for (int type = 0; type < 256; type++) {
		bool is4 = memchr(errors4, type, sizeof(errors4));
		bool is6 = memchr(errors6, type, sizeof(errors6));

		snprintf(frame, sizeof(frame),
			 ICMP_TO_CLIENT("0038", "%02x00") IPV4("0040", "06") QUOTED, type);
		cr_expect_eq(frame_decode(DLT_RAW, frame).result,
			     is4 ? DECODE_ICMP_ERROR : DECODE_SKIP, "ICMP type %d", type);
		snprintf(frame, sizeof(frame),
			 ICMPV6_TO_CLIENT("0038", "%02x00") IPV6("0014", "06") QUOTED, type);
		cr_expect_eq(frame_decode(DLT_RAW, frame).result,
			     is6 ? DECODE_ICMP_ERROR : DECODE_SKIP, "ICMPv6 type %d", type);
	}
}

Test(icmp, a_quotation_cut_anywhere_is_a_clean_skip)
{
	frame_every_truncation(DLT_RAW, ICMP_TO_CLIENT("0038", "0301") IPV4("0028", "06") QUOTED,
			       56);
	frame_every_truncation(DLT_RAW, ICMPV6_TO_CLIENT("0038", "0104") IPV6("0014", "06") QUOTED,
			       96);
	/* the sender quoted one byte too few */
	frame_is_skipped(DLT_RAW,
			 ICMP_TO_CLIENT("0037", "0301") IPV4("0028", "06") "c0000050010203",
			 SKIP_TRUNCATED);
}

Test(icmp, other_quotations_are_skipped_by_reason)
{
	frame_is_skipped(DLT_RAW,
			 ICMP_TO_CLIENT("0038", "0303") IPV4("001c", "11") "c000003500080000",
			 SKIP_NOT_TCP);
	/* a fragment that is not the first: there is no TCP header in it */
	frame_is_skipped(DLT_RAW,
			 ICMP_TO_CLIENT("0038", "0b01") IPV4_FRAGMENT("0028", "0002", "06") QUOTED,
			 SKIP_FRAGMENT);
	frame_is_skipped(DLT_RAW,
			 ICMP_TO_CLIENT("0038", "0301") "3500"
							"0028" QUOTED,
			 SKIP_MALFORMED);
}

Test(icmp, the_first_fragment_of_a_segment_is_quoted_as_well_as_any)
{
	error_of(ICMP_TO_CLIENT("0038", "0b01") IPV4_FRAGMENT("0028", "2000", "06") QUOTED);
}
