/*
 * Child processes. Only processes started here are ever signalled.
 */
#include "isolate/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "isolate/close.h"

static void reset_signals(void)
{
	/* Not SIGHUP, which is never touched: nohup holds for COMMAND too. */
	static const int ours[] = {SIGINT, SIGTERM, SIGCHLD, SIGPIPE};
	sigset_t none;

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		signal(ours[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static pid_t fork_quietly(void)
{
	fflush(NULL); /* or what is buffered would be written twice */
	return fork();
}

int process_start(struct process *process, int (*body)(void *context), void *context)
{
	pid_t parent = getpid(), pid = fork_quietly();
	int status;

	*process = (struct process){.pid = pid, .leash = -1};
	if (pid < 0) {
		process->pid = 0;
		return -errno;
	}
	if (pid > 0)
		return 0;
	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1); /* it ended before the line above */
	status = body(context);
	if (fflush(NULL) != 0 && status == 0)
		status = 1;
	_exit(status);
}

static volatile sig_atomic_t child_changed;

static void on_child(int signal_number)
{
	(void)signal_number;
	child_changed = 1;
}

/*
 * The guardian's whole life: until the program ends, a byte or the end of the leash
 * is passed on as SIGTERM. Ends as the program ended.
 */
static void guard(pid_t program, int leash)
{
	struct sigaction action = {.sa_handler = on_child};
	sigset_t blocked, none;
	bool told = false;
	int status = 0;

	/*
	 * Ctrl-C, or the end of the terminal, goes to the whole group: the program decides, and the
	 * guardian waits for it.
	 */
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	while (waitpid(program, &status, WNOHANG) == 0) {
		struct pollfd fd = {.fd = told ? -1 : leash, .events = POLLIN};

		if (ppoll(&fd, 1, NULL, &none) > 0) {
			kill(program, SIGTERM);
			told = true;
		}
	}
	if (WIFEXITED(status))
		_exit(WEXITSTATUS(status));
	/* End by the same signal, without a core of its own. */
	prctl(PR_SET_DUMPABLE, 0);
	signal(WTERMSIG(status), SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	kill(getpid(), WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}

static int check_program(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	if (!S_ISREG(st.st_mode) || faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -EACCES;
	return 0;
}

int process_find(const char *name)
{
	const char *path = getenv("PATH");
	int rc = -ENOENT;

	if (strchr(name, '/'))
		return check_program(name);
	if (!*name)
		return -ENOENT;
	if (!path)
		path = "/bin:/usr/bin"; /* as execvp() has it */
	for (;;) {
		int length = (int)strcspn(path, ":");
		char *candidate;

		if (asprintf(&candidate, "%.*s%s%s", length, path, length ? "/" : "", name) < 0)
			return 0; /* let exec say it */
		if (rc != 0) {
			int found = check_program(candidate);

			/* One that may not be executed is told of only when there is no other. */
			if (found == 0 || found == -EACCES)
				rc = found;
		}
		free(candidate);
		if (rc == 0 || !path[length])
			return rc;
		path += length + 1;
	}
}

/* What the caller has open is none of the guardian's business, its locks least of all. */
static void close_but(int kept)
{
	if (kept > 3)
		close_all(3, (unsigned)kept - 1);
	close_all((unsigned)kept + 1, ~0u);
}

/* In the guardian: starts the program; what exec says goes to report. */
static void start_guarded(char **argv, const char *name, const char *value, int out, int report,
			  int leash)
{
	pid_t program = fork();
	int error;

	if (program > 0) {
		close_but(leash); /* the channel, too, is the server's to write, and to end */
		guard(program, leash);
	}
	if (program == 0 && dup2(out, STDOUT_FILENO) >= 0) {
		if (name)
			setenv(name, value, 1);
		execvp(argv[0], argv);
	}
	error = errno;
	if (write(report, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

int process_execute(struct process *process, char **argv, const char *name, const char *value,
		    int out)
{
	int report[2], leash[2], error = 0;
	ssize_t n;
	pid_t pid;

	*process = (struct process){.leash = -1};
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(leash, O_CLOEXEC) < 0) {
		error = errno;
		goto close_report;
	}
	pid = fork_quietly();
	if (pid < 0) {
		error = errno;
		close(leash[0]);
		close(leash[1]);
		goto close_report;
	}
	if (pid == 0) {
		reset_signals();
		close(leash[1]);
		start_guarded(argv, name, value, out, report[1], leash[0]);
	}
	close(leash[0]);
	close(report[1]);
	do
		n = read(report[0], &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(report[0]);
	process->pid = pid;
	process->leash = leash[1];
	if (n != (ssize_t)sizeof(error))
		return 0; /* close-on-exec ended the pipe: it runs */
	close(leash[1]);
	waitpid(pid, NULL, 0);
	*process = (struct process){.leash = -1};
	return -error;
close_report:
	close(report[0]);
	close(report[1]);
	return -error;
}

bool process_ended(struct process *process)
{
	if (process->pid == 0 || process->ended)
		return true;
	if (waitpid(process->pid, &process->status, WNOHANG) == process->pid) {
		process->ended = true;
		if (process->leash >= 0)
			close(process->leash);
		process->leash = -1;
	}
	return process->ended;
}

void process_describe_end(const struct process *process, char text[PROCESS_END_SIZE])
{
	int status = process->status;

	if (!process->ended)
		snprintf(text, PROCESS_END_SIZE, "is still running");
	else if (WIFSIGNALED(status))
		snprintf(text, PROCESS_END_SIZE, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(text, PROCESS_END_SIZE, "exited with status %d", WEXITSTATUS(status));
}

void process_terminate(struct process *process)
{
	if (process_ended(process))
		return;
	if (process->leash < 0) {
		kill(process->pid, SIGTERM);
		return;
	}
	close(process->leash);
	process->leash = -1;
}

void process_stop(struct process *process, int timeout_ms)
{
	process_terminate(process);
	for (int waited = 0; waited < timeout_ms && !process_ended(process); waited += 10)
		poll(NULL, 0, 10);
	if (process_ended(process))
		return;
	if (kill(process->pid, SIGKILL) < 0)
		return; /* no longer ours to end: it has been asked */
	waitpid(process->pid, &process->status, 0);
	process->ended = true;
}
