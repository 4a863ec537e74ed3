#include "capture/frame/fragment.h"

#include <pcap/dlt.h>

#include "frame.h"

/* The TCP header of TCP("5002"), in pieces of 8, 8 and 4 bytes. */
#define PIECE1 \
	"c000" \
	"0050" \
	"01020304"
#define PIECE2     \
	"05060708" \
	"5002"     \
	"faf0"
#define PIECE3 \
	"0000" \
	"0000"

#define FIRST4	IPV4_FRAGMENT("001c", "2000", "06") PIECE1
#define SECOND4 IPV4_FRAGMENT("001c", "2001", "06") PIECE2
#define LAST4	IPV4_FRAGMENT("0018", "0002", "06") PIECE3

#define FIRST6             \
	IPV6("0010", "2c") \
	"06000001"         \
	"0000abcd" PIECE1
#define SECOND6            \
	IPV6("0010", "2c") \
	"06000009"         \
	"0000abcd" PIECE2
#define LAST6              \
	IPV6("000c", "2c") \
	"06000010"         \
	"0000abcd" PIECE3

static struct decoded add_at(struct decoder *d, int64_t time_ns, const char *hex)
{
	struct frame f = frame_of(hex);

	d->time_ns = time_ns;
	return frame_decode_with(d, DLT_RAW, &f, f.size, f.size);
}

static struct decoded add(struct decoder *d, const char *hex)
{
	return add_at(d, 0, hex);
}

static void waits(struct decoder *d, const char *hex)
{
	struct decoded out = add(d, hex);

	cr_expect_eq(out.result, DECODE_SKIP);
	cr_expect_eq(out.reason, SKIP_FRAGMENT, "%s", skip_reason_name(out.reason));
}

static void completes(struct decoder *d, const char *hex, bool ipv6)
{
	struct decoded out = add(d, hex);

	cr_assert_eq(out.result, DECODE_SEGMENT, "%s", skip_reason_name(out.reason));
	frame_expect_segment(&out.event.segment, ipv6);
	cr_expect_eq(out.event.segment.flags, TCP_FLAG_SYN);
	cr_expect_eq(out.event.segment.payload, 0);
	cr_expect_eq(out.event.segment.frame, d->frame);
	cr_expect_eq(out.event.segment.ip_id, ipv6 ? 0xabcd : 0x1234);
}

Test(fragment, a_segment_counts_when_its_datagram_is_whole)
{
	static const char *const pieces[2][3] = {{FIRST4, SECOND4, LAST4},
						 {FIRST6, SECOND6, LAST6}};
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	struct decoder d = {.frame = 0};

	for (int v6 = 0; v6 < 2; v6++)
		for (int o = 0; o < 6; o++) {
			waits(&d, pieces[v6][orders[o][0]]);
			waits(&d, pieces[v6][orders[o][1]]);
			completes(&d, pieces[v6][orders[o][2]], v6);
		}
	fragments_free(d.fragments);
}

Test(fragment, duplicates_change_nothing)
{
	struct decoder d = {.frame = 0};

	waits(&d, FIRST4);
	waits(&d, FIRST4);
	waits(&d, LAST4);
	waits(&d, LAST4);
	waits(&d, FIRST4);
	completes(&d, SECOND4, false);
	/* it is forgotten then */
	waits(&d, SECOND4);
	fragments_free(d.fragments);
}

Test(fragment, the_first_bytes_to_come_are_believed)
{
	struct decoder d = {.frame = 0};

	waits(&d, FIRST4);
	waits(&d, IPV4_FRAGMENT("001c", "2000", "06") "ffff"
						      "ffff"
						      "ffffffff");
	waits(&d, SECOND4);
	completes(&d, LAST4, false);
	fragments_free(d.fragments);
}

Test(fragment, datagrams_differ_by_address_id_and_protocol)
{
	struct decoder d = {.frame = 0};

	waits(&d, FIRST4);
	waits(&d, SECOND4);
	/* another id; another source; another protocol */
	waits(&d, "4500"
		  "0018"
		  "1235"
		  "0002"
		  "40"
		  "06"
		  "0000" CLIENT4 SERVER4 PIECE3);
	waits(&d, "4500"
		  "0018"
		  "1234"
		  "0002"
		  "40"
		  "06"
		  "0000" SERVER4 CLIENT4 PIECE3);
	waits(&d, "4500"
		  "0018"
		  "1234"
		  "0002"
		  "40"
		  "04"
		  "0000" CLIENT4 SERVER4 PIECE3);
	completes(&d, LAST4, false);
	fragments_free(d.fragments);
}

Test(fragment, payload_is_counted_over_all_pieces)
{
	struct decoder d = {.frame = 0};
	struct frame f = frame_of(IPV4_FRAGMENT("05dc", "2000", "06") TCP("5018"));
	struct decoded out;

	/* 1,480 bytes, then 1,000 of which the snaplen kept none */
	out = frame_decode_with(&d, DLT_RAW, &f, 1500, 1500);
	cr_expect_eq(out.result, DECODE_SKIP);
	f = frame_of(IPV4_FRAGMENT("03fc", "00b9", "06"));
	out = frame_decode_with(&d, DLT_RAW, &f, f.size, 1020);
	cr_assert_eq(out.result, DECODE_SEGMENT);
	cr_expect_eq(out.event.segment.payload, 1480 - 20 + 1000);
	fragments_free(d.fragments);
}

