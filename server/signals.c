/*
 * Signals as a descriptor, and the process as it was afterwards.
 */
#include "server/signals.h"

#include <errno.h>
#include <unistd.h>

int signals_take(struct signals *signals, bool children)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN}, standard = {.sa_handler = SIG_DFL};
	struct sigaction hang_up;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	/* Where it is ignored, as by nohup, it stays so. */
	if (sigaction(SIGHUP, NULL, &hang_up) == 0 && hang_up.sa_handler != SIG_IGN)
		sigaddset(&mask, SIGHUP);
	if (children)
		sigaddset(&mask, SIGCHLD);
	signals->fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
	if (signals->fd < 0)
		return -errno;
	sigaction(SIGPIPE, &ignore, &signals->pipe_before);
	/* Ignored, as it may be by inheritance, it would leave waitpid() nobody to find. */
	sigaction(SIGCHLD, children ? &standard : NULL, &signals->child_before);
	sigprocmask(SIG_BLOCK, &mask, &signals->mask_before);
	return 0;
}

bool signals_read_hang_up(const struct signals *signals, struct signalfd_siginfo *hang_up)
{
	struct signalfd_siginfo info;
	bool stop = false;

	hang_up->ssi_signo = 0;
	while (read(signals->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			*hang_up = info;
		else if (info.ssi_signo != SIGCHLD)
			stop = true;
	}
	return stop;
}

bool signals_read(const struct signals *signals)
{
	struct signalfd_siginfo hang_up;

	return signals_read_hang_up(signals, &hang_up) || hang_up.ssi_signo;
}

void signals_give_back(struct signals *signals)
{
	close(signals->fd);
	sigaction(SIGPIPE, &signals->pipe_before, NULL);
	sigaction(SIGCHLD, &signals->child_before, NULL);
	sigprocmask(SIG_SETMASK, &signals->mask_before, NULL);
}
