/*
 * Loads the BPF programs that this kernel can run, and turns their records into
 * events.
 */
#include "probe/kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel.skel.h"
#include "probe/layout.h"
#include "probe/quiet.h"
#include "probe/record.h"

enum drops { DROPS_NONE, DROPS_FEXIT, DROPS_KPROBES };

struct kernel_probe {
	struct kernel_bpf *bpf;
	struct ring_buffer *ring;
	struct monotonic_shift shift;
	bool entries;
	enum drops drops;
	enum probe_accepts accepts;
	event_fn fn; /* of the read that runs */
	kernel_probe_listen_fn listen;
	void *context;
	int result;
};

static int on_record(void *context, void *data, size_t size)
{
	struct kernel_probe *probe = context;
	struct probe_record record;
	struct event event = {.source = SOURCE_BPF};
	struct flow flow;

	if (size < sizeof(record))
		return 0;
	memcpy(&record, data, sizeof(record));
	event.time_ns = (int64_t)record.monotonic_ns + probe->shift.offset_ns;
	flow.saddr =
	    record.ipv4 ? address_from_ipv4(record.remote) : address_from_ipv6(record.remote);
	flow.daddr =
	    record.ipv4 ? address_from_ipv4(record.local) : address_from_ipv6(record.local);
	flow.sport = record.remote_port;
	flow.dport = record.local_port;
	switch (record.kind) {
	case RECORD_ENTRY:
		event.kind = EVENT_ENTRY;
		event.entry = (struct queue_entry){.flow = flow,
						   .listener = record.listener,
						   .depth = record.depth,
						   .limit = record.limit,
						   .bound = record.pid};
		break;
	case RECORD_ACCEPT:
		event.kind = EVENT_ACCEPT;
		event.accept = (struct server_accept){.flow = flow,
						      .before_ns = event.time_ns,
						      .pid = (int32_t)record.pid,
						      .tid = (int32_t)record.tid,
						      .fd = record.fd};
		break;
	case RECORD_DROP:
		if (record.drops >= DROP_PLACE_COUNT)
			return 0;
		event.kind = EVENT_DROP;
		event.drop = (struct queue_drop){.flow = flow,
						 .listener = record.listener,
						 .depth = record.depth,
						 .limit = record.limit,
						 .place = (enum drop_place)record.drops};
		break;
	case RECORD_LISTEN:
	case RECORD_UNLISTEN:
		if (probe->listen)
			probe->listen(probe->context, &(struct kernel_probe_listen){
							  .time_ns = event.time_ns,
							  .local = flow_destination(&flow),
							  .drops = record.drops,
							  .drops_known = record.drops_known,
							  .listens = record.kind == RECORD_LISTEN,
						      });
		return 0;
	default:
		return 0;
	}
	probe->result = probe->fn(probe->context, &event);
	return probe->result;
}

/* What is to be loaded together. */
struct features {
	bool entries;
	enum drops drops;
	enum probe_accepts accepts;
};

static int set_options(struct kernel_bpf *bpf, const struct kernel_probe_options *options,
		       const struct layout *layout)
{
	struct stat network;

	if (!options->network && stat("/proc/thread-self/ns/net", &network) < 0)
		return -errno;
	bpf->rodata->network = options->network ? options->network : (uint32_t)network.st_ino;
	bpf->rodata->mib_overflows = layout->mib_overflows;
	bpf->rodata->mib_listen_drops = layout->mib_listen_drops;
	bpf->rodata->mib_syn_queue = layout->mib_syn_queue;
#ifdef SYS_accept
	bpf->rodata->accept_number = SYS_accept;
#endif
	bpf->rodata->accept4_number = SYS_accept4;
	if (options->ports_count > KERNEL_PROBE_PORTS_MAX)
		return 0;
	bpf->rodata->ports_count = (uint32_t)options->ports_count;
	for (size_t i = 0; i < options->ports_count; i++)
		bpf->rodata->ports[i] = options->ports[i];
	return 0;
}

