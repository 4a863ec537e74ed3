#include "event/recording/parts.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/recording/recording.h"

static char path[] = "/tmp/synscope-parts-XXXXXX";
static int folder;

static void make(const char *name)
{
	cr_assert_eq(mkdirat(folder, name, 0750), 0);
}

static void touch(const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0640);

	cr_assert_geq(fd, 0);
	close(fd);
}

static void start(void)
{
	cr_assert_not_null(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(folder, 0);
}

static void end(void)
{
	close(folder);
	cr_assert_eq(rmdir(path), 0);
}

Test(recording_parts, a_name_has_six_digits)
{
	char name[RECORDING_PART_SIZE];

	recording_part_name(42, name);
	cr_expect_str_eq(name, "000042");
	recording_part_name(RECORDING_PART_MAX, name);
	cr_expect_str_eq(name, "999999");
}

Test(recording_parts, folders_of_six_digits_are_listed_in_order, .init = start, .fini = end)
{
	static const char *const others[] = {"000000", "12345", "1234567", "00000x", "lost+found"};
	uint32_t *numbers;
	size_t count;

	cr_assert_eq(recording_parts_list(folder, &numbers, &count), 0);
	cr_expect_eq(count, 0);
	free(numbers);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		make(others[i]);
	make("000012");
	make("000002");
	make("000001");
	touch("000003"); /* no folder, no part */
	cr_assert_eq(recording_parts_list(folder, &numbers, &count), 0);
	cr_assert_eq(count, 3);
	cr_expect_eq(numbers[0], 1);
	cr_expect_eq(numbers[1], 2);
	cr_expect_eq(numbers[2], 12);
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(recording_part_remove(folder, numbers[i]), 0);
	free(numbers);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		unlinkat(folder, others[i], AT_REMOVEDIR);
	unlinkat(folder, "000003", 0);
}

Test(recording_parts, what_others_put_there_stays, .init = start, .fini = end)
{
	struct stat status;

	make("000001");
	touch("000001/" RECORDING_META);
	touch("000001/" RECORDING_EVENTS);
	touch("000001/notes.txt");
	cr_expect_eq(recording_part_remove(folder, 1), 0);
	cr_expect_eq(fstatat(folder, "000001/notes.txt", &status, 0), 0);
	cr_expect_neq(fstatat(folder, "000001/" RECORDING_META, &status, 0), 0);
	unlinkat(folder, "000001/notes.txt", 0);
	cr_expect_eq(recording_part_remove(folder, 1), 0);
	cr_expect_neq(fstatat(folder, "000001", &status, 0), 0);
	cr_expect_eq(recording_part_remove(folder, 1), 0, "what is gone is no error");
}
