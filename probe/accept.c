/*
 * Loads the accept probe and turns its records into events.
 */
#include "probe/accept.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "accept.skel.h"
#include "probe/accept_record.h"

struct accept_probe {
	struct accept_bpf *bpf;
	struct ring_buffer *ring;
	struct monotonic_shift shift;
	event_fn fn; /* of the read that runs */
	void *context;
	int result;
};

/* Only cmd/ prints: what libbpf has to say comes back as an errno. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

static int on_record(void *context, void *data, size_t size)
{
	struct accept_probe *probe = context;
	struct accept_record record;
	struct event event = {.kind = EVENT_ACCEPT, .source = SOURCE_BPF};
	struct flow *flow = &event.accept.flow;

	if (size < sizeof(record))
		return 0;
	memcpy(&record, data, sizeof(record));
	flow->saddr =
	    record.ipv4 ? address_from_ipv4(record.remote) : address_from_ipv6(record.remote);
	flow->daddr =
	    record.ipv4 ? address_from_ipv4(record.local) : address_from_ipv6(record.local);
	flow->sport = record.remote_port;
	flow->dport = record.local_port;
	event.time_ns = (int64_t)record.monotonic_ns + probe->shift.offset_ns;
	event.accept.before_ns = event.time_ns;
	event.accept.pid = (int32_t)record.pid;
	event.accept.tid = (int32_t)record.tid;
	event.accept.fd = record.fd;
	probe->result = probe->fn(probe->context, &event);
	return probe->result;
}

static int set_options(struct accept_bpf *bpf, const struct accept_probe_options *options)
{
	struct stat network;

	if (!options->network && stat("/proc/thread-self/ns/net", &network) < 0)
		return -errno;
	bpf->rodata->network = options->network ? options->network : (uint32_t)network.st_ino;
#ifdef SYS_accept
	bpf->rodata->accept_number = SYS_accept;
#endif
	bpf->rodata->accept4_number = SYS_accept4;
	if (options->ports_count > ACCEPT_PROBE_PORTS_MAX)
		return 0;
	bpf->rodata->ports_count = (uint32_t)options->ports_count;
	for (size_t i = 0; i < options->ports_count; i++)
		bpf->rodata->ports[i] = options->ports[i];
	return 0;
}

/* What says that this kernel cannot, whatever the reason, is one answer. */
static int reason(int error)
{
	return error == -EPERM || error == -EACCES ? -EPERM
	       : error == -EINVAL || error == -ENOENT || error == -ESRCH || error == -EOPNOTSUPP
		   ? -ENOTSUP
		   : error;
}

int accept_probe_new(const struct accept_probe_options *options, struct accept_probe **out)
{
	struct accept_probe *probe = calloc(1, sizeof(*probe));
	libbpf_print_fn_t before;
	int error;

	if (!probe)
		return -ENOMEM;
	before = libbpf_set_print(say_nothing);
	probe->bpf = accept_bpf__open();
	if (!probe->bpf) {
		error = -errno;
		goto free_probe;
	}
	error = set_options(probe->bpf, options);
	if (error)
		goto destroy_bpf;
	error = accept_bpf__load(probe->bpf);
	if (error)
		goto destroy_bpf;
	probe->ring = ring_buffer__new(bpf_map__fd(probe->bpf->maps.ring), on_record, probe, NULL);
	if (!probe->ring) {
		error = -errno;
		goto destroy_bpf;
	}
	error = accept_bpf__attach(probe->bpf);
	if (error)
		goto free_ring;
	libbpf_set_print(before);
	*out = probe;
	return 0;
free_ring:
	ring_buffer__free(probe->ring);
destroy_bpf:
	accept_bpf__destroy(probe->bpf);
free_probe:
	libbpf_set_print(before);
	free(probe);
	return reason(error);
}

int accept_probe_read(struct accept_probe *probe, event_fn fn, void *context)
{
	int n;

	monotonic_shift_renew(&probe->shift);
	probe->fn = fn;
	probe->context = context;
	probe->result = 0;
	n = ring_buffer__consume(probe->ring);
	return probe->result ? probe->result : n < 0 ? n : 0;
}

uint64_t accept_probe_lost(const struct accept_probe *probe)
{
	return __atomic_load_n(&probe->bpf->bss->lost, __ATOMIC_RELAXED);
}

uint64_t accept_probe_unread(const struct accept_probe *probe)
{
	return __atomic_load_n(&probe->bpf->bss->unread, __ATOMIC_RELAXED);
}

void accept_probe_free(struct accept_probe *probe)
{
	if (!probe)
		return;
	ring_buffer__free(probe->ring);
	accept_bpf__destroy(probe->bpf);
	free(probe);
}
