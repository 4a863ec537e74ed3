#include "event/recording/recording.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[PATH_MAX];   /* a fresh folder of each test */
static char folder[PATH_MAX]; /* the recording in it */

static void set_up(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(base, sizeof(base), "%s/synscope-test-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	cr_assert_not_null(mkdtemp(base));
	cr_assert_lt(snprintf(folder, sizeof(folder), "%.4000s/recording", base), 4095);
	umask(0);
}

static const char *in(const char *parent, const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	cr_assert_lt(snprintf(path, PATH_MAX, "%s/%s", parent, name), PATH_MAX);
	return path;
}

static void tear_down(void)
{
	static const char *const names[] = {RECORDING_EVENTS, RECORDING_META, RECORDING_PACKETS,
					    RECORDING_META ".new"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		unlink(in(folder, names[i]));
		rmdir(in(folder, names[i]));
	}
	unlink(folder);
	rmdir(folder);
	unlink(in(base, "target"));
	rmdir(in(base, "target"));
	cr_expect_eq(rmdir(base), 0, "%s: %s", base, strerror(errno));
}

TestSuite(recording, .init = set_up, .fini = tear_down);

static struct event exit_event(int32_t pid)
{
	struct event event;

	memset(&event, 0, sizeof(event));
	event.time_ns = 1700000000000000000 + pid;
	event.kind = EVENT_EXIT;
	event.source = SOURCE_SERVER;
	event.exit.pid = pid;
	return event;
}

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	cr_assert_eq(fwrite(text, 1, length, file), length);
	cr_assert_eq(fclose(file), 0);
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	cr_assert_eq(lstat(path, &status), 0);
	return status.st_mode & 07777;
}

static struct recording_writer *new_writer(void)
{
	struct recording_writer *writer;

	cr_assert_eq(recording_writer_new(folder, false, &writer), 0);
	return writer;
}

static struct recording_reader *new_reader(void)
{
	struct recording_reader *reader;
	char error[RECORDING_ERROR_SIZE];

	cr_assert_eq(recording_reader_new(folder, &reader, error), 0, "%s", error);
	return reader;
}

Test(recording, what_was_written_is_read)
{
	enum { COUNT = 20000 }; /* several buffers full */
	struct recording_writer *writer = new_writer();
	struct recording_reader *reader;
	struct event event;

	for (int i = 0; i < COUNT; i++) {
		struct event out = exit_event(i);

		cr_assert_eq(recording_write(writer, &out), 0);
	}
	cr_expect_lt(recording_events_kept(writer), COUNT);
	cr_assert_eq(recording_flush(writer), 0);
	cr_expect_eq(recording_events_kept(writer), COUNT);
	cr_assert_eq(recording_writer_free(writer), 0);
	cr_expect_eq(mode_of(folder), 0750);
	cr_expect_eq(mode_of(in(folder, RECORDING_EVENTS)), 0640);
	cr_expect(recording_is(folder));
	cr_expect_not(recording_is(base));

	reader = new_reader();
	for (int i = 0; i < COUNT; i++) {
		struct event expected = exit_event(i);

		cr_assert_eq(recording_read(reader, &event), RECORDING_EVENT);
		cr_assert_arr_eq((char *)&event, (char *)&expected, sizeof(event));
	}
	cr_expect_eq(recording_read(reader, &event), RECORDING_END);
	cr_expect_eq(recording_read(reader, &event), RECORDING_END);
	cr_expect_eq(recording_lines(reader), COUNT);
	cr_expect_eq(recording_malformed(reader), 0);
	recording_reader_free(reader);
}

Test(recording, packets_are_refused_and_leave_no_line)
{
	struct recording_writer *writer = new_writer();
	struct event event = exit_event(1);

	event.kind = EVENT_SEGMENT;
	cr_expect_eq(recording_write(writer, &event), -EINVAL);
	cr_assert_eq(recording_flush(writer), 0);
	cr_expect_eq(recording_events_kept(writer), 0);
	cr_assert_eq(recording_writer_free(writer), 0);
}

Test(recording, an_existing_one_stays_unless_forced)
{
	static const char *const names[] = {RECORDING_EVENTS, RECORDING_META, RECORDING_PACKETS};
	struct recording_writer *writer;

	cr_assert_eq(mkdir(folder, 0700), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		write_file(in(folder, names[i]), "old", 3);
		cr_expect_eq(recording_writer_new(folder, false, &writer), -EEXIST, "%s", names[i]);
		cr_expect_null(writer);
		cr_expect_eq(access(in(folder, names[i]), F_OK), 0);
		cr_assert_eq(recording_writer_new(folder, true, &writer), 0);
		cr_assert_eq(recording_writer_free(writer), 0);
		cr_assert_eq(unlink(in(folder, RECORDING_EVENTS)), 0);
		if (i)
			cr_expect_neq(access(in(folder, names[i]), F_OK), 0, "%s", names[i]);
	}
}

