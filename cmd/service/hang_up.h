/*
 * Interface for SIGHUP: it comes when the terminal is gone, which ends the
 * program, or is sent to have files read or opened again.
 */
#ifndef CMD_SERVICE_HANG_UP_H
#define CMD_SERVICE_HANG_UP_H

#include <stdbool.h>
#include <sys/signalfd.h>

/* Whether the process has a terminal that controls it. Ask before privileges are dropped. */
bool hang_up_has_terminal(void);

/*
 * Whether this signal, to a process that had a terminal at its start or not, says that it is gone.
 */
bool hang_up_is_final(const struct signalfd_siginfo *info, bool had_terminal);

#endif
