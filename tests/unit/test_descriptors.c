#include "netlink/owner/descriptors.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int proc;
static struct descriptors d;

static void open_proc(void)
{
	proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(proc, 0);
}

Test(descriptors, sockets_are_told_from_the_rest, .init = open_proc)
{
	int sockets[2], pipes[2], seen = 0, others = 0, n;
	struct stat st[2];
	uint32_t inode;
	int32_t fd;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	cr_assert_eq(pipe(pipes), 0);
	for (int i = 0; i < 100; i++) /* more than one reading of the directory */
		cr_assert_geq(dup(pipes[0]), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(fstat(sockets[i], &st[i]), 0);
	cr_assert_eq(descriptors_open(&d, proc, getpid()), 0);
	while ((n = descriptors_next(&d, &fd, &inode)) == 1) {
		for (int i = 0; i < 2; i++)
			if (fd == sockets[i]) {
				cr_expect_eq(inode, (uint32_t)st[i].st_ino);
				seen++;
			}
		if (fd >= pipes[0] && fd != sockets[0] && fd != sockets[1] && inode == 0)
			others++;
	}
	cr_assert_eq(n, 0);
	cr_assert_eq(seen, 2);
	cr_assert_geq(others, 102);
	descriptors_close(&d);
	descriptors_close(&d);
}

Test(descriptors, a_process_that_has_ended_has_none, .init = open_proc)
{
	pid_t child = fork();
	uint32_t inode;
	int32_t fd;
	int rc;

	if (child == 0)
		_exit(0);
	cr_assert_gt(child, 0);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	rc = descriptors_open(&d, proc, child);
	if (rc == 0) /* its number has been given to another by now */
		cr_skip_test("the pid was taken again");
	cr_assert(rc == -ENOENT || rc == -ESRCH, "%d", rc);
	d.fds = -1;
	descriptors_close(&d);
	/* It ends while it is looked at. */
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	cr_assert_eq(descriptors_open(&d, proc, child), 0);
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, NULL, 0), child);
	rc = descriptors_next(&d, &fd, &inode);
	cr_assert(rc == 0 || rc == -ENOENT || rc == -ESRCH, "%d", rc);
	descriptors_close(&d);
}
