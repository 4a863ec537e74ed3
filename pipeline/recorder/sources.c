/*
 * The recorder's sources: when there is something to read, reading it, and when to sample.
 */
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include "pipeline/recorder/parts.h"

/* Without a packet for so long, and with empty queues, nothing needs sampling each interval. */
#define IDLE_AFTER_NS	 (250 * NS_PER_MS)
#define IDLE_INTERVAL_NS (50 * NS_PER_MS)
/* Where whatever happens wakes it. Half of what the report calls a gap (GAP_NS). */
#define REST_INTERVAL_NS (250 * NS_PER_MS)
/* While there is traffic, and no queue is half full. */
#define INTERVAL_MAX_NS (4 * RECORDER_INTERVAL_NS)
/* Handshakes a second that are many. */
#define HUNDREDS 400
/* What the scout finds comes with its own times, and is read as often, but for new listeners. */
#define SCOUT_INTERVAL_NS (20 * NS_PER_MS)
/* On a host with many others, connections of conntrack wake it no more often than this. */
#define NAT_INTERVAL_NS (10 * NS_PER_MS)
/* More often than an arrival waits for its verdict: by then it is known what has not moved. */
#define COUNTERS_NS (25 * NS_PER_MS)

static void watch_handshake(struct recorder *r, const struct segment *segment, int64_t time_ns)
{
	struct flow forward = segment->flow, reverse = flow_reverse(&segment->flow);
	enum handshake_step step;

	(void)nat_apply(&r->nat, &forward);
	(void)nat_apply(&r->nat, &reverse);
	step = handshakes_take(r->handshakes, segment, time_ns, r->step_ns);
	if (segment->flags & TCP_FLAG_SYN)
		sampler_watch_syn(r->sampler);
	if (!r->options.look_up_children)
		return;
	switch (step) {
	case HANDSHAKE_ANSWERED:
		sampler_watch_request(r->sampler, &reverse);
		break;
	case HANDSHAKE_AGAIN:
		sampler_watch_again(r->sampler, &forward);
		break;
	case HANDSHAKE_FINISHED: /* see watch_children() too */
		sampler_watch_finished(r->sampler);
		break;
	case HANDSHAKE_OTHER:
		break;
	}
}

/* A SYN that the kernel answers is answered at once. */
#define UNANSWERED_NS (5 * NS_PER_MS)
/* So many look-ups a step cost less than the step's packets. */
#define UNANSWERED_MAX 32

/*
 * Whether a SYN without an answer met the listener, or an old connection of its addresses and
 * ports, only the kernel's table of sockets tells.
 */
static int look_up_unanswered(struct recorder *r, int64_t now_ns)
{
	struct flow flow;
	int rc = 0;

	for (int n = 0; rc == 0 && n < UNANSWERED_MAX &&
			handshakes_unanswered(r->handshakes, now_ns - UNANSWERED_NS, &flow);
	     n++) {
		(void)nat_apply(&r->nat, &flow);
		rc = sampler_look_up_unanswered(r->sampler, &flow, recorder_on_event, r);
	}
	return rc;
}

/* Where a queue may be full it is to be known soon who has entered it. */
static void watch_children(struct recorder *r, int64_t now_ns)
{
	bool hurry = r->sampler && !sampler_has_room(r->sampler);
	int64_t then_ns = hurry ? now_ns : now_ns - handshakes_delay_ns(r->handshakes);
	struct handshake_finished finished;

	while (handshakes_next(r->handshakes, then_ns, &finished)) {
		(void)nat_apply(&r->nat, &finished.flow);
		sampler_watch_child(r->sampler, &finished.flow, finished.acked_ns);
	}
}

static int on_packet(void *context, const struct event *event)
{
	struct recorder *r = context;

	if (r->sampler && event->kind == EVENT_SEGMENT && !event->segment.copy)
		watch_handshake(r, &event->segment, event->time_ns);
	return analysis_take(r->analysis, event);
}

