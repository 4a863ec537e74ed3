/*
 * Stands in where the accept probe is not built in: there is none to be had.
 */
#include "probe/accept.h"

#include <errno.h>

int accept_probe_new(const struct accept_probe_options *options, struct accept_probe **out)
{
	(void)options;
	(void)out;
	return -ENOTSUP;
}

int accept_probe_read(struct accept_probe *probe, event_fn fn, void *context)
{
	(void)probe;
	(void)fn;
	(void)context;
	return -ENOTSUP;
}

uint64_t accept_probe_lost(const struct accept_probe *probe)
{
	(void)probe;
	return 0;
}

uint64_t accept_probe_unread(const struct accept_probe *probe)
{
	(void)probe;
	return 0;
}

void accept_probe_free(struct accept_probe *probe)
{
	(void)probe;
}
