/*
 * What the BPF programs tell a live run: which of them are there, and what is lost.
 */
#include <errno.h>
#include <stdio.h>

#include <string.h>

#include "isolate/namespace.h"
#include "pipeline/recorder/parts.h"

static const char *why_not(int error)
{
	switch (error) {
	case -EPERM:
		return "no CAP_BPF and CAP_PERFMON: entries into accept queues and accept() times "
		       "are inferred. Use sudo, or setcap cap_bpf,cap_perfmon: see synscope(1)";
	case -ENOTSUP:
		return "BPF programs are not built in, or this kernel cannot run them: entries "
		       "into "
		       "accept queues and times of accept() are inferred";
	default:
		return "the BPF programs could not be loaded: entries into accept queues and times "
		       "of accept() are inferred";
	}
}

void recorder_open_probe(struct recorder *r)
{
	uint16_t ports[RECORDING_TARGETS_MAX];
	struct kernel_probe_options options = {
	    .ports = ports,
	    .ports_count = r->options.targets_count,
	    .every_call = r->options.exact_accepts,
	};
	char reason[NAMESPACE_ERROR_SIZE];
	int rc;

	recorder_switch_off(r, SOURCE_BPF, "");
	if (r->options.no_bpf) {
		recorder_switch_off(
		    r, SOURCE_BPF,
		    "--no-bpf: entries into accept queues and times of accept() are "
		    "inferred");
		return;
	}
	/* Without it the classic filter stays. */
	if (packet_filter_new(r->options.targets, r->options.targets_count, &r->filter) < 0)
		r->filter = NULL;
	/* When it is not there, entering it will say so. */
	if (r->options.netns && namespace_inode(r->options.netns, &options.network, reason) < 0)
		return;
	for (size_t i = 0; i < r->options.targets_count; i++)
		ports[i] = r->options.targets[i].port;
	rc = kernel_probe_new(&options, &r->probe);
	if (rc) {
		r->probe = NULL;
		recorder_switch_off(r, SOURCE_BPF, why_not(rc));
		return;
	}
	r->meta.sources[SOURCE_BPF].on = true;
	r->meta.entries = kernel_probe_entries(r->probe);
	r->meta.drops = kernel_probe_drops(r->probe);
	r->meta.accepts = kernel_probe_accepts(r->probe) != PROBE_ACCEPTS_NONE;
	recorder_note_probe(&r->meta);
}

static int tell_losses(struct recorder *r)
{
	uint64_t count = kernel_probe_lost(r->probe) + kernel_probe_unread(r->probe);
	struct event event = {
	    .time_ns = clock_now_ns(),
	    .kind = EVENT_LOSS,
	    .source = SOURCE_BPF,
	    .loss = {LOSS_BPF_EVENTS, count},
	};

	if (r->meta.losses[LOSS_BPF_EVENTS] == count)
		return 0;
	r->meta.losses[LOSS_BPF_EVENTS] = count;
	/* A new listener may be among them. */
	if (r->sampler)
		sampler_find_listeners(r->sampler);
	return recorder_on_event(r, &event);
}

/* A listener that began: who looks for it finds it from now on. */
static void on_listen(void *context, const struct kernel_probe_listen *listen)
{
	struct recorder *r = context;

	if (!listen->listens)
		return; /* the next sample misses it */
	if (r->sampler)
		sampler_find_listeners(r->sampler);
	if (r->begun_count == RECORDER_BEGUN_MAX)
		memmove(r->begun, r->begun + 1, --r->begun_count * sizeof(r->begun[0]));
	r->begun[r->begun_count++] = *listen;
}

/* The last that began there: one before it has closed, or is a sibling. */
static bool take_begun(struct recorder *r, const struct endpoint *local,
		       struct kernel_probe_listen *begun)
{
	for (size_t i = r->begun_count; i-- > 0;) {
		if (!endpoint_equal(&r->begun[i].local, local))
			continue;
		*begun = r->begun[i];
		memmove(r->begun + i, r->begun + i + 1,
			(--r->begun_count - i) * sizeof(r->begun[0]));
		return begun->time_ns > r->passed_ns;
	}
	return false;
}

/*
 * One that closed before another began in its place, without a sample in between: the two never
 * listened at once, and are no siblings.
 */
static int on_closed(struct recorder *r, const struct event *event)
{
	struct event earlier = *event;

	for (size_t i = 0; i < r->begun_count; i++) {
		const struct kernel_probe_listen *begun = &r->begun[i];

		if (endpoint_equal(&begun->local, &event->listener.local) &&
		    begun->time_ns > event->listener.sampled_ns && begun->time_ns > r->passed_ns &&
		    begun->time_ns <= earlier.time_ns)
			earlier.time_ns = begun->time_ns - 1;
	}
	r->closed[r->closed_count++ % RECORDER_BEGUN_MAX] =
	    (struct recorder_closed){event->listener.local, earlier.time_ns};
	return recorder_on_event(r, &earlier);
}

/* The dump that told of the close may have been under way when the next one began. */
static int64_t after_closed(const struct recorder *r, const struct endpoint *local, int64_t time_ns)
{
	for (size_t i = 0; i < r->closed_count && i < RECORDER_BEGUN_MAX; i++)
		if (r->closed[i].time_ns >= time_ns && endpoint_equal(&r->closed[i].local, local))
			time_ns = r->closed[i].time_ns + 1;
	return time_ns;
}

/* Its queue was empty then, whatever its first sample shows. */
int recorder_on_sampled(void *context, const struct event *event)
{
	struct recorder *r = context;
	struct event earlier = *event;
	struct kernel_probe_listen begun;
	int rc;

	if (event->kind == EVENT_LISTENER && event->listener.change == LISTENER_CLOSED)
		return on_closed(r, event);
	if (event->kind != EVENT_LISTENER || event->listener.change != LISTENER_SEEN ||
	    !take_begun(r, &event->listener.local, &begun) || begun.time_ns >= event->time_ns)
		return recorder_on_event(r, event);
	earlier.time_ns = after_closed(r, &begun.local, begun.time_ns);
	rc = recorder_on_event(r, &earlier);
	if (rc)
		return rc;
	earlier.kind = EVENT_SAMPLE;
	earlier.sample = (struct sample){
	    .cookie = event->listener.cookie,
	    .before_ns = begun.time_ns,
	    .limit = event->listener.limit,
	    .drops = begun.drops,
	    .drops_known = begun.drops_known,
	};
	return recorder_on_event(r, &earlier);
}

/* Time for all siblings of a server that starts. */
#define SIBLINGS_COME_NS NS_PER_SEC

/* What tells siblings apart costs all sockets of the host a little: where there are none, it goes.
 */
static void leave_siblings(struct recorder *r)
{
	int64_t now_ns;

	if (r->siblings_decided || !r->sampler || !sampler_listeners(r->sampler))
		return;
	now_ns = clock_monotonic_ns();
	if (!r->siblings_ns)
		r->siblings_ns = now_ns + SIBLINGS_COME_NS;
	if (now_ns < r->siblings_ns)
		return;
	r->siblings_ns = now_ns + SIBLINGS_COME_NS;
	r->siblings_decided =
	    sampler_has_siblings(r->sampler) || kernel_probe_leave_siblings(r->probe);
}

/*
 * Losses first: an event that is missing must not be taken for one that was not, and who
 * is refused is told by there being none.
 */
int recorder_read_probe(struct recorder *r)
{
	int rc = tell_losses(r);

	leave_siblings(r);
	return rc ? rc : kernel_probe_read(r->probe, recorder_on_event, on_listen, r);
}
