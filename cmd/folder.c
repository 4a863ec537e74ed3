/*
 * The folder of a live run. It decides when the recording has failed, and what is
 * said then; the files themselves are written by capture/ and event/.
 */
#include "cmd/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct folder {
	const char *path;
	struct capture *capture;
	const struct recording_meta *meta;
	struct recording_writer *writer;
	int error;
	char text[FOLDER_ERROR_SIZE];
};

/* The first failure ends the recording; what is in the files by then is what there is. */
static void fail(struct folder *f, int error, const char *file)
{
	uint64_t packets = 0;

	if (f->error)
		return;
	f->error = error;
	/* The other file may have room still: what is counted here is what it will hold. */
	(void)!recording_flush(f->writer);
	(void)!capture_dump_flush(f->capture);
	capture_dump_kept(f->capture, &packets);
	snprintf(f->text, sizeof(f->text),
		 "%.4000s/%s: %s; the recording ends here, with %" PRIu64 " packets and %" PRIu64
		 " events",
		 f->path, file, strerror(-error), packets, recording_events_kept(f->writer));
}

int folder_new(const char *path, bool force, struct capture *capture,
	       const struct recording_meta *meta, struct folder **out,
	       char error[FOLDER_ERROR_SIZE])
{
	struct folder *f = calloc(1, sizeof(*f));
	const char *file = "";
	int rc;

	if (!f) {
		snprintf(error, FOLDER_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	f->path = path;
	f->capture = capture;
	f->meta = meta;
	rc = recording_writer_new(path, force, &f->writer);
	if (rc) {
		f->writer = NULL;
		goto fail;
	}
	file = "/" RECORDING_PACKETS;
	rc = capture_dump(capture, recording_writer_dirfd(f->writer), RECORDING_PACKETS);
	if (rc)
		goto fail;
	file = "/" RECORDING_META;
	rc = recording_write_meta(f->writer, meta);
	if (rc)
		goto fail;
	*out = f;
	return 0;
fail:
	if (rc == -EEXIST)
		snprintf(error, FOLDER_ERROR_SIZE,
			 "%.4000s: there is a recording; choose another name, or --force", path);
	else
		snprintf(error, FOLDER_ERROR_SIZE, "%.4000s%s: %s", path, file, strerror(-rc));
	folder_free(f);
	return rc;
}

void folder_event(struct folder *folder, const struct event *event)
{
	int rc = folder->error ? 0 : recording_write(folder->writer, event);

	if (rc)
		fail(folder, rc, RECORDING_EVENTS);
}

void folder_check_packets(struct folder *folder)
{
	uint64_t packets;
	int rc = capture_dump_kept(folder->capture, &packets);

	if (rc)
		fail(folder, rc, RECORDING_PACKETS);
}

void folder_flush(struct folder *folder)
{
	int rc = folder->error ? 0 : recording_flush(folder->writer);

	if (rc)
		fail(folder, rc, RECORDING_EVENTS);
	rc = folder->error ? 0 : capture_dump_flush(folder->capture);
	if (rc)
		fail(folder, rc, RECORDING_PACKETS);
}

/* Whoever removed the files took what was recorded with them: to write on succeeds all the same. */
static void check_removed(struct folder *f)
{
	static const char *const names[] = {RECORDING_PACKETS, RECORDING_EVENTS};
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (f->error || fstatat(recording_writer_dirfd(f->writer), names[i], &st,
					AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		f->error = -errno;
		snprintf(f->text, sizeof(f->text),
			 "%.4000s/%s: %s; it was removed while it was written, and what it held "
			 "is lost",
			 f->path, names[i], strerror(errno));
	}
}

void folder_finish(struct folder *folder)
{
	struct recording_meta *meta;
	int rc = -ENOMEM;

	folder_flush(folder);
	check_removed(folder);
	meta = malloc(sizeof(*meta));
	if (meta) {
		*meta = *folder->meta;
		capture_dump_kept(folder->capture, &meta->packets);
		meta->events = recording_events_kept(folder->writer);
		rc = recording_write_meta(folder->writer, meta);
	}
	free(meta);
	if (rc)
		fail(folder, rc, RECORDING_META);
}

int folder_error(const struct folder *folder)
{
	return folder->error;
}

const char *folder_text(const struct folder *folder)
{
	return folder->text;
}

int folder_fd(const struct folder *folder)
{
	return recording_writer_dirfd(folder->writer);
}

void folder_free(struct folder *folder)
{
	if (!folder)
		return;
	if (capture_dump_end(folder->capture) < 0 ||
	    (folder->writer && recording_writer_free(folder->writer) < 0)) {
		/* Said by folder_finish(); the recording is as whole as it gets. */
	}
	free(folder);
}
