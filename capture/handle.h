/*
 * Interface inside capture/: the handle, and what its kinds (live, libpcap
 * file, pcapng file) have to do for it.
 */
#ifndef CAPTURE_HANDLE_H
#define CAPTURE_HANDLE_H

#include <pcap/pcap.h>

#include "capture/capture.h"
#include "capture/copies.h"
#include "capture/dump.h"
#include "capture/frame/decode.h"
#include "capture/frame/link.h"

struct capture_ops {
	/* As capture_read() has it, but calls capture_frame() for each frame. */
	int64_t (*read)(struct capture *c, uint64_t max);
	/* Fills in what the kind knows beyond c->stats. NULL: nothing. */
	void (*stats)(struct capture *c, struct capture_stats *stats);
	/* As capture_set_filter() has it. NULL: it has no filter. */
	int (*set_filter)(struct capture *c, const char *filter);
	void (*close)(struct capture *c);
};

struct capture {
	const struct capture_ops *ops;
	pcap_t *pcap;
	void *reader; /* the kind's own */
	char *name;   /* of the file or interface, for messages */
	link_fn decode;
	int linktype;
	bool live;
	bool by_program; /* the kernel filters by a BPF program */
	bool ended;	 /* a file that was read to its end */

	int64_t skip_before_ns; /* INT64_MIN: nothing is skipped */
	bool one_device;       /* all frames are of one device, whatever their headers say */
	uint32_t device;       /* of the frames to come; 0: their headers say it, or nobody */
	struct copies *copies; /* made when the first segment comes that can have one; or NULL */

	struct decoder decoder;
	struct event event; /* the decoders fill it again for each frame */
	struct dump *dump;  /* or NULL */
	event_fn fn;	    /* of the capture_read() that runs */
	void *context;
	int fn_result;

	struct capture_stats stats;
	char error[CAPTURE_ERROR_SIZE];
};

/* Allocates what all kinds share. ops may be set later. NULL when out of memory. */
struct capture *capture_new(const struct capture_ops *ops, const char *name);

/* Sets the link type of the frames to come, with a note when it is not known. */
void capture_set_linktype(struct capture *c, int linktype);

/* Decodes one frame, counts it, and hands on its event. False: stop, c->fn_result says why. */
bool capture_frame(struct capture *c, int64_t time_ns, const uint8_t *bytes, uint32_t captured,
		   uint32_t wire);

/* Adds a line to the note; what does not fit is left out. */
void capture_note(struct capture *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Sets the error line, "NAME: ...", and returns error. */
int capture_fail(struct capture *c, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Seconds and nanoseconds of a stamp as one number. A fraction of more than a
 * second is carried. What a file made up is brought into the half of the range
 * in which the difference of any two times is a number again; it reaches from
 * 1823 to 2116, and so further than pcap's 32 bits.
 */
static inline int64_t capture_time_ns(int64_t seconds, int64_t nanoseconds)
{
	const int64_t carried = 4300; /* seconds: 32 bits of microseconds */
	const int64_t limit = INT64_MAX / 2 / NS_PER_SEC - carried;

	if (seconds > limit || seconds < -limit)
		seconds = seconds > 0 ? limit : -limit;
	if (nanoseconds < 0 || nanoseconds > carried * NS_PER_SEC)
		nanoseconds = 0;
	return seconds * NS_PER_SEC + nanoseconds;
}

#endif
