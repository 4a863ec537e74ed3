/*
 * The page of the text report: colours, fields, wrapped paragraphs, and numbers
 * with their units. No knowledge of attempts or queues.
 */
#include "report/text/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "event/json_escape.h"

void sentence_clear(struct sentence *sentence)
{
	sentence->used = 0;
	sentence->text[0] = '\0';
}

void sentence_add(struct sentence *sentence, const char *format, ...)
{
	size_t room = sizeof(sentence->text) - sentence->used;
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(sentence->text + sentence->used, room, format, arguments);
	va_end(arguments);
	if (n > 0)
		sentence->used += (size_t)n < room ? (size_t)n : room - 1;
}

const char *text_duration(const struct text *text, int64_t ns, char out[TEXT_VALUE_SIZE])
{
	/* Each unit serves until its three digits would round up to the next one's. */
	static const struct {
		int64_t below;
		int64_t unit;
		const char *name;
	} units[] = {
	    {NS_PER_US, 1, "ns"},
	    {999500, NS_PER_US, "us"},
	    {999500000, NS_PER_MS, "ms"},
	    {INT64_MAX, NS_PER_SEC, "s"},
	};
	const char *name, *sign = ns < -1 ? "-" : "";
	unsigned i = 0, decimals;
	int64_t rounded, step, tens;

	if (ns == -1)
		return strcpy(out, "-");
	ns = ns < 0 ? (ns == INT64_MIN ? INT64_MAX : -ns) : ns;
	while (ns >= units[i].below && units[i].below != INT64_MAX)
		i++;
	name = i == 1 && text->utf8 ? "\u00b5s" : units[i].name;
	/* Steps of a hundredth, a tenth or one of the unit, whichever leaves three digits. */
	step = units[i].unit / (i ? 100 : 1);
	for (decimals = i ? 2 : 0; decimals && ns >= 1000 * step - step / 2; decimals--)
		step *= 10;
	rounded = ns / step + (ns % step >= (step + 1) / 2);
	tens = decimals == 2 ? 100 : 10;
	if (decimals)
		snprintf(out, TEXT_VALUE_SIZE, "%s%" PRId64 ".%0*" PRId64 " %s", sign,
			 rounded / tens, (int)decimals, rounded % tens, name);
	else
		snprintf(out, TEXT_VALUE_SIZE, "%s%" PRId64 " %s", sign, rounded, name);
	return out;
}

const char *text_ms(int64_t ns, char out[TEXT_VALUE_SIZE])
{
	const char *sign = ns < 0 ? "-" : "";

	if (ns < 0)
		ns = -ns;
	snprintf(out, TEXT_VALUE_SIZE, "%s%lld.%03lld", sign, ns / NS_PER_MS,
		 ns % NS_PER_MS / NS_PER_US);
	return out;
}

const char *text_count(int64_t count, char out[TEXT_VALUE_SIZE])
{
	char digits[TEXT_VALUE_SIZE];
	size_t length, n = 0;

	if (count == -1)
		return strcpy(out, "-");
	length = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, count);
	for (size_t i = 0; i < length; i++) {
		out[n++] = digits[i];
		if (digits[i] != '-' && i + 1 < length && (length - 1 - i) % 3 == 0)
			out[n++] = ',';
	}
	out[n] = '\0';
	return out;
}

const char *text_safe(const struct text *text, const char *from, char *out, size_t size)
{
	size_t length = from ? strlen(from) : 0, used = 0;

	while (length) {
		size_t n = utf8_character(from, length);
		bool c1 = n == 2 && (uint8_t)from[0] == 0xc2 && (uint8_t)from[1] < 0xa0;
		bool printable =
		    n == 1 ? from[0] >= ' ' && from[0] != 0x7f : n > 1 && !c1 && text->utf8;
		size_t wanted = printable ? n : 1;

		if (used + wanted >= size)
			break;
		if (printable)
			memcpy(out + used, from, n);
		else
			out[used] = '?';
		used += wanted;
		n = n ? n : 1;
		from += n;
		length -= n;
	}
	if (size)
		out[used] = '\0';
	return out;
}

size_t text_width(const char *string)
{
	size_t width = 0;

	for (; *string; string++)
		width += ((uint8_t)*string & 0xc0) != 0x80;
	return width;
}

void text_cell(const struct text *text, const char *string, int width)
{
	int missing = (width < 0 ? -width : width) - (int)text_width(string);

	if (missing < 0)
		missing = 0;
	fprintf(text->out, "%*s%s%*s", width > 0 ? missing : 0, "", string, width < 0 ? missing : 0,
		"");
}

void text_begin_colour(const struct text *text, enum text_colour colour)
{
	static const char *const codes[] = {
	    [TEXT_PLAIN] = "",	      [TEXT_BOLD] = "\x1b[1m",	  [TEXT_DIM] = "\x1b[2m",
	    [TEXT_RED] = "\x1b[31m",  [TEXT_YELLOW] = "\x1b[33m", [TEXT_GREEN] = "\x1b[32m",
	    [TEXT_CYAN] = "\x1b[36m",
	};

	if (text->colour)
		fputs(codes[colour], text->out);
}

void text_end_colour(const struct text *text, enum text_colour colour)
{
	if (text->colour && colour != TEXT_PLAIN)
		fputs("\x1b[0m", text->out);
}

void text_heading(const struct text *text, const char *heading)
{
	fputc('\n', text->out);
	text_begin_colour(text, TEXT_BOLD);
	if (text_width(heading) > text->columns) {
		text_paragraph(text, "", 0, heading);
		text_end_colour(text, TEXT_BOLD);
		return;
	}
	fputs(heading, text->out);
	text_end_colour(text, TEXT_BOLD);
	fputc('\n', text->out);
}

/* A number and its unit are one word: "1.00 s" stays in one line. */
static bool is_unit(const char *blank)
{
	static const char *const units[] = {"ns", "us", "\u00b5s", "ms", "s", "min", "h"};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t length = strlen(units[i]);

		if (strncmp(blank + 1, units[i], length) == 0 &&
		    !isalnum((unsigned char)blank[1 + length]))
			return true;
	}
	return false;
}

/* The bytes of the next word, or of as much of it as fits max columns, and its width. */
static size_t word_length(const char *string, size_t max, size_t *width)
{
	size_t length = 0;

	*width = 0;
	while (string[length] &&
	       (string[length] != ' ' || (length && isdigit((unsigned char)string[length - 1]) &&
					  is_unit(string + length)))) {
		bool begins = ((uint8_t)string[length] & 0xc0) != 0x80;

		if (begins && *width == max)
			break;
		*width += begins;
		length++;
	}
	return length;
}

void text_paragraph_at(const struct text *text, unsigned column, unsigned indent,
		       const char *string)
{
	size_t width;
	bool blank = false; /* there is one before the next word */

	while (*string) {
		size_t length = word_length(string, text->columns - indent, &width);

		if (column + blank + width > text->columns) {
			fprintf(text->out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (blank) {
			fputc(' ', text->out);
			column++;
		}
		fwrite(string, 1, length, text->out);
		column += (unsigned)width;
		string += length;
		blank = *string == ' ';
		while (*string == ' ')
			string++;
	}
	fputc('\n', text->out);
}

void text_paragraph(const struct text *text, const char *prefix, unsigned indent,
		    const char *string)
{
	fputs(prefix, text->out);
	text_paragraph_at(text, (unsigned)text_width(prefix), indent, string);
}

const char *text_bullet(const struct text *text)
{
	return text->utf8 ? "\u2022 " : "* ";
}
