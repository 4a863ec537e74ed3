/*
 * The allow list, by libseccomp.
 */
#include "isolate/seccomp_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const allowed[] = {
    /* files that are open, and those of the recording, the report and /proc */
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "pwrite64",
    "lseek",
    "close",
    "open",
    "openat",
    "fstat",
    "newfstatat",
    "stat",
    "lstat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents64",
    "fcntl",
    "dup",
    "dup2",
    "dup3",
    "ftruncate",
    "fallocate",
    "fsync",
    "flock",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "umask",
    "fchmod",
    "getcwd",
    "ioctl",
    "fadvise64",
    "copy_file_range",
    /* memory */
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    /* waiting, time, signals */
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "timerfd_create",
    "timerfd_settime",
    "signalfd4",
    "eventfd2",
    "pipe2",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigpending",
    "sigaltstack",
    "futex",
    "restart_syscall",
    "sched_yield",
    /* netlink and the capture */
    "socket",
    "bind",
    "connect",
    "getsockname",
    "getsockopt",
    "setsockopt",
    "sendto",
    "sendmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "pidfd_open",
    "pidfd_getfd",
    /* the process itself, and the end of COMMAND */
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrandom",
    "uname",
    "sysinfo",
    "prlimit64",
    "getrlimit",
    "getrusage",
    "wait4",
    "waitid",
    "kill",
    "tgkill",
    "set_robust_list",
    "rseq",
    "exit",
    "exit_group",
};

/* Ends the process; what was recorded until the last flush is kept. */
static void on_denied(int signal_number, siginfo_t *info, void *context)
{
	char text[128];
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, info->si_syscall);
	int n;

	(void)signal_number;
	(void)context;
	n = snprintf(text, sizeof(text),
		     "synscope: system call %s (%d) is not allowed by the seccomp filter; please "
		     "report this\n",
		     name ? name : "?", info->si_syscall);
	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
		_exit(1);
	_exit(1);
}

/* Of the process that looks into others. Files are opened for reading alone. */
static const char *const allowed_looking[] = {
    "read",
    "write",
    "close",
    "lseek",
    "fstat",
    "newfstatat",
    "statx",
    "readlink",
    "readlinkat",
    "getdents64",
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "poll",
    "ppoll",
    "nanosleep",
    "clock_nanosleep",
    "clock_gettime",
    "gettimeofday",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "restart_syscall",
    "futex",
    "sendto",
    "sendmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "getsockopt",
    "getsockname",
    "pidfd_open",
    "pidfd_getfd",
    "getpid",
    "gettid",
    "getrandom",
    "rseq",
    /* glibc: a large qsort() asks for the size of memory, malloc() and stdio for the rest */
    "sysinfo",
    "prlimit64",
    "sched_getaffinity",
    "tgkill",
    "exit",
    "exit_group",
};

/* Of the process that gives metrics away. It opens no connection. */
static const char *const allowed_serving[] = {
    "read",
    "readv",
    "write",
    "writev",
    "close",
    "lseek",
    "fstat",
    "newfstatat",
    "openat",
    "fchmod",
    "renameat",
    "renameat2",
    "unlinkat",
    "fcntl",
    "brk",
    "mmap",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "poll",
    "ppoll",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "accept4",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    "sendto",
    "sendmsg",
    "sendfile",
    "recvfrom",
    "clock_gettime",
    "gettimeofday",
    "time",
    "nanosleep",
    "clock_nanosleep",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "restart_syscall",
    "futex",
    "getpid",
    "gettid",
    "geteuid",
    "getrandom",
    "rseq",
    "sysinfo",
    "prlimit64",
    "tgkill",
    "exit",
    "exit_group",
};

static int allow(scmp_filter_ctx filter, const char *const *names, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);

		if (number == __NR_SCMP_ERROR)
			continue; /* this architecture has none of that name */
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return rc;
}

static int allow_looking(scmp_filter_ctx filter)
{
	int rc =
	    allow(filter, allowed_looking, sizeof(allowed_looking) / sizeof(allowed_looking[0]));

	if (rc == 0)
		rc = seccomp_rule_add(
		    filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	/* fdopendir() asks what the descriptor was opened for, and sets FD_CLOEXEC. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				      SCMP_A1(SCMP_CMP_EQ, F_GETFL));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
				      SCMP_A1(SCMP_CMP_EQ, F_SETFD));
	return rc;
}

int seccomp_filter_load(enum seccomp_job job)
{
	struct sigaction action = {.sa_sigaction = on_denied, .sa_flags = SA_SIGINFO};
	scmp_filter_ctx filter;
	int rc = 0;

	if (sigaction(SIGSYS, &action, NULL) < 0)
		return -errno;
	filter = seccomp_init(SCMP_ACT_TRAP);
	if (!filter)
		return -ENOMEM;
	switch (job) {
	case SECCOMP_RECORDING:
		rc = allow(filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
		break;
	case SECCOMP_LOOKING:
		rc = allow_looking(filter);
		break;
	case SECCOMP_SERVING:
		rc = allow(filter, allowed_serving,
			   sizeof(allowed_serving) / sizeof(allowed_serving[0]));
		break;
	}
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}
