/*
 * pcapng files (draft-ietf-opsawg-pcapng), with as many sections and interfaces
 * as there are, of whatever link types.
 *
 * Not libpcap's reader: it refuses a file as soon as two interfaces differ in
 * link type or snaplen, as those of several interfaces at once do. Names,
 * comments, secrets and the like are passed over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/file/file.h"
#include "capture/file/interface.h"
#include "capture/file/window.h"

enum block_type {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2, /* obsolete */
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_STATISTICS = 5,
	BLOCK_ENHANCED_PACKET = 6,
};

#define BYTE_ORDER_MAGIC UINT32_C(0x1a2b3c4d)

/* Type and length before the body, the length once more behind it. */
#define BLOCK_HEADER_SIZE  8
#define BLOCK_TRAILER_SIZE 4
#define BLOCK_SIZE_MIN	   (BLOCK_HEADER_SIZE + BLOCK_TRAILER_SIZE)
#define BLOCK_SIZE_MAX	   (16u * 1024 * 1024)

/* Bodies without their options and data. */
#define SECTION_SIZE	   16
#define INTERFACE_SIZE	   8
#define PACKET_SIZE	   20
#define SIMPLE_PACKET_SIZE 4
#define STATISTICS_SIZE	   12

enum option {
	OPTION_END = 0,
	OPTION_RESOLUTION = 9, /* of an interface */
	OPTION_OFFSET = 14,
	OPTION_INTERFACE_DROPS = 5, /* of statistics */
	OPTION_SYSTEM_DROPS = 7,
};

#define INTERFACES_MAX 65536

struct pcapng {
	struct stream *stream;
	struct window window;
	bool swapped;
	bool in_section;
	struct interface *interfaces; /* of this section */
	uint32_t count;
	uint32_t capacity;
};

/* What is left of a block's body. */
struct body {
	const uint8_t *at;
	uint32_t left;
};

static uint16_t get16(const struct pcapng *p, const uint8_t *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct pcapng *p, const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap32(v) : v;
}

static uint64_t get64(const struct pcapng *p, const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return p->swapped ? __builtin_bswap64(v) : v;
}

/* The next option. False at their end, or when they are broken: nothing depends on them. */
static bool next_option(const struct pcapng *p, struct body *body, uint16_t *code,
			struct body *value)
{
	uint32_t padded;

	if (body->left < 4)
		return false;
	*code = get16(p, body->at);
	value->left = get16(p, body->at + 2);
	value->at = body->at + 4;
	padded = (value->left + 3) / 4 * 4;
	if (*code == OPTION_END || padded > body->left - 4)
		return false;
	body->at += 4 + padded;
	body->left -= 4 + padded;
	return true;
}

static int read_section(struct capture *c, struct body body)
{
	struct pcapng *p = c->reader;

	if (body.left < SECTION_SIZE)
		return file_damaged(c, "a section header of %u bytes", body.left);
	if (get16(p, body.at + 4) != 1)
		return file_damaged(c, "pcapng of version %u.%u", get16(p, body.at + 4),
				    get16(p, body.at + 6));
	p->in_section = true;
	p->count = 0;
	return 0;
}

static int read_interface(struct capture *c, struct body body)
{
	struct pcapng *p = c->reader;
	struct interface *i;
	struct body value;
	uint16_t code;

	if (body.left < INTERFACE_SIZE)
		return file_damaged(c, "an interface description of %u bytes", body.left);
	if (p->count == INTERFACES_MAX)
		return file_damaged(c, "more than %d interfaces", INTERFACES_MAX);
	if (p->count == p->capacity) {
		uint32_t capacity = p->capacity ? 2 * p->capacity : 8;

		i = realloc(p->interfaces, capacity * sizeof(*i));
		if (!i)
			return capture_fail(c, -ENOMEM, "out of memory");
		p->interfaces = i;
		p->capacity = capacity;
	}
	i = &p->interfaces[p->count];
	interface_init(i, get16(p, body.at), get32(p, body.at + 4));
	body.at += INTERFACE_SIZE;
	body.left -= INTERFACE_SIZE;
	while (next_option(p, &body, &code, &value)) {
		if (code == OPTION_RESOLUTION && value.left == 1) {
			i->binary = *value.at & 0x80;
			i->exponent = *value.at & 0x7f;
		} else if (code == OPTION_OFFSET && value.left == 8) {
			i->offset_s = (int64_t)get64(p, value.at);
		}
	}
	if (!interface_can_stamp(i))
		return file_damaged(c, "stamps in units of %d^-%u s", i->binary ? 2 : 10,
				    i->exponent);
	p->count++;
	return 0;
}

