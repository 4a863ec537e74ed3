/*
 * NAT in a live run: the connections that reach a watched listener under another address or
 * port than their clients asked for. Their packets have what was asked for, so the capture's
 * filter follows; their sockets have the other, so look-ups do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/recorder/parts.h"

static bool is_followed(const struct recorder *r, const struct endpoint *e)
{
	for (size_t i = 0; i < r->followed_count; i++)
		if (r->followed[i].port == e->port &&
		    (address_is_any(&r->followed[i].address) ||
		     address_equal(&r->followed[i].address, &e->address)))
			return true;
	return false;
}

static bool follow_one(struct recorder *r, const struct endpoint *e)
{
	if (r->followed_count == RECORDING_TARGETS_MAX) {
		r->unfollowed = true;
		return false;
	}
	r->followed[r->followed_count++] = *e;
	return true;
}

/*
 * What leads to a target is captured; what a target leads to is a listener to be watched, if
 * it is of this host. True where the filter is to be another.
 */
static bool follow(struct recorder *r, const struct translation *t)
{
	struct endpoint asked = flow_destination(&t->original);

	if (!r->followed_count)
		return false;
	if (!is_followed(r, &asked))
		return is_followed(r, &t->server) && follow_one(r, &asked);
	if (is_followed(r, &t->server))
		return false;
	/* Without room or memory its queue is not seen. */
	if (r->sampler && sampler_add_target(r->sampler, &t->server))
		r->unfollowed = true;
	return follow_one(r, &t->server);
}

/* What is there before the capture is opened: it follows from the beginning. */
static int on_first_translation(void *context, const struct event *event)
{
	struct recorder *r = context;

	(void)follow(r, &event->translation);
	return nat_take(&r->nat, &event->translation, event->time_ns);
}

void recorder_open_nat(struct recorder *r)
{
	struct source_state *sampler = &r->meta.sources[SOURCE_SAMPLER];
	int rc;

	r->followed_count = r->options.targets_count < RECORDING_TARGETS_MAX
				? r->options.targets_count
				: RECORDING_TARGETS_MAX;
	for (size_t i = 0; i < r->followed_count; i++)
		r->followed[i] = r->options.targets[i];
	rc = translations_new(r->options.targets, r->options.targets_count, &r->translations);
	if (rc == 0)
		rc = translations_read(r->translations, on_first_translation, r);
	if (rc == 0)
		return;
	translations_free(r->translations);
	r->translations = NULL;
	if (rc == -EPERM && !sampler->note[0])
		snprintf(sampler->note, sizeof(sampler->note),
			 "no permission to read conntrack (CAP_NET_ADMIN): connections that NAT "
			 "redirects to a listener are unknown and not captured. Use sudo, or "
			 "setcap cap_net_admin: see synscope(1)");
}

int recorder_first_translations(struct recorder *r)
{
	struct event event = {
	    .kind = EVENT_TRANSLATION, .source = SOURCE_SAMPLER, .time_ns = r->opened_ns};
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < r->nat.count; i++) {
		const struct nat_entry *e = &r->nat.entries[i];

		event.translation = (struct translation){.original = e->original,
							 .client = flow_source(&e->socket),
							 .server = flow_destination(&e->socket),
							 .fresh = e->fresh,
							 .read_ns = e->read_ns};
		rc = recorder_on_event(r, &event);
	}
	return rc;
}

static int on_translation(void *context, const struct event *event)
{
	struct recorder *r = context;
	int rc = nat_take(&r->nat, &event->translation, event->time_ns);

	r->refilter |= follow(r, &event->translation);
	return rc ? rc : recorder_on_event(r, event);
}

int recorder_read_translations(struct recorder *r)
{
	char filter[sizeof(r->meta.filter)];
	int rc;

	if (!r->translations)
		return 0;
	rc = translations_read(r->translations, on_translation, r);
	if (rc == 0 && r->refilter && !r->packets_ended) {
		r->refilter = false;
		/* Too long, or refused: then the old one stays. */
		if (capture_filter_format(r->followed, r->followed_count, filter, sizeof(filter)) ||
		    capture_set_filter(r->capture, filter))
			r->unfollowed = true;
	}
	return rc;
}
