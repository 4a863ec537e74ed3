/*
 * Stands in where the packet filter is not built in: there is none to be had.
 */
#include <errno.h>

#include "probe/filter.h"

int packet_filter_new(const struct endpoint *targets, size_t count, struct packet_filter **out)
{
	(void)targets;
	(void)count;
	(void)out;
	return -ENOTSUP;
}

int packet_filter_fd(const struct packet_filter *filter)
{
	(void)filter;
	return -1;
}

void packet_filter_free(struct packet_filter *filter)
{
	(void)filter;
}