bool recorder_is_idle(const struct recorder *r, int64_t now_ns)
{
	return now_ns - recorder_active_ns(r) > IDLE_AFTER_NS &&
	       (!r->sampler || sampler_depth(r->sampler) == 0);
}

/*
 * A millisecond is long where thousands connect in a second, and each waking-up takes
 * its time from the server: then it is up to four, as long as no queue is half full. Where the
 * kernel tells of each that enters, with the depth before it, some hundreds are enough.
 */
static int64_t busy_interval_ns(const struct recorder *r)
{
	int64_t interval_ns = r->options.sample_interval_ns, hurry_ns;

	if (interval_ns)
		return interval_ns;
	if (!r->sampler || !sampler_has_room(r->sampler))
		return RECORDER_INTERVAL_NS;
	hurry_ns = handshakes_delay_ns(r->handshakes);
	if (r->meta.entries && handshakes_rate(r->handshakes) >= HUNDREDS)
		hurry_ns = INTERVAL_MAX_NS;
	if (hurry_ns <= RECORDER_INTERVAL_NS)
		return RECORDER_INTERVAL_NS;
	return hurry_ns < INTERVAL_MAX_NS ? hurry_ns : INTERVAL_MAX_NS;
}

enum pace { PACE_BUSY, PACE_IDLE, PACE_REST };

static enum pace pace_of(const struct recorder *r, int64_t now_ns)
{
	/* Without packets nothing wakes it. */
	if (!recorder_is_idle(r, now_ns) || !r->meta.sources[SOURCE_CAPTURE].on)
		return PACE_BUSY;
	return recorder_rests(r, now_ns) ? PACE_REST : PACE_IDLE;
}

/* Between two rounds. */
static int64_t interval_of(const struct recorder *r, enum pace pace)
{
	switch (pace) {
	case PACE_IDLE:
		return IDLE_INTERVAL_NS;
	case PACE_REST:
		return REST_INTERVAL_NS;
	case PACE_BUSY:
		break;
	}
	return busy_interval_ns(r);
}

void recorder_wait(struct recorder *r, int wake_fd, int64_t until_ns)
{
	int64_t now_ns = clock_monotonic_ns();
	bool idle = recorder_is_idle(r, now_ns);
	enum pace pace = pace_of(r, now_ns);
	int64_t wait_ns;
	struct pollfd fds[4] = {{.fd = wake_fd, .events = POLLIN},
				{.fd = -1, .events = POLLIN},
				{.fd = -1, .events = POLLIN},
				{.fd = -1, .events = POLLIN}};
	struct timespec ts;

	r->interval_ns = interval_of(r, pace);
	wait_ns = r->last_round_ns + r->interval_ns - now_ns;

	if (idle && !r->packets_ended)
		fds[1].fd = capture_fd(r->capture);
	/*
	 * The first packets of a connection that NAT leads here may pass unseen: see
	 * nat.c.
	 */
	if (idle && r->translations) {
		if (now_ns - r->last_nat_ns >= NAT_INTERVAL_NS)
			fds[2].fd = translations_fd(r->translations);
		else if (wait_ns > NAT_INTERVAL_NS)
			wait_ns = NAT_INTERVAL_NS;
		r->last_nat_ns = now_ns;
	}
	if (until_ns != INT64_MAX && until_ns - now_ns < wait_ns)
		wait_ns = until_ns - now_ns;
	if (wait_ns < 0)
		wait_ns = 0;
	ts = (struct timespec){.tv_sec = wait_ns / NS_PER_SEC, .tv_nsec = wait_ns % NS_PER_SEC};
	if (pace == PACE_REST) {
		kernel_probe_wakes(r->probe, true);
		fds[3].fd = kernel_probe_fd(r->probe);
	}
	/* It fails for want of memory alone: the sources are drained all the same. */
	r->woken = ppoll(fds, 4, &ts, NULL) < 0 || fds[0].revents;
	if (pace == PACE_REST)
		kernel_probe_wakes(r->probe, false);
	if (fds[3].revents)
		r->last_told_ns = clock_monotonic_ns();
}

