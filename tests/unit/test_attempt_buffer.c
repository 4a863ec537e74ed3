#include "report/sink/attempt_buffer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct attempt make(uint64_t number)
{
	struct attempt attempt;

	memset(&attempt, 0, sizeof(attempt));
	attempt.number = number;
	attempt.syn_ns = (int64_t)number * 7;
	attempt.marks_count = (uint32_t)(number % (ATTEMPT_MARKS_MAX + 1));
	for (uint32_t i = 0; i < attempt.marks_count; i++) {
		attempt.marks[i].frame = number * 100 + i;
		attempt.marks[i].depth = i;
	}
	return attempt;
}

static void check_all(struct attempt_buffer *buffer, uint64_t count)
{
	struct attempt got, expected;

	attempt_buffer_rewind(buffer);
	for (uint64_t i = 1; i <= count; i++) {
		memset(&got, 0, sizeof(got));
		cr_assert_eq(attempt_buffer_next(buffer, &got), 1, "attempt %lu", (unsigned long)i);
		expected = make(i);
		cr_assert_arr_eq((char *)&got, (char *)&expected, sizeof(got), "attempt %lu",
				 (unsigned long)i);
	}
	cr_expect_eq(attempt_buffer_next(buffer, &got), 0);
	cr_expect_eq(attempt_buffer_next(buffer, &got), 0);
	cr_expect_eq(attempt_buffer_count(buffer), count);
}

static void add(struct attempt_buffer *buffer, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++) {
		struct attempt attempt = make(i);

		cr_assert_eq(attempt_buffer_add(buffer, &attempt), 0);
	}
}

Test(buffer, gives_back_what_was_added_in_order)
{
	/* All in memory; some in the file; the smallest buffer there is. */
	static const size_t memory[] = {0, 64 * 1024, 1};

	for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
		struct attempt_buffer *buffer;

		cr_assert_eq(attempt_buffer_new(memory[i], &buffer), 0);
		check_all(buffer, 0);
		add(buffer, 1, 700);
		check_all(buffer, 700);
		check_all(buffer, 700);
		add(buffer, 701, 2000);
		check_all(buffer, 2000);
		attempt_buffer_free(buffer);
	}
	attempt_buffer_free(NULL);
}

Test(buffer, too_many_marks_are_refused)
{
	struct attempt attempt = make(1);
	struct attempt_buffer *buffer;

	cr_assert_eq(attempt_buffer_new(0, &buffer), 0);
	attempt.marks_count = ATTEMPT_MARKS_MAX + 1;
	cr_expect_eq(attempt_buffer_add(buffer, &attempt), -EINVAL);
	check_all(buffer, 0);
	attempt_buffer_free(buffer);
}

/* A full disk, played by the limit on a file's size. */
Test(buffer, a_full_disk_is_an_error_and_no_attempt_is_torn)
{
	struct rlimit limit = {100000, RLIM_INFINITY};
	struct attempt_buffer *buffer;
	uint64_t added = 0;
	int result = 0;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(attempt_buffer_new(8192, &buffer), 0);
	while (!result && added < 10000) {
		struct attempt attempt = make(added + 1);

		result = attempt_buffer_add(buffer, &attempt);
		if (!result)
			added++;
	}
	cr_expect_eq(result, -EFBIG);
	cr_expect_gt(added, 50);
	check_all(buffer, added);
	attempt_buffer_free(buffer);
}

Test(buffer, a_folder_that_is_not_there_matters_only_when_it_is_needed)
{
	struct attempt_buffer *buffer;
	int result = 0;

	setenv("TMPDIR", "/nonexistent-folder", 1);
	cr_assert_eq(attempt_buffer_new(8192, &buffer), 0);
	add(buffer, 1, 3);
	check_all(buffer, 3);
	for (uint64_t i = 1; i < 100 && !result; i++) {
		struct attempt attempt = make(i);

		result = attempt_buffer_add(buffer, &attempt);
	}
	cr_expect_eq(result, -ENOENT);
	attempt_buffer_free(buffer);
}