/* Kernels and drivers count what they dropped; the last count of each interface holds. */
static int read_statistics(struct capture *c, struct body body)
{
	struct pcapng *p = c->reader;
	struct interface *i;
	struct body value;
	uint16_t code;

	if (body.left < STATISTICS_SIZE || get32(p, body.at) >= p->count)
		return 0;
	i = &p->interfaces[get32(p, body.at)];
	body.at += STATISTICS_SIZE;
	body.left -= STATISTICS_SIZE;
	while (next_option(p, &body, &code, &value)) {
		uint64_t count;

		if (value.left != 8)
			continue;
		count = get64(p, value.at);
		if (code == OPTION_SYSTEM_DROPS) {
			c->stats.dropped += count - i->system_drops;
			i->system_drops = count;
		} else if (code == OPTION_INTERFACE_DROPS) {
			c->stats.interface_dropped += count - i->interface_drops;
			i->interface_drops = count;
		}
	}
	return 0;
}

static int frame(struct capture *c, uint32_t interface, uint64_t stamp, bool stamped,
		 struct body data, uint32_t wire)
{
	struct pcapng *p = c->reader;
	struct interface *i = &p->interfaces[interface];

	c->decode = i->decode;
	c->device = p->count > 1 ? interface + 1 : 0;
	if (!i->decode && !i->noted) {
		capture_set_linktype(c, i->linktype); /* says that it is not known */
		i->noted = true;
	}
	(void)capture_frame(c, stamped ? interface_time_ns(i, stamp) : 0, data.at, data.left, wire);
	return 0;
}

/* Enhanced packet blocks, and the packet blocks that they took the place of. */
static int read_packet(struct capture *c, struct body body, bool enhanced)
{
	struct pcapng *p = c->reader;
	uint32_t interface, captured, wire;
	uint64_t stamp;

	if (body.left < PACKET_SIZE)
		return file_damaged(c, "a packet block of %u bytes", body.left);
	interface = enhanced ? get32(p, body.at) : get16(p, body.at);
	stamp = (uint64_t)get32(p, body.at + 4) << 32 | get32(p, body.at + 8);
	captured = get32(p, body.at + 12);
	wire = get32(p, body.at + 16);
	if (interface >= p->count)
		return file_damaged(c, "a packet of interface %u, which is not described",
				    interface);
	if (captured > body.left - PACKET_SIZE)
		return file_damaged(c, "a packet of %u bytes in a block of %u", captured,
				    body.left);
	return frame(c, interface, stamp, true, (struct body){body.at + PACKET_SIZE, captured},
		     wire);
}

/* A packet of the first interface, without a stamp. */
static int read_simple_packet(struct capture *c, struct body body)
{
	struct pcapng *p = c->reader;
	uint32_t wire;

	if (body.left < SIMPLE_PACKET_SIZE)
		return file_damaged(c, "a packet block of %u bytes", body.left);
	if (!p->count)
		return file_damaged(c, "a packet before any interface is described");
	wire = get32(p, body.at);
	body.at += SIMPLE_PACKET_SIZE;
	body.left -= SIMPLE_PACKET_SIZE;
	if (body.left > wire)
		body.left = wire;
	if (p->interfaces[0].snaplen && body.left > p->interfaces[0].snaplen)
		body.left = p->interfaces[0].snaplen;
	return frame(c, 0, 0, false, body, wire);
}

