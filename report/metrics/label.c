/*
 * Label values, escaped.
 */
#include "report/metrics/label.h"

#include <stdint.h>

/* The length of the UTF-8 sequence at s by RFC 3629, which ends with a NUL; 0: it is none. */
static unsigned sequence_length(const unsigned char *s)
{
	unsigned length = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what is beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

void label_put(FILE *out, const char *name, const char *value)
{
	const unsigned char *s = (const unsigned char *)value;

	fprintf(out, "%s=\"", name);
	while (*s) {
		unsigned length = sequence_length(s);

		if (!length) {
			fputs("\xef\xbf\xbd", out);
			s++;
			continue;
		}
		if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '\\' || *s == '"')
			fprintf(out, "\\%c", *s);
		else
			fwrite(s, 1, length, out);
		s += length;
	}
	putc('"', out);
}
