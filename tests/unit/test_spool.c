#include "report/sink/spool.h"

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

static void check_all(struct spool *spool, uint64_t count)
{
	struct attempt got, expected;

	spool_rewind(spool);
	for (uint64_t i = 1; i <= count; i++) {
		memset(&got, 0, sizeof(got));
		cr_assert_eq(spool_next(spool, &got), 1, "attempt %lu", (unsigned long)i);
		expected = make(i);
		cr_assert_arr_eq((char *)&got, (char *)&expected, sizeof(got), "attempt %lu",
				 (unsigned long)i);
	}
	cr_expect_eq(spool_next(spool, &got), 0);
	cr_expect_eq(spool_next(spool, &got), 0);
	cr_expect_eq(spool_count(spool), count);
}

static void add(struct spool *spool, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i <= to; i++) {
		struct attempt attempt = make(i);

		cr_assert_eq(spool_add(spool, &attempt), 0);
	}
}

Test(spool, gives_back_what_was_added_in_order)
{
	/* All in memory; some in the file; the smallest buffer there is. */
	static const size_t memory[] = {0, 64 * 1024, 1};

	for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++) {
		struct spool *spool;

		cr_assert_eq(spool_new(memory[i], &spool), 0);
		check_all(spool, 0);
		add(spool, 1, 700);
		check_all(spool, 700);
		check_all(spool, 700);
		add(spool, 701, 2000);
		check_all(spool, 2000);
		spool_free(spool);
	}
	spool_free(NULL);
}

Test(spool, too_many_marks_are_refused)
{
	struct attempt attempt = make(1);
	struct spool *spool;

	cr_assert_eq(spool_new(0, &spool), 0);
	attempt.marks_count = ATTEMPT_MARKS_MAX + 1;
	cr_expect_eq(spool_add(spool, &attempt), -EINVAL);
	check_all(spool, 0);
	spool_free(spool);
}

/* A full disk, played by the limit on a file's size. */
Test(spool, a_full_disk_is_an_error_and_no_attempt_is_torn)
{
	struct rlimit limit = {100000, RLIM_INFINITY};
	struct spool *spool;
	uint64_t added = 0;
	int result = 0;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_eq(spool_new(8192, &spool), 0);
	while (!result && added < 10000) {
		struct attempt attempt = make(added + 1);

		result = spool_add(spool, &attempt);
		if (!result)
			added++;
	}
	cr_expect_eq(result, -EFBIG);
	cr_expect_gt(added, 50);
	check_all(spool, added);
	spool_free(spool);
}

Test(spool, a_folder_that_is_not_there_matters_only_when_it_is_needed)
{
	struct attempt attempt = make(1);
	struct spool *spool;
	int result = 0;

	setenv("TMPDIR", "/nonexistent-folder", 1);
	cr_assert_eq(spool_new(8192, &spool), 0);
	add(spool, 1, 3);
	check_all(spool, 3);
	for (int i = 0; i < 100 && !result; i++)
		result = spool_add(spool, &attempt);
	cr_expect_eq(result, -ENOENT);
	spool_free(spool);
}
