/*
 * The beginning and the end of a live run: what is opened in which order, and what
 * is said of a source that cannot be had. The run itself is in recorder.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "isolate/namespace.h"
#include "netlink/route/links.h"
#include "netlink/softnet.h"
#include "pipeline/recorder/parts.h"

/* 150,000 frames: ten seconds in which 1,000 connect each second. */
#define RING_BYTES (32 << 20)
/* How long the first look for the listeners' owners may take. */
#define OWNERS_NS NS_PER_SEC

/*
 * Of the first round. A listener that it finds was there when the capture began,
 * though the round takes its time: the packets until then are for it.
 */
static int on_first_event(void *context, const struct event *event)
{
	struct recorder *r = context;
	struct event earlier = *event;

	if ((event->kind == EVENT_LISTENER && event->listener.change != LISTENER_CLOSED) ||
	    event->kind == EVENT_ADDRESS)
		earlier.time_ns = r->opened_ns;
	if (event->kind == EVENT_OWNER && event->owner.owns)
		earlier.time_ns = r->opened_ns;
	return recorder_on_event(r, &earlier);
}

void recorder_switch_off(struct recorder *r, enum source source, const char *note)
{
	r->meta.sources[source].on = false;
	snprintf(r->meta.sources[source].note, sizeof(r->meta.sources[source].note), "%.*s",
		 RECORDING_TEXT_SIZE - 1, note);
}

/* Depths, limits and counters answer everybody. */
static int go_without_packets(struct recorder *r, char error[RECORDER_ERROR_SIZE])
{
	int rc = capture_open_none(&r->capture);

	if (rc) {
		r->capture = NULL;
		snprintf(error, RECORDER_ERROR_SIZE, "%s", strerror(-rc));
		return rc;
	}
	r->packets_ended = true;
	sampler_expect_no_packets(r->sampler);
	recorder_switch_off(
	    r, SOURCE_CAPTURE,
	    "no permission to capture (CAP_NET_RAW): handshakes and attempts are not "
	    "recorded, queue depths, limits and counters are. Use sudo, or setcap "
	    "cap_net_raw: see synscope(1)");
	return 0;
}

static int open_capture(struct recorder *r, char error[RECORDER_ERROR_SIZE])
{
	struct capture_live_options options = {
	    .interface = r->options.interface,
	    .filter = r->meta.filter,
	    .filter_program = r->filter ? packet_filter_fd(r->filter) : 0,
	    .ring_bytes = r->options.ring_bytes ? r->options.ring_bytes : RING_BYTES,
	};
	char reason[CAPTURE_ERROR_SIZE];
	int rc;

	rc = capture_filter_format(r->followed, r->followed_count, r->meta.filter,
				   sizeof(r->meta.filter));
	if (r->followed_count > r->options.targets_count)
		options.filter_program = 0; /* it has the targets alone */
	if (rc) {
		snprintf(error, RECORDER_ERROR_SIZE, "too many ports to watch: %s", strerror(-rc));
		return rc;
	}
	rc = capture_open_live(&options, &r->capture, reason);
	if (rc) {
		r->capture = NULL;
		if (rc == -EPERM && r->sampler)
			return go_without_packets(r, error);
		snprintf(error, RECORDER_ERROR_SIZE, "%s", reason);
		return rc;
	}
	r->meta.sources[SOURCE_CAPTURE].on = true;
	r->meta.bpf_filter = capture_by_program(r->capture);
	return 0;
}

/* Until the owners of the first listeners are known: they were theirs when the capture began. */
static int on_first_found(void *context, const struct event *event)
{
	struct recorder *r = context;

	if (event->kind == EVENT_LISTENER)
		return r->sampler ? sampler_owned(r->sampler, &event->listener, on_first_event, r)
				  : 0;
	return event->kind == EVENT_OWNER ? on_first_event(r, event)
					  : recorder_on_found(context, event);
}

void recorder_note_scout(struct recorder *r)
{
	const char *end = scout_ended(r->scout);

	if (!end || r->news[0])
		return;
	snprintf(r->news, sizeof(r->news),
		 "the helper process for owners, forks and exits %s after %.1f s; owners and forks "
		 "from then on are unknown; please report this",
		 end, (double)(clock_now_ns() - r->opened_ns) / NS_PER_SEC);
	if (r->meta.sources[SOURCE_PROC].on)
		analysis_close(r->analysis, SOURCE_PROC);
	recorder_switch_off(r, SOURCE_PROC, r->news);
}