Test(recording, symbolic_links_are_not_followed)
{
	struct recording_writer *writer;
	char text[8] = "";
	int fd;

	/* The folder as a link to a folder. */
	cr_assert_eq(mkdir(in(base, "target"), 0700), 0);
	cr_assert_eq(symlink(in(base, "target"), folder), 0);
	cr_expect_eq(recording_writer_new(folder, true, &writer), -ELOOP);
	cr_assert_eq(unlink(folder), 0);
	cr_assert_eq(rmdir(in(base, "target")), 0);

	/* A file in it as a link to a file: replaced when forced, never written through. */
	cr_assert_eq(mkdir(folder, 0700), 0);
	write_file(in(base, "target"), "mine", 4);
	cr_assert_eq(symlink(in(base, "target"), in(folder, RECORDING_EVENTS)), 0);
	cr_assert_eq(symlink(in(base, "target"), in(folder, RECORDING_META ".new")), 0);
	cr_expect_eq(recording_writer_new(folder, false, &writer), -EEXIST);
	cr_assert_eq(recording_writer_new(folder, true, &writer), 0);
	cr_assert_eq(recording_writer_free(writer), 0);
	fd = open(in(base, "target"), O_RDONLY);
	cr_assert_geq(fd, 0);
	cr_expect_eq(read(fd, text, sizeof(text)), 4);
	cr_expect_str_eq(text, "mine");
	close(fd);
}

Test(recording, a_place_that_is_none_is_an_error)
{
	struct recording_writer *writer;
	struct recording_reader *reader;
	struct recording_meta meta;
	char error[RECORDING_ERROR_SIZE];

	cr_expect_eq(recording_writer_new(in(base, "no/such"), false, &writer), -ENOENT);
	write_file(in(base, "target"), "x", 1);
	cr_expect_eq(recording_writer_new(in(base, "target"), false, &writer), -ENOTDIR);
	cr_expect_eq(recording_reader_new(folder, &reader, error), -ENOENT);
	cr_expect_not_null(strstr(error, RECORDING_EVENTS));
	cr_expect_eq(recording_read_meta(folder, &meta, error), -ENOENT);
	cr_expect_not_null(strstr(error, RECORDING_META));

	/* A pipe would wait for a writer for ever. */
	cr_assert_eq(mkdir(folder, 0700), 0);
	cr_assert_eq(mkfifo(in(folder, RECORDING_EVENTS), 0600), 0);
	cr_expect_eq(recording_reader_new(folder, &reader, error), -EINVAL);
	cr_assert_eq(mkdir(in(folder, RECORDING_META), 0700), 0);
	cr_expect_eq(recording_read_meta(folder, &meta, error), -EISDIR);
}

/*
 * A full disk, played by the limit on a file's size: the file ends after a whole
 * line, and exactly those lines are counted.
 */
Test(recording, a_full_disk_is_reported_and_what_is_kept_is_counted)
{
	enum { LIMIT = 10000 };
	struct recording_writer *writer = new_writer();
	struct rlimit limit = {LIMIT, LIMIT};
	struct recording_reader *reader;
	struct event event;
	struct stat status;
	uint64_t kept;
	int result = 0;

	signal(SIGXFSZ, SIG_IGN);
	for (int i = 0; i < 100; i++) {
		event = exit_event(i);
		cr_assert_eq(recording_write(writer, &event), 0);
	}
	cr_assert_eq(recording_flush(writer), 0);
	cr_assert_eq(recording_events_kept(writer), 100);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	for (int i = 100; i < 10000 && !result; i++) {
		event = exit_event(i);
		result = recording_write(writer, &event);
	}
	cr_expect_eq(result, -EFBIG);
	cr_expect_eq(recording_flush(writer), -EFBIG);
	kept = recording_events_kept(writer);
	cr_expect_gt(kept, 100);
	cr_expect_lt(kept, 10000);
	cr_expect_eq(recording_write(writer, &event), -EFBIG);
	cr_expect_eq(recording_writer_free(writer), -EFBIG);

	cr_assert_eq(stat(in(folder, RECORDING_EVENTS), &status), 0);
	cr_expect_leq(status.st_size, LIMIT);
	cr_expect_gt(status.st_size, LIMIT - 200);
	reader = new_reader();
	for (uint64_t i = 0; i < kept; i++)
		cr_assert_eq(recording_read(reader, &event), RECORDING_EVENT);
	cr_expect_eq(recording_read(reader, &event), RECORDING_END);
	recording_reader_free(reader);
}

