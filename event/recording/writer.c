/*
 * Writes the recording's folder: events.jsonl through one big buffer, meta.json
 * by a new file and a rename, as long as a file can be made there. packets.pcap in the same folder
 * is capture's.
 *
 * What is in the buffer is not kept yet: recording_flush() hands it to the
 * kernel, once a second and whenever the buffer is full. When a write fails the
 * file is cut back to its last whole line, the lines up to there are counted,
 * and the writer refuses everything after it: a recording has no holes.
 */
#include "event/recording/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/recording/line.h"
#include "event/recording/lock.h"
#include "event/recording/meta.h"
#include "event/recording/output.h"

#define BUFFER_SIZE  (256 * 1024)
#define META_NEW     RECORDING_META ".new"
#define FOLDER_MODE  0750
#define FILE_MODE    0640
#define CREATE_FLAGS (O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC)

const char *const recording_files[RECORDING_FILES_MAX] = {
    RECORDING_META,
    RECORDING_EVENTS,
    RECORDING_PACKETS,
    RECORDING_EVENTS RECORDING_OUTPUT_SUFFIX,
    RECORDING_PACKETS RECORDING_OUTPUT_SUFFIX,
    RECORDING_INCIDENT,
};

struct recording_writer {
	int folder;
	bool made_folder;
	bool compressed;
	struct recording_output *events;
	int meta;  /* meta.json as it is now, or -1 */
	int error; /* the first -errno of events.jsonl; nothing is written after it */
	uint64_t lines_kept;
	uint64_t lines_buffered;
	size_t used;
	char buffer[BUFFER_SIZE];
};

/* The folder itself, never through a symbolic link: in /tmp anyone could have put it there. */
static int open_folder(int dirfd, const char *path, bool *made)
{
	struct stat status;
	int fd;

	*made = mkdirat(dirfd, path, FOLDER_MODE) == 0;
	if (!*made && errno != EEXIST)
		return -errno;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOTDIR && fstatat(dirfd, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(status.st_mode))
		return -ELOOP;
	return -errno;
}

