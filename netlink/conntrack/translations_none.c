/*
 * Built without libnetfilter_conntrack: what NAT does is not known.
 */
#include <errno.h>

#include "netlink/conntrack/translations.h"

int translations_new(const struct endpoint *targets, size_t count, struct translations **out)
{
	(void)targets;
	(void)count;
	*out = NULL;
	return -ENOTSUP;
}

void translations_free(struct translations *translations)
{
	(void)translations;
}

int translations_read(struct translations *translations, event_fn fn, void *context)
{
	(void)translations;
	(void)fn;
	(void)context;
	return 0;
}

int translations_fd(const struct translations *translations)
{
	(void)translations;
	return -1;
}

uint64_t translations_lost(const struct translations *translations)
{
	(void)translations;
	return 0;
}
