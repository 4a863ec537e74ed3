/*
 * TCP: the header and those options that tell something about a handshake.
 *
 * It does not verify checksums: with offloading they are wrong in most captures
 * of the sending host. Of the data it tells a server's words of refusal alone.
 */
#include "capture/frame/tcp.h"

#define TCP_HEADER_SIZE 20

enum tcp_option {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_WINDOW_SCALE = 3,   /* RFC 7323 */
	OPTION_SACK_PERMITTED = 4, /* RFC 2018 */
	OPTION_TIMESTAMP = 8,	   /* RFC 7323 */
	OPTION_MPTCP = 30,	   /* RFC 8684 */
	OPTION_FASTOPEN = 34,	   /* RFC 7413 */
	OPTION_EXPERIMENT = 254,   /* RFC 6994 */
};

#define MPTCP_MP_JOIN 1 /* subtype, RFC 8684 section 3.2 */

/* RFC 7413 section 4.1.1 names it as the experiment identifier that came before kind 34. */
#define FASTOPEN_MAGIC 0xf989

static void set_timestamp(struct segment *s, const uint8_t *value)
{
	s->options |= SEGMENT_TIMESTAMP;
	s->tsval = get_be32(value);
	s->tsecr = get_be32(value + 4);
}

static void set_fastopen(struct segment *s, uint32_t cookie_size)
{
	s->options |= SEGMENT_FASTOPEN;
	if (cookie_size)
		s->options |= SEGMENT_FASTOPEN_COOKIE;
}

/* value is what follows kind and length, size its size. */
static void read_option(struct segment *s, uint8_t kind, const uint8_t *value, uint32_t size)
{
	switch (kind) {
	case OPTION_WINDOW_SCALE:
		if (size == 1) {
			s->options |= SEGMENT_WINDOW_SCALE;
			s->window_scale = *value;
		}
		break;
	case OPTION_SACK_PERMITTED:
		if (size == 0)
			s->options |= SEGMENT_SACK_PERMITTED;
		break;
	case OPTION_TIMESTAMP:
		if (size == 8)
			set_timestamp(s, value);
		break;
	case OPTION_MPTCP:
		if (size >= 1)
			s->options |= SEGMENT_MPTCP;
		if (size >= 1 && value[0] >> 4 == MPTCP_MP_JOIN)
			s->options |= SEGMENT_MP_JOIN;
		break;
	case OPTION_FASTOPEN:
		set_fastopen(s, size);
		break;
	case OPTION_EXPERIMENT:
		if (size >= 2 && get_be16(value) == FASTOPEN_MAGIC)
			set_fastopen(s, size - 2);
		break;
	default:
		break;
	}
}

/* False when the options end before their end: cut by the snaplen, or a bad length. */
static bool read_options(struct segment *s, struct cursor options)
{
	while (cursor_wire(&options)) {
		const uint8_t *value;
		uint8_t kind, length;

		if (!cursor_u8(&options, &kind))
			return false;
		if (kind == OPTION_END)
			return true;
		if (kind == OPTION_NOP)
			continue;
		if (!cursor_u8(&options, &length) || length < 2)
			return false;
		value = cursor_take(&options, length - 2u);
		if (!value)
			return false;
		read_option(s, kind, value, length - 2u);
	}
	return true;
}

enum decode tcp_decode(struct decoder *d, const struct ip *ip)
{
	struct segment *s = &d->event->segment;
	const uint8_t *h = cursor_take(&d->cursor, TCP_HEADER_SIZE);
	bool cut = false;
	uint32_t options, left;

	if (!h)
		return decode_short(d, TCP_HEADER_SIZE);
	options = (uint32_t)(h[12] >> 4) * 4;
	if (options < TCP_HEADER_SIZE)
		return decode_skip(d, SKIP_MALFORMED);
	options -= TCP_HEADER_SIZE;
	if (options > cursor_wire(&d->cursor)) { /* scanners send such; it is a SYN all the same */
		options = cursor_wire(&d->cursor);
		cut = true;
	}

	s->flow.saddr = ip_address(ip, ip->saddr);
	s->flow.daddr = ip_address(ip, ip->daddr);
	s->flow.sport = get_be16(h);
	s->flow.dport = get_be16(h + 2);
	s->seq = get_be32(h + 4);
	s->ack = get_be32(h + 8);
	s->flags = h[13];
	s->window = get_be16(h + 14);
	s->payload = cursor_wire(&d->cursor) - options;
	s->ip_id = ip->id;
	s->ttl = ip->ttl;
	s->outgoing = d->outgoing;
	s->loopback = d->loopback;
	s->copy = false;
	s->refusal = REFUSAL_NONE;
	s->device = d->device;
	s->frame = d->frame;
	s->options = 0;
	s->window_scale = 0;
	s->tsval = 0;
	s->tsecr = 0;
	if (options) {
		struct cursor c = d->cursor;

		h = cursor_peek(&c, 12);
		/* What nearly every segment has after the handshake (RFC 7323 appendix A). */
		if (options == 12 && h && get_be32(h) == 0x0101080a) {
			set_timestamp(s, h + 4);
		} else {
			cursor_limit(&c, options);
			cut |= !read_options(s, c);
		}
	}
	left = cursor_left(&d->cursor);
	if (s->payload && left > options)
		s->refusal = (uint8_t)refusal_read(d->cursor.at + options, left - options);
	if (cut)
		s->options |= SEGMENT_OPTIONS_CUT;
	return DECODE_SEGMENT;
}
