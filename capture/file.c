/*
 * Capture files through libpcap: every kind of classic pcap.
 */
#include "capture/capture.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/handle.h"
#include "capture/stream.h"

static void on_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct capture *c = (struct capture *)user;
	int64_t seconds = h->ts.tv_sec;

	/* libpcap takes the file's unsigned 32 bits for signed ones. */
	if (seconds < 0)
		seconds = (uint32_t)seconds;
	if (!capture_frame(c, capture_time_ns(seconds, h->ts.tv_usec), bytes, h->caplen, h->len))
		pcap_breakloop(c->pcap);
}

/* libpcap tells the kinds of failure apart in its text alone. */
static bool is_cut(const char *message)
{
	return strncmp(message, "truncated dump file", strlen("truncated dump file")) == 0;
}

/* What was read so far stays good: the end of the file is where the damage is. */
static int file_damaged(struct capture *c)
{
	const char *message = pcap_geterr(c->pcap), *reason = stream_reason(c->reader);
	bool cut = is_cut(message);

	if (!cut && !c->stats.frames)
		return capture_fail(c, -EBADMSG, "%s", reason ? reason : message);
	c->stats.cut = true;
	c->ended = true;
	capture_note(c, "%s: the file is %s after frame %llu (%s)", c->name,
		     cut ? "cut" : "damaged", (unsigned long long)c->stats.frames,
		     reason ? reason : message);
	return 0;
}

static int64_t file_read(struct capture *c, uint64_t max)
{
	uint64_t first = c->stats.frames;

	while (!c->ended && !c->fn_result) {
		uint64_t left = max - (c->stats.frames - first);
		int n;

		if (max && !left)
			break;
		n = pcap_dispatch(c->pcap, max && left < INT_MAX ? (int)left : -1, on_frame,
				  (u_char *)c);
		if (n == PCAP_ERROR) {
			int error = file_damaged(c);

			if (error)
				return error;
		} else if (n == 0) {
			c->ended = true;
		}
	}
	return (int64_t)(c->stats.frames - first);
}

static void file_close(struct capture *c)
{
	pcap_close(c->pcap);
	stream_free(c->reader);
}

static const struct capture_ops file_ops = {
    .read = file_read,
    .close = file_close,
};

int capture_open_file(const char *path, struct capture **out, char error[CAPTURE_ERROR_SIZE])
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	char message[PCAP_ERRBUF_SIZE] = "";
	const char *reason;
	const uint8_t *magic;
	struct stream *stream;
	struct capture *c;
	FILE *file;
	int result;

	result = stream_open(path, &stream, &reason);
	if (result) {
		snprintf(error, CAPTURE_ERROR_SIZE, "%s: %s", name,
			 reason ? reason : strerror(-result));
		return result;
	}
	if (!stream_magic(stream, &magic)) {
		snprintf(error, CAPTURE_ERROR_SIZE, "%s: the file is empty", name);
		result = -EBADMSG;
		goto free_stream;
	}
	file = stream_file(stream);
	c = capture_new(&file_ops, name);
	if (!file || !c) {
		snprintf(error, CAPTURE_ERROR_SIZE, "%s: out of memory", name);
		result = -ENOMEM;
		goto free_capture;
	}
	c->pcap =
	    pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, message);
	if (!c->pcap) {
		reason = stream_reason(stream);
		snprintf(error, CAPTURE_ERROR_SIZE, "%s: not a capture that can be read: %s", name,
			 reason ? reason : message);
		result = -EBADMSG;
		goto free_capture;
	}
	c->reader = stream;
	capture_set_linktype(c, pcap_datalink(c->pcap));
	*out = c;
	return 0;

free_capture:
	if (c)
		free(c->name);
	free(c);
	if (file)
		fclose(file);
free_stream:
	stream_free(stream);
	return result;
}
