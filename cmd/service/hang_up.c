/*
 * Who sent SIGHUP.
 */
#include "cmd/service/hang_up.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

bool hang_up_has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool hang_up_is_final(const struct signalfd_siginfo *info, bool had_terminal)
{
	/* The kernel says that the terminal is gone, or a shell that has lost it. */
	return info->ssi_code == SI_KERNEL || (had_terminal && !hang_up_has_terminal());
}