static int read_packets(struct recorder *r, int64_t now_ns)
{
	int64_t n;
	int rc;

	if (r->packets_ended)
		return 0;
	r->step_ns = now_ns;
	n = capture_read(r->capture, 0, on_packet, r);
	/* An entry of NAT is told before its SYN is answered: what was read is known now. */
	rc = recorder_read_translations(r);
	if (rc)
		return recorder_fail(r, rc, "conntrack");
	watch_children(r, now_ns);
	if (n < 0) {
		r->packets_ended = true;
		analysis_close(r->analysis, SOURCE_CAPTURE);
		if (r->folder)
			folder_check_packets(r->folder);
		if (r->folder && folder_error(r->folder))
			return 0; /* said at the end of the step */
		if (!r->error[0])
			snprintf(r->error, sizeof(r->error), "%s; the recording up to then is kept",
				 capture_error(r->capture));
		return (int)n;
	}
	if (n > 0) {
		r->frames += (uint64_t)n;
		r->last_packet_ns = now_ns;
	}
	return 0;
}

int recorder_addresses(struct recorder *r, event_fn fn)
{
	int rc = r->addresses ? addresses_step(r->addresses, fn, r) : 0;

	if (rc >= 0)
		return rc;
	addresses_free(r->addresses);
	r->addresses = NULL;
	return 0;
}

int recorder_read(struct recorder *r, int64_t now_ns)
{
	int rc = read_packets(r, now_ns);

	if (rc == 0 && r->options.channel) {
		rc = channel_read(r->options.channel, recorder_on_event, r);
		rc = rc < 0 ? recorder_fail(r, rc, "the server's events") : 0;
	}
	if (rc == 0)
		rc = recorder_addresses(r, recorder_on_event);
	if (rc == 0 && r->scout &&
	    (scout_is_asked(r->scout) || now_ns - r->last_scout_ns >= SCOUT_INTERVAL_NS)) {
		r->last_scout_ns = now_ns;
		rc = scout_read(r->scout, recorder_on_found, r);
		recorder_note_scout(r);
	}
	if (rc == 0 && r->probe) {
		rc = recorder_read_probe(r);
		if (rc)
			rc = recorder_fail(r, rc, "the BPF programs");
	}
	return rc;
}

int recorder_sample(struct recorder *r, int64_t now_ns)
{
	enum pace pace = pace_of(r, now_ns);
	int64_t interval_ns = interval_of(r, pace);
	int64_t most_ns = r->interval_ns > IDLE_INTERVAL_NS ? r->interval_ns : IDLE_INTERVAL_NS;
	int rc;

	if (!r->sampler || now_ns - r->last_round_ns < interval_ns - interval_ns / 8)
		return 0;
	if (now_ns - r->last_round_ns > 2 * most_ns ||
	    (!recorder_is_idle(r, now_ns) && r->last_round_ns > recorder_active_ns(r) &&
	     now_ns - r->last_round_ns > 2 * interval_ns))
		r->samples_late++;
	r->last_round_ns = now_ns;
	recorder_expect_packets(r);
	rc = sampler_round(r->sampler, recorder_on_sampled, r);
	if (pace == PACE_REST && sampler_depth(r->sampler) > 0)
		r->last_unseen_ns = now_ns;
	if (rc == 0)
		rc = look_up_unanswered(r, now_ns);
	if (rc == 0 && now_ns - r->last_counters_ns >= COUNTERS_NS &&
	    !recorder_is_idle(r, now_ns)) {
		r->last_counters_ns = now_ns;
		rc = sampler_counters(r->sampler, COUNTERS_DURING, recorder_on_event, r);
	}
	return rc ? recorder_fail(r, rc, "sock_diag") : 0;
}
