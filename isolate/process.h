/*
 * Interface for a child process: the COMMAND of record, the server and the load
 * of demo.
 */
#ifndef ISOLATE_PROCESS_H
#define ISOLATE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct process {
	pid_t pid; /* 0: none was started */
	int leash; /* of process_execute(): its guardian holds the other end; -1 */
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
 * Whether execvp() would find a program of this name that may be executed: 0, -ENOENT or -EACCES.
 * That it can be is not certain until process_execute() has said so.
 */
int process_find(const char *name) __attribute__((warn_unused_result));

/*
 * Forks and executes argv, with name=value added to its environment when name is
 * not NULL; its standard output is the descriptor out, which stays the caller's.
 * 0; or -errno of fork, or of exec (the program does not exist).
 *
 * Between the two stands a guardian, a process that keeps the privileges which the
 * caller gives up: it passes on the request to end, and the program's status. When
 * the caller dies, the program is told to end too.
 */
int process_execute(struct process *process, char **argv, const char *name, const char *value,
		    int out)
    __attribute__((warn_unused_result));

/* Reaps it if it has ended; true when it has (or was never started). Never waits. */
bool process_ended(struct process *process);

/* In words, how one that has ended did: "was killed by signal 9 (Killed)", "exited with status 1". */
#define PROCESS_END_SIZE 96
void process_describe_end(const struct process *process, char text[PROCESS_END_SIZE]);

/* Asks a process that has not ended to end: SIGTERM. */
void process_terminate(struct process *process);

/* SIGTERM, up to timeout_ms of waiting, then SIGKILL; reaps it. */
void process_stop(struct process *process, int timeout_ms);

#endif
