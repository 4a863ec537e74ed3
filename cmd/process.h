/*
 * Interface for a child process: the COMMAND of record, the server and the load
 * of demo.
 */
#ifndef CMD_PROCESS_H
#define CMD_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct process {
	pid_t pid; /* 0: none was started */
	bool ended;
	int status; /* as waitpid() has it, when ended */
};

/*
 * Forks. In the child: signals as they were before signals_take(), then body(),
 * whose return value is the exit status. The child ends with _exit after
 * flushing stdio. 0 or -errno.
 */
int process_start(struct process *process, int (*body)(void *context), void *context)
    __attribute__((warn_unused_result));

/*
 * Forks and executes argv, with name=value added to its environment when name is
 * not NULL. 0; or -errno of fork, or of exec (the program does not exist).
 */
int process_execute(struct process *process, char **argv, const char *name, const char *value)
    __attribute__((warn_unused_result));

/* Reaps it if it has ended; true when it has (or was never started). Never waits. */
bool process_ended(struct process *process);

/* Sends the signal to a process that has not ended. */
void process_signal(struct process *process, int signal);

/* SIGTERM, up to timeout_ms of waiting, then SIGKILL; reaps it. */
void process_stop(struct process *process, int timeout_ms);

#endif