static bool has_file(int folder, const char *name)
{
	struct stat status;

	return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static int remove_file(int folder, const char *name)
{
	return unlinkat(folder, name, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

static int clear_folder(int folder, bool force)
{
	for (size_t i = 0; i < RECORDING_FILES_MAX; i++) {
		int result;

		if (!has_file(folder, recording_files[i]))
			continue;
		if (!force)
			return -EEXIST;
		result = remove_file(folder, recording_files[i]);
		if (result)
			return result;
	}
	return remove_file(folder, META_NEW);
}

int recording_writer_new_at(int dirfd, const char *path, bool force, bool compressed,
			    struct recording_writer **out)
{
	struct recording_writer *writer;
	int result;

	*out = NULL;
	writer = malloc(sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	/* Not the buffer: its pages come when they are used. */
	memset(writer, 0, offsetof(struct recording_writer, buffer));
	writer->meta = -1;
	writer->folder = open_folder(dirfd, path, &writer->made_folder);
	if (writer->folder < 0) {
		result = writer->folder;
		goto free_writer;
	}
	result = recording_lock(writer->folder);
	if (result)
		goto close_folder;
	result = clear_folder(writer->folder, force);
	if (result)
		goto close_folder;
	/* What is there is never opened again, so that it cannot be a pipe, a link or a device. */
	result =
	    recording_output_new(writer->folder, RECORDING_EVENTS, compressed, &writer->events);
	if (result)
		goto close_folder;
	writer->compressed = compressed;
	*out = writer;
	return 0;

close_folder:
	close(writer->folder);
	if (writer->made_folder)
		unlinkat(dirfd, path, AT_REMOVEDIR);
free_writer:
	free(writer);
	return result;
}

int recording_writer_new(const char *path, bool force, struct recording_writer **out)
{
	return recording_writer_new_at(AT_FDCWD, path, force, false, out);
}

int recording_writer_dirfd(const struct recording_writer *writer)
{
	return writer->folder;
}

bool recording_writer_made_folder(const struct recording_writer *writer)
{
	return writer->made_folder;
}

size_t recording_writer_files(const struct recording_writer *writer, int fds[2])
{
	size_t count = 0;

	fds[count++] = recording_output_fd(writer->events);
	if (writer->meta >= 0)
		fds[count++] = writer->meta;
	return count;
}

void recording_writer_discard(struct recording_writer *writer)
{
	/*
	 * Whatever has these names now is this writer's: it cleared the folder, and has it locked.
	 */
	if (clear_folder(writer->folder, true) < 0)
		return;
}

static uint64_t count_lines(const char *text, size_t length)
{
	uint64_t lines = 0;
	const char *end;

	while ((end = memchr(text, '\n', length))) {
		lines++;
		length -= (size_t)(end + 1 - text);
		text = end + 1;
	}
	return lines;
}

/* After a failed write: what stays are the whole lines among the first kept bytes of the buffer. */
static void cut_to_lines(struct recording_writer *writer, size_t kept)
{
	const char *end = memrchr(writer->buffer, '\n', kept);
	size_t whole = end ? (size_t)(end + 1 - writer->buffer) : 0;

	writer->lines_kept += count_lines(writer->buffer, whole);
	recording_output_cut(writer->events, kept - whole);
}

int recording_flush(struct recording_writer *writer)
{
	size_t kept;

	if (!writer->error)
		writer->error =
		    recording_output_put(writer->events, writer->buffer, writer->used, &kept);
	else
		kept = 0;
	if (!writer->error)
		writer->lines_kept += writer->lines_buffered;
	else if (writer->used)
		cut_to_lines(writer, kept);
	writer->lines_buffered = 0;
	writer->used = 0;
	return writer->error;
}

int recording_write(struct recording_writer *writer, const struct event *event)
{
	size_t length;

	if (writer->error)
		return writer->error;
	if (BUFFER_SIZE - writer->used < RECORDING_LINE_SIZE) {
		int result = recording_flush(writer);

		if (result)
			return result;
	}
	length = recording_line_format(writer->buffer + writer->used, event);
	if (!length)
		return -EINVAL;
	writer->used += length;
	writer->lines_buffered++;
	return 0;
}

uint64_t recording_bytes(const struct recording_writer *writer)
{
	return recording_output_bytes(writer->events) + (writer->compressed ? 0 : writer->used);
}

uint64_t recording_events_kept(const struct recording_writer *writer)
{
	return writer->lines_kept;
}

/* Closes the stream; the first error of writing, of reaching the disk or of closing. */
static int finish_stream(FILE *stream)
{
	int result = 0;

	if (ferror(stream) || fflush(stream) != 0)
		result = errno ? -errno : -EIO;
	else if (fsync(fileno(stream)) != 0)
		result = -errno;
	if (fclose(stream) != 0 && !result)
		result = -errno;
	return result;
}

static int write_all(int fd, const char *text, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = pwrite(fd, text + done, size - done, (off_t)done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return n < 0 ? -errno : -EIO;
	}
	return 0;
}

/*
 * In a folder of somebody else's: the file itself is the writer's. The room is there before
 * anything is overwritten, so that a full disk leaves the old text whole.
 */
static int overwrite_meta(struct recording_writer *writer, const struct recording_meta *meta)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);
	int result = 0;

	if (!stream)
		return -ENOMEM;
	recording_meta_format(stream, meta);
	if (fclose(stream) != 0)
		result = -ENOMEM;
	if (!result && fallocate(writer->meta, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) < 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		result = -errno;
	if (!result)
		result = write_all(writer->meta, text, size);
	if (!result && (ftruncate(writer->meta, (off_t)size) < 0 || fsync(writer->meta) < 0))
		result = -errno;
	free(text);
	return result;
}

static void keep_meta(struct recording_writer *writer, int fd)
{
	if (writer->meta >= 0)
		close(writer->meta);
	writer->meta = fd;
}

int recording_write_meta(struct recording_writer *writer, const struct recording_meta *meta)
{
	FILE *stream;
	int fd, kept, result = remove_file(writer->folder, META_NEW);

	fd = result ? -1 : openat(writer->folder, META_NEW, CREATE_FLAGS, FILE_MODE);
	if (fd < 0 && !result)
		result = -errno;
	if (writer->meta >= 0 && (result == -EACCES || result == -EPERM))
		return overwrite_meta(writer, meta);
	if (result)
		return result;
	kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	stream = fdopen(fd, "w");
	if (!stream) {
		result = -errno;
		close(fd);
		goto remove_new;
	}
	errno = 0;
	recording_meta_format(stream, meta);
	result = finish_stream(stream);
	if (result)
		goto remove_new;
	if (renameat(writer->folder, META_NEW, writer->folder, RECORDING_META) != 0) {
		result = -errno;
		goto remove_new;
	}
	keep_meta(writer, kept);
	/* The name as well must survive a crash. */
	return fsync(writer->folder) == 0 ? 0 : -errno;

remove_new:
	if (kept >= 0)
		close(kept);
	unlinkat(writer->folder, META_NEW, 0);
	return result;
}

int recording_writer_free(struct recording_writer *writer)
{
	int result, ended;

	if (!writer)
		return 0;
	result = recording_flush(writer);
	ended = recording_output_free(writer->events, true);
	if (!result)
		result = ended;
	keep_meta(writer, -1);
	close(writer->folder);
	free(writer);
	return result;
}