static int read_body(struct capture *c, uint32_t type, struct body body)
{
	switch (type) {
	case BLOCK_SECTION:
		return read_section(c, body);
	case BLOCK_INTERFACE:
		return read_interface(c, body);
	case BLOCK_ENHANCED_PACKET:
		return read_packet(c, body, true);
	case BLOCK_PACKET:
		return read_packet(c, body, false);
	case BLOCK_SIMPLE_PACKET:
		return read_simple_packet(c, body);
	case BLOCK_STATISTICS:
		return read_statistics(c, body);
	default:
		return 0;
	}
}

static int no_more(struct capture *c, size_t wanted)
{
	struct pcapng *p = c->reader;

	return file_no_more(c, p->stream, p->window.error, window_left(&p->window), wanted);
}

/* Each section has a byte order of its own, which its header shows. False: it shows none. */
static bool find_byte_order(struct pcapng *p, const uint8_t *magic)
{
	p->swapped = false;
	if (get32(p, magic) == BYTE_ORDER_MAGIC)
		return true;
	p->swapped = true;
	return get32(p, magic) == BYTE_ORDER_MAGIC;
}

/* Returns 0, or -errno; c->ended is set where the file ends. */
static int read_block(struct capture *c)
{
	struct pcapng *p = c->reader;
	const uint8_t *h = window_peek(&p->window, BLOCK_SIZE_MIN);
	uint32_t type, length;

	if (!h)
		return no_more(c, BLOCK_SIZE_MIN);
	type = get32(p, h);
	if (type == BLOCK_SECTION && !find_byte_order(p, h + BLOCK_HEADER_SIZE))
		return file_damaged(c, "a section without a byte order");
	if (type != BLOCK_SECTION && !p->in_section)
		return file_damaged(c, "a block before any section");
	length = get32(p, h + 4);
	if (length < BLOCK_SIZE_MIN || length > BLOCK_SIZE_MAX || length % 4)
		return file_damaged(c, "a block cannot have %u bytes", length);
	h = window_peek(&p->window, length);
	if (!h)
		return no_more(c, length);
	if (get32(p, h + length - BLOCK_TRAILER_SIZE) != length)
		return file_damaged(c, "a block's two lengths differ");
	window_skip(&p->window, length);
	return read_body(c, type, (struct body){h + BLOCK_HEADER_SIZE, length - BLOCK_SIZE_MIN});
}

static int64_t pcapng_read(struct capture *c, uint64_t max)
{
	uint64_t first = c->stats.frames, stop = max ? first + max : UINT64_MAX;

	while (c->stats.frames < stop && !c->ended && !c->fn_result) {
		int error = read_block(c);

		if (error)
			return error;
	}
	return (int64_t)(c->stats.frames - first);
}

static void pcapng_close(struct capture *c)
{
	struct pcapng *p = c->reader;

	window_release(&p->window);
	stream_free(p->stream);
	free(p->interfaces);
	free(p);
}

static const struct capture_ops pcapng_ops = {.read = pcapng_read, .close = pcapng_close};

bool pcapng_is(const uint8_t *bytes, size_t size)
{
	uint32_t type;

	if (size < sizeof(type))
		return false;
	memcpy(&type, bytes, sizeof(type)); /* the same in both byte orders */
	return type == BLOCK_SECTION;
}

int pcapng_open(struct capture *c, struct stream *stream)
{
	struct pcapng *p = calloc(1, sizeof(*p));
	int result;

	if (!p)
		return capture_fail(c, -ENOMEM, "out of memory");
	p->stream = stream;
	window_init(&p->window, stream);
	c->reader = p;
	result = read_block(c);
	if (!result && !p->in_section)
		result = capture_fail(c, -EBADMSG, "not a capture that can be read: %s",
				      "it ends within its first block");
	if (result) {
		window_release(&p->window);
		free(p);
		c->reader = NULL;
		return result;
	}
	c->ops = &pcapng_ops;
	return 0;
}