/* Before anything else is open, and before the namespace is another. */
static void open_scout(struct recorder *r)
{
	struct scout_findings findings;
	char error[SCOUT_ERROR_SIZE];

	if (scout_start(r->options.netns, &r->scout, error) < 0) {
		r->scout = NULL;
		recorder_switch_off(r, SOURCE_PROC, error);
		return;
	}
	scout_findings(r->scout, &findings);
	r->meta.sources[SOURCE_PROC].on = findings.proc_error == 0;
	r->proc_elsewhere = findings.proc_error && findings.proc_error != -EPERM;
	if (findings.proc_error)
		recorder_switch_off(
		    r, SOURCE_PROC,
		    findings.proc_error == -EPERM
			? "no CAP_NET_ADMIN: fork and exit events are not recorded. Use "
			  "sudo, or setcap cap_net_admin: see synscope(1)"
			: "fork and exit events exist in the initial network namespace "
			  "only: not recorded. Start synscope there, with --netns");
}

/* Of a listener that was closed before anybody looked nothing was denied. */
void recorder_note_owners(struct recorder *r, int64_t before_ns)
{
	size_t count = r->sampler ? sampler_ownerless(r->sampler, before_ns) : 0;
	struct source_state *sampler = &r->meta.sources[SOURCE_SAMPLER];
	struct scout_findings findings = {0};

	if (r->scout)
		scout_findings(r->scout, &findings);
	/* After its end it is not for want of a privilege. */
	if (!count || !findings.processes_denied || (r->scout && scout_ended(r->scout)))
		return;
	snprintf(sampler->note, sizeof(sampler->note),
		 "cannot inspect the processes of %zu listener%s (permission denied): who accepts "
		 "and serves, and TCP_DEFER_ACCEPT, are unknown.%s",
		 count, count == 1 ? "" : "s",
		 r->as_root ? " Not even root may here"
			    : " Use sudo, or setcap cap_sys_ptrace,cap_dac_read_search: see "
			      "synscope(1)");
}

static void open_sampler(struct recorder *r)
{
	struct sampler_options options = {
	    .targets = r->options.targets,
	    .targets_count = r->options.targets_count,
	    .look_up_children = r->options.look_up_children,
	};
	int rc = sampler_new(&options, &r->sampler);

	if (rc == 0 && r->scout)
		sampler_expect_owners(r->sampler);
	if (rc == 0 && r->meta.entries)
		sampler_expect_listeners(r->sampler);
	if (rc == 0) {
		r->meta.sources[SOURCE_SAMPLER].on = true;
		return;
	}
	r->sampler = NULL;
	recorder_switch_off(
	    r, SOURCE_SAMPLER,
	    "sock_diag is not available: queue depths, limits and counters are unknown");
}

static int open_report(struct recorder *r, char error[RECORDER_ERROR_SIZE])
{
	struct reporter_options options = {
	    .kind = REPORT_LIVE,
	    .path = r->options.path,
	    .meta = &r->meta,
	    .max_open = r->options.max_open,
	    .filter = r->options.filter,
	    .live_slots = r->options.live_slots,
	    .metrics = r->options.exporter != NULL,
	    .sinks_count = r->options.sinks_count,
	};
	int rc;

	memcpy(options.sinks, r->options.sinks, sizeof(options.sinks));
	if (r->options.rotation.retention.keep_incidents && !options.live_slots)
		options.live_slots = 1;
	rc = analysis_new(r->options.unreported ? NULL : &options, &r->analysis);
	if (rc == 0)
		rc = handshakes_new(&r->handshakes);
	if (rc)
		snprintf(error, RECORDER_ERROR_SIZE, "%s", strerror(-rc));
	return rc;
}

/* Which device the packets come from, where all come from one. */
static void find_device(struct recorder *r)
{
	struct links *links;

	if (strcmp(r->options.interface, "any") == 0 || links_new(&links))
		return;
	if (links_read(links) == 0)
		r->meta.interface_alone =
		    links_is_alone(links, r->options.interface, &r->meta.interface_index);
	links_free(links);
}

