/*
 * For the tests of the decoders: frames as annotated hex, decoded from heap
 * copies of their exact size, so that AddressSanitizer sees every over-read.
 */
#ifndef TESTS_UNIT_FRAME_H
#define TESTS_UNIT_FRAME_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/frame/decode.h"
#include "capture/frame/link.h"

/* Addresses of RFC 5737 and RFC 3849: the client is .7, the server .1. */
#define CLIENT4 "c0000207"
#define SERVER4 "c0000201"
#define CLIENT6 "20010db8000000000000000000000007"
#define SERVER6 "20010db8000000000000000000000001"

#define ETH(type)      \
	"020000000001" \
	"020000000007" type

/* total length, protocol; id 0x1234, DF, ttl 64 */
#define IPV4(total, protocol) \
	"4500" total "1234"   \
	"4000"                \
	"40" protocol "0000" CLIENT4 SERVER4
/* the same with flags and fragment offset */
#define IPV4_FRAGMENT(total, flags, protocol) \
	"4500" total "1234" flags "40" protocol "0000" CLIENT4 SERVER4
/* payload length, next header; hop limit 63 */
#define IPV6(length, next) "60000000" length next "3f" CLIENT6 SERVER6

/* offset and flags as "5002"; ports 49152 -> 80, seq 0x01020304, ack 0x05060708, window 0xfaf0 */
#define TCP(offset_flags)              \
	"c000"                         \
	"0050"                         \
	"01020304"                     \
	"05060708" offset_flags "faf0" \
	"0000"                         \
	"0000"

struct frame {
	uint8_t bytes[4096];
	uint32_t size;
};

struct decoded {
	enum decode result;
	enum skip_reason reason;
	struct event event;
};

/* Blanks are for the reader. */
static inline struct frame frame_of(const char *hex)
{
	struct frame f = {.size = 0};

	for (; *hex; hex++) {
		char digits[3] = {hex[0], 0, 0};

		if (*hex == ' ')
			continue;
		digits[1] = *++hex;
		cr_assert(digits[1] && f.size < sizeof(f.bytes), "bad hex in the test");
		f.bytes[f.size++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return f;
}

/* The first captured bytes of the frame, which was wire bytes long. */
static inline struct decoded frame_decode_with(struct decoder *d, int linktype,
					       const struct frame *f, uint32_t captured,
					       uint32_t wire)
{
	struct decoded out;
	uint8_t *copy = malloc(captured ? captured : 1);
	link_fn decode = link_find(linktype);

	cr_assert(copy && decode);
	memcpy(copy, f->bytes, captured);
	memset(&out, 0xa5, sizeof(out));
	d->cursor = cursor_of(copy + (captured ? 0 : 1), captured, wire);
	d->event = &out.event;
	d->depth = 0;
	d->outgoing = false;
	d->frame++;
	out.result = decode(d);
	out.reason = d->reason;
	free(copy);
	return out;
}

static inline struct decoded frame_decode(int linktype, const char *hex)
{
	struct frame f = frame_of(hex);
	struct decoder d = {.frame = 0};

	return frame_decode_with(&d, linktype, &f, f.size, f.size);
}

/*
 * Cuts the frame everywhere, as a snaplen does and as a sender does. What needs
 * `whole` bytes to be decoded is a skip with fewer.
 */
static inline void frame_every_truncation(int linktype, const char *hex, uint32_t whole)
{
	struct frame f = frame_of(hex);

	for (uint32_t n = 0; n < f.size; n++) {
		struct decoder d = {.frame = 0};
		struct decoded by_snaplen = frame_decode_with(&d, linktype, &f, n, f.size);
		struct decoded by_sender = frame_decode_with(&d, linktype, &f, n, n);

		cr_expect_eq(by_snaplen.result == DECODE_SKIP, n < whole, "%u of %u bytes: %d", n,
			     f.size, by_snaplen.result);
		if (n < whole) {
			cr_expect_eq(by_snaplen.reason, SKIP_TRUNCATED, "%u of %u bytes: %s", n,
				     f.size, skip_reason_name(by_snaplen.reason));
			cr_expect_eq(by_sender.result, DECODE_SKIP);
		}
	}
}

static inline struct segment frame_segment(int linktype, const char *hex)
{
	struct decoded out = frame_decode(linktype, hex);

	cr_assert_eq(out.result, DECODE_SEGMENT, "no segment: %s", skip_reason_name(out.reason));
	return out.event.segment;
}

static inline void frame_is_skipped(int linktype, const char *hex, enum skip_reason reason)
{
	struct decoded out = frame_decode(linktype, hex);

	cr_expect_eq(out.result, DECODE_SKIP, "%s", hex);
	if (out.result == DECODE_SKIP)
		cr_expect_eq(out.reason, reason, "%s, not %s: %s", skip_reason_name(out.reason),
			     skip_reason_name(reason), hex);
}

static inline void frame_expect_address(const struct address *a, const char *hex)
{
	struct frame f = frame_of(hex);
	struct address expected =
	    f.size == 4 ? address_from_ipv4(f.bytes) : address_from_ipv6(f.bytes);

	cr_expect(address_equal(a, &expected), "not the address %s", hex);
}

/* The segment of TCP() from CLIENT to SERVER, of either family. */
static inline void frame_expect_segment(const struct segment *s, bool ipv6)
{
	frame_expect_address(&s->flow.saddr, ipv6 ? CLIENT6 : CLIENT4);
	frame_expect_address(&s->flow.daddr, ipv6 ? SERVER6 : SERVER4);
	cr_expect_eq(s->flow.sport, 49152);
	cr_expect_eq(s->flow.dport, 80);
	cr_expect_eq(s->seq, 0x01020304);
	cr_expect_eq(s->ack, 0x05060708);
	cr_expect_eq(s->window, 0xfaf0);
	cr_expect_eq(s->ttl, ipv6 ? 63 : 64);
}

/* A frame that ends with TCP() carries that segment, and is a clean skip when cut anywhere. */
static inline void frame_carries(int linktype, bool ipv6, const char *hex)
{
	struct segment s = frame_segment(linktype, hex);

	frame_expect_segment(&s, ipv6);
	cr_expect_eq(s.payload, 0);
	frame_every_truncation(linktype, hex, frame_of(hex).size);
}

#define PACKET4 IPV4("0028", "06") TCP("5010")
#define PACKET6 IPV6("0014", "06") TCP("5010")

#endif
