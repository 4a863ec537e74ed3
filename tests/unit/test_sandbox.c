#include "isolate/sandbox.h"
#include "isolate/seccomp_filter.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char mine[] = "/tmp/synscope-sandbox-XXXXXX";
static char others[] = "/tmp/synscope-sandbox-XXXXXX";
static char said[4096];

static void make_folders(void)
{
	cr_assert_not_null(mkdtemp(mine));
	cr_assert_not_null(mkdtemp(others));
	cr_assert_eq(setenv("TMPDIR", mine, 1), 0);
}

static void remove_folders(void)
{
	char path[100];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/file", i ? mine : others);
		unlink(path);
		rmdir(i ? mine : others);
	}
}

TestSuite(sandbox, .init = make_folders, .fini = remove_folders);

static int enter(enum seccomp_job job)
{
	struct sandbox_options options = {.parts_fd = -1, .writable = {mine}};
	char error[SANDBOX_ERROR_SIZE];

	int rc = -EINVAL;

	switch (job) {
	case SECCOMP_RECORDING:
		rc = sandbox_enter(&options, error);
		break;
	case SECCOMP_LOOKING:
		rc = sandbox_enter_looking(error);
		break;
	case SECCOMP_SERVING:
		rc = sandbox_enter_serving(&options, error);
		break;
	}
	if (rc == 0)
		return 0;
	fprintf(stderr, "%s\n", error);
	return 99;
}

/* Runs fn in a process of its own within the sandbox; returns its exit status, and what it said. */
static int within_sandbox(enum seccomp_job job, int (*fn)(void))
{
	size_t length = 0;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		_exit(enter(job) == 0 ? fn() : 99);
	}
	close(ends[1]);
	while ((n = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)n;
	said[length] = '\0';
	close(ends[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static int within(int (*fn)(void))
{
	return within_sandbox(SECCOMP_RECORDING, fn);
}

static int make_file(const char *folder)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/file", folder);
	return open(path, O_WRONLY | O_CREAT | O_EXCL, 0640) < 0 ? errno : 0;
}

static int make_mine(void)
{
	return make_file(mine);
}

static int make_others(void)
{
	return make_file(others);
}

Test(sandbox, files_are_made_where_they_are_to_be_alone)
{
	cr_expect_eq(within(make_mine), 0, "%s", said);
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		return; /* not in this kernel */
	cr_expect_eq(within(make_others), EACCES, "%s", said);
}

static int run_program(void)
{
	char name[] = "true";
	char *const arguments[] = {name, NULL};

	execv("/bin/true", arguments);
	return 77;
}

static int trace(void)
{
	ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
	return 77;
}

static int change_mode(void)
{
	return chmod(mine, 0777) + 77;
}

static int listen_to_others(void)
{
	return listen(0, 1) + 77;
}

Test(sandbox, a_call_that_is_denied_is_named)
{
	const struct {
		int (*fn)(void);
		const char *name;
	} calls[] = {
	    {run_program, "execve"},
	    {trace, "ptrace"},
	    {change_mode, "chmod"},
	    {listen_to_others, "listen"},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "system call %s (", calls[i].name);
		cr_expect_eq(within(calls[i].fn), 1, "%s: %s", calls[i].name, said);
		cr_expect_not_null(strstr(said, expected), "%s: %s", calls[i].name, said);
		cr_expect_eq(strchr(said, '\n'), said + strlen(said) - 1, "more than a line");
	}
}

static int make_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) + 77;
}

static int make_process(void)
{
	return fork() == 0 ? 0 : 77;
}

static int list_folder(void)
{
	DIR *folder = opendir("/proc");

	return folder && readdir(folder) ? 77 : 78;
}

/* The recorder's temporary folder is of no use to who gives metrics away. */
static int make_temporary(void)
{
	return make_file(getenv("TMPDIR"));
}

Test(sandbox, who_serves_opens_no_connection_and_looks_at_nothing)
{
	const struct {
		int (*fn)(void);
		const char *name;
	} calls[] = {
	    {run_program, "execve"},	 {make_socket, "socket"},      {make_process, "clone"},
	    {list_folder, "getdents64"}, {listen_to_others, "listen"},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "system call %s", calls[i].name);
		cr_expect_eq(within_sandbox(SECCOMP_SERVING, calls[i].fn), 1, "%s: %s",
			     calls[i].name, said);
		cr_expect_not_null(strstr(said, expected), "%s: %s", calls[i].name, said);
	}
	cr_expect_eq(within_sandbox(SECCOMP_SERVING, make_mine), 0, "%s", said);
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 1)
		return; /* not in this kernel */
	cr_assert_eq(setenv("TMPDIR", others, 1), 0);
	cr_expect_eq(within_sandbox(SECCOMP_SERVING, make_temporary), EACCES, "%s", said);
}

static int count_capabilities(void)
{
	char line[256];
	unsigned long long mask = 0;
	FILE *file = fopen("/proc/self/status", "r");
	int rest = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &mask) == 1 ||
		    sscanf(line, "CapPrm: %llx", &mask) == 1 ||
		    sscanf(line, "CapInh: %llx", &mask) == 1)
			rest += mask != 0;
	return file ? rest : 77;
}

Test(sandbox, no_capability_is_left)
{
	cr_expect_eq(within(count_capabilities), 0, "%s", said);
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 64);
}

/* What glibc does by itself, with much of it: each may make calls that little of it does not. */
static int use_the_library(void)
{
	size_t size = (size_t)64 << 20, length = 0;
	char *memory = malloc(size), *line = NULL, *text = NULL;
	DIR *folder = opendir("/proc");
	DIR *held = fdopendir(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	FILE *file = fopen("/proc/self/maps", "re"), *out;
	time_t now = time(NULL);
	struct tm when;

	if (!memory || !folder || !held || !file)
		return 77;
	for (size_t i = 0; i < size; i++)
		memory[i] = (char)(i * 2654435761u >> 7);
	qsort(memory, size / 64, 64, compare);
	for (int i = 0; i < 8; i++) {
		char *more = realloc(memory, size += (size_t)8 << 20);

		if (!more)
			return 78;
		memory = more;
	}
	free(memory);
	malloc_trim(0);
	while (readdir(folder))
		continue;
	closedir(folder);
	closedir(held);
	while (getline(&line, &length, file) > 0)
		continue;
	fclose(file);
	free(line);
	out = open_memstream(&text, &length);
	if (!out || !localtime_r(&now, &when))
		return 79;
	fprintf(out, "%s %.3f %*d %d", strerror(ENOENT), 1e300, 70000, 1, when.tm_hour);
	fclose(out);
	free(text);
	return 0;
}

Test(sandbox, the_library_is_free_in_its_ways)
{
	cr_expect_eq(within_sandbox(SECCOMP_RECORDING, use_the_library), 0, "%s", said);
	cr_expect_eq(within_sandbox(SECCOMP_LOOKING, use_the_library), 0, "looking: %s", said);
}