static void fill_meta(struct recorder *r)
{
	snprintf(r->meta.version, sizeof(r->meta.version), "%s", SYNSCOPE_VERSION);
	snprintf(r->meta.interface, sizeof(r->meta.interface), "%s", r->options.interface);
	find_device(r);
	host_read(&r->meta.host);
	r->meta.start_ns = r->passed_ns = clock_now_ns();
	r->meta.end_ns = TIME_UNKNOWN;
	r->meta.sample_interval_us =
	    (uint32_t)((r->options.sample_interval_ns ? r->options.sample_interval_ns
						      : RECORDER_INTERVAL_NS) /
		       NS_PER_US);
	for (size_t i = 0; i < r->options.targets_count && i < RECORDING_TARGETS_MAX; i++)
		r->meta.targets[r->meta.targets_count++] = r->options.targets[i];
	r->meta.sources[SOURCE_SERVER].on = r->options.channel != NULL;
}

/* What is there when it begins: addresses, listeners and their owners, counters. */
static int take_first(struct recorder *r)
{
	int64_t found_ns;
	int rc = recorder_addresses(r, on_first_event);

	if (rc == 0)
		rc = recorder_first_translations(r);
	if (rc == 0)
		rc = sampler_round(r->sampler, on_first_event, r);
	found_ns = clock_monotonic_ns();
	/* With its owners come a listener's options: they decide what a packet means. */
	if (rc == 0 && r->scout)
		rc = scout_settle(r->scout, OWNERS_NS, on_first_found, r);
	if (r->scout)
		recorder_note_scout(r);
	if (rc == 0)
		rc = sampler_bracket(r->sampler, COUNTERS_BEFORE, recorder_on_sampled,
				     recorder_on_event, r);
	recorder_note_owners(r, found_ns);
	return rc;
}

int recorder_new(const struct recorder_options *options, struct recorder **out,
		 char error[RECORDER_ERROR_SIZE])
{
	struct recorder *r = calloc(1, sizeof(*r));
	int rc;

	if (!r) {
		snprintf(error, RECORDER_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	r->options = *options;
	r->as_root = geteuid() == 0;
	if (options->processes)
		open_scout(r);
	recorder_open_probe(r);
	rc = options->netns ? namespace_enter(options->netns, error) : 0;
	if (rc)
		goto fail;
	open_sampler(r);
	/* Without them it is not known which connections are to this host, and roles are null. */
	if (r->sampler && addresses_new(&r->addresses) < 0)
		r->addresses = NULL;
	recorder_open_nat(r);
	r->opened_ns = clock_now_ns();
	rc = open_capture(r, error);
	if (rc)
		goto fail;
	fill_meta(r);
	rc = open_report(r, error);
	if (rc)
		goto fail;
	if (options->path)
		rc = folder_new(options->path, options->force, &options->rotation, r->capture,
				&r->meta, &r->folder, error);
	if (rc)
		goto fail;
	for (int s = 0; s < SOURCE_COUNT; s++)
		if (r->meta.sources[s].on)
			analysis_promise(r->analysis, (enum source)s, TIME_UNKNOWN);
	r->last_packet_ns = clock_monotonic_ns();
	r->softnet_before = softnet_dropped();
	rc = r->sampler ? take_first(r) : 0;
	if (rc) {
		snprintf(error, RECORDER_ERROR_SIZE, "%s", r->error[0] ? r->error : strerror(-rc));
		goto fail;
	}
	r->last_round_ns = r->last_counters_ns = r->last_flush_ns = clock_monotonic_ns();
	*out = r;
	return 0;
fail:
	recorder_discard(r);
	recorder_free(r);
	return rc;
}

void recorder_free(struct recorder *recorder)
{
	if (!recorder)
		return;
	folder_free(recorder->folder);
	if (recorder->capture && capture_free(recorder->capture) < 0) {
		/* The folder has ended its file: there is nothing left to fail. */
	}
	sampler_free(recorder->sampler);
	addresses_free(recorder->addresses);
	translations_free(recorder->translations);
	nat_release(&recorder->nat);
	scout_free(recorder->scout);
	kernel_probe_free(recorder->probe);
	packet_filter_free(recorder->filter);
	handshakes_free(recorder->handshakes);
	analysis_free(recorder->analysis);
	free(recorder);
}
