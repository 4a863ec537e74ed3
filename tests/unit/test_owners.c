#include "netlink/owner/owners.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/netns.h"

static int listener_with_options(uint32_t *inode, uint64_t *cookie)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), defer = 3, fast = 11;
	struct sockaddr_in local = {.sin_family = AF_INET};
	socklen_t size = sizeof(*cookie);
	struct stat st;

	cr_assert_geq(fd, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
	cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof(defer)), 0);
	cr_assert_eq(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &fast, sizeof(fast)), 0);
	cr_assert_eq(listen(fd, 4), 0);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, &size), 0);
	*inode = (uint32_t)st.st_ino;
	return fd;
}

static int walk_for(struct owners *owners, const uint32_t *inodes, size_t count, size_t fds_max,
		    int32_t only_pid)
{
	struct owners_walk walk = {inodes, count, fds_max, only_pid, false};

	return owners_begin(owners, &walk);
}

static bool has(const struct owner *owner, int32_t pid)
{
	for (unsigned i = 0; i < owner->pids_count; i++)
		if (owner->pids[i] == pid)
			return true;
	return false;
}

Test(owners, a_socket_is_found_in_every_process_that_has_it)
{
	uint32_t inodes[3] = {0, 1, 0};
	uint64_t cookie;
	int fd = listener_with_options(&inodes[2], &cookie);
	int32_t defer = -1, fast = -1;
	const struct owner *owner;
	struct owners *owners;
	pid_t child = fork();

	cr_assert_geq(child, 0);
	if (child == 0) {
		pause();
		_exit(0);
	}
	cr_assert_eq(owners_new(&owners), 0);
	cr_assert(owners_step(owners, 0), "no walk was begun");
	cr_assert_eq(walk_for(owners, inodes, 3, 1024, 0), 0);
	while (!owners_step(owners, NS_PER_MS))
		;
	owner = owners_of(owners, inodes[2]);
	cr_assert_not_null(owner);
	cr_assert(has(owner, getpid()));
	cr_assert(has(owner, child));
	cr_assert_eq(owner->fd, fd);
	cr_assert_gt(strlen(owner->comm), 0);
	cr_assert_null(owners_of(owners, 1));
	cr_assert_null(owners_of(owners, 0));
	/* Restricted to one process. */
	cr_assert_eq(walk_for(owners, inodes, 3, 1024, child), 0);
	while (!owners_step(owners, NS_PER_MS))
		;
	owner = owners_of(owners, inodes[2]);
	cr_assert_not_null(owner);
	cr_assert_eq(owner->pids_count, 1);
	cr_assert_eq(owner->pids[0], child);
	/* Its options, through a copy of its descriptor, and never those of another socket. */
	if (owner_socket_options(child, fd, cookie, &defer, &fast) == 0) {
		cr_assert_eq(defer, 3);
		cr_assert_eq(fast, 11);
	}
	cr_assert_lt(owner_socket_options(child, fd, cookie + 1, &defer, &fast), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert_lt(owner_socket_options(child, fd, cookie, &defer, &fast), 0);
	owners_free(owners);
}

Test(owners, descriptors_beyond_the_bound_are_not_looked_at_and_that_is_counted)
{
	uint32_t inode;
	uint64_t cookie;
	int fd = listener_with_options(&inode, &cookie);
	struct owners *owners;

	cr_assert_geq(dup2(fd, 40), 0);
	close(fd);
	for (int i = 20; i < 40; i++)
		cr_assert_geq(dup2(0, i), 0);
	cr_assert_eq(owners_new(&owners), 0);
	cr_assert_eq(walk_for(owners, &inode, 1, 8, getpid()), 0);
	while (!owners_step(owners, NS_PER_SEC))
		;
	cr_assert_null(owners_of(owners, inode));
	cr_assert_eq(owners_cut(owners), 1);
	cr_assert_eq(walk_for(owners, &inode, 1, SIZE_MAX, getpid()), 0);
	while (!owners_step(owners, NS_PER_SEC))
		;
	cr_assert_not_null(owners_of(owners, inode));
	cr_assert_eq(owners_cut(owners), 0);
	owners_free(owners);
}

Test(owners, those_in_another_network_can_be_passed_over)
{
	uint32_t inode;
	uint64_t cookie;
	struct owners_walk walk = {&inode, 1, 1024, 0, true};
	struct owners *owners;
	int ready[2];
	char byte;
	pid_t child;

	listener_with_options(&inode, &cookie);
	cr_assert_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (!netns_enter())
			_exit(1);
		cr_assert_eq(write(ready[1], "x", 1), 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		cr_skip_test("no private network namespace to be had");
	cr_assert_eq(owners_new(&owners), 0);
	cr_assert_eq(owners_begin(owners, &walk), 0);
	while (!owners_step(owners, NS_PER_SEC))
		;
	cr_assert_not_null(owners_of(owners, inode));
	cr_assert(has(owners_of(owners, inode), getpid()));
	cr_assert_not(has(owners_of(owners, inode), child));
	cr_assert_geq(owners_cut(owners) + owners_denied(owners), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	owners_free(owners);
}

/* In a process of its own, since it gives up being root. */
static int look_as_nobody(int32_t pid)
{
	uint32_t inode = 1;
	struct owners *owners;
	size_t denied;

	if (setgid(65534) < 0 || setuid(65534) < 0 || owners_new(&owners) < 0)
		return 1;
	if (walk_for(owners, &inode, 1, 1024, pid) < 0)
		return 2;
	while (!owners_step(owners, NS_PER_SEC))
		;
	denied = owners_denied(owners);
	owners_free(owners);
	return denied == 1 ? 0 : 3;
}

Test(owners, what_a_user_may_not_look_into_is_counted)
{
	int status;
	pid_t child;

	if (geteuid() != 0)
		cr_skip_test("takes root to become somebody else");
	child = fork();
	if (child == 0)
		_exit(look_as_nobody(getppid()));
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0);
}