Test(fragment, a_first_one_that_the_snaplen_cut_is_read_by_itself)
{
	struct decoder d = {.frame = 0};
	struct frame f = frame_of(IPV4_FRAGMENT("05dc", "2000", "06") TCP("5002"));
	struct decoded out = frame_decode_with(&d, DLT_RAW, &f, f.size, 1500);

	cr_assert_eq(out.result, DECODE_SEGMENT);
	frame_expect_segment(&out.event.segment, false);
	cr_expect_eq(out.event.segment.payload, 1480 - 20);
	/* the others never make it whole */
	waits(&d, IPV4_FRAGMENT("0018", "00b9", "06") PIECE3);
	/* not even the header is there */
	f = frame_of(FIRST4);
	out = frame_decode_with(&d, DLT_RAW, &f, f.size - 1, f.size);
	cr_expect_eq(out.result, DECODE_SKIP);
	fragments_free(d.fragments);
}

Test(fragment, after_half_a_minute_it_is_forgotten)
{
	struct decoder d = {.frame = 0};

	waits(&d, FIRST4);
	waits(&d, SECOND4);
	cr_expect_eq(add_at(&d, 30 * NS_PER_SEC + 1, LAST4).reason, SKIP_FRAGMENT);
	/* only the last one is there now */
	cr_expect_eq(add_at(&d, 30 * NS_PER_SEC + 2, FIRST4).result, DECODE_SKIP);
	cr_expect_eq(add_at(&d, 30 * NS_PER_SEC + 3, SECOND4).result, DECODE_SEGMENT);
	/* timestamps that run backwards make nothing old */
	waits(&d, FIRST4);
	cr_expect_eq(add_at(&d, -90 * NS_PER_SEC, SECOND4).result, DECODE_SKIP);
	cr_expect_eq(add_at(&d, -80 * NS_PER_SEC, LAST4).result, DECODE_SEGMENT);
	fragments_free(d.fragments);
}

Test(fragment, the_table_is_bounded_and_tells_when_it_was_full)
{
	struct decoder d = {.frame = 0};
	unsigned evicted = 0;

	for (unsigned id = 0; id < 4 * FRAGMENT_DATAGRAMS_MAX; id++) {
		struct decoded out;
		char hex[256];

		snprintf(hex, sizeof(hex),
			 "4500001c%04x20004006"
			 "0000" CLIENT4 SERVER4 PIECE1,
			 id);
		out = add(&d, hex);
		cr_expect_eq(out.result, DECODE_SKIP);
		evicted += out.reason == SKIP_FRAGMENT_TABLE;
	}
	/* How evenly the ids spread decides how many there are, but never fewer than that. */
	cr_expect_geq(evicted, 3 * FRAGMENT_DATAGRAMS_MAX);
	cr_expect_lt(evicted, 4 * FRAGMENT_DATAGRAMS_MAX);
	/* the newest still has its place */
	add(&d, FIRST4);
	add(&d, SECOND4);
	cr_expect_eq(add(&d, LAST4).result, DECODE_SEGMENT);
	fragments_free(d.fragments);
}

Test(fragment, what_cannot_be_is_malformed)
{
	struct decoder d = {.frame = 0};

	/* beyond 64 KiB; of no length; not a multiple of eight and less than that */
	cr_expect_eq(add(&d, IPV4_FRAGMENT("001c", "1fff", "06") PIECE1).reason, SKIP_MALFORMED);
	cr_expect_eq(add(&d, IPV4_FRAGMENT("0014", "2000", "06")).reason, SKIP_MALFORMED);
	cr_expect_eq(add(&d, IPV4_FRAGMENT("0018", "2000", "06") PIECE3).reason, SKIP_MALFORMED);
	/* behind what was the last one, or a last one before others */
	waits(&d, LAST4);
	cr_expect_eq(add(&d, IPV4_FRAGMENT("001c", "2003", "06") PIECE1).reason, SKIP_MALFORMED);
	cr_expect_eq(add(&d, IPV4_FRAGMENT("0018", "0001", "06") PIECE3).reason, SKIP_MALFORMED);
	fragments_free(d.fragments);
}

Test(fragment, tunnels_are_opened_behind_fragments)
{
	/* VXLAN: 8 bytes of UDP, 8 of its own, 14 of Ethernet, 40 of the packet within */
	static const char inner[] = "c001"
				    "12b5"
				    "0046"
				    "0000"
				    "0800000000000100" ETH("0800") IPV4("0028", "06") TCP("5002");
	struct decoder d = {.frame = 0};
	char first[512], last[512];

	snprintf(first, sizeof(first), "%s%.64s", IPV4_FRAGMENT("0034", "2000", "11"), inner);
	snprintf(last, sizeof(last), "%s%s", IPV4_FRAGMENT("003a", "0004", "11"), inner + 64);
	waits(&d, first);
	completes(&d, last, false);
	/* of UDP the first fragment has to come first: a port is in no other */
	waits(&d, last);
	waits(&d, first);
	completes(&d, last, false);
	fragments_free(d.fragments);
}

Test(fragment, extension_headers_behind_the_fragment_header_are_read)
{
	struct decoder d = {.frame = 0};

	waits(&d, IPV6("0010", "2c") "3c000001"
				     "0000abcd"
				     "0600"
				     "010400000000");
	waits(&d, IPV6("0018", "2c") "3c000009"
				     "0000abcd" PIECE1 PIECE2);
	completes(&d,
		  IPV6("000c", "2c") "3c000018"
				     "0000abcd" PIECE3,
		  true);
	fragments_free(d.fragments);
}

Test(fragment, udp_that_is_no_tunnel_takes_no_room)
{
	struct decoder d = {.frame = 0};

	waits(&d, IPV4_FRAGMENT("001c", "2000", "11") "0035c00100400000");
	waits(&d, IPV4_FRAGMENT("001c", "0001", "11") "0000000000000000");
	waits(&d, IPV4_FRAGMENT("001c", "2000", "01") "0800000000000000");
	cr_expect_null(d.fragments);
	fragments_free(d.fragments);
	fragments_free(NULL);
}
