#include <errno.h>

#include "capfile.h"

#define ETHERNET 1
#define RAW	 101
#define USER0	 147
#define SLL	 113

#define SYN	  IPV4("0028", "06") TCP("5002")
#define SYN_FRAME ETH("0800") SYN

#define SECTION	   0x0a0d0d0a
#define INTERFACE  1
#define PACKET	   2
#define SIMPLE	   3
#define STATISTICS 5
#define ENHANCED   6

/* Opens a block; block_end() fills in its length. */
static size_t block(struct capfile *f, uint32_t type)
{
	size_t start = f->size;

	capfile_u32(f, type);
	capfile_u32(f, 0);
	return start;
}

static void pad(struct capfile *f)
{
	while (f->size % 4)
		capfile_put(f, "", 1);
}

static void block_end(struct capfile *f, size_t start)
{
	size_t size;

	pad(f);
	size = f->size + 4 - start;
	capfile_u32(f, (uint32_t)size);
	f->size = start + 4;
	capfile_u32(f, (uint32_t)size);
	f->size = start + size;
}

static void section(struct capfile *f)
{
	size_t b = block(f, SECTION);

	capfile_u32(f, 0x1a2b3c4d);
	capfile_u16(f, 1);
	capfile_u16(f, 0);
	capfile_u32(f, 0xffffffff);
	capfile_u32(f, 0xffffffff);
	block_end(f, b);
}

static void option(struct capfile *f, uint16_t code, const void *value, uint16_t size)
{
	capfile_u16(f, code);
	capfile_u16(f, size);
	capfile_put(f, value, size);
	pad(f);
}

static void option_u64(struct capfile *f, uint16_t code, uint64_t value)
{
	capfile_u16(f, code);
	capfile_u16(f, 8);
	capfile_u32(f, (uint32_t)(f->big_endian ? value >> 32 : value));
	capfile_u32(f, (uint32_t)(f->big_endian ? value : value >> 32));
}

/* resolution: as the option has it; 0 leaves it out, which means microseconds. */
static void interface(struct capfile *f, uint16_t linktype, uint32_t snaplen, uint8_t resolution,
		      int64_t offset)
{
	size_t b = block(f, INTERFACE);

	capfile_u16(f, linktype);
	capfile_u16(f, 0);
	capfile_u32(f, snaplen);
	option(f, 2, "eth0", 4);
	if (resolution)
		option(f, 9, &resolution, 1);
	if (offset)
		option_u64(f, 14, (uint64_t)offset);
	option(f, 0, "", 0);
	block_end(f, b);
}

static void packet(struct capfile *f, uint32_t of, uint64_t timestamp, const char *hex)
{
	struct frame frame = frame_of(hex);
	size_t b = block(f, ENHANCED);

	capfile_u32(f, of);
	capfile_u32(f, (uint32_t)(timestamp >> 32));
	capfile_u32(f, (uint32_t)timestamp);
	capfile_u32(f, frame.size);
	capfile_u32(f, frame.size);
	capfile_put(f, frame.bytes, frame.size);
	pad(f);
	option(f, 1, "a comment", 9);
	option(f, 0, "", 0);
	block_end(f, b);
}

#define S 1000000ULL

