/*
 * The folder of a live run. It decides when the recording has failed, and what is
 * said then, and when a new part begins; the files themselves are written by
 * capture/ and event/.
 *
 * A part is a recording of its own: it says again which listeners there are, and
 * its losses count from its own beginning.
 */
#include "pipeline/folder/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/clock.h"
#include "event/recording/lock.h"
#include "event/recording/parts.h"
#include "pipeline/folder/known.h"

struct folder {
	const char *path;
	struct capture *capture;
	const struct recording_meta *meta;
	struct rotation rotation;
	struct folder_known known;
	struct retention retention;
	bool incident;	 /* in the part that is written */
	int top;	 /* with rotation: the folder of the parts, else -1 */
	bool made;	 /* by this run: the folder of that path */
	uint32_t number; /* of the part */
	int64_t part_start_ns;
	int64_t part_since_ns; /* the same by CLOCK_MONOTONIC */
	uint64_t losses_before[LOSS_KIND_COUNT];
	struct recording_writer *writer;
	int error;
	char text[FOLDER_ERROR_SIZE];
};

/* The first failure ends the recording; what is in the files by then is what there is. */
static void fail(struct folder *f, int error, const char *file)
{
	char part[RECORDING_PART_SIZE + 1] = "/";
	uint64_t packets = 0;

	if (f->error)
		return;
	if (f->number)
		recording_part_name(f->number, part + 1);
	f->error = error;
	/* The other file may have room still: what is counted here is what it will hold. */
	(void)!recording_flush(f->writer);
	(void)!capture_dump_flush(f->capture);
	capture_dump_kept(f->capture, &packets);
	snprintf(f->text, sizeof(f->text),
		 "%.4000s%s/%s: %s; the recording stops here, with %" PRIu64 " packets and %" PRIu64
		 " events%s",
		 f->path, f->number ? part : "", file, strerror(-error), packets,
		 recording_events_kept(f->writer), f->number ? " in this part" : "");
}

/* meta.json of this part, as of now. */
static int write_meta(struct folder *f, int64_t end_ns)
{
	struct recording_meta *meta = malloc(sizeof(*meta));
	int rc;

	if (!meta)
		return -ENOMEM;
	*meta = *f->meta;
	meta->start_ns = f->part_start_ns;
	meta->end_ns = end_ns;
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		meta->losses[i] -= f->losses_before[i];
	(void)capture_dump_kept(f->capture, &meta->packets);
	meta->events = recording_events_kept(f->writer);
	rc = recording_write_meta(f->writer, meta);
	free(meta);
	return rc;
}

/* *file is the one that failed. */
static int begin_files(struct folder *f, const char **file)
{
	int rc;

	*file = RECORDING_PACKETS;
	rc = capture_dump(f->capture, recording_writer_dirfd(f->writer), RECORDING_PACKETS,
			  f->rotation.compress);
	if (rc)
		return rc;
	*file = RECORDING_META;
	return write_meta(f, TIME_UNKNOWN);
}

