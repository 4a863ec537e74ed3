/*
 * One look at a process.
 */
#include "netlink/owner/activity.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event/clock.h"

#define TEXT_SIZE 4096
/* To count more than this one by one would take longer than it is worth. */
#define COUNTED_MAX 65536
/* Of processes above this one, whose mounts are asked. */
#define ANCESTORS_MAX 8

/* The file as text with a NUL, or -errno. */
static ssize_t read_text(int dirfd, const char *path, char out[TEXT_SIZE])
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, out, TEXT_SIZE - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n;
}

/* "3.2 state ..." with the name in brackets, which can hold anything but the last ')'. */
static int read_stat(int proc, int32_t pid, struct owner_activity *out)
{
	char path[32], text[TEXT_SIZE], *p;
	unsigned long threads;

	snprintf(path, sizeof(path), "%" PRId32 "/stat", pid);
	if (read_text(proc, path, text) <= 0)
		return -ESRCH;
	p = strrchr(text, ')');
	if (!p || p[1] != ' ')
		return -ESRCH;
	p += 2;
	out->state = (uint8_t)*p;
	/* state is field 3, num_threads field 20. */
	for (int field = 3; field < 20 && p; field++) {
		p = strchr(p, ' ');
		p += p != NULL;
	}
	if (p && sscanf(p, "%lu", &threads) == 1)
		out->threads = (uint32_t)threads;
	return 0;
}

static void read_schedule(int proc, int32_t pid, struct owner_activity *out)
{
	char path[32], text[TEXT_SIZE];
	int64_t run_ns, wait_ns;

	snprintf(path, sizeof(path), "%" PRId32 "/schedstat", pid);
	if (read_text(proc, path, text) > 0 &&
	    sscanf(text, "%" SCNd64 " %" SCNd64, &run_ns, &wait_ns) == 2) {
		out->run_ns = run_ns;
		out->wait_ns = wait_ns;
	}
}

/* Since Linux 6.2 the size of the folder is their number; before, they are counted. */
static int64_t count_descriptors(int proc, int32_t pid)
{
	char path[32];
	struct stat st;
	int64_t count = 0;
	struct dirent *entry;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%" PRId32 "/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_size > 0) {
		close(fd);
		return st.st_size;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -1;
	}
	while (count < COUNTED_MAX && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count < COUNTED_MAX ? count : -1;
}

static int64_t read_descriptors_max(int proc, int32_t pid)
{
	static const char name[] = "Max open files";
	char path[32], text[TEXT_SIZE];
	const char *line;
	int64_t soft;

	snprintf(path, sizeof(path), "%" PRId32 "/limits", pid);
	if (read_text(proc, path, text) <= 0)
		return -1;
	line = strstr(text, name);
	return line && sscanf(line + sizeof(name) - 1, "%" SCNd64, &soft) == 1 ? soft : -1;
}

static bool member_of(const char *text, const char *name, int64_t *out)
{
	size_t length = strlen(name);

	for (const char *p = text; p; p = strchr(p, '\n'), p += p != NULL)
		if (strncmp(p, name, length) == 0 && p[length] == ' ')
			return sscanf(p + length, "%" SCNd64, out) == 1;
	return false;
}

static void take_throttling(int cgroups, const char *folder, struct owner_activity *out)
{
	char path[PATH_MAX], text[TEXT_SIZE];
	int64_t periods, time;
	int64_t unit = 1000;

	if (snprintf(path, sizeof(path), "%s/cpu.stat", folder) >= (int)sizeof(path) ||
	    read_text(cgroups, path, text) <= 0 || !member_of(text, "nr_throttled", &periods))
		return;
	if (!member_of(text, "throttled_usec", &time)) {
		/* Version 1. */
		unit = 1;
		if (!member_of(text, "throttled_time", &time))
			return;
	}
	/*
	 * What an ancestor was held back long ago hides nothing: the sum grows with each of them.
	 */
	if (out->throttled_ns < 0)
		out->throttled_ns = out->throttled_periods = 0;
	out->throttled_ns += time * unit;
	out->throttled_periods += periods;
}

static void take_freezing(int cgroups, const char *folder, const char *file, const char *frozen,
			  struct owner_activity *out)
{
	char path[PATH_MAX], text[TEXT_SIZE];

	if (snprintf(path, sizeof(path), "%s/%s", folder, file) < (int)sizeof(path) &&
	    read_text(cgroups, path, text) > 0 && strstr(text, frozen))
		out->frozen = true;
}

