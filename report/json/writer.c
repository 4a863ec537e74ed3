/*
 * JSON as a stream (RFC 8259).
 */
#include "report/json/writer.h"

#include <assert.h>
#include <string.h>

#include "event/decimal.h"
#include "event/json_escape.h"

void json_writer_init(struct json_writer *json, FILE *out)
{
	output_init(&json->output, out);
	memset(&json->times, 0, sizeof(json->times));
	json->depth = 0;
	json->after_key = false;
	json->markup_safe = false;
	json->levels[0].close = '\0';
	json->levels[0].lines = false;
	json->levels[0].filled = false;
}

int json_writer_finish(struct json_writer *json)
{
	assert(json->depth == 0 && !json->after_key);
	output_bytes(&json->output, "\n", 1);
	return output_finish(&json->output);
}

void jw_line_end(struct json_writer *json)
{
	assert(json->depth == 0 && !json->after_key);
	json->levels[0].filled = false;
	output_bytes(&json->output, "\n", 1);
}

int json_writer_flush(struct json_writer *json)
{
	return output_finish(&json->output);
}

static void new_line(struct json_writer *json)
{
	static const char line[] = "\n                                ";

	static_assert(sizeof(line) - 2 == 2 * JSON_DEPTH_MAX, "room for the deepest indentation");
	output_bytes(&json->output, line, 1 + (size_t)2 * json->depth);
}

/* What stands before a value or a key: nothing, a comma, a new line. */
static void begin_element(struct json_writer *json)
{
	if (json->after_key) {
		json->after_key = false;
		return;
	}
	if (json->levels[json->depth].filled)
		output_bytes(&json->output, ",", 1);
	json->levels[json->depth].filled = true;
	if (json->levels[json->depth].lines)
		new_line(json);
}

static void begin(struct json_writer *json, char open, char close, enum json_layout layout)
{
	begin_element(json);
	output_bytes(&json->output, &open, 1);
	assert(json->depth + 1 < JSON_DEPTH_MAX);
	json->depth++;
	json->levels[json->depth].close = close;
	json->levels[json->depth].lines = layout == JSON_LINES;
	json->levels[json->depth].filled = false;
}

void jw_object_begin(struct json_writer *json, enum json_layout layout)
{
	begin(json, '{', '}', layout);
}

void jw_array_begin(struct json_writer *json, enum json_layout layout)
{
	begin(json, '[', ']', layout);
}

void jw_end(struct json_writer *json)
{
	unsigned level = json->depth;

	assert(level > 0 && !json->after_key);
	json->depth--;
	if (json->levels[level].lines && json->levels[level].filled)
		new_line(json);
	output_bytes(&json->output, &json->levels[level].close, 1);
}

void jw_key(struct json_writer *json, const char *name)
{
	size_t length = strlen(name);

	assert(json->levels[json->depth].close == '}' && !json->after_key);
	begin_element(json);
	output_bytes(&json->output, "\"", 1);
	output_bytes(&json->output, name, length);
	output_bytes(&json->output, "\":", 2);
	json->after_key = true;
}

void jw_null(struct json_writer *json)
{
	begin_element(json);
	output_bytes(&json->output, "null", 4);
}

void jw_bool(struct json_writer *json, bool value)
{
	begin_element(json);
	output_text(&json->output, value ? "true" : "false");
}

void jw_i64(struct json_writer *json, int64_t value)
{
	begin_element(json);
	output_commit(&json->output,
		      decimal_put_i64(output_reserve(&json->output, DECIMAL_SIZE), value));
}

void jw_u64(struct json_writer *json, uint64_t value)
{
	begin_element(json);
	output_commit(&json->output,
		      decimal_put_u64(output_reserve(&json->output, DECIMAL_SIZE), value));
}

/* How many bytes from here on stand for themselves, everywhere. */
static size_t plain(const char *text, size_t length)
{
	size_t n = 0;

	while (n < length && text[n] >= ' ' && text[n] < 0x7f && text[n] != '"' &&
	       text[n] != '\\' && text[n] != '<' && text[n] != '>' && text[n] != '&')
		n++;
	return n;
}

