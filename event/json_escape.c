/*
 * Escapes bytes for JSON strings. Checks UTF-8 by the table of RFC 3629 section
 * 4: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#include "event/json_escape.h"

#include <stdint.h>
#include <string.h>

size_t utf8_character(const char *text, size_t length)
{
	const uint8_t *s = (const uint8_t *)text;
	uint8_t low = 0x80, high = 0xbf;
	size_t n;

	if (!length)
		return 0;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (length < n)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0; /* overlong below */
	else if (s[0] == 0xed)
		high = 0x9f; /* surrogates above */
	else if (s[0] == 0xf0)
		low = 0x90; /* overlong below */
	else if (s[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF above */
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

static char *put_escape(char *p, uint8_t code)
{
	static const char digits[] = "0123456789abcdef";

	memcpy(p, "\\u00", 4);
	p[4] = digits[code >> 4];
	p[5] = digits[code & 15];
	return p + 6;
}

static char *put_ascii(char *p, char c)
{
	switch (c) {
	case '"':
	case '\\':
		*p++ = '\\';
		*p++ = c;
		return p;
	case '\n':
		*p++ = '\\';
		*p++ = 'n';
		return p;
	case '\t':
		*p++ = '\\';
		*p++ = 't';
		return p;
	case '\r':
		*p++ = '\\';
		*p++ = 'r';
		return p;
	default:
		if ((uint8_t)c < 0x20 || c == 0x7f)
			return put_escape(p, (uint8_t)c);
		*p++ = c;
		return p;
	}
}

size_t json_escape(char *out, const char *text, size_t length, bool *exact)
{
	char *p = out;

	if (exact)
		*exact = true;
	while (length) {
		size_t n = utf8_character(text, length);

		if (n == 1) {
			p = put_ascii(p, *text);
		} else if (n == 2 && (uint8_t)text[0] == 0xc2 && (uint8_t)text[1] < 0xa0) {
			p = put_escape(p, (uint8_t)text[1]); /* C1: a terminal may obey it */
		} else if (n) {
			memcpy(p, text, n);
			p += n;
		} else {
			memcpy(p, "\\ufffd", 6);
			p += 6;
			n = 1;
			if (exact)
				*exact = false;
		}
		text += n;
		length -= n;
	}
	return (size_t)(p - out);
}