Test(pcapng, interfaces_may_differ_in_everything)
{
	for (int big = 0; big < 2; big++) {
		struct capfile *f = calloc(1, sizeof(*f));
		struct capfile_result *r;

		f->big_endian = big;
		section(f);
		interface(f, ETHERNET, 65535, 0, 0);
		interface(f, RAW, 96, 9, 0);
		packet(f, 1, 2000000001, SYN);
		interface(f, SLL, 0, 3, 0);
		packet(f, 0, 1 * S, SYN_FRAME);
		packet(f, 2, 3500,
		       "0000000100060200000000070000"
		       "0800" SYN);
		r = capfile_read(f);
		cr_assert_eq(r->open, 0, "%s", r->error);
		cr_expect_eq(r->read, 3);
		cr_assert_eq(r->count, 3);
		cr_expect_eq(r->events[0].time_ns, 2000000001);
		cr_expect_eq(r->events[1].time_ns, NS_PER_SEC);
		cr_expect_eq(r->events[2].time_ns, 3500 * NS_PER_MS);
		for (int i = 0; i < 3; i++) {
			frame_expect_segment(&r->events[i].segment, false);
			cr_expect_eq(r->events[i].segment.frame, (uint64_t)i + 1);
		}
		cr_expect_not(r->stats.cut);
		cr_expect_str_empty(r->stats.note);
		free(r);
		free(f);
	}
}

Test(pcapng, a_section_begins_anew)
{
	struct capfile *f = calloc(1, sizeof(*f));
	struct capfile_result *r;

	section(f);
	interface(f, ETHERNET, 0, 0, 0);
	packet(f, 0, 1 * S, SYN_FRAME);
	f->big_endian = true;
	section(f);
	interface(f, RAW, 0, 0, 0);
	packet(f, 0, 2 * S, SYN);
	f->big_endian = false;
	section(f);
	packet(f, 0, 3 * S, SYN);
	r = capfile_read(f);
	cr_expect_eq(r->count, 2);
	cr_expect(r->stats.cut);
	cr_expect(strstr(r->stats.note, "interface 0, which is not described"), "%s",
		  r->stats.note);
	free(r);
	free(f);
}

static int64_t time_of(uint8_t resolution, int64_t offset, uint64_t timestamp)
{
	struct capfile *f = calloc(1, sizeof(*f));
	struct capfile_result *r;
	int64_t time_ns;

	section(f);
	interface(f, ETHERNET, 0, resolution, offset);
	packet(f, 0, timestamp, SYN_FRAME);
	r = capfile_read(f);
	cr_assert_eq(r->count, 1, "%s%s", r->error, r->stats.note);
	time_ns = r->events[0].time_ns;
	free(r);
	free(f);
	return time_ns;
}

Test(pcapng, stamps_of_every_resolution)
{
	cr_expect_eq(time_of(0, 0, 1700000000123456), 1700000000123456000);
	cr_expect_eq(time_of(9, 0, 1700000000123456789), 1700000000123456789);
	cr_expect_eq(time_of(6, 1700000000, 123456), 1700000000123456000);
	cr_expect_eq(time_of(6, -10, 5000000), -5 * NS_PER_SEC);
	/* picoseconds; the most that 64 bits can count */
	cr_expect_eq(time_of(12, 0, 5123456789012), 5123456789);
	cr_expect_eq(time_of(19, 1, 5000000000000000000), NS_PER_SEC + NS_PER_SEC / 2);
	/* powers of two */
	cr_expect_eq(time_of(0x80, 0, 7), 7 * NS_PER_SEC);
	cr_expect_eq(time_of(0x81, 0, 7), 7 * NS_PER_SEC / 2);
	cr_expect_eq(time_of(0xa0, 0, (3ULL << 32) + (1ULL << 31)), 7 * NS_PER_SEC / 2);
	cr_expect_eq(time_of(0xbf, 0, 1ULL << 62), NS_PER_SEC / 2);
	/* before 1970: written by those who take the timestamp for a signed number */
	cr_expect_eq(time_of(6, 0, -1500000ULL), -1500 * NS_PER_MS);
	cr_expect_eq(time_of(6, 0, -2000000ULL), -2 * NS_PER_SEC);
	/* what nobody can mean stays in range */
	cr_expect_gt(time_of(0x80, INT64_MAX, INT64_MAX), (int64_t)UINT32_MAX * NS_PER_SEC);
	cr_expect_leq(time_of(0x80, INT64_MAX, INT64_MAX), INT64_MAX / 2);
	cr_expect_lt(time_of(0x80, INT64_MIN, 1ULL << 63), -(int64_t)UINT32_MAX * NS_PER_SEC);
	cr_expect_geq(time_of(0x80, INT64_MIN, 1ULL << 63), INT64_MIN / 2);
}

