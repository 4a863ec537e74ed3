/*
 * For the tests of the file readers: files made byte by byte, and what the
 * capture gave of them.
 */
#ifndef TESTS_UNIT_CAPFILE_H
#define TESTS_UNIT_CAPFILE_H

#include <stdlib.h>
#include <unistd.h>

#include "capture/capture.h"
#include "frame.h"

struct capfile {
	char path[64];
	uint8_t bytes[1 << 16];
	size_t size;
	bool big_endian;
};

static inline void capfile_put(struct capfile *f, const void *bytes, size_t n)
{
	cr_assert(f->size + n <= sizeof(f->bytes));
	memcpy(f->bytes + f->size, bytes, n);
	f->size += n;
}

static inline void capfile_u32(struct capfile *f, uint32_t v)
{
	uint8_t b[4];

	for (int i = 0; i < 4; i++)
		b[f->big_endian ? 3 - i : i] = (uint8_t)(v >> 8 * i);
	capfile_put(f, b, 4);
}

static inline void capfile_u16(struct capfile *f, uint16_t v)
{
	uint8_t b[2];

	b[f->big_endian] = (uint8_t)v;
	b[!f->big_endian] = (uint8_t)(v >> 8);
	capfile_put(f, b, 2);
}

/* The header of a classic pcap file. */
static inline void capfile_pcap(struct capfile *f, uint32_t magic, uint32_t linktype)
{
	capfile_u32(f, magic);
	capfile_u16(f, 2);
	capfile_u16(f, 4);
	capfile_u32(f, 0);
	capfile_u32(f, 0);
	capfile_u32(f, 65535);
	capfile_u32(f, linktype);
}

static inline void capfile_record(struct capfile *f, uint32_t seconds, uint32_t fraction,
				  const char *hex)
{
	struct frame frame = frame_of(hex);

	capfile_u32(f, seconds);
	capfile_u32(f, fraction);
	capfile_u32(f, frame.size);
	capfile_u32(f, frame.size);
	capfile_put(f, frame.bytes, frame.size);
}

/* Writes the file; f->path names it until capfile_remove(). */
static inline void capfile_write(struct capfile *f)
{
	int fd;

	strcpy(f->path, "/tmp/synscope-test-XXXXXX");
	fd = mkstemp(f->path);
	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, f->bytes, f->size), (ssize_t)f->size);
	close(fd);
}

static inline void capfile_remove(const struct capfile *f)
{
	unlink(f->path);
}

#define CAPFILE_EVENTS_MAX 64

struct capfile_result {
	int open;     /* what capture_open_file() returned */
	int64_t read; /* what capture_read() returned */
	char error[CAPTURE_ERROR_SIZE];
	struct capture_stats stats;
	size_t count;
	struct event events[CAPFILE_EVENTS_MAX];
};

static inline int capfile_event(void *context, const struct event *event)
{
	struct capfile_result *r = context;

	cr_assert(r->count < CAPFILE_EVENTS_MAX);
	r->events[r->count++] = *event;
	return 0;
}

/* Opens the file and reads all of it. The result is the caller's to free(). */
static inline struct capfile_result *capfile_read_path(const char *path)
{
	struct capfile_result *r = calloc(1, sizeof(*r));
	struct capture *c;

	cr_assert(r);
	r->open = capture_open_file(path, &c, r->error);
	if (r->open)
		return r;
	cr_expect_eq(capture_fd(c), -1);
	r->read = capture_read(c, 0, capfile_event, r);
	if (r->read < 0)
		strcpy(r->error, capture_error(c));
	else
		cr_expect_eq(capture_read(c, 0, capfile_event, r), 0,
			     "there is more after the end");
	capture_stats(c, &r->stats);
	cr_expect_eq(capture_free(c), 0);
	return r;
}

static inline struct capfile_result *capfile_read(struct capfile *f)
{
	struct capfile_result *r;

	capfile_write(f);
	r = capfile_read_path(f->path);
	capfile_remove(f);
	return r;
}

#endif
