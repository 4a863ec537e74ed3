/*
 * Capture files: which reader a file needs, and what its end was like.
 */
#include "capture/file/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int end(struct capture *c, bool cut, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static int end(struct capture *c, bool cut, const char *format, va_list args)
{
	char reason[PCAP_ERRBUF_SIZE + 128];

	vsnprintf(reason, sizeof(reason), format, args);
	if (!cut && !c->stats.frames)
		return capture_fail(c, -EBADMSG, "not a readable capture file: %s", reason);
	c->stats.cut = true;
	c->ended = true;
	capture_note(c, "%s: the file is %s after frame %llu: %s", c->name, cut ? "cut" : "damaged",
		     (unsigned long long)c->stats.frames, reason);
	return 0;
}

int file_damaged(struct capture *c, const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = end(c, false, format, args);
	va_end(args);
	return result;
}

int file_cut(struct capture *c, const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = end(c, true, format, args);
	va_end(args);
	return result;
}

int file_no_more(struct capture *c, const struct stream *stream, int error, size_t left,
		 size_t wanted)
{
	if (error)
		return capture_fail(c, error, "%s", strerror(-error));
	if (stream_is_cut(stream))
		return file_cut(c, "%s", stream_reason(stream));
	if (stream_reason(stream))
		return file_damaged(c, "%s", stream_reason(stream));
	if (left)
		return file_cut(c, "only %zu of the next %zu bytes are there", left, wanted);
	c->ended = true;
	return 0;
}

static int open_stream(struct capture *c, struct stream *stream)
{
	const uint8_t *bytes;
	size_t size = stream_peek(stream, &bytes);

	if (!size && stream_reason(stream))
		return capture_fail(c, -EBADMSG, "%s", stream_reason(stream));
	if (!size)
		return capture_fail(c, -EBADMSG, "the file is empty");
	return pcapng_is(bytes, size) ? pcapng_open(c, stream) : savefile_open(c, stream);
}

int capture_open_file(const char *path, struct capture **out, char error[CAPTURE_ERROR_SIZE])
{
	struct capture *c = capture_new(NULL, strcmp(path, "-") == 0 ? "standard input" : path);
	struct stream *stream = NULL;
	const char *reason;
	int result;

	if (!c) {
		snprintf(error, CAPTURE_ERROR_SIZE, "%s: out of memory", path);
		return -ENOMEM;
	}
	result = stream_open(path, &stream, &reason);
	if (result)
		(void)capture_fail(c, result, "%s", reason ? reason : strerror(-result));
	else
		result = open_stream(c, stream);
	if (!result) {
		*out = c;
		return 0;
	}
	snprintf(error, CAPTURE_ERROR_SIZE, "%s", c->error);
	stream_free(stream);
	(void)!capture_free(c);
	return result;
}
