/*
 * The lock of a recording's folder, and who holds it: a line of /proc/locks
 * (locks_show_one() in fs/locks.c), which everybody can read.
 */
#include "event/recording/lock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int recording_lock(int folder)
{
	return flock(folder, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK ? -EBUSY : 0;
}

pid_t recording_lock_holder(const char *path)
{
	unsigned major_number, minor_number;
	pid_t holder = 0;
	struct stat st;
	uint64_t inode;
	char line[256];
	FILE *locks;
	int pid;

	if (stat(path, &st) < 0)
		return 0;
	locks = fopen("/proc/locks", "re");
	if (!locks)
		return 0;
	while (fgets(line, sizeof(line), locks)) {
		if (sscanf(line, "%*u: FLOCK ADVISORY WRITE %d %x:%x:%" SCNu64, &pid, &major_number,
			   &minor_number, &inode) != 4 ||
		    inode != st.st_ino)
			continue;
		holder = pid;
		/* A subvolume has a number of its own in st_dev: the inode alone must do there. */
		if (major_number == major(st.st_dev) && minor_number == minor(st.st_dev))
			break;
	}
	fclose(locks);
	return holder;
}
