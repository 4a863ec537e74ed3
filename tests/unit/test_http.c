#include "server/http.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char curl[] = "GET /a/b?c=d HTTP/1.1\r\n"
			   "Host: 127.0.0.1:8080\r\n"
			   "User-Agent: curl/7.88.1\r\n"
			   "Accept: */*\r\n"
			   "\r\n";

/* On a heap copy of the exact size, so that a sanitizer sees what reads past the end. */
static enum http_result parse(const void *bytes, size_t length, struct http_request *request)
{
	char *copy = malloc(length ? length : 1);
	enum http_result r;

	cr_assert_not_null(copy);
	memcpy(copy, bytes, length);
	r = http_parse(copy, length, request);
	free(copy);
	return r;
}

static enum http_result parse_text(const char *text)
{
	struct http_request request;

	return parse(text, strlen(text), &request);
}

Test(http, a_request_is_known_at_its_last_byte_and_not_before)
{
	struct http_request request;
	size_t length = sizeof(curl) - 1;

	for (size_t n = 0; n < length; n++)
		cr_assert_eq(parse(curl, n, &request), HTTP_MORE, "after %zu bytes", n);
	cr_assert_eq(parse(curl, length, &request), HTTP_REQUEST);
	cr_assert_eq(request.head_length, length);
	cr_assert_not(request.head_only);
	cr_assert_not(request.chunked);
	cr_assert_eq(request.content_length, 0);
}

Test(http, what_follows_the_head_is_not_part_of_it)
{
	static const char post[] = "POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello";
	struct http_request request;

	cr_assert_eq(parse(post, sizeof(post) - 1, &request), HTTP_REQUEST);
	cr_assert_eq(request.head_length, sizeof(post) - 1 - 5);
	cr_assert_eq(request.content_length, 5);
}

Test(http, lenient_where_the_rfc_is)
{
	static const char head[] = "HEAD * HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct http_request request;

	cr_expect_eq(parse_text("GET / HTTP/1.0\n\n"), HTTP_REQUEST);
	cr_expect_eq(parse_text("\r\n\nGET / HTTP/1.1\r\n\r\n"), HTTP_REQUEST);
	cr_expect_eq(parse_text("GET / HTTP/1.9\r\nA:\r\nB: \t x \t\r\n\r\n"), HTTP_REQUEST);
	cr_expect_eq(parse(head, sizeof(head) - 1, &request), HTTP_REQUEST);
	cr_expect(request.head_only);
	cr_expect(request.chunked);
}

Test(http, garbage_is_told_from_a_request)
{
	static const char *const bad[] = {
	    "GET /\r\n",
	    " GET / HTTP/1.1\r\n",
	    "GET  / HTTP/1.1\r\n",
	    "GET / HTTP/1.1 \r\n",
	    "GET / HTTP/11\r\n",
	    "GET / http/1.1\r\n",
	    "G\tT / HTTP/1.1\r\n",
	    "GET /\x01 HTTP/1.1\r\n",
	    "GET / HTTP/1.1\r\nno colon\r\n",
	    "GET / HTTP/1.1\r\n: no name\r\n",
	    "GET / HTTP/1.1\r\nA: 1\r\n folded\r\n",
	    "GET / HTTP/1.1\r\nA: \x7f\r\n",
	    "GET / HTTP/1.1\r\nContent-Length: \r\n",
	    "GET / HTTP/1.1\r\nContent-Length: -1\r\n",
	    "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n",
	    "\x16\x03\x01\x02", /* the beginning of TLS, no line end to wait for */
	    "\r\n\r\n\r\n\r\n\r\n",
	    "\rGET / HTTP/1.1\r\n",
	};
	static const char with_nul[] = "GET\0/ HTTP/1.1\r\n";
	struct http_request request;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(parse_text(bad[i]), HTTP_MALFORMED, "taken: '%s'", bad[i]);
	cr_expect_eq(parse_text("PRI * HTTP/2.0\r\n"), HTTP_VERSION);
	cr_expect_eq(parse(with_nul, sizeof(with_nul) - 1, &request), HTTP_MALFORMED);
}