/* The cgroup may be out of sight: where it sleeps says so too. */
static void take_wait_channel(int proc, int32_t pid, struct owner_activity *out)
{
	char path[32], text[TEXT_SIZE];

	snprintf(path, sizeof(path), "%" PRId32 "/wchan", pid);
	if (read_text(proc, path, text) > 0 &&
	    (strcmp(text, "__refrigerator") == 0 || strcmp(text, "do_freezer_trap") == 0))
		out->frozen = true;
}

/*
 * The cgroup itself and each above it. What is the root here may be a container's cgroup, with its
 * quota: so it is in its cgroup namespace. path is cut short on the way.
 */
static void climb(int cgroups, const char *mount, char *path, struct owner_activity *out)
{
	char folder[PATH_MAX], *end;

	if (!path[1])
		path[0] = '\0';
	do {
		if (snprintf(folder, sizeof(folder), "%s%s", mount, path) >= (int)sizeof(folder))
			return;
		take_throttling(cgroups, folder, out);
		end = strrchr(path, '/');
		if (end)
			*end = '\0';
	} while (end);
}

/* Of version 2, beside version 1 where systemd mounts it so ("hybrid"). */
static void read_unified(int cgroups, char *path, struct owner_activity *out)
{
	struct stat st;
	const char *mount = fstatat(cgroups, "unified", &st, 0) == 0 ? "unified" : ".";
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%s%s", mount, path) < (int)sizeof(folder))
		take_freezing(cgroups, folder, "cgroup.events", "frozen 1", out);
	climb(cgroups, mount, path, out);
}

/* Lines "0::/path" of version 2, "4:cpu,cpuacct:/path" of version 1. */
static void read_cgroups(int proc, int cgroups, int32_t pid, struct owner_activity *out)
{
	char file[32], text[TEXT_SIZE], folder[PATH_MAX], *save, *line;

	snprintf(file, sizeof(file), "%" PRId32 "/cgroup", pid);
	if (cgroups < 0 || read_text(proc, file, text) <= 0)
		return;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path || path[1] != '/')
			continue;
		*path++ = '\0';
		names++;
		/*
		 * A cgroup beyond the mount's root, as /proc writes it, is not to be looked into.
		 */
		if (strstr(path, "/.."))
			continue;
		if (!*names) {
			read_unified(cgroups, path, out);
		} else if (strcmp(names, "freezer") == 0) {
			snprintf(folder, sizeof(folder), "freezer%s", path);
			take_freezing(cgroups, folder, "freezer.state", "FROZEN", out);
		} else if (strcmp(names, "cpu") == 0 || strncmp(names, "cpu,", 4) == 0) {
			climb(cgroups, "cpu", path, out);
		}
	}
}

static int open_if_mounted(const char *path)
{
	static const char *const signs[] = {"cgroup.controllers", "cpu", "freezer"};
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (fstatat(fd, signs[i], &st, 0) == 0)
			return fd;
	close(fd);
	return -1;
}

static pid_t parent_of(pid_t pid)
{
	char path[32], text[TEXT_SIZE], *p;
	int parent = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_text(AT_FDCWD, path, text) <= 0)
		return 0;
	p = strrchr(text, ')');
	return p && sscanf(p + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

int activity_cgroups(void)
{
	int fd = open_if_mounted("/sys/fs/cgroup");
	pid_t pid = getpid();
	char path[64];

	/* ip netns exec mounts another /sys: who called it still has the host's. */
	for (int up = 0; fd < 0 && pid > 1 && up < ANCESTORS_MAX; up++) {
		pid = parent_of(pid);
		snprintf(path, sizeof(path), "/proc/%d/root/sys/fs/cgroup", (int)pid);
		fd = open_if_mounted(path);
	}
	return fd;
}

int activity_read(int proc, int cgroups, int32_t pid, struct owner_activity *out)
{
	memset(out, 0, sizeof(*out));
	out->before_ns = clock_now_ns();
	out->pid = pid;
	out->run_ns = out->wait_ns = -1;
	out->throttled_ns = out->throttled_periods = -1;
	if (read_stat(proc, pid, out) < 0)
		return -ESRCH;
	take_wait_channel(proc, pid, out);
	read_schedule(proc, pid, out);
	out->descriptors = count_descriptors(proc, pid);
	out->descriptors_max = read_descriptors_max(proc, pid);
	read_cgroups(proc, cgroups, pid, out);
	return 0;
}
