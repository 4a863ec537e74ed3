/*
 * Reads the recording's folder: meta.json as a whole, events.jsonl line by line
 * through a buffer that is as long as the longest line allowed.
 */
#include "event/recording/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/recording/input.h"
#include "event/recording/line.h"
#include "event/recording/meta.h"
#include "event/recording/output.h"

struct recording_reader {
	struct recording_input *input;
	int error;
	bool end;      /* read() said so */
	bool skipping; /* within a line that is too long */
	uint64_t lines;
	uint64_t malformed;
	uint64_t unknown;
	int64_t skip_before_ns; /* 0: nothing is skipped */
	size_t start;
	size_t used;
	size_t searched; /* no newline between start and here */
	char *buffer;
};

static void join_path(char out[PATH_MAX], const char *folder, const char *name)
{
	/* A path that is cut is no longer there, and says so when it is opened. */
	if (snprintf(out, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX)
		out[PATH_MAX - 1] = '\0';
}

bool recording_is(const char *path)
{
	char file[PATH_MAX];
	struct stat status;

	for (size_t i = 0; i < RECORDING_FILES_MAX; i++) {
		join_path(file, path, recording_files[i]);
		if (stat(file, &status) == 0)
			return true;
	}
	return false;
}

bool recording_is_compressed(const char *path, const char *name)
{
	char file[PATH_MAX], packed[PATH_MAX];
	struct stat status;

	join_path(file, path, name);
	if (stat(file, &status) == 0)
		return false;
	join_path(packed, path, name);
	return strlen(packed) + sizeof(RECORDING_OUTPUT_SUFFIX) <= sizeof(packed) &&
	       stat(strcat(packed, RECORDING_OUTPUT_SUFFIX), &status) == 0;
}

/* Opens a regular file: a pipe in its place would wait for ever. Returns a descriptor or -errno. */
static int open_regular(const char *folder, const char *name, char error[RECORDING_ERROR_SIZE])
{
	char path[PATH_MAX];
	struct stat status;
	int fd, result;

	join_path(path, folder, name);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		result = -errno;
		snprintf(error, RECORDING_ERROR_SIZE, "%s: %s", path, strerror(-result));
		return result;
	}
	if (fstat(fd, &status) != 0) {
		result = -errno;
		snprintf(error, RECORDING_ERROR_SIZE, "%s: %s", path, strerror(-result));
	} else if (!S_ISREG(status.st_mode)) {
		result = S_ISDIR(status.st_mode) ? -EISDIR : -EINVAL;
		snprintf(error, RECORDING_ERROR_SIZE, "%s: not a regular file", path);
	} else {
		return fd;
	}
	close(fd);
	return result;
}

/* Reads up to size bytes; returns their number or -errno. */
static ssize_t read_up_to(int fd, char *out, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, out + length, size - length);

		if (n == 0)
			break;
		if (n > 0)
			length += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)length;
}

int recording_read_meta(const char *path, struct recording_meta *meta,
			char error[RECORDING_ERROR_SIZE])
{
	char reason[RECORDING_TEXT_SIZE];
	ssize_t length;
	char *text;
	int fd, result;

	memset(meta, 0, sizeof(*meta));
	error[0] = '\0';
	fd = open_regular(path, RECORDING_META, error);
	if (fd < 0)
		return fd;
	text = malloc(RECORDING_META_SIZE_MAX + 1);
	if (!text) {
		snprintf(error, RECORDING_ERROR_SIZE, "%s: out of memory", path);
		result = -ENOMEM;
		goto close_file;
	}
	length = read_up_to(fd, text, RECORDING_META_SIZE_MAX + 1);
	if (length < 0) {
		result = (int)length;
		snprintf(error, RECORDING_ERROR_SIZE, "%s/" RECORDING_META ": %s", path,
			 strerror(-result));
	} else if (length > RECORDING_META_SIZE_MAX) {
		result = -EFBIG;
		snprintf(error, RECORDING_ERROR_SIZE,
			 "%s/" RECORDING_META ": is longer than any that synscope writes", path);
	} else {
		result = recording_meta_parse(text, (size_t)length, meta, reason, sizeof(reason));
		if (result)
			snprintf(error, RECORDING_ERROR_SIZE, "%s/" RECORDING_META ": %s", path,
				 reason);
	}
	free(text);
close_file:
	close(fd);
	return result;
}

int recording_reader_new(const char *path, struct recording_reader **out,
			 char error[RECORDING_ERROR_SIZE])
{
	bool compressed = recording_is_compressed(path, RECORDING_EVENTS);
	struct recording_reader *reader;
	int fd;

	*out = NULL;
	error[0] = '\0';
	fd = open_regular(
	    path, compressed ? RECORDING_EVENTS RECORDING_OUTPUT_SUFFIX : RECORDING_EVENTS, error);
	if (fd < 0)
		return fd;
	reader = calloc(1, sizeof(*reader));
	if (!reader) {
		close(fd);
		goto no_memory;
	}
	reader->buffer = malloc(RECORDING_LINE_MAX);
	if (recording_input_new(fd, compressed, &reader->input) < 0 || !reader->buffer)
		goto no_memory;
	*out = reader;
	return 0;

no_memory:
	snprintf(error, RECORDING_ERROR_SIZE, "%s: out of memory", path);
	recording_reader_free(reader);
	return -ENOMEM;
}

