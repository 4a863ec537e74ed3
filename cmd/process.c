/*
 * Child processes. Only processes started here are ever signalled.
 */
#include "cmd/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void reset_signals(void)
{
	static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE};
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

	*process = (struct process){.pid = pid};
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

int process_execute(struct process *process, char **argv, const char *name, const char *value)
{
	int report[2], error = 0;
	ssize_t n;
	pid_t pid;

	*process = (struct process){0};
	if (pipe2(report, O_CLOEXEC) < 0)
		return -errno;
	pid = fork_quietly();
	if (pid < 0) {
		error = errno;
		close(report[0]);
		close(report[1]);
		return -error;
	}
	if (pid == 0) {
		reset_signals();
		if (name)
			setenv(name, value, 1);
		execvp(argv[0], argv);
		error = errno;
		if (write(report[1], &error, sizeof(error)) < 0)
			_exit(126);
		_exit(127);
	}
	close(report[1]);
	do
		n = read(report[0], &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	close(report[0]);
	process->pid = pid;
	if (n != (ssize_t)sizeof(error))
		return 0; /* close-on-exec ended the pipe: it runs */
	waitpid(pid, NULL, 0);
	process->pid = 0;
	return -error;
}

bool process_ended(struct process *process)
{
	if (process->pid == 0 || process->ended)
		return true;
	if (waitpid(process->pid, &process->status, WNOHANG) == process->pid)
		process->ended = true;
	return process->ended;
}

void process_signal(struct process *process, int signal)
{
	if (!process_ended(process))
		kill(process->pid, signal);
}

void process_stop(struct process *process, int timeout_ms)
{
	process_signal(process, SIGTERM);
	for (int waited = 0; waited < timeout_ms && !process_ended(process); waited += 10)
		poll(NULL, 0, 10);
	if (process_ended(process))
		return;
	kill(process->pid, SIGKILL);
	waitpid(process->pid, &process->status, 0);
	process->ended = true;
}
