/*
 * The capture handle: what live captures and files have in common. One frame
 * comes in, is decoded and counted, and gives at most one event.
 */
#include "capture/capture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/frame/fragment.h"
#include "capture/handle.h"

struct capture *capture_new(const struct capture_ops *ops, const char *name)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->name = strdup(name);
	if (!c->name) {
		free(c);
		return NULL;
	}
	c->ops = ops;
	c->event.source = SOURCE_CAPTURE;
	c->decoder.event = &c->event;
	c->stats.first_ns = c->stats.last_ns = TIME_UNKNOWN;
	c->skip_before_ns = INT64_MIN;
	return c;
}

void capture_set_linktype(struct capture *c, int linktype)
{
	const char *name;

	c->linktype = linktype;
	c->decode = link_find(linktype);
	if (c->decode)
		return;
	name = pcap_datalink_val_to_name(linktype);
	capture_note(c, "%s: link type %d%s%s%s cannot be decoded", c->name, linktype,
		     name ? " (" : "", name ? name : "", name ? ")" : "");
}

static bool dump_failed(struct capture *c)
{
	int error = dump_flush(c->dump); /* the first error, again */

	c->fn_result = capture_fail(c, error, "cannot write packets: %s (%llu of %llu were kept)",
				    strerror(-error), (unsigned long long)dump_kept(c->dump),
				    (unsigned long long)c->stats.frames);
	return false;
}

/* What passes over lo no other device sees; without a device only what opens a handshake counts. */
static bool is_copy(struct capture *c, int64_t time_ns)
{
	const struct segment *s = &c->event.segment;

	if (c->one_device || c->decoder.loopback || (!s->device && !(s->flags & TCP_FLAG_SYN)))
		return false;
	if (!c->copies)
		c->copies = copies_new();
	return c->copies && copies_take(c->copies, time_ns, s);
}

bool capture_frame(struct capture *c, int64_t time_ns, const uint8_t *bytes, uint32_t captured,
		   uint32_t wire)
{
	struct decoder *d = &c->decoder;
	enum decode decoded;

	d->cursor = cursor_of(bytes, captured, wire);
	d->time_ns = time_ns;
	d->frame = ++c->stats.frames;
	if (time_ns > c->stats.last_ns)
		c->stats.last_ns = time_ns;
	if (time_ns < c->stats.first_ns || c->stats.first_ns == TIME_UNKNOWN)
		c->stats.first_ns = time_ns;
	if (time_ns < c->skip_before_ns)
		return true;
	d->depth = 0;
	d->device = c->device;
	d->outgoing = d->loopback = false;
	if (c->dump && dump_frame(c->dump, time_ns, bytes, captured, wire))
		return dump_failed(c);
	decoded = c->decode ? c->decode(d) : decode_skip(d, SKIP_LINK_TYPE);
	switch (decoded) {
	case DECODE_SEGMENT:
		c->event.kind = EVENT_SEGMENT;
		c->stats.segments++;
		c->event.segment.copy = is_copy(c, time_ns);
		break;
	case DECODE_ICMP_ERROR:
		c->event.kind = EVENT_ICMP;
		c->stats.icmp_errors++;
		break;
	case DECODE_SKIP:
		c->stats.skipped[d->reason]++;
		return true;
	}
	c->event.time_ns = time_ns;
	c->fn_result = c->fn(c->context, &c->event);
	return c->fn_result == 0;
}

int capture_set_filter(struct capture *c, const char *filter)
{
	return c->ops->set_filter ? c->ops->set_filter(c, filter) : -ENOTSUP;
}

void capture_skip_before(struct capture *c, int64_t time_ns)
{
	c->skip_before_ns = time_ns;
}

void capture_one_device(struct capture *c)
{
	c->one_device = true;
}

bool capture_by_program(const struct capture *capture)
{
	return capture->by_program;
}

int capture_fd(const struct capture *c)
{
	return c->live ? pcap_get_selectable_fd(c->pcap) : -1;
}

int64_t capture_read(struct capture *c, uint64_t max, event_fn fn, void *context)
{
	int64_t n;

	c->fn = fn;
	c->context = context;
	c->fn_result = 0;
	n = c->ops->read(c, max);
	return c->fn_result ? c->fn_result : n;
}

int capture_dump(struct capture *c, int dirfd, const char *name, bool compressed)
{
	int result;

	if (!c->pcap)
		return capture_fail(c, -ENOTSUP, "cannot be copied to a pcap file");
	if (c->dump)
		return capture_fail(c, -EBUSY, "is already copied to a file");
	result = dump_new(c->pcap, dirfd, name, compressed, &c->dump);
	if (result)
		return capture_fail(c, result, "%s: %s", name, strerror(-result));
	return 0;
}

int capture_dump_flush(struct capture *c)
{
	if (c->dump && dump_flush(c->dump)) {
		(void)dump_failed(c);
		return c->fn_result;
	}
	return 0;
}

int capture_dump_kept(const struct capture *c, uint64_t *frames)
{
	*frames = c->dump ? dump_kept(c->dump) : 0;
	return c->dump ? dump_error(c->dump) : 0;
}

uint64_t capture_dump_bytes(const struct capture *c)
{
	return c->dump ? dump_bytes(c->dump) : 0;
}

int capture_dump_fd(const struct capture *c)
{
	return c->dump ? dump_fd(c->dump) : -1;
}

int capture_dump_end(struct capture *c)
{
	int result = dump_free(c->dump);

	c->dump = NULL;
	return result;
}

void capture_stats(struct capture *c, struct capture_stats *stats)
{
	*stats = c->stats;
	if (c->ops->stats)
		c->ops->stats(c, stats);
}

void capture_note(struct capture *c, const char *format, ...)
{
	size_t length = strlen(c->stats.note);
	va_list args;

	if (length) {
		if (length + 3 > sizeof(c->stats.note))
			return;
		memcpy(c->stats.note + length, "; ", 3);
		length += 2;
	}
	va_start(args, format);
	vsnprintf(c->stats.note + length, sizeof(c->stats.note) - length, format, args);
	va_end(args);
}

int capture_fail(struct capture *c, int error, const char *format, ...)
{
	int n = snprintf(c->error, sizeof(c->error), "%s: ", c->name);
	va_list args;

	if (n < 0 || (size_t)n >= sizeof(c->error))
		return error;
	va_start(args, format);
	vsnprintf(c->error + n, sizeof(c->error) - (size_t)n, format, args);
	va_end(args);
	return error;
}

const char *capture_error(const struct capture *c)
{
	return c->error;
}

int capture_free(struct capture *c)
{
	int result;

	if (!c)
		return 0;
	result = dump_free(c->dump);
	fragments_free(c->decoder.fragments);
	copies_free(c->copies);
	if (c->ops)
		c->ops->close(c);
	free(c->name);
	free(c);
	return result;
}