static void choose_drops(struct kernel_bpf *bpf, enum drops drops, bool ipv6)
{
	bool fexit = drops == DROPS_FEXIT, kprobes = drops == DROPS_KPROBES;

	bpf_program__set_autoload(bpf->progs.on_syn_begins, fexit);
	bpf_program__set_autoload(bpf->progs.on_syn_ends, fexit);
	bpf_program__set_autoload(bpf->progs.on_ack4_begins, fexit);
	bpf_program__set_autoload(bpf->progs.on_ack4_ends, fexit);
	bpf_program__set_autoload(bpf->progs.on_ack6_begins, fexit && ipv6);
	bpf_program__set_autoload(bpf->progs.on_ack6_ends, fexit && ipv6);
	bpf_program__set_autoload(bpf->progs.on_syn_is_called, kprobes);
	bpf_program__set_autoload(bpf->progs.on_syn_returns, kprobes);
	bpf_program__set_autoload(bpf->progs.on_ack4_is_called, kprobes);
	bpf_program__set_autoload(bpf->progs.on_ack4_returns, kprobes);
	bpf_program__set_autoload(bpf->progs.on_ack6_is_called, kprobes && ipv6);
	bpf_program__set_autoload(bpf->progs.on_ack6_returns, kprobes && ipv6);
}

static int choose(struct kernel_bpf *bpf, const struct features *features,
		  const struct layout *layout)
{
	bool fexit = features->accepts == PROBE_ACCEPTS_FEXIT;
	uint32_t arguments = layout->accept_arguments;
	bool ready = features->entries && layout->data_ready;

	bpf_program__set_autoload(bpf->progs.on_state, features->entries);
	bpf_program__set_autoload(bpf->progs.on_ready, ready);
	bpf->bss->ready_told = ready;
	bpf_program__set_autoload(bpf->progs.on_accept_of_2, fexit && arguments == 2);
	bpf_program__set_autoload(bpf->progs.on_accept_of_4, fexit && arguments == 4);
	bpf_program__set_autoload(bpf->progs.on_sys_exit,
				  features->accepts == PROBE_ACCEPTS_SYS_EXIT);
	choose_drops(bpf, features->drops, layout->ipv6);
	if (!features->drops)
		return 0;
	bpf->rodata->processor_offsets = layout_processor_offsets();
	return bpf->rodata->processor_offsets ? 0 : -ENOTSUP;
}

/* Loads and attaches these features together, all of them or none. */
static int load(struct kernel_probe *probe, const struct kernel_probe_options *options,
		const struct features *features, const struct layout *layout)
{
	struct kernel_bpf *bpf = kernel_bpf__open();
	struct ring_buffer *ring;
	int error;

	if (!bpf)
		return -errno;
	error = choose(bpf, features, layout);
	if (!error)
		error = set_options(bpf, options, layout);
	if (!error)
		error = kernel_bpf__load(bpf);
	if (error)
		goto destroy_bpf;
	ring = ring_buffer__new(bpf_map__fd(bpf->maps.ring), on_record, probe, NULL);
	if (!ring) {
		error = -errno;
		goto destroy_bpf;
	}
	error = kernel_bpf__attach(bpf);
	if (error)
		goto free_ring;
	ring_buffer__free(probe->ring);
	kernel_bpf__destroy(probe->bpf);
	probe->bpf = bpf;
	probe->ring = ring;
	probe->entries = features->entries;
	probe->drops = features->drops;
	probe->accepts = features->accepts;
	return 0;
free_ring:
	ring_buffer__free(ring);
destroy_bpf:
	kernel_bpf__destroy(bpf);
	return error;
}

/* With drops instead of what is loaded, or as it was. */
static void add_drops(struct kernel_probe *probe, const struct kernel_probe_options *options,
		      const struct layout *layout)
{
	struct features features = {probe->entries, DROPS_FEXIT, probe->accepts};

	if (probe->accepts == PROBE_ACCEPTS_FEXIT && !options->kprobes &&
	    load(probe, options, &features, layout) == 0)
		return;
	/* Without these, libbpf would leave events in tracefs when it may not remove them any more.
	 */
	if (access("/sys/bus/event_source/devices/kprobe/type", R_OK) < 0)
		return;
	features.drops = DROPS_KPROBES;
	(void)load(probe, options, &features, layout);
}

