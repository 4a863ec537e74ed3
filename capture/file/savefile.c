/*
 * Classic pcap files.
 *
 * libpcap opens them: it knows the variants, byte orders and link types. The
 * records of a file as everybody writes it (version 2.4) are then read here,
 * since libpcap's two fread() calls for each cost more than decoding it does;
 * those of the odd variants are left to libpcap.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/file/file.h"
#include "capture/file/window.h"

#define RECORD_HEADER_SIZE 16

/* libpcap's limit: what claims to be a longer frame is damage. */
#define FRAME_MAX (256 * 1024)

#define MAGIC_MICROSECONDS UINT32_C(0xa1b2c3d4)
#define MAGIC_NANOSECONDS  UINT32_C(0xa1b23c4d)

struct savefile {
	struct stream *stream;
	struct window window; /* not used when libpcap reads the records */
	bool swapped;
	int64_t unit_ns; /* of the stamps' fractions */
};

static uint32_t get32(const struct savefile *s, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return s->swapped ? __builtin_bswap32(v) : v;
}

static int no_more(struct capture *c, size_t wanted)
{
	struct savefile *s = c->reader;

	return file_no_more(c, s->stream, s->window.error, window_left(&s->window), wanted);
}

static int64_t read_records(struct capture *c, uint64_t max)
{
	uint64_t first = c->stats.frames, stop = max ? first + max : UINT64_MAX;
	struct savefile *s = c->reader;
	int error = 0;

	while (c->stats.frames < stop && !c->ended && !error) {
		const uint8_t *h = window_peek(&s->window, RECORD_HEADER_SIZE);
		uint32_t captured;
		int64_t time_ns;

		if (!h) {
			error = no_more(c, RECORD_HEADER_SIZE);
			continue;
		}
		captured = get32(s, h + 8);
		if (captured > FRAME_MAX) {
			error = file_damaged(c, "a frame cannot have %u bytes", captured);
			continue;
		}
		h = window_peek(&s->window, RECORD_HEADER_SIZE + captured);
		if (!h) {
			error = no_more(c, RECORD_HEADER_SIZE + captured);
			continue;
		}
		window_skip(&s->window, RECORD_HEADER_SIZE + captured);
		time_ns = capture_time_ns(get32(s, h), get32(s, h + 4) * s->unit_ns);
		if (!capture_frame(c, time_ns, h + RECORD_HEADER_SIZE, captured, get32(s, h + 12)))
			break;
	}
	return error ? error : (int64_t)(c->stats.frames - first);
}

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
static int libpcap_failed(struct capture *c)
{
	static const char cut[] = "truncated dump file; ";
	struct savefile *s = c->reader;
	const char *message = pcap_geterr(c->pcap);

	if (stream_is_cut(s->stream))
		return file_cut(c, "%s", stream_reason(s->stream));
	if (stream_reason(s->stream))
		return file_damaged(c, "%s", stream_reason(s->stream));
	if (strncmp(message, cut, strlen(cut)) == 0)
		return file_cut(c, "%s", message + strlen(cut));
	return file_damaged(c, "%s", message);
}

static int64_t read_by_libpcap(struct capture *c, uint64_t max)
{
	uint64_t first = c->stats.frames;
	int error = 0;

	while (!c->ended && !c->fn_result && !error) {
		uint64_t left = max - (c->stats.frames - first);
		int n;

		if (max && !left)
			break;
		n = pcap_dispatch(c->pcap, max && left < INT_MAX ? (int)left : -1, on_frame,
				  (u_char *)c);
		if (n == PCAP_ERROR)
			error = libpcap_failed(c);
		else if (n == 0)
			error = no_more(c, 0);
	}
	return error ? error : (int64_t)(c->stats.frames - first);
}

static void savefile_close(struct capture *c)
{
	struct savefile *s = c->reader;

	pcap_close(c->pcap);
	window_release(&s->window);
	stream_free(s->stream);
	free(s);
}

static const struct capture_ops records_ops = {.read = read_records, .close = savefile_close};
static const struct capture_ops libpcap_ops = {.read = read_by_libpcap, .close = savefile_close};

/* Is it a file whose records read_records() knows? */
static bool is_common(const struct savefile *s, pcap_t *p, uint32_t magic)
{
	return (magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS) &&
	       pcap_major_version(p) == 2 && pcap_minor_version(p) == 4 &&
	       s->swapped == pcap_is_swapped(p);
}

int savefile_open(struct capture *c, struct stream *stream)
{
	struct savefile *s = calloc(1, sizeof(*s));
	char message[PCAP_ERRBUF_SIZE] = "";
	const uint8_t *bytes;
	uint32_t magic;
	FILE *file;

	file = stream_file(stream);
	if (!s || !file) {
		free(s);
		if (file)
			fclose(file);
		return capture_fail(c, -ENOMEM, "out of memory");
	}
	c->pcap =
	    pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, message);
	if (!c->pcap) {
		free(s);
		fclose(file);
		return capture_fail(c, -EBADMSG, "not a capture that can be read: %s",
				    stream_reason(stream) ? stream_reason(stream) : message);
	}
	(void)stream_peek(stream, &bytes); /* 24 bytes, or libpcap had not opened it */
	magic = get32(s, bytes);
	s->swapped = magic != MAGIC_MICROSECONDS && magic != MAGIC_NANOSECONDS;
	magic = get32(s, bytes);
	s->unit_ns = magic == MAGIC_NANOSECONDS ? 1 : NS_PER_US;
	s->stream = stream;
	window_init(&s->window, stream);
	c->ops = is_common(s, c->pcap, magic) ? &records_ops : &libpcap_ops;
	c->reader = s;
	capture_set_linktype(c, pcap_datalink(c->pcap));
	return 0;
}
