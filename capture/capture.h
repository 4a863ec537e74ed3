/*
 * Interface for capture: a live interface or a capture file -> segment and ICMP
 * events. Stateless but for IP fragments. The only room that knows libpcap.
 */
#ifndef CAPTURE_CAPTURE_H
#define CAPTURE_CAPTURE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "event/skip.h"

#define CAPTURE_ERROR_SIZE (PATH_MAX + 512)

struct capture;

struct capture_live_options {
	const char *interface; /* "any" for all */
	const char *filter;    /* pcap-filter(7) text, see capture_filter_format() */
	/*
	 * A BPF program that filters in its place, for SO_ATTACH_BPF; 0: none. It is tried: see
	 * capture_by_program().
	 */
	int filter_program;
	int snaplen;	   /* 0: 128: the whole TCP header of a SYN, behind a VLAN tag and IPv6 */
	size_t ring_bytes; /* 0: 16 MiB */
};

struct capture_stats {
	uint64_t frames; /* read, whether they gave an event or not */
	/* The oldest and the youngest stamp of these frames; TIME_UNKNOWN without frames. */
	int64_t first_ns;
	int64_t last_ns;
	uint64_t segments;
	uint64_t icmp_errors;
	uint64_t dropped;	    /* by the kernel: the ring was full */
	uint64_t interface_dropped; /* by the interface or its driver */
	uint64_t skipped[SKIP_REASON_COUNT];
	bool cut;		       /* the file ends within a frame */
	char note[CAPTURE_ERROR_SIZE]; /* what is missing and why, one line, or empty */
};

/*
 * Both open functions return 0 and give *out to the caller, who ends it with
 * capture_free(); or -errno with one line for a person in error, that names the
 * file or interface and says what to do.
 */
int capture_open_live(const struct capture_live_options *options, struct capture **out,
		      char error[CAPTURE_ERROR_SIZE]) __attribute__((warn_unused_result));

/* "-" is standard input. gzip, xz and zstd files are read through their libraries. */
int capture_open_file(const char *path, struct capture **out, char error[CAPTURE_ERROR_SIZE])
    __attribute__((warn_unused_result));

/*
 * A capture that never has a frame, for a recording without packets. 0 or -ENOMEM;
 * ends with capture_free().
 */
int capture_open_none(struct capture **out) __attribute__((warn_unused_result));

/* Another filter for a live capture, from now on. 0, or -errno: the old one stays. */
int capture_set_filter(struct capture *capture, const char *filter)
    __attribute__((warn_unused_result));

/*
 * All its frames are of one device, as those of a recording of one interface are: then two
 * that are the same are two packets. Before the first capture_read().
 */
void capture_one_device(struct capture *capture);

/* What is older is read, and neither decoded nor reported: it is before a period. */
void capture_skip_before(struct capture *capture, int64_t time_ns);

/* filter_program has taken the place of filter. */
bool capture_by_program(const struct capture *capture);

/* A live capture's descriptor, for epoll; -1 for a file, and for none. */
int capture_fd(const struct capture *capture);

/*
 * From now on each frame is also written, as captured, to a nanosecond pcap
 * file of this name in the folder (mode 0640, created, no symbolic links;
 * compressed: zstd, with the suffix .zst).
 */
int capture_dump(struct capture *capture, int dirfd, const char *name, bool compressed)
    __attribute__((warn_unused_result));
int capture_dump_flush(struct capture *capture) __attribute__((warn_unused_result));

/* Frames that are in the file, whole. Returns 0, or the first error of writing it, -errno. */
int capture_dump_kept(const struct capture *capture, uint64_t *frames);

/* Bytes of the file, with those that are buffered. */
uint64_t capture_dump_bytes(const struct capture *capture);

/* The file, or -1; the capture's own. */
int capture_dump_fd(const struct capture *capture);

/*
 * Ends the file; frames are not written any more, and capture_dump() may begin
 * another. Returns the first error of the dump; 0 where there is none to end.
 */
int capture_dump_end(struct capture *capture) __attribute__((warn_unused_result));

/*
 * Reads up to max frames (0: for a live capture what is there now, never
 * waiting; for a file all of it) and calls fn for each event. Returns the number
 * of frames read, 0 at the end of a file, -ENETDOWN when the interface is gone,
 * another -errno of reading or writing, or what fn returned if not 0. A cut file
 * is not an error: it sets stats.cut.
 */
int64_t capture_read(struct capture *capture, uint64_t max, event_fn fn, void *context)
    __attribute__((warn_unused_result));

void capture_stats(struct capture *capture, struct capture_stats *stats);

/* One line that explains the last negative return of capture_read() or capture_dump_flush(). */
const char *capture_error(const struct capture *capture);

/* Closes the dump too. Returns the first error of the dump. NULL is legal. */
int capture_free(struct capture *capture) __attribute__((warn_unused_result));

/*
 * Writes the kernel filter for these targets: every SYN, RST and FIN of their
 * ports, every segment of the client that can be the final ACK (also one that
 * carries data; filter.c says which it takes for bulk data and leaves out), the
 * ICMP errors about TCP, VLAN-tagged or not; and no data of the server. A target
 * with address :: means the port on every address; no targets at all: every TCP
 * port, and then either side's data as if it were the client's. Returns 0 or
 * -ENOSPC. A text that fits 4096 bytes also fits capture_open_live().
 */
int capture_filter_format(const struct endpoint *targets, size_t count, char *text, size_t size)
    __attribute__((warn_unused_result));

#endif