/* The best that this kernel can do first. An error of the last is the answer. */
static int load_what_can_be(struct kernel_probe *probe, const struct kernel_probe_options *options)
{
	static const struct features sets[] = {
	    {true, DROPS_NONE, PROBE_ACCEPTS_FEXIT},	 {true, DROPS_NONE, PROBE_ACCEPTS_SYS_EXIT},
	    {true, DROPS_NONE, PROBE_ACCEPTS_NONE},	 {false, DROPS_NONE, PROBE_ACCEPTS_FEXIT},
	    {false, DROPS_NONE, PROBE_ACCEPTS_SYS_EXIT},
	};
	struct layout layout;
	int error = -ENOTSUP;

	layout_read(&layout);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		if ((sets[i].accepts == PROBE_ACCEPTS_FEXIT && !layout.accept_arguments) ||
		    (sets[i].accepts == PROBE_ACCEPTS_SYS_EXIT && !options->every_call))
			continue;
		error = load(probe, options, &sets[i], &layout);
		if (error == 0)
			break;
	}
	if (error == 0 && layout.drops)
		add_drops(probe, options, &layout);
	return error;
}

int kernel_probe_new(const struct kernel_probe_options *options, struct kernel_probe **out)
{
	struct kernel_probe *probe = calloc(1, sizeof(*probe));
	libbpf_print_fn_t before;
	int error;

	if (!probe)
		return -ENOMEM;
	before = libbpf_set_print(probe_say_nothing);
	error = load_what_can_be(probe, options);
	libbpf_set_print(before);
	if (error) {
		free(probe);
		return probe_error(error);
	}
	*out = probe;
	return 0;
}

bool kernel_probe_entries(const struct kernel_probe *probe)
{
	return probe->entries;
}

bool kernel_probe_drops(const struct kernel_probe *probe)
{
	return probe->drops != DROPS_NONE;
}

enum probe_accepts kernel_probe_accepts(const struct kernel_probe *probe)
{
	return probe->accepts;
}

int kernel_probe_read(struct kernel_probe *probe, event_fn fn, kernel_probe_listen_fn listen,
		      void *context)
{
	int n;

	monotonic_shift_renew(&probe->shift);
	probe->fn = fn;
	probe->listen = listen;
	probe->context = context;
	probe->result = 0;
	n = ring_buffer__consume(probe->ring);
	return probe->result ? probe->result : n < 0 ? n : 0;
}

bool kernel_probe_leave_siblings(struct kernel_probe *probe)
{
	/* What waits for it is told by the softirq that is running. */
	if (__atomic_exchange_n(&probe->bpf->bss->ready_told, 0, __ATOMIC_SEQ_CST))
		return false;
	bpf_link__destroy(probe->bpf->links.on_ready);
	probe->bpf->links.on_ready = NULL;
	return true;
}

void kernel_probe_wakes(struct kernel_probe *probe, bool wakes)
{
	/* Before it looks whether something is there already. */
	__atomic_store_n(&probe->bpf->bss->asleep, wakes, __ATOMIC_SEQ_CST);
}

int kernel_probe_fd(const struct kernel_probe *probe)
{
	return bpf_map__fd(probe->bpf->maps.ring);
}

uint64_t kernel_probe_lost(const struct kernel_probe *probe)
{
	return __atomic_load_n(&probe->bpf->bss->lost, __ATOMIC_RELAXED);
}

uint64_t kernel_probe_unread(const struct kernel_probe *probe)
{
	return __atomic_load_n(&probe->bpf->bss->unread, __ATOMIC_RELAXED);
}

void kernel_probe_free(struct kernel_probe *probe)
{
	if (!probe)
		return;
	ring_buffer__free(probe->ring);
	kernel_bpf__destroy(probe->bpf);
	free(probe);
}
