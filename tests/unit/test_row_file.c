#include "pipeline/row_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Three pages of a pipe, which has sixteen: the sixth row is torn. */
#define ROW_SIZE 9001

static char folder[] = "/tmp/synscope-rows-XXXXXX";
static char path[64];
static char row[ROW_SIZE + 1];

static void begin(void)
{
	signal(SIGPIPE, SIG_IGN);
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/rows", folder);
	memset(row, 'x', ROW_SIZE);
	row[ROW_SIZE - 1] = '\n';
}

static void end(void)
{
	unlink(path);
	rmdir(folder);
}

static void put(struct row_file *f, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		cr_assert_eq(fwrite(row, 1, ROW_SIZE, row_file_stream(f)), ROW_SIZE);
}

/* How many rows have come out so far, each of them whole. */
static unsigned take(int fd)
{
	static char text[16 << 20];
	static size_t used;
	ssize_t n;

	while ((n = read(fd, text + used, sizeof(text) - used)) > 0)
		used += (size_t)n;
	for (size_t i = 0; i + ROW_SIZE <= used; i += ROW_SIZE)
		cr_assert_eq(memcmp(text + i, row, ROW_SIZE), 0, "row %zu is torn", i / ROW_SIZE);
	return (unsigned)(used / ROW_SIZE);
}

Test(row_file, makes_and_appends, .init = begin, .fini = end)
{
	struct row_file *f;
	struct stat st;

	for (int i = 1; i <= 2; i++) {
		cr_assert_eq(row_file_open(path, &f), 0);
		cr_expect_eq(row_file_made(f) >= 0, i == 1);
		put(f, 3);
		cr_expect_eq(stat(path, &st), 0);
		cr_expect_eq(st.st_size, 3 * i * ROW_SIZE, "a row is written at once");
		row_file_finish(f);
		cr_expect_eq(row_file_stats(f).lost, 0);
		row_file_free(f);
	}
}

Test(row_file, a_pipe_that_nobody_reads, .init = begin, .fini = end)
{
	struct row_file *f;

	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(row_file_open(path, &f), -ENXIO);
}

Test(row_file, a_slow_reader_gets_whole_rows, .init = begin, .fini = end)
{
	const unsigned many = 1000;
	struct row_file_stats stats;
	struct row_file *f;
	unsigned taken;
	int reader;

	cr_assert_eq(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	cr_assert_eq(row_file_open(path, &f), 0);
	put(f, many);
	stats = row_file_stats(f);
	cr_expect_eq(stats.rows, many);
	cr_expect_gt(stats.lost, 0);
	cr_expect_eq(stats.error, -EAGAIN);
	for (unsigned i = 0; i < 100; i++) {
		taken = take(reader);
		row_file_work(f);
	}
	row_file_finish(f);
	stats = row_file_stats(f);
	cr_expect_eq(stats.lost + taken, many, "%u lost, %u taken", (unsigned)stats.lost, taken);
	row_file_free(f);
	close(reader);
}

Test(row_file, the_next_reader_begins_with_a_row, .init = begin, .fini = end)
{
	struct row_file *f;
	unsigned taken;
	int reader;

	cr_assert_eq(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK);
	cr_assert_eq(row_file_open(path, &f), 0);
	put(f, 30);
	close(reader);
	row_file_work(f);
	cr_expect_eq(row_file_stats(f).error, -EPIPE);
	cr_expect_eq(row_file_stats(f).lost, 1, "the one whose beginning is gone");
	reader = open(path, O_RDONLY | O_NONBLOCK);
	usleep(150000);
	row_file_work(f);
	taken = take(reader);
	cr_expect_gt(taken, 0);
	row_file_free(f);
	close(reader);
}

Test(row_file, opens_again, .init = begin, .fini = end)
{
	char old[80];
	struct row_file *f;
	struct stat st;

	snprintf(old, sizeof(old), "%s.1", path);
	cr_assert_eq(row_file_open(path, &f), 0);
	put(f, 1);
	cr_assert_eq(rename(path, old), 0);
	put(f, 1);
	cr_assert_eq(row_file_reopen(f), 0);
	put(f, 3);
	row_file_free(f);
	cr_expect(stat(old, &st) == 0 && st.st_size == 2 * ROW_SIZE);
	cr_expect(stat(path, &st) == 0 && st.st_size == 3 * ROW_SIZE);
	unlink(old);
}
