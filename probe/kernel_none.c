/*
 * Stands in where the kernel probe is not built in: there is none to be had.
 */
#include <errno.h>

#include "probe/kernel.h"

int kernel_probe_new(const struct kernel_probe_options *options, struct kernel_probe **out)
{
	(void)options;
	(void)out;
	return -ENOTSUP;
}

bool kernel_probe_entries(const struct kernel_probe *probe)
{
	(void)probe;
	return false;
}

bool kernel_probe_drops(const struct kernel_probe *probe)
{
	(void)probe;
	return false;
}

enum probe_accepts kernel_probe_accepts(const struct kernel_probe *probe)
{
	(void)probe;
	return PROBE_ACCEPTS_NONE;
}

int kernel_probe_read(struct kernel_probe *probe, event_fn fn, kernel_probe_listen_fn listen,
		      void *context)
{
	(void)probe;
	(void)fn;
	(void)listen;
	(void)context;
	return -ENOTSUP;
}

bool kernel_probe_leave_siblings(struct kernel_probe *probe)
{
	(void)probe;
	return true;
}

void kernel_probe_wakes(struct kernel_probe *probe, bool wakes)
{
	(void)probe;
	(void)wakes;
}

int kernel_probe_fd(const struct kernel_probe *probe)
{
	(void)probe;
	return -1;
}

uint64_t kernel_probe_lost(const struct kernel_probe *probe)
{
	(void)probe;
	return 0;
}

uint64_t kernel_probe_unread(const struct kernel_probe *probe)
{
	(void)probe;
	return 0;
}

void kernel_probe_free(struct kernel_probe *probe)
{
	(void)probe;
}
