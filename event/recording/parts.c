/*
 * The parts of a recording: which there are, and the end of one.
 */
#include "event/recording/parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/recording/recording.h"

void recording_part_name(uint32_t number, char name[RECORDING_PART_SIZE])
{
	for (int i = RECORDING_PART_SIZE - 2; i >= 0; i--) {
		name[i] = (char)('0' + number % 10);
		number /= 10;
	}
	name[RECORDING_PART_SIZE - 1] = '\0';
}

/* 0: the name is none of a part. */
static uint32_t part_number(const char *name)
{
	uint32_t number = 0;

	if (strlen(name) != RECORDING_PART_SIZE - 1)
		return 0;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return 0;
		number = number * 10 + (uint32_t)(*name - '0');
	}
	return number;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int append(uint32_t **numbers, size_t *count, uint32_t number)
{
	uint32_t *more;

	if ((*count & (*count - 1)) == 0) { /* full at each power of two */
		more = realloc(*numbers, (*count ? 2 * *count : 1) * sizeof(**numbers));
		if (!more)
			return -ENOMEM;
		*numbers = more;
	}
	(*numbers)[(*count)++] = number;
	return 0;
}

int recording_parts_list(int dirfd, uint32_t **numbers, size_t *count)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	struct dirent *entry;
	struct stat status;
	DIR *dir;

	*numbers = NULL;
	*count = 0;
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		rc = -errno;
		close(fd);
		return rc;
	}
	while (rc == 0 && (entry = readdir(dir))) {
		uint32_t number = part_number(entry->d_name);

		if (number && fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(status.st_mode))
			rc = append(numbers, count, number);
	}
	closedir(dir);
	if (rc) {
		free(*numbers);
		*numbers = NULL;
		*count = 0;
	} else if (*count) {
		qsort(*numbers, *count, sizeof(**numbers), compare);
	}
	return rc;
}

int recording_part_open(int dirfd, uint32_t number)
{
	char name[RECORDING_PART_SIZE];
	int fd;

	recording_part_name(number, name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int recording_part_remove(int dirfd, uint32_t number)
{
	char name[RECORDING_PART_SIZE];
	int fd, rc = 0;

	recording_part_name(number, name);
	fd = recording_part_open(dirfd, number);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	for (size_t i = 0; i < RECORDING_FILES_MAX; i++)
		if (unlinkat(fd, recording_files[i], 0) < 0 && errno != ENOENT && rc == 0)
			rc = -errno;
	close(fd);
	if (rc == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOTEMPTY &&
	    errno != EEXIST)
		rc = -errno;
	return rc;
}