Test(pcapng, packets_of_the_other_kinds)
{
	struct capfile *f = calloc(1, sizeof(*f));
	struct frame syn = frame_of(SYN_FRAME);
	struct capfile_result *r;
	size_t b;

	section(f);
	interface(f, ETHERNET, 54, 0, 0);
	b = block(f, PACKET);
	capfile_u16(f, 0);
	capfile_u16(f, 17);
	capfile_u32(f, 0);
	capfile_u32(f, 42);
	capfile_u32(f, syn.size);
	capfile_u32(f, 1500);
	capfile_put(f, syn.bytes, syn.size);
	block_end(f, b);
	b = block(f, SIMPLE);
	capfile_u32(f, 1500);
	capfile_put(f, syn.bytes, syn.size);
	capfile_put(f, "beyond the snaplen", 18);
	block_end(f, b);
	r = capfile_read(f);
	cr_assert_eq(r->count, 2, "%s", r->stats.note);
	cr_expect_eq(r->events[0].time_ns, 42 * NS_PER_US);
	cr_expect_eq(r->events[1].time_ns, 0);
	frame_expect_segment(&r->events[1].segment, false);
	free(r);
	free(f);
}

Test(pcapng, drops_of_the_kernel_are_taken_over)
{
	struct capfile *f = calloc(1, sizeof(*f));
	struct capfile_result *r;

	section(f);
	interface(f, ETHERNET, 0, 0, 0);
	interface(f, ETHERNET, 0, 0, 0);
	for (uint32_t i = 0; i < 4; i++) {
		size_t b = block(f, STATISTICS);

		capfile_u32(f, i); /* the last two are of interfaces that there are not */
		capfile_u32(f, 0);
		capfile_u32(f, 0);
		option_u64(f, 4, 1000);
		option_u64(f, 5, 10 + i);
		option_u64(f, 7, 20 + i);
		block_end(f, b);
	}
	r = capfile_read(f);
	cr_expect_eq(r->stats.interface_dropped, 10 + 11);
	cr_expect_eq(r->stats.dropped, 20 + 21);
	free(r);
	free(f);
}

Test(pcapng, an_unknown_link_type_concerns_its_interface_alone)
{
	struct capfile *f = calloc(1, sizeof(*f));
	struct capfile_result *r;

	section(f);
	interface(f, ETHERNET, 0, 0, 0);
	interface(f, USER0, 0, 0, 0);
	packet(f, 1, 0, SYN_FRAME);
	packet(f, 0, 0, SYN_FRAME);
	packet(f, 1, 0, SYN_FRAME);
	r = capfile_read(f);
	cr_expect_eq(r->count, 1);
	cr_expect_eq(r->stats.skipped[SKIP_LINK_TYPE], 2);
	cr_expect(strstr(r->stats.note, "link type 147"), "%s", r->stats.note);
	cr_expect_null(strchr(r->stats.note, ';'), "said twice: %s", r->stats.note);
	free(r);
	free(f);
}

Test(pcapng, a_cut_file_gives_its_whole_frames)
{
	struct capfile *f = calloc(1, sizeof(*f));
	size_t size, header, first, second;

	section(f);
	header = f->size;
	interface(f, ETHERNET, 0, 0, 0);
	packet(f, 0, 0, SYN_FRAME);
	first = f->size;
	packet(f, 0, 0, SYN_FRAME);
	second = f->size;
	size = f->size;
	for (size_t n = 1; n <= size; n++) {
		uint64_t frames = n < first ? 0 : n < second ? 1 : 2;
		struct capfile_result *r;

		f->size = n;
		r = capfile_read(f);
		if (n < header) {
			cr_expect_eq(r->open, -EBADMSG, "%zu", n);
			cr_expect(strstr(r->error, f->path));
		} else {
			cr_expect_eq(r->open, 0, "%zu: %s", n, r->error);
			cr_expect_eq(r->stats.frames, frames);
			cr_expect_eq(r->read, (int64_t)frames);
		}
		if (n == size)
			cr_expect_not(r->stats.cut);
		free(r);
	}
	free(f);
}

