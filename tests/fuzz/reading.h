/*
 * For the targets of the file readers: reads bytes as a capture file, and checks
 * that every frame is accounted for.
 */
#ifndef TESTS_FUZZ_READING_H
#define TESTS_FUZZ_READING_H

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/capture.h"
#include "fuzz.h"

/* Few bytes decompress to many frames: what comes later is not what is looked for here. */
#define FUZZ_FRAMES_MAX 2000

struct fuzz_reading {
	int open;
	int64_t read;
	struct capture_stats stats;
	uint64_t events;
};

static inline int fuzz_count_event(void *context, const struct event *event)
{
	struct fuzz_reading *r = context;

	FUZZ_ASSERT(event->kind == EVENT_SEGMENT || event->kind == EVENT_ICMP);
	FUZZ_ASSERT(event->time_ns != TIME_UNKNOWN);
	r->events++;
	return 0;
}

static inline void fuzz_read(struct fuzz_reading *r, const uint8_t *data, size_t size)
{
	char error[CAPTURE_ERROR_SIZE] = "", path[64];
	int fd = memfd_create("capture", MFD_CLOEXEC);
	uint64_t accounted;
	struct capture *c;

	memset(r, 0, sizeof(*r));
	r->open = -1;
	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		if (fd >= 0)
			close(fd);
		return;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r->open = capture_open_file(path, &c, error);
	close(fd);
	FUZZ_ASSERT(r->open <= 0);
	if (r->open) { /* one line that names the file */
		FUZZ_ASSERT(strstr(error, path) && !strchr(error, '\n'));
		return;
	}
	r->read = capture_read(c, FUZZ_FRAMES_MAX, fuzz_count_event, r);
	capture_stats(c, &r->stats);
	FUZZ_ASSERT(r->read < 0 || (uint64_t)r->read == r->stats.frames);
	FUZZ_ASSERT(r->read >= 0 || *capture_error(c));
	FUZZ_ASSERT(!r->stats.cut || *r->stats.note);
	FUZZ_ASSERT(r->events == r->stats.segments + r->stats.icmp_errors);
	accounted = r->events;
	for (int i = 0; i < SKIP_REASON_COUNT; i++)
		accounted += r->stats.skipped[i];
	FUZZ_ASSERT(accounted == r->stats.frames);
	FUZZ_ASSERT(capture_free(c) == 0);
}

#endif
