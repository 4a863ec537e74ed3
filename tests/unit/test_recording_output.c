#include "event/recording/output.h"

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

#include "event/recording/input.h"

static char folder[] = "/tmp/synscope-output-XXXXXX";
static int dirfd_;

static void begin(void)
{
	cr_assert_not_null(mkdtemp(folder));
	dirfd_ = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(dirfd_, 0);
}

static void end(void)
{
	unlinkat(dirfd_, "file", 0);
	unlinkat(dirfd_, "file.zst", 0);
	close(dirfd_);
	rmdir(folder);
}

TestSuite(recording_output, .init = begin, .fini = end);

static const char *name_of(bool compressed)
{
	return compressed ? "file.zst" : "file";
}

static off_t size_of(bool compressed)
{
	struct stat status;

	cr_assert_eq(fstatat(dirfd_, name_of(compressed), &status, 0), 0);
	return status.st_size;
}

/* Reads all of it; the length, or -errno. */
static ssize_t read_back(bool compressed, char *out, size_t size)
{
	int fd = openat(dirfd_, name_of(compressed), O_RDONLY | O_CLOEXEC);
	struct recording_input *input;
	ssize_t n;

	cr_assert_geq(fd, 0);
	cr_assert_eq(recording_input_new(fd, compressed, &input), 0);
	n = recording_input_read(input, out, size);
	recording_input_free(input);
	return n;
}

static void put(struct recording_output *output, const char *text)
{
	size_t kept;

	cr_assert_eq(recording_output_put(output, text, strlen(text), &kept), 0);
	cr_assert_eq(kept, strlen(text));
}

Test(recording_output, gives_back_what_was_put)
{
	for (int compressed = 0; compressed < 2; compressed++) {
		struct recording_output *output;
		char back[64];

		cr_assert_eq(recording_output_new(dirfd_, "file", compressed, &output), 0);
		put(output, "one\n");
		put(output, "two\n");
		cr_expect_eq(recording_output_bytes(output), (uint64_t)size_of(compressed));
		cr_expect_eq(recording_output_free(output, true), 0);
		cr_expect_eq(read_back(compressed, back, sizeof(back)), 8);
		cr_expect_eq(memcmp(back, "one\ntwo\n", 8), 0);
	}
}

Test(recording_output, a_file_that_was_not_ended_has_all_that_was_put)
{
	struct recording_output *output;
	char back[64];

	cr_assert_eq(recording_output_new(dirfd_, "file", true, &output), 0);
	put(output, "one\n");
	put(output, "two\n");
	cr_expect_eq(read_back(true, back, sizeof(back)), 8);
	/* Half a block more, as a crash in the middle of a write leaves it. */
	{
		off_t whole = size_of(true);
		int fd = openat(dirfd_, "file.zst", O_WRONLY | O_CLOEXEC);

		put(output, "three\n");
		cr_assert_eq(ftruncate(fd, whole + 2), 0);
		close(fd);
	}
	cr_expect_eq(read_back(true, back, sizeof(back)), 8);
	cr_expect_eq(recording_output_free(output, false), 0);
}

/* zstd(1) loses what its decoder has not handed out when a frame does not end. */
Test(recording_output, another_program_reads_all_of_a_file_that_was_not_ended)
{
	struct recording_output *output;
	size_t length = 0, kept, n;
	static char lines[50000], back[4096];
	char command[128];
	FILE *pipe;

	if (system("command -v zstd >/dev/null") != 0)
		cr_skip_test("there is no zstd");
	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = i % 100 == 99 ? '\n' : (char)('a' + i * i % 7);
	cr_assert_eq(recording_output_new(dirfd_, "file", true, &output), 0);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(recording_output_put(output, lines, sizeof(lines), &kept), 0);
	snprintf(command, sizeof(command), "zstd -dcq %s/file.zst 2>/dev/null", folder);
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	while ((n = fread(back, 1, sizeof(back), pipe)) > 0)
		length += n;
	pclose(pipe);
	cr_expect_eq(length, 150000);
	cr_expect_eq(recording_output_free(output, false), 0);
}

Test(recording_output, damage_is_told_after_what_stands_before_it)
{
	struct recording_output *output;
	char back[8192], lines[4096];
	off_t whole;
	int fd;

	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = (char)('a' + i * i % 7);
	lines[sizeof(lines) - 1] = '\0';

	cr_assert_eq(recording_output_new(dirfd_, "file", true, &output), 0);
	put(output, "one\n");
	whole = size_of(true);
	put(output, lines);
	cr_expect_eq(recording_output_free(output, false), 0);
	fd = openat(dirfd_, "file.zst", O_RDWR | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, "\xff\xff\xff\xff\xff\xff", 6, whole + 3), 6);
	close(fd);
	fd = openat(dirfd_, "file.zst", O_RDONLY | O_CLOEXEC);
	{
		struct recording_input *input;

		cr_assert_eq(recording_input_new(fd, true, &input), 0);
		cr_expect_eq(recording_input_read(input, back, sizeof(back)), 4);
		cr_expect_eq(recording_input_read(input, back, sizeof(back)), -EBADMSG);
		recording_input_free(input);
	}
}

Test(recording_output, a_full_disk_leaves_whole_blocks)
{
	for (int compressed = 0; compressed < 2; compressed++) {
		struct rlimit limit, small;
		struct recording_output *output;
		char noise[4096], back[8192];
		size_t kept = 99;
		off_t before;

		srand(1);
		for (size_t i = 0; i < sizeof(noise); i++)
			noise[i] = (char)rand();
		signal(SIGXFSZ, SIG_IGN);
		cr_assert_eq(recording_output_new(dirfd_, "file", compressed, &output), 0);
		put(output, "one\n");
		before = size_of(compressed);
		cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
		small = limit;
		small.rlim_cur = (rlim_t)before + 1000;
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
		cr_expect_eq(recording_output_put(output, noise, sizeof(noise), &kept), -EFBIG);
		cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
		cr_expect_eq(kept, compressed ? 0 : 1000);
		recording_output_cut(output, kept);
		cr_expect_eq(size_of(compressed), before);
		cr_expect_eq(recording_output_put(output, "x", 1, &kept), -EFBIG);
		cr_expect_eq(recording_output_free(output, false), -EFBIG);
		cr_expect_eq(read_back(compressed, back, sizeof(back)), 4);
	}
}

Test(recording_output, never_opens_what_is_there)
{
	struct recording_output *output;

	cr_assert_eq(symlinkat("/dev/null", dirfd_, "file"), 0);
	cr_expect_eq(recording_output_new(dirfd_, "file", false, &output), -EEXIST);
	cr_expect_null(output);
}
