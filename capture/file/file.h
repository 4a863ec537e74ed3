/*
 * Interface inside capture/ for capture files: their two kinds of readers, and
 * how these say that a file has ended.
 */
#ifndef CAPTURE_FILE_FILE_H
#define CAPTURE_FILE_FILE_H

#include "capture/file/stream.h"
#include "capture/handle.h"

/*
 * Each opens one kind of file: sets c->ops, c->reader and, for a file of one link
 * type, that. The stream stays the caller's until c->ops is set. Returns 0, or
 * -errno with c->error set.
 */
int savefile_open(struct capture *c, struct stream *stream) __attribute__((warn_unused_result));
int pcapng_open(struct capture *c, struct stream *stream) __attribute__((warn_unused_result));

/* True for a file that begins so. */
bool pcapng_is(const uint8_t *bytes, size_t size);

/*
 * The file cannot be read on. What came before stays good: it ends here, with a
 * note, and 0 is returned; where nothing came before, -EBADMSG with c->error.
 */
int file_damaged(struct capture *c, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

/*
 * The same for a file that ends within something; that is a file that is cut, even at its first
 * frame.
 */
int file_cut(struct capture *c, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));

/*
 * The stream has only left bytes more of the wanted ones. error is of reading
 * them, -errno or 0. With left of 0 this is the end.
 */
int file_no_more(struct capture *c, const struct stream *stream, int error, size_t left,
		 size_t wanted) __attribute__((warn_unused_result));

#endif
