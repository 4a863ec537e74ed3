/*
 * Interface for the little HTTP/1.1 (RFC 9112) that the bundled server speaks:
 * the head of one request, and one reply. No input or output here.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest head that is read, RFC 9112 section 3: at least 8000 for the request line. */
#define HTTP_HEAD_MAX 8192

enum http_result {
	HTTP_MORE,	/* no fault so far, and not the end of the head */
	HTTP_REQUEST,	/* *request is filled */
	HTTP_MALFORMED, /* 400 */
	HTTP_TOO_LARGE, /* 431: HTTP_HEAD_MAX bytes and no end */
	HTTP_VERSION,	/* 505: not HTTP/1.x */
};

struct http_request {
	bool head_only;		 /* HEAD: a reply without its content */
	bool chunked;		 /* Transfer-Encoding: the length of the content is not known */
	size_t head_length;	 /* bytes up to and with the empty line */
	uint64_t content_length; /* 0 when not given */
};

/*
 * Reads the head that starts at bytes. The same bytes with more after them give
 * the same result, unless it was HTTP_MORE; a fault is told as soon as the line
 * that has it is complete, and one in the method at once.
 */
enum http_result http_parse(const char *bytes, size_t length, struct http_request *request);

/* The status code for a result: 200, 400, 431, 505; for HTTP_MORE 408: no more came in time. */
int http_status(enum http_result result);

/*
 * Writes a reply with text as its content into buffer: head and, unless
 * head_only, content. Returns its length, 0 when it does not fit.
 */
size_t http_reply(char *buffer, size_t size, int status, bool head_only, const char *text);

#endif