Test(http, an_endless_head_is_too_large)
{
	static const char start[] = "GET / HTTP/1.1\r\nA: ";
	struct http_request request;
	char head[HTTP_HEAD_MAX + 4];

	memset(head, 'a', sizeof(head));
	cr_expect_eq(parse(head, HTTP_HEAD_MAX - 1, &request), HTTP_MORE);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX, &request), HTTP_TOO_LARGE);
	memcpy(head, start, sizeof(start) - 1);
	memcpy(head + HTTP_HEAD_MAX, "\r\n\r\n", 4);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX - 1, &request), HTTP_MORE);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX, &request), HTTP_TOO_LARGE);
	cr_expect_eq(parse(head, sizeof(head), &request), HTTP_TOO_LARGE);
	memcpy(head + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
	cr_expect_eq(parse(head, HTTP_HEAD_MAX, &request), HTTP_REQUEST);
}

Test(http, the_reply_has_a_length_and_fits_or_is_not_written)
{
	char buffer[512];
	size_t length = http_reply(buffer, sizeof(buffer), 200, false, "hello\n");

	cr_assert_gt(length, 0);
	cr_expect_eq(strlen(buffer), length);
	cr_expect_eq(strncmp(buffer, "HTTP/1.1 200 OK\r\n", 17), 0);
	cr_expect_not_null(strstr(buffer, "\r\nContent-Length: 6\r\n"));
	cr_expect_not_null(strstr(buffer, "\r\nConnection: close\r\n"));
	cr_expect_str_eq(strstr(buffer, "\r\n\r\n"), "\r\n\r\nhello\n");
	cr_expect_eq(http_reply(buffer, length, 200, false, "hello\n"), 0);
	cr_expect_eq(http_reply(buffer, length + 1, 200, false, "hello\n"), length);
	length = http_reply(buffer, sizeof(buffer), 200, true, "hello\n");
	cr_expect_str_eq(buffer + length - 4, "\r\n\r\n");
	cr_expect_not_null(strstr(buffer, "\r\nContent-Length: 6\r\n"));
}

Test(http, every_result_has_a_status_with_a_reason)
{
	static const enum http_result results[] = {HTTP_MORE, HTTP_REQUEST, HTTP_MALFORMED,
						   HTTP_TOO_LARGE, HTTP_VERSION};
	char buffer[512], expected[32];

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		int status = http_status(results[i]);

		cr_assert_gt(http_reply(buffer, sizeof(buffer), status, false, ""), 0);
		snprintf(expected, sizeof(expected), "HTTP/1.1 %d ", status);
		cr_expect_eq(strncmp(buffer, expected, strlen(expected)), 0);
		cr_expect_neq(buffer[strlen(expected)], '\r', "no reason for %d", status);
	}
}

static uint64_t next_random(uint64_t *state)
{
	/* xorshift64, Marsaglia 2003 */
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/*
 * Whatever the bytes: the verdict stays once it is made, however many more bytes
 * come, a request's head ends within what was read, and all verdicts occur.
 */
Test(http, broken_requests_get_one_verdict)
{
	static const char pool[] = "GET /HTP1.0: \r\n\r\n\tContent-Length:5\x01\x7f\xff";
	uint64_t state = 0x9e3779b97f4a7c15u;
	unsigned seen[5] = {0};

	for (int round = 0; round < 20000; round++) {
		char bytes[sizeof(curl) + 8];
		size_t length = sizeof(curl) - 1;
		struct http_request request;
		enum http_result verdict = HTTP_MORE;

		memcpy(bytes, curl, length);
		for (uint64_t n = next_random(&state) % 4; n > 0; n--) {
			uint64_t at = next_random(&state) % length;

			bytes[at] = pool[next_random(&state) % (sizeof(pool) - 1)];
		}
		if (round % 16 == 0)
			memcpy(bytes + 19, "2", 1);
		for (size_t n = 0; n <= length; n++) {
			enum http_result r = parse(bytes, n, &request);

			if (verdict != HTTP_MORE)
				cr_assert_eq(r, verdict, "round %d, %zu bytes", round, n);
			if (r == HTTP_REQUEST)
				cr_assert(request.head_length > 0 && request.head_length <= n);
			verdict = r;
		}
		seen[verdict]++;
	}
	cr_expect_gt(seen[HTTP_MORE], 0);
	cr_expect_gt(seen[HTTP_REQUEST], 0);
	cr_expect_gt(seen[HTTP_MALFORMED], 0);
	cr_expect_gt(seen[HTTP_VERSION], 0);
}
