/*
 * Interface for closing many descriptors at once: close_range(2), which Linux has since 5.9, glibc
 * since 2.34, and musl does not name.
 */
#ifndef ISOLATE_CLOSE_H
#define ISOLATE_CLOSE_H

#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_close_range
#define SYS_close_range 436 /* of every architecture */
#endif

/* From first to last, those that are open. */
static inline void close_all(unsigned first, unsigned last)
{
	(void)syscall(SYS_close_range, first, last, 0u);
}

#endif