/* Makes room and reads more. Returns 0 or -errno; sets end at the file's end. */
static int fill(struct recording_reader *reader)
{
	ssize_t n;

	if (reader->start) {
		memmove(reader->buffer, reader->buffer + reader->start,
			reader->used - reader->start);
		reader->used -= reader->start;
		reader->searched -= reader->start;
		reader->start = 0;
	}
	if (reader->used == RECORDING_LINE_MAX) {
		/* The rest of the line is passed over; its beginning is of no use. */
		reader->skipping = true;
		reader->used = 0;
		reader->searched = 0;
	}
	n = recording_input_read(reader->input, reader->buffer + reader->used,
				 RECORDING_LINE_MAX - reader->used);
	if (n < 0)
		return (int)n;
	reader->end = (size_t)n < RECORDING_LINE_MAX - reader->used;
	reader->used += (size_t)n;
	return 0;
}

/*
 * Finds the next line: from start, *length bytes without the newline, *whole
 * when there was one. Returns false when nothing is left or reading failed.
 */
static bool next_line(struct recording_reader *reader, const char **line, size_t *length,
		      bool *whole)
{
	for (;;) {
		const char *newline = memchr(reader->buffer + reader->searched, '\n',
					     reader->used - reader->searched);

		*line = reader->buffer + reader->start;
		*whole = newline != NULL;
		if (newline) {
			*length = (size_t)(newline - *line);
			reader->start += *length + 1;
			reader->searched = reader->start;
			return true;
		}
		reader->searched = reader->used;
		if (reader->end) {
			*length = reader->used - reader->start;
			reader->start = reader->used;
			return *length > 0 || reader->skipping;
		}
		reader->error = fill(reader);
		if (reader->error)
			return false;
	}
}

void recording_skip_before(struct recording_reader *reader, int64_t time_ns)
{
	reader->skip_before_ns = time_ns;
}

/* As the writer begins a line: what is older than that and no fact that holds on. */
static bool is_skipped(const struct recording_reader *reader, const char *line, size_t length)
{
	static const char begin[] = "{\"time_ns\":", sample[] = ",\"event\":\"sample\",",
			  child[] = ",\"event\":\"child\",";
	size_t at = sizeof(begin) - 1;
	int64_t time_ns = 0;

	if (!reader->skip_before_ns || length < at || memcmp(line, begin, at) != 0)
		return false;
	for (; at < length && line[at] >= '0' && line[at] <= '9'; at++) {
		if (time_ns > (INT64_MAX - 9) / 10)
			return false;
		time_ns = time_ns * 10 + (line[at] - '0');
	}
	return time_ns < reader->skip_before_ns &&
	       ((length - at >= sizeof(sample) - 1 &&
		 memcmp(line + at, sample, sizeof(sample) - 1) == 0) ||
		(length - at >= sizeof(child) - 1 &&
		 memcmp(line + at, child, sizeof(child) - 1) == 0));
}

enum recording_result recording_read(struct recording_reader *reader, struct event *event)
{
	const char *line;
	size_t length;
	bool whole;

	while (!reader->error && next_line(reader, &line, &length, &whole)) {
		enum recording_line_result result;

		reader->lines++;
		if (reader->skipping) {
			reader->skipping = false;
			result = RECORDING_LINE_MALFORMED;
		} else if (is_skipped(reader, line, length)) {
			continue;
		} else {
			result = recording_line_parse(line, length, event);
		}
		switch (result) {
		case RECORDING_LINE_EVENT:
			return RECORDING_EVENT;
		case RECORDING_LINE_UNKNOWN:
			reader->unknown++;
			continue;
		case RECORDING_LINE_MALFORMED:
			reader->malformed++;
			return whole ? RECORDING_MALFORMED : RECORDING_CUT;
		}
	}
	return reader->error ? RECORDING_ERROR : RECORDING_END;
}

uint64_t recording_lines(const struct recording_reader *reader)
{
	return reader->lines;
}

uint64_t recording_malformed(const struct recording_reader *reader)
{
	return reader->malformed;
}

uint64_t recording_unknown(const struct recording_reader *reader)
{
	return reader->unknown;
}

int recording_reader_error(const struct recording_reader *reader)
{
	return reader->error;
}

void recording_reader_free(struct recording_reader *reader)
{
	if (!reader)
		return;
	recording_input_free(reader->input);
	free(reader->buffer);
	free(reader);
}