static uint64_t part_bytes(int part)
{
	uint64_t bytes = 0;
	struct stat st;

	for (size_t i = 0; i < RECORDING_FILES_MAX; i++)
		if (fstatat(part, recording_files[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			bytes += (uint64_t)st.st_size;
	return bytes;
}

/* A part of an earlier run: as its files have it. */
static int take_part(struct folder *f, uint32_t number)
{
	struct retention_part part = {.number = number};
	struct stat st;
	int fd = recording_part_open(f->top, number);

	if (fd < 0)
		return fd;
	part.bytes = part_bytes(fd);
	part.incident = fstatat(fd, RECORDING_INCIDENT, &st, AT_SYMLINK_NOFOLLOW) == 0;
	/* Written last when the part ended, or, after a crash, about when it was cut off. */
	for (size_t i = 0; i < RECORDING_FILES_MAX; i++) {
		int64_t ns;

		if (fstatat(fd, recording_files[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		ns = st.st_mtim.tv_sec * NS_PER_SEC + st.st_mtim.tv_nsec;
		if (ns > part.end_ns)
			part.end_ns = ns;
	}
	close(fd);
	return retention_add(&f->retention, &part);
}

/* The parts that are there go (force), stay (append), or are a recording that is in the way. */
static int take_parts(struct folder *f, bool force)
{
	uint32_t *numbers;
	size_t count;
	int rc = recording_parts_list(f->top, &numbers, &count);

	if (rc)
		return rc;
	if (count && !force && !f->rotation.append)
		rc = -EEXIST;
	else if (count && !force && numbers[count - 1] >= RECORDING_PART_MAX)
		rc = -EOVERFLOW;
	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = force ? recording_part_remove(f->top, numbers[i]) : take_part(f, numbers[i]);
		if (!force)
			f->number = numbers[i];
	}
	free(numbers);
	return rc;
}

static int open_parts(struct folder *f, bool force)
{
	char name[RECORDING_PART_SIZE];
	int rc;

	/* A recording that is no part is cleared away, or refused, as if another took its place. */
	rc = recording_writer_new(f->path, force, &f->writer);
	if (rc) {
		f->writer = NULL;
		return rc;
	}
	f->made = recording_writer_made_folder(f->writer);
	f->top = fcntl(recording_writer_dirfd(f->writer), F_DUPFD_CLOEXEC, 0);
	rc = f->top < 0 ? -errno : take_parts(f, force);
	if (rc == 0 && !rotation_is_on(&f->rotation)) {
		close(f->top);
		f->top = -1;
		return 0;
	}
	if (f->top >= 0 && unlinkat(f->top, RECORDING_EVENTS, 0) < 0 && rc == 0)
		rc = -errno;
	if (recording_writer_free(f->writer) < 0) {
		/* It was empty. */
	}
	f->writer = NULL;
	if (rc)
		return rc;
	f->number++;
	recording_part_name(f->number, name);
	return recording_writer_new_at(f->top, name, true, f->rotation.compress, &f->writer);
}

static int remove_old(struct folder *f)
{
	uint64_t bytes = recording_bytes(f->writer) + capture_dump_bytes(f->capture);
	uint32_t number;
	int rc = 0;

	while (rc == 0 && (number = retention_next(&f->retention, clock_now_ns(), bytes)))
		rc = recording_part_remove(f->top, number);
	return rc;
}

static void say_busy(const char *path, char error[FOLDER_ERROR_SIZE])
{
	pid_t holder = recording_lock_holder(path);

	if (holder > 0)
		snprintf(error, FOLDER_ERROR_SIZE,
			 "%.4000s: process %ld is recording there; choose another folder", path,
			 (long)holder);
	else
		snprintf(error, FOLDER_ERROR_SIZE,
			 "%.4000s: another process is recording there; choose another folder",
			 path);
}

int folder_new(const char *path, bool force, const struct rotation *rotation,
	       struct capture *capture, const struct recording_meta *meta, struct folder **out,
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
	f->rotation = *rotation;
	f->retention.policy = rotation->retention;
	f->rotation.compress = rotation->compress && rotation_is_on(rotation);
	f->top = -1;
	f->part_start_ns = meta->start_ns;
	f->part_since_ns = clock_monotonic_ns();
	rc = open_parts(f, force);
	if (rc == 0)
		rc = begin_files(f, &file);
	/* Before the first turn: on a full disk there may be none. */
	if (rc == 0 && f->top >= 0)
		rc = remove_old(f);
	if (rc == 0) {
		*out = f;
		return 0;
	}
	if (rc == -EEXIST)
		snprintf(error, FOLDER_ERROR_SIZE,
			 "%.4000s: already has a recording; choose another folder, or use --force",
			 path);
	else if (rc == -EBUSY)
		say_busy(path, error);
	else
		snprintf(error, FOLDER_ERROR_SIZE, "%.4000s%s%s: %s", path, *file ? "/" : "", file,
			 strerror(-rc));
	folder_discard(f);
	folder_free(f);
	return rc;
}

void folder_event(struct folder *folder, const struct event *event)
{
	struct event own = *event;
	int rc = 0;

	if (folder->error)
		return;
	if (own.kind == EVENT_LOSS)
		own.loss.count -= folder->losses_before[own.loss.kind];
	if (rotation_is_on(&folder->rotation))
		rc = folder_known_take(&folder->known, event);
	if (rc == 0)
		rc = recording_write(folder->writer, &own);
	if (rc)
		fail(folder, rc, RECORDING_EVENTS);
}

bool folder_is_due(const struct folder *f)
{
	if (!rotation_is_on(&f->rotation) || f->error || f->number == RECORDING_PART_MAX)
		return false;
	if (f->rotation.time_ns && clock_monotonic_ns() - f->part_since_ns >= f->rotation.time_ns)
		return true;
	return f->rotation.bytes &&
	       recording_bytes(f->writer) + capture_dump_bytes(f->capture) >= f->rotation.bytes;
}

/* The part that has just ended becomes one of those that may go. */
static int keep_part(struct folder *f)
{
	struct retention_part part = {
	    .number = f->number,
	    .start_ns = f->part_start_ns,
	    .end_ns = clock_now_ns(),
	    .bytes = part_bytes(recording_writer_dirfd(f->writer)),
	    .incident = f->incident,
	};

	f->incident = false;
	return retention_add(&f->retention, &part);
}

static int next_part(struct folder *f, const char **file)
{
	char name[RECORDING_PART_SIZE];
	int rc;

	f->part_start_ns = clock_now_ns();
	f->part_since_ns = clock_monotonic_ns();
	memcpy(f->losses_before, f->meta->losses, sizeof(f->losses_before));
	f->number++;
	recording_part_name(f->number, name);
	*file = "the next part";
	rc = recording_writer_new_at(f->top, name, true, f->rotation.compress, &f->writer);
	if (rc)
		return rc;
	rc = begin_files(f, file);
	*file = RECORDING_EVENTS;
	for (size_t i = 0; rc == 0 && i < f->known.count; i++) {
		struct event event = f->known.events[i];

		/* True still, and said of this part's time. */
		event.time_ns = f->part_start_ns;
		rc = recording_write(f->writer, &event);
	}
	if (rc)
		return rc;
	*file = "the oldest part";
	return remove_old(f);
}

void folder_turn(struct folder *f)
{
	struct recording_writer *writer = f->writer;
	const char *file = RECORDING_META;
	int rc;

	folder_finish(f);
	if (f->error)
		return;
	rc = capture_dump_end(f->capture);
	if (rc == 0)
		rc = keep_part(f);
	if (rc == 0)
		rc = next_part(f, &file);
	if (!f->writer)
		f->writer = writer;
	else if (f->writer != writer && recording_writer_free(writer) < 0 && rc == 0)
		rc = -EIO;
	if (rc)
		fail(f, rc, file);
}

void folder_rotate(struct folder *f, const struct rotation *rotation)
{
	f->rotation = *rotation;
	f->retention.policy = rotation->retention;
}

/* Never through a link; a mark that cannot be made costs no more than the mark. */
static void mark_incident(int part, int64_t time_ns, const char *kind)
{
	int fd = openat(part, RECORDING_INCIDENT,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return;
	dprintf(fd,
		"{\"schema\":\"synscope.incident/1\",\"time_ns\":%" PRId64 ",\"kind\":\"%s\"}\n",
		time_ns, kind);
	close(fd);
}

void folder_incident(struct folder *f, int64_t time_ns, const char *kind)
{
	uint32_t number;
	int fd;

	if (!f->number || f->error || !f->retention.policy.keep_incidents)
		return;
	if (time_ns >= f->part_start_ns) {
		if (!f->incident)
			mark_incident(recording_writer_dirfd(f->writer), time_ns, kind);
		f->incident = true;
		return;
	}
	number = retention_incident(&f->retention, time_ns);
	fd = number ? recording_part_open(f->top, number) : -1;
	if (fd < 0)
		return;
	mark_incident(fd, time_ns, kind);
	close(fd);
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
	int events[2] = {-1, -1};
	struct stat st;

	recording_writer_files(f->writer, events);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = i ? events[0] : capture_dump_fd(f->capture);

		if (f->error || fd < 0 || fstat(fd, &st) < 0 || st.st_nlink)
			continue;
		f->error = -ENOENT;
		snprintf(f->text, sizeof(f->text),
			 "%.4000s/%s: %s; it was removed during the recording, and its contents "
			 "are lost",
			 f->path, names[i], strerror(ENOENT));
	}
}

void folder_finish(struct folder *folder)
{
	int rc;

	folder_flush(folder);
	check_removed(folder);
	/* Of the whole recording: the end that the report has, not a moment later. */
	rc = write_meta(folder, folder->meta->end_ns != TIME_UNKNOWN ? folder->meta->end_ns
								     : clock_now_ns());
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

size_t folder_made(const struct folder *f, int fds[FOLDER_MADE_MAX])
{
	size_t count = recording_writer_files(f->writer, fds);
	int packets = capture_dump_fd(f->capture);

	if (packets >= 0)
		fds[count++] = packets;
	if (recording_writer_made_folder(f->writer))
		fds[count++] = recording_writer_dirfd(f->writer);
	if (f->top >= 0 && f->made)
		fds[count++] = f->top;
	return count;
}

int folder_parts_fd(const struct folder *folder)
{
	return folder->top;
}

void folder_discard(struct folder *f)
{
	if (f->writer)
		recording_writer_discard(f->writer);
	if (f->writer && f->top >= 0 && recording_part_remove(f->top, f->number) < 0)
		return;
	if (f->made)
		rmdir(f->path);
}

void folder_free(struct folder *folder)
{
	int rc;

	if (!folder)
		return;
	/* Errors were said by folder_finish(); the recording is as whole as it gets. */
	rc = capture_dump_end(folder->capture);
	if (recording_writer_free(folder->writer) < 0 || rc < 0)
		folder->writer = NULL;
	if (folder->top >= 0)
		close(folder->top);
	folder_known_release(&folder->known);
	retention_release(&folder->retention);
	free(folder);
}