static void damaged(struct capfile *f, const char *reason)
{
	struct capfile_result *r;

	r = capfile_read(f);
	cr_expect_eq(r->open ? r->open : r->read, -EBADMSG, "%s", reason);
	cr_expect(strstr(r->error, reason), "%s", r->error);
	free(r);
	f->size = 0;
	f->big_endian = false;
}

Test(pcapng, damage_is_named)
{
	struct capfile *f = calloc(1, sizeof(*f));
	size_t b;

	section(f);
	f->bytes[8] = 0;
	damaged(f, "without a byte order");
	section(f);
	f->bytes[12] = 2;
	damaged(f, "pcapng of version 2.0");
	section(f);
	f->bytes[24] = 99;
	damaged(f, "two lengths differ");
	section(f);
	f->bytes[4] = 8;
	damaged(f, "a block cannot have 8 bytes");
	section(f);
	f->bytes[7] = 0x7f;
	damaged(f, "a block cannot have");
	b = block(f, SECTION);
	capfile_u32(f, 0x1a2b3c4d);
	block_end(f, b);
	damaged(f, "a section header of 4 bytes");
	section(f);
	b = block(f, INTERFACE);
	block_end(f, b);
	damaged(f, "an interface description of 0 bytes");
	section(f);
	interface(f, ETHERNET, 0, 20, 0);
	damaged(f, "10^-20");
	section(f);
	interface(f, ETHERNET, 0, 0xc0, 0);
	damaged(f, "2^-64");
	section(f);
	packet(f, 0, 0, SYN_FRAME);
	damaged(f, "interface 0, which is not described");
	section(f);
	b = block(f, SIMPLE);
	capfile_u32(f, 0);
	block_end(f, b);
	damaged(f, "before any interface");
	section(f);
	interface(f, ETHERNET, 0, 0, 0);
	b = block(f, ENHANCED);
	block_end(f, b);
	damaged(f, "a packet block of 0 bytes");
	section(f);
	interface(f, ETHERNET, 0, 0, 0);
	b = block(f, SIMPLE);
	block_end(f, b);
	damaged(f, "a packet block of 0 bytes");
	free(f);
}

Test(pcapng, a_packet_longer_than_its_block_is_damage)
{
	struct capfile *f = calloc(1, sizeof(*f));
	size_t b;

	section(f);
	interface(f, ETHERNET, 0, 0, 0);
	b = block(f, ENHANCED);
	capfile_u32(f, 0);
	capfile_u32(f, 0);
	capfile_u32(f, 0);
	capfile_u32(f, 65536);
	capfile_u32(f, 65536);
	block_end(f, b);
	damaged(f, "a packet of 65536 bytes in a block of 20");
	free(f);
}

Test(pcapng, broken_options_harm_nothing)
{
	struct capfile *f = calloc(1, sizeof(*f));
	struct capfile_result *r;
	size_t b;

	section(f);
	b = block(f, INTERFACE);
	capfile_u16(f, ETHERNET);
	capfile_u16(f, 0);
	capfile_u32(f, 0);
	option(f, 9, "\x09\x09", 2);
	capfile_u16(f, 14);
	capfile_u16(f, 0xffff);
	block_end(f, b);
	packet(f, 0, 7, SYN_FRAME);
	r = capfile_read(f);
	cr_assert_eq(r->count, 1);
	cr_expect_eq(r->events[0].time_ns, 7 * NS_PER_US);
	free(r);
	free(f);
}
