/*
 * The buffer in front of the file of rows. A pipe, a socket or a terminal is asked
 * whether it has room before each write, which then takes no longer than it may: the
 * capture's ring is read by the same thread.
 */
#include "pipeline/row_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/clock.h"

#define FILE_MODE 0640
/* After an error; a full disk is not asked for every row. */
#define RETRY_NS (100 * NS_PER_MS)
/* At the end, for a reader that takes nothing meanwhile. */
#define FINISH_MS 2000

struct row_file {
	char *path; /* NULL: standard output */
	FILE *stream;
	int fd;
	bool made;
	bool regular; /* it takes what there is room for at once */
	bool torn;    /* the last byte that was written is not the end of a row */
	int64_t retry_ns;
	struct row_file_stats stats;
	size_t from; /* what waits is from here ... */
	size_t to;   /* ... to here */
	char waiting[ROW_FILE_WAITING_MAX];
};

/* A last line that a crash cut short is ended, so that the next row is one. */
static bool is_torn(int fd, const struct stat *st)
{
	char last;

	return st->st_size > 0 && pread(fd, &last, 1, st->st_size - 1) == 1 && last != '\n';
}

/* The descriptor or -errno; *made when there was none. */
static int open_path(const char *path, bool *made, struct stat *st)
{
	/* To be read too, for its last byte; who may not read it can append all the same. */
	const int flags = O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	bool pipe = stat(path, st) == 0 && !S_ISREG(st->st_mode);
	int fd = -1;

	*made = false;
	if (!pipe) {
		fd = open(path, flags | O_RDWR | O_CREAT | O_EXCL, FILE_MODE);
		*made = fd >= 0;
		if (fd < 0 && errno == EEXIST)
			fd = open(path, flags | O_RDWR);
	}
	if (fd < 0 && (pipe || errno == EACCES))
		fd = open(path, flags | O_WRONLY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, st) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	return fd;
}

static void take(struct row_file *f, int fd, const struct stat *st)
{
	f->fd = fd;
	f->regular = S_ISREG(st->st_mode);
	f->retry_ns = 0;
	f->torn = false;
	if (f->path && f->regular && is_torn(fd, st) && write(fd, "\n", 1) < 0)
		f->retry_ns = 0; /* the rows will say why */
}

static void count_lost(struct row_file *f, const char *from, const char *to)
{
	for (; from < to; from++)
		f->stats.lost += *from == '\n';
}

/* The rest of a row whose beginning went elsewhere, or to nobody. */
static void drop_rest(struct row_file *f)
{
	const char *end = f->torn ? memchr(f->waiting + f->from, '\n', f->to - f->from) : NULL;

	if (end) {
		f->stats.lost++;
		f->from = (size_t)(end + 1 - f->waiting);
	}
	f->torn = false;
}

/* -EAGAIN: it would wait. */
static ssize_t write_some(struct row_file *f, int wait_ms)
{
	struct pollfd pollfd = {.fd = f->fd, .events = POLLOUT};
	size_t size = f->to - f->from;
	ssize_t n;

	if (!f->regular) {
		if (poll(&pollfd, 1, wait_ms) <= 0 || !(pollfd.revents & (POLLOUT | POLLERR)))
			return -EAGAIN;
		if (size > PIPE_BUF)
			size = PIPE_BUF;
	}
	do
		n = write(f->fd, f->waiting + f->from, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static void flush_waiting(struct row_file *f, int wait_ms)
{
	ssize_t n = 0;

	while (f->from < f->to) {
		n = write_some(f, wait_ms);
		if (n <= 0)
			break;
		f->from += (size_t)n;
		f->torn = f->waiting[f->from - 1] != '\n';
	}
	if (f->from == f->to) {
		f->from = f->to = 0;
		return;
	}
	if (n < 0 && n != -EAGAIN) {
		f->stats.error = (int)n;
		f->retry_ns = clock_monotonic_ns() + RETRY_NS;
	}
	/* Who reads this pipe next has not seen the beginning. */
	if (n == -EPIPE)
		drop_rest(f);
}

void row_file_work(struct row_file *file)
{
	if (file->from < file->to && (!file->retry_ns || clock_monotonic_ns() >= file->retry_ns)) {
		file->retry_ns = 0;
		flush_waiting(file, 0);
	}
}

static bool make_room(struct row_file *f, size_t size)
{
	if (sizeof(f->waiting) - f->to < size && f->from) {
		memmove(f->waiting, f->waiting + f->from, f->to - f->from);
		f->to -= f->from;
		f->from = 0;
	}
	return sizeof(f->waiting) - f->to >= size;
}

static ssize_t on_write(void *cookie, const char *row, size_t size)
{
	struct row_file *f = cookie;

	f->stats.rows++;
	if (!make_room(f, size)) {
		row_file_work(f);
		if (!make_room(f, size)) {
			if (!f->retry_ns)
				f->stats.error = -EAGAIN;
			f->stats.lost++;
			return (ssize_t)size;
		}
	}
	memcpy(f->waiting + f->to, row, size);
	f->to += size;
	row_file_work(f);
	return (ssize_t)size;
}

int row_file_open(const char *path, struct row_file **out)
{
	const cookie_io_functions_t functions = {.write = on_write};
	bool standard = strcmp(path, "-") == 0;
	struct row_file *f = calloc(1, sizeof(*f));
	struct stat st;
	int fd;

	if (!f)
		return -ENOMEM;
	f->fd = -1;
	if (!standard) {
		fd = open_path(path, &f->made, &st);
		f->path = fd >= 0 ? strdup(path) : NULL;
	} else {
		fd = fstat(STDOUT_FILENO, &st) < 0 ? -errno : STDOUT_FILENO;
	}
	if (fd < 0) {
		row_file_free(f);
		return fd;
	}
	take(f, fd, &st);
	f->stream = standard || f->path ? fopencookie(f, "w", functions) : NULL;
	if (!f->stream) {
		row_file_free(f);
		return -ENOMEM;
	}
	/* A row is one write. */
	setvbuf(f->stream, NULL, _IONBF, 0);
	*out = f;
	return 0;
}

FILE *row_file_stream(struct row_file *file)
{
	return file->stream;
}

int row_file_made(const struct row_file *file)
{
	return file->made ? file->fd : -1;
}

int row_file_reopen(struct row_file *file)
{
	struct stat st;
	bool made;
	int fd;

	if (!file->path)
		return 0;
	fd = open_path(file->path, &made, &st);
	if (fd < 0)
		return fd;
	/* A row that was begun is to end where it began. */
	file->retry_ns = 0;
	if (file->torn)
		flush_waiting(file, 0);
	drop_rest(file);
	close(file->fd);
	take(file, fd, &st);
	row_file_work(file);
	return 0;
}

struct row_file_stats row_file_stats(const struct row_file *file)
{
	return file->stats;
}

void row_file_finish(struct row_file *file)
{
	flush_waiting(file, FINISH_MS);
	if (file->from < file->to && !file->stats.error)
		file->stats.error = -EAGAIN;
	count_lost(file, file->waiting + file->from, file->waiting + file->to);
	file->from = file->to = 0;
	if (file->path && close(file->fd) < 0)
		file->stats.error = -errno;
	file->fd = -1;
}

void row_file_free(struct row_file *file)
{
	if (!file)
		return;
	if (file->stream)
		fclose(file->stream);
	if (file->path && file->fd >= 0)
		close(file->fd);
	free(file->path);
	free(file);
}
