/*
 * The head of an HTTP/1.1 request, and the reply to it. What the bundled server
 * has no use for (the target, most fields) is checked for form and passed over.
 */
#include "server/http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* RFC 9112 section 2.2: a server should pass over empty lines before the request. */
#define EMPTY_LINES_MAX 4

struct line {
	const char *text;
	size_t length; /* without its end */
};

/* RFC 9110 section 5.6.2. */
static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* A line ends with CRLF, or with LF alone, RFC 9112 section 2.2. False: not all of it is there. */
static bool next_line(const char *bytes, size_t length, size_t *at, struct line *line)
{
	const char *start = bytes + *at;
	const char *end = memchr(start, '\n', length - *at);

	if (!end)
		return false;
	line->text = start;
	line->length = (size_t)(end - start);
	*at += line->length + 1;
	if (line->length && start[line->length - 1] == '\r')
		line->length--;
	return true;
}

/* Tells what is no HTTP, TLS say, before its first line ends, which may be never. */
static bool method_can_begin(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == ' ' && i > 0)
			return true;
		if (!is_token(bytes[i]))
			return false;
	}
	return true;
}

/* method SP target SP HTTP/1.DIGIT */
static enum http_result parse_request_line(struct line line, struct http_request *request)
{
	const char *end = line.text + line.length;
	const char *method_end = memchr(line.text, ' ', line.length);
	const char *target, *target_end;

	if (!method_end || method_end == line.text)
		return HTTP_MALFORMED;
	for (const char *p = line.text; p < method_end; p++)
		if (!is_token(*p))
			return HTTP_MALFORMED;
	target = method_end + 1;
	target_end = memchr(target, ' ', (size_t)(end - target));
	if (!target_end || target_end == target)
		return HTTP_MALFORMED;
	for (const char *p = target; p < target_end; p++)
		if ((unsigned char)*p < 0x21 || *p == 0x7f)
			return HTTP_MALFORMED;
	if (end - target_end != 9 || memcmp(target_end, " HTTP/", 6) != 0 || target_end[7] != '.' ||
	    target_end[6] < '0' || target_end[6] > '9' || target_end[8] < '0' ||
	    target_end[8] > '9')
		return HTTP_MALFORMED;
	if (target_end[6] != '1')
		return HTTP_VERSION;
	request->head_only = method_end - line.text == 4 && memcmp(line.text, "HEAD", 4) == 0;
	return HTTP_REQUEST;
}

static bool name_is(struct line field, size_t length, const char *name)
{
	return strlen(name) == length && strncasecmp(field.text, name, length) == 0;
}

static bool parse_length(const char *p, const char *end, uint64_t *out)
{
	uint64_t value = 0;

	if (p == end)
		return false;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9' || value > (UINT64_MAX - 9) / 10)
			return false;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	*out = value;
	return true;
}

/*
 * field-name ":" OWS value OWS, RFC 9112 section 5; a folded line is refused as section 5.2 has it.
 */
static enum http_result parse_field(struct line line, struct http_request *request)
{
	const char *value, *end = line.text + line.length;
	uint64_t length;
	size_t name = 0;

	while (name < line.length && is_token(line.text[name]))
		name++;
	if (name == 0 || name == line.length || line.text[name] != ':')
		return HTTP_MALFORMED;
	value = line.text + name + 1;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	for (const char *p = value; p < end; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return HTTP_MALFORMED;
	if (name_is(line, name, "Transfer-Encoding"))
		request->chunked = true;
	if (name_is(line, name, "Content-Length")) {
		if (!parse_length(value, end, &length))
			return HTTP_MALFORMED;
		request->content_length = length;
	}
	return HTTP_REQUEST;
}

static enum http_result more_or_too_large(size_t length)
{
	return length >= HTTP_HEAD_MAX ? HTTP_TOO_LARGE : HTTP_MORE;
}

enum http_result http_parse(const char *bytes, size_t length, struct http_request *request)
{
	struct line line = {0};
	enum http_result r;
	size_t at = 0;
	int empty = 0;

	*request = (struct http_request){0};
	/* What comes after the longest head must not change the verdict on it. */
	if (length > HTTP_HEAD_MAX)
		length = HTTP_HEAD_MAX;
	while (next_line(bytes, length, &at, &line) && line.length == 0)
		if (++empty > EMPTY_LINES_MAX)
			return HTTP_MALFORMED;
	if (line.length == 0) {
		size_t rest = length - at;

		/* A CR can still become the end of an empty line. */
		if (rest == 0 || (rest == 1 && bytes[at] == '\r') ||
		    method_can_begin(bytes + at, rest))
			return more_or_too_large(length);
		return HTTP_MALFORMED;
	}
	r = parse_request_line(line, request);
	if (r != HTTP_REQUEST)
		return r;
	while (next_line(bytes, length, &at, &line)) {
		if (line.length == 0) {
			request->head_length = at;
			return HTTP_REQUEST;
		}
		r = parse_field(line, request);
		if (r != HTTP_REQUEST)
			return r;
	}
	return more_or_too_large(length);
}

int http_status(enum http_result result)
{
	switch (result) {
	case HTTP_MORE:
		return 408;
	case HTTP_REQUEST:
		return 200;
	case HTTP_MALFORMED:
		return 400;
	case HTTP_TOO_LARGE:
		return 431;
	case HTTP_VERSION:
		return 505;
	}
	return 500;
}

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 408:
		return "Request Timeout";
	case 431:
		return "Request Header Fields Too Large";
	case 505:
		return "HTTP Version Not Supported";
	default: /* RFC 9112 section 4: the reason may be empty */
		return "";
	}
}

size_t http_reply(char *buffer, size_t size, int status, bool head_only, const char *text)
{
	int n = snprintf(buffer, size,
			 "HTTP/1.1 %d %s\r\n"
			 "Content-Type: text/plain; charset=utf-8\r\n"
			 "Content-Length: %zu\r\n"
			 "Cache-Control: no-store\r\n"
			 "Connection: close\r\n"
			 "\r\n"
			 "%s",
			 status, reason(status), strlen(text), head_only ? "" : text);

	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}
