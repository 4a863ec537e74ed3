/*
 * Interface for the signals of a run: SIGTERM, SIGINT and SIGHUP (unless it is
 * ignored), and for who has children SIGCHLD, as a descriptor for poll(). SIGPIPE
 * is ignored meanwhile.
 */
#ifndef SERVER_SIGNALS_H
#define SERVER_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>

struct signals {
	int fd; /* readable when one of them came; non-blocking, close-on-exec */
	sigset_t mask_before;
	struct sigaction pipe_before;
	struct sigaction child_before;
};

/* Blocks and gathers them for the process, which has one thread. 0 or -errno. */
int signals_take(struct signals *signals, bool children) __attribute__((warn_unused_result));

/* Takes what came out of the descriptor. True when one that ends the run was among it. */
bool signals_read(const struct signals *signals);

/* The same; *hang_up becomes the SIGHUP that came, if one did: it ends nothing then. */
bool signals_read_hang_up(const struct signals *signals, struct signalfd_siginfo *hang_up);

/* Mask and dispositions as before signals_take(). */
void signals_give_back(struct signals *signals);

#endif
