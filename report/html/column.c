/*
 * A column: bytes that grow.
 */
#include "report/html/column.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define LEB128_MAX 10

/* Room for size more bytes, or NULL. */
static uint8_t *reserve(struct html_column *column, size_t size)
{
	if (!column->data || column->size - column->used < size) {
		size_t grown = 2 * column->size + size + 256;
		uint8_t *data = realloc(column->data, grown);

		if (!data) {
			column->error = -ENOMEM;
			return NULL;
		}
		column->data = data;
		column->size = grown;
	}
	return column->data + column->used;
}

static void put_leb128(struct html_column *column, uint64_t u)
{
	uint8_t *p = reserve(column, LEB128_MAX);

	if (!p)
		return;
	while (u >= 0x80) {
		*p++ = (uint8_t)(u | 0x80);
		u >>= 7;
	}
	*p++ = (uint8_t)u;
	column->used = (size_t)(p - column->data);
}

void html_column_put_unknown(struct html_column *column)
{
	put_leb128(column, 0);
}

void html_column_put(struct html_column *column, int64_t value)
{
	bool negative = value < 0;
	uint64_t magnitude = negative ? 0 - (uint64_t)value : (uint64_t)value;

	/* Half the range is 146 years: what is beyond is no time of a capture. */
	if (magnitude > (UINT64_MAX - 2) / 2)
		magnitude = (UINT64_MAX - 2) / 2;
	put_leb128(column, 1 + (magnitude << 1 | negative));
}

void html_column_base64(const struct html_column *column, struct html_column *text)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *data = column->data;
	size_t length = column->used;
	size_t i = 0;
	uint8_t *p;

	text->used = 0;
	p = reserve(text, (length + 2) / 3 * 4);
	if (!p)
		return;
	for (; i + 2 < length; i += 3) {
		uint32_t u = (uint32_t)data[i] << 16 | (uint32_t)data[i + 1] << 8 | data[i + 2];

		*p++ = (uint8_t)alphabet[u >> 18];
		*p++ = (uint8_t)alphabet[u >> 12 & 63];
		*p++ = (uint8_t)alphabet[u >> 6 & 63];
		*p++ = (uint8_t)alphabet[u & 63];
	}
	if (i < length) {
		bool two = i + 1 < length;
		uint32_t u = (uint32_t)data[i] << 16 | (two ? (uint32_t)data[i + 1] << 8 : 0);

		*p++ = (uint8_t)alphabet[u >> 18];
		*p++ = (uint8_t)alphabet[u >> 12 & 63];
		*p++ = two ? (uint8_t)alphabet[u >> 6 & 63] : '=';
		*p++ = '=';
	}
	text->used = (size_t)(p - text->data);
}

void html_column_empty(struct html_column *column)
{
	column->used = 0;
}

void html_column_release(struct html_column *column)
{
	free(column->data);
	*column = (struct html_column){0};
}
