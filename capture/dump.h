/*
 * Interface for the dump: the frames of a capture, as a nanosecond pcap file,
 * compressed or not (event/recording/output.h).
 */
#ifndef CAPTURE_DUMP_H
#define CAPTURE_DUMP_H

#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdint.h>

struct dump;

/*
 * Makes the file anew (mode 0640, never through a link; one of that name is
 * replaced; compressed: with the suffix .zst) with the header for the handle's link type and
 * snaplen. Returns 0 or -errno; the caller ends *out with dump_free().
 */
int dump_new(pcap_t *pcap, int dirfd, const char *name, bool compressed, struct dump **out)
    __attribute__((warn_unused_result));

/* Returns 0 or -errno. After an error nothing more is written; it is returned again. */
int dump_frame(struct dump *dump, int64_t time_ns, const uint8_t *bytes, uint32_t captured,
	       uint32_t wire) __attribute__((warn_unused_result));

/* Hands what is buffered to the kernel. */
int dump_flush(struct dump *dump) __attribute__((warn_unused_result));

/* Frames that are in the file, whole. */
uint64_t dump_kept(const struct dump *dump);

/* Bytes of the file, with those that are buffered unless they are still to be compressed. */
uint64_t dump_bytes(const struct dump *dump);

/* The file, the dump's own. */
int dump_fd(const struct dump *dump);

/* 0, or the first error, -errno. */
int dump_error(const struct dump *dump);

/* Flushes, closes and frees. Returns the first error. NULL is legal. */
int dump_free(struct dump *dump) __attribute__((warn_unused_result));

#endif