/*
 * The character that begins here, if it means something to HTML ("</script>",
 * "<!--", "&lt;") or ends a line for JavaScript (U+2028, U+2029): its length and
 * its escape, else 0.
 */
static size_t markup_character(const char *text, size_t length, const char **escape)
{
	switch (text[0]) {
	case '<':
		*escape = "\\u003c";
		return 1;
	case '>':
		*escape = "\\u003e";
		return 1;
	case '&':
		*escape = "\\u0026";
		return 1;
	case '\xe2':
		if (length < 3 || text[1] != '\x80' || (text[2] & ~1) != '\xa8')
			return 0;
		*escape = text[2] & 1 ? "\\u2029" : "\\u2028";
		return 3;
	default:
		return 0;
	}
}

void jw_string_bytes(struct json_writer *json, const char *text, size_t length)
{
	size_t whole = plain(text, length);

	begin_element(json);
	output_bytes(&json->output, "\"", 1);
	output_bytes(&json->output, text, whole);
	text += whole;
	length -= whole;
	while (length) {
		const char *escape;
		size_t piece = json->markup_safe ? markup_character(text, length, &escape) : 0;
		char *p;

		if (piece) {
			output_text(&json->output, escape);
			text += piece;
			length -= piece;
			continue;
		}
		/* No piece ends within a character. */
		while (piece < length && piece < 1024) {
			if (json->markup_safe &&
			    markup_character(text + piece, length - piece, &escape))
				break;
			size_t n = utf8_character(text + piece, length - piece);

			piece += n ? n : 1;
		}
		p = output_reserve(&json->output, piece * JSON_ESCAPE_FACTOR);
		output_commit(&json->output, p + json_escape(p, text, piece, NULL));
		text += piece;
		length -= piece;
	}
	output_bytes(&json->output, "\"", 1);
}

void jw_string(struct json_writer *json, const char *text)
{
	if (text)
		jw_string_bytes(json, text, strlen(text));
	else
		jw_null(json);
}

void jw_endpoint(struct json_writer *json, const struct endpoint *endpoint)
{
	char *p;

	begin_element(json);
	p = output_reserve(&json->output, ENDPOINT_TEXT_SIZE + 2);
	*p++ = '"';
	p += endpoint_format(endpoint, p, ENDPOINT_TEXT_SIZE);
	*p++ = '"';
	output_commit(&json->output, p);
}

void jw_time(struct json_writer *json, int64_t time_ns)
{
	if (time_ns == TIME_UNKNOWN)
		jw_null(json);
	else
		jw_i64(json, time_ns);
}

void jw_known(struct json_writer *json, int64_t value)
{
	if (value == -1)
		jw_null(json);
	else
		jw_i64(json, value);
}

void jw_put_i64(struct json_writer *json, const char *name, int64_t value)
{
	jw_key(json, name);
	jw_i64(json, value);
}

void jw_put_u64(struct json_writer *json, const char *name, uint64_t value)
{
	jw_key(json, name);
	jw_u64(json, value);
}

void jw_put_bool(struct json_writer *json, const char *name, bool value)
{
	jw_key(json, name);
	jw_bool(json, value);
}

void jw_put_time(struct json_writer *json, const char *name, int64_t time_ns)
{
	jw_key(json, name);
	jw_time(json, time_ns);
}

void jw_put_known(struct json_writer *json, const char *name, int64_t value)
{
	jw_key(json, name);
	jw_known(json, value);
}

void jw_put_string(struct json_writer *json, const char *name, const char *text)
{
	jw_key(json, name);
	jw_string(json, text);
}

void jw_put_text(struct json_writer *json, const char *name, const char *text)
{
	jw_put_string(json, name, text && text[0] ? text : NULL);
}

void jw_name(struct json_writer *json, const char *name)
{
	size_t length;
	char *p;

	if (!name) {
		jw_null(json);
		return;
	}
	begin_element(json);
	length = strlen(name);
	p = output_reserve(&json->output, length + 2);
	*p++ = '"';
	memcpy(p, name, length);
	p[length] = '"';
	output_commit(&json->output, p + length + 1);
}

void jw_put_name(struct json_writer *json, const char *name, const char *value)
{
	jw_key(json, name);
	jw_name(json, value);
}