Test(recording, the_meta_is_replaced_as_a_whole)
{
	struct recording_writer *writer = new_writer();
	struct recording_meta meta, read;
	char error[RECORDING_ERROR_SIZE];
	struct rlimit limit = {16, RLIM_INFINITY};

	memset(&meta, 0, sizeof(meta));
	meta.start_ns = 1;
	meta.end_ns = TIME_UNKNOWN;
	strcpy(meta.interface, "lo");
	cr_assert_eq(recording_write_meta(writer, &meta), 0);
	meta.end_ns = 2;
	cr_assert_eq(recording_write_meta(writer, &meta), 0);
	cr_expect_eq(mode_of(in(folder, RECORDING_META)), 0640);
	cr_assert_eq(recording_read_meta(folder, &read, error), 0, "%s", error);
	cr_expect_arr_eq((char *)&read, (char *)&meta, sizeof(meta));

	/* When the new one does not fit, the old one stays and nothing is left behind. */
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	meta.end_ns = 3;
	cr_expect_eq(recording_write_meta(writer, &meta), -EFBIG);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(recording_read_meta(folder, &read, error), 0, "%s", error);
	cr_expect_eq(read.end_ns, 2);
	cr_expect_neq(access(in(folder, RECORDING_META ".new"), F_OK), 0);
	cr_assert_eq(recording_writer_free(writer), 0);
}

#define GOOD  "{\"time_ns\":1,\"event\":\"exit\",\"source\":\"server\",\"pid\":1,\"status\":0}"
#define NEWER "{\"time_ns\":1,\"event\":\"newer\",\"source\":\"server\"}"

static void check_results(const char *text, size_t length, const char *expected, uint64_t lines,
			  uint64_t malformed, uint64_t unknown)
{
	/* One letter a result: Event, Malformed, Cut, end. */
	static const char letters[] = {[RECORDING_EVENT] = 'E',
				       [RECORDING_END] = '.',
				       [RECORDING_CUT] = 'C',
				       [RECORDING_MALFORMED] = 'M',
				       [RECORDING_ERROR] = '!'};
	struct recording_reader *reader;
	struct event event;

	write_file(in(folder, RECORDING_EVENTS), text, length);
	reader = new_reader();
	for (; *expected; expected++)
		cr_expect_eq(letters[recording_read(reader, &event)], *expected, "%s", expected);
	cr_expect_eq(recording_lines(reader), lines);
	cr_expect_eq(recording_malformed(reader), malformed);
	cr_expect_eq(recording_unknown(reader), unknown);
	cr_expect_eq(recording_reader_error(reader), 0);
	recording_reader_free(reader);
}

#define CHECK(text, expected, lines, malformed, unknown) \
	check_results(text, sizeof(text) - 1, expected, lines, malformed, unknown)

Test(recording, half_lines_foreign_lines_and_newer_lines)
{
	cr_assert_eq(mkdir(folder, 0700), 0);
	CHECK("", "..", 0, 0, 0);
	CHECK(GOOD "\n", "E..", 1, 0, 0);
	CHECK(GOOD "\n" GOOD, "EE..", 2, 0, 0); /* all of it is there but the newline */
	CHECK(GOOD "\n{\"time_ns\":1,\"ev", "EC..", 2, 1, 0);
	CHECK(GOOD "\nrubbish\n" GOOD "\n", "EME..", 3, 1, 0);
	CHECK("\n" GOOD "\n", "ME..", 2, 1, 0);
	CHECK(NEWER "\n" GOOD "\n" NEWER "\n", "E..", 3, 0, 2);
	CHECK(GOOD "\n\0\0\0\0\0\0", "EC..", 2, 1, 0); /* what a crashed machine can leave */
}

Test(recording, a_line_is_bounded)
{
	enum { LONG = 3 * 1024 * 1024 };
	char *text = malloc(LONG + 256);
	struct rlimit limit;

	cr_assert_not_null(text);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(mkdir(folder, 0700), 0);
	memset(text, ' ', LONG);
	strcpy(text + LONG, "\n" GOOD "\n");
	check_results(text, strlen(text), "ME..", 2, 1, 0);
	/* Whatever ends the line too long: the end of the file, right at the bound or after. */
	check_results(text, LONG, "C..", 1, 1, 0);
	check_results(text, 256 * 1024, "C..", 1, 1, 0);
	check_results(text, 256 * 1024 + 1, "C..", 1, 1, 0);
	/* An event with as many blanks as fit before it is an event still. */
	strcpy(text + 256 * 1024 - 100, GOOD "\n");
	check_results(text, strlen(text), "E..", 1, 0, 0);
	free(text);
}
