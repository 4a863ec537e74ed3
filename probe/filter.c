/*
 * Loads the packet filter.
 */
#include "probe/filter.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probe/filter_options.h"
#include "probe/quiet.h"

#include "filter.skel.h"

struct packet_filter {
	struct filter_bpf *bpf;
};

static void set_target(struct filter_target *out, const struct endpoint *target)
{
	memcpy(out->address, target->address.bytes, sizeof(out->address));
	out->port = htons(target->port);
	if (!address_is_any(&target->address))
		out->any = FILTER_THIS;
	else
		out->any = address_is_ipv4(&target->address) ? FILTER_ANY_IPV4 : FILTER_ANY;
}

int packet_filter_new(const struct endpoint *targets, size_t count, struct packet_filter **out)
{
	struct packet_filter *filter;
	libbpf_print_fn_t before;
	int error;

	if (count > FILTER_TARGETS_MAX)
		return -E2BIG;
	filter = calloc(1, sizeof(*filter));
	if (!filter)
		return -ENOMEM;
	before = libbpf_set_print(probe_say_nothing);
	filter->bpf = filter_bpf__open();
	error = filter->bpf ? 0 : -errno;
	if (filter->bpf) {
		filter->bpf->rodata->targets_count = (uint32_t)count;
		for (size_t i = 0; i < count; i++)
			set_target(&filter->bpf->rodata->targets[i], &targets[i]);
		error = filter_bpf__load(filter->bpf);
	}
	libbpf_set_print(before);
	if (error) {
		packet_filter_free(filter);
		return probe_error(error);
	}
	*out = filter;
	return 0;
}

int packet_filter_fd(const struct packet_filter *filter)
{
	return bpf_program__fd(filter->bpf->progs.filter);
}

void packet_filter_free(struct packet_filter *filter)
{
	if (!filter)
		return;
	filter_bpf__destroy(filter->bpf);
	free(filter);
}
