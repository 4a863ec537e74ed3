/*
 * Protocol Buffers, the writing side.
 */
#include "report/perfetto/protobuf.h"

#include <assert.h>
#include <string.h>

#include "event/json_escape.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2 };

#define VARINT_MAX 10

static size_t put_varint(uint8_t *p, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		p[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	p[n++] = (uint8_t)value;
	return n;
}

static bool room(struct protobuf *p, size_t size)
{
	if (PROTOBUF_SIZE - p->used < size)
		p->overflow = true;
	return !p->overflow;
}

static bool put_tag(struct protobuf *p, unsigned field, enum wire_type type, size_t size)
{
	if (!room(p, VARINT_MAX + size))
		return false;
	p->used += put_varint(p->data + p->used, (uint64_t)field << 3 | type);
	return true;
}

void protobuf_init(struct protobuf *protobuf)
{
	protobuf->used = 0;
	protobuf->depth = 0;
	protobuf->overflow = false;
}

void protobuf_u64(struct protobuf *p, unsigned field, uint64_t value)
{
	if (put_tag(p, field, WIRE_VARINT, VARINT_MAX))
		p->used += put_varint(p->data + p->used, value);
}

void protobuf_i64(struct protobuf *p, unsigned field, int64_t value)
{
	protobuf_u64(p, field, (uint64_t)value);
}

void protobuf_fixed64(struct protobuf *p, unsigned field, uint64_t value)
{
	if (!put_tag(p, field, WIRE_FIXED64, 8))
		return;
	for (int i = 0; i < 8; i++)
		p->data[p->used++] = (uint8_t)(value >> (8 * i));
}

void protobuf_string(struct protobuf *p, unsigned field, const char *text)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t length = strlen(text);
	size_t start;

	protobuf_begin(p, field);
	start = p->used;
	while (length && p->used - start < PROTOBUF_TEXT_MAX) {
		size_t n = utf8_character(text, length);

		if (!room(p, 4))
			break;
		if (n)
			memcpy(p->data + p->used, text, n);
		else
			memcpy(p->data + p->used, replacement, 3);
		p->used += n ? n : 3;
		text += n ? n : 1;
		length -= n ? n : 1;
	}
	protobuf_end(p);
}

/* One byte is kept for the length; protobuf_end() makes room where it takes more. */
void protobuf_begin(struct protobuf *p, unsigned field)
{
	assert(p->depth < PROTOBUF_DEPTH);
	if (put_tag(p, field, WIRE_LENGTH, 1))
		p->used++;
	p->starts[p->depth++] = p->used;
}

void protobuf_end(struct protobuf *p)
{
	uint8_t length[VARINT_MAX];
	size_t start, size, n;

	assert(p->depth > 0);
	start = p->starts[--p->depth];
	size = p->used - start;
	n = put_varint(length, size);
	if (p->overflow || !room(p, n - 1))
		return;
	memmove(p->data + start - 1 + n, p->data + start, size);
	memcpy(p->data + start - 1, length, n);
	p->used += n - 1;
}

bool protobuf_flush(struct protobuf *p, struct output *output)
{
	bool fitted = !p->overflow;

	assert(p->depth == 0);
	if (fitted)
		output_bytes(output, (const char *)p->data, p->used);
	protobuf_init(p);
	return fitted;
}
