/*
 * When the recorder may rest: when whatever happens next is told of, and wakes it. Then it
 * samples for the record alone that nothing has happened.
 */
#include <string.h>

#include "pipeline/recorder/parts.h"

/* Without a packet for so long. */
#define REST_AFTER_NS NS_PER_SEC
/* Connections may come by a way that is not known of: then it does not rest for so long. */
#define UNSEEN_NS (60 * NS_PER_SEC)

/*
 * Every SYN to the listeners, and every answer: the capture is on all devices, or on the only one
 * that leads to them, and NAT gives no connection another destination.
 */
static bool sees_every_packet(const struct recorder *r)
{
	if (!r->meta.sources[SOURCE_CAPTURE].on || r->packets_ended || r->nat.count ||
	    r->unfollowed || r->followed_count != r->options.targets_count)
		return false;
	return strcmp(r->options.interface, "any") == 0 ||
	       (strcmp(r->options.interface, "lo") == 0 && sampler_on_loopback(r->sampler));
}

void recorder_expect_packets(struct recorder *r)
{
	sampler_expect_every_packet(r->sampler, sees_every_packet(r));
}

/*
 * A packet wakes it, and an entry into an accept queue by a way that no packet shows, and a
 * listener that begins or ends.
 */
bool recorder_rests(const struct recorder *r, int64_t now_ns)
{
	return r->sampler && r->probe && r->meta.entries && !r->options.sample_interval_ns &&
	       (!r->last_unseen_ns || now_ns - r->last_unseen_ns > UNSEEN_NS) &&
	       now_ns - recorder_active_ns(r) > REST_AFTER_NS && sampler_rests(r->sampler) &&
	       !(r->scout && scout_is_asked(r->scout));
}
