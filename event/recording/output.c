/*
 * The output of a recording. Level 1: it takes less than the writing of the bytes
 * that it saves.
 */
#include "event/recording/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define FILE_MODE    0640
#define CREATE_FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)
#define LEVEL	     1
#define NAME_SIZE    256
/*
 * No frame holds more: of one that does not end, as after SIGKILL, zstd(1) prints what fits
 * into its buffer of so many bytes, and not what its decoder has behind that.
 */
#define FRAME_BYTES ((size_t)128 * 1024)

struct recording_output {
	int fd;
	int error;	    /* the first, -errno */
	uint64_t bytes;	    /* length of the file */
	size_t framed;	    /* bytes in the frame that has not ended */
	ZSTD_CCtx *context; /* NULL: the bytes go out as they are */
	uint8_t *packed;
	size_t packed_size;
};

static int make_context(struct recording_output *o)
{
	o->context = ZSTD_createCCtx();
	o->packed_size = ZSTD_CStreamOutSize();
	o->packed = malloc(o->packed_size);
	if (!o->context || !o->packed ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(o->context, ZSTD_c_compressionLevel, LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(o->context, ZSTD_c_checksumFlag, 1)))
		return -ENOMEM;
	return 0;
}

static void release(struct recording_output *o)
{
	(void)ZSTD_freeCCtx(o->context);
	free(o->packed);
	free(o);
}

int recording_output_new(int dirfd, const char *name, bool compressed,
			 struct recording_output **out)
{
	struct recording_output *o = calloc(1, sizeof(*o));
	char file[NAME_SIZE];
	int rc = 0;

	*out = NULL;
	if (!o)
		return -ENOMEM;
	if (snprintf(file, sizeof(file), "%s%s", name, compressed ? RECORDING_OUTPUT_SUFFIX : "") >=
	    (int)sizeof(file))
		rc = -ENAMETOOLONG;
	else if (compressed)
		rc = make_context(o);
	if (rc == 0) {
		o->fd = openat(dirfd, file, CREATE_FLAGS, FILE_MODE);
		rc = o->fd < 0 ? -errno : 0;
	}
	if (rc) {
		release(o);
		return rc;
	}
	*out = o;
	return 0;
}

/* Returns how many went out; sets the error when not all of them did. */
static size_t write_out(struct recording_output *o, const uint8_t *bytes, size_t size)
{
	size_t done = 0;

	while (done < size && !o->error) {
		ssize_t n = write(o->fd, bytes + done, size - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			o->error = -EIO;
		else if (errno != EINTR)
			o->error = -errno;
	}
	o->bytes += done;
	return done;
}

/* Compresses and writes a whole block. */
static void write_block(struct recording_output *o, const void *bytes, size_t size,
			ZSTD_EndDirective end)
{
	ZSTD_inBuffer in = {bytes, size, 0};
	size_t left;

	if (o->error)
		return;
	do {
		ZSTD_outBuffer out = {o->packed, o->packed_size, 0};

		left = ZSTD_compressStream2(o->context, &out, &in, end);
		if (ZSTD_isError(left))
			o->error = -ENOMEM;
		else
			write_out(o, o->packed, out.pos);
	} while (!o->error && left);
	o->framed = end == ZSTD_e_end ? 0 : o->framed + size;
}

/* After an error: leaves the file as it was. If this fails too its reader notices. */
static void take_back(struct recording_output *o, uint64_t before)
{
	if (o->error && o->bytes > before && ftruncate(o->fd, (off_t)before) == 0)
		o->bytes = before;
}

/* Compresses and writes all of it, or nothing. */
static void write_blocks(struct recording_output *o, const uint8_t *bytes, size_t size)
{
	uint64_t before = o->bytes;

	if (o->framed && o->framed + size > FRAME_BYTES)
		write_block(o, NULL, 0, ZSTD_e_end);
	for (; size > FRAME_BYTES; bytes += FRAME_BYTES, size -= FRAME_BYTES)
		write_block(o, bytes, FRAME_BYTES, ZSTD_e_end);
	write_block(o, bytes, size, ZSTD_e_flush);
	take_back(o, before);
}

int recording_output_put(struct recording_output *o, const void *bytes, size_t size, size_t *kept)
{
	*kept = 0;
	if (o->error || !size)
		return o->error;
	if (!o->context) {
		*kept = write_out(o, bytes, size);
		return o->error;
	}
	write_blocks(o, bytes, size);
	if (!o->error)
		*kept = size;
	return o->error;
}

void recording_output_cut(struct recording_output *o, size_t surplus)
{
	if (!surplus || o->context || surplus > o->bytes)
		return;
	/* If this fails the file ends in the middle of something, which its reader knows. */
	if (ftruncate(o->fd, (off_t)(o->bytes - surplus)) == 0)
		o->bytes -= surplus;
}

int recording_output_fd(const struct recording_output *o)
{
	return o->fd;
}

uint64_t recording_output_bytes(const struct recording_output *o)
{
	return o->bytes;
}

int recording_output_free(struct recording_output *o, bool sync)
{
	uint64_t before;
	int rc;

	if (!o)
		return 0;
	before = o->bytes;
	if (o->context && !o->error) {
		write_block(o, NULL, 0, ZSTD_e_end);
		take_back(o, before);
	}
	rc = o->error;
	if (sync && fsync(o->fd) != 0 && !rc)
		rc = -errno;
	if (close(o->fd) != 0 && !rc)
		rc = -errno;
	release(o);
	return rc;
}
