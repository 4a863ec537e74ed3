/*
 * Which parts are kept.
 */
#include "pipeline/folder/retention.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/array.h"

int retention_add(struct retention *r, const struct retention_part *part)
{
	if (r->count == r->room) {
		struct retention_part *more =
		    array_grow(r->parts, &r->room, sizeof(*more), 64, ARRAY_UNBOUNDED);

		if (!more)
			return -ENOMEM;
		r->parts = more;
	}
	r->parts[r->count++] = *part;
	return 0;
}

static uint32_t take_out(struct retention *r, size_t index)
{
	uint32_t number = r->parts[index].number;

	r->count--;
	memmove(r->parts + index, r->parts + index + 1, (r->count - index) * sizeof(r->parts[0]));
	return number;
}

uint32_t retention_next(struct retention *r, int64_t now_ns, uint64_t bytes)
{
	const struct retention_policy *policy = &r->policy;
	size_t oldest = r->count, oldest_incident = r->count; /* none */
	uint64_t ordinary = 1;				      /* the one that is written */
	uint32_t incidents = 0;

	/* From the newest: of the incidents the first keep_incidents count as such. */
	for (size_t i = r->count; i-- > 0;) {
		const struct retention_part *part = &r->parts[i];

		bytes += part->bytes;
		if (part->incident && incidents < policy->keep_incidents) {
			incidents++;
			oldest_incident = i;
		} else {
			ordinary++;
			oldest = i;
		}
	}
	if (policy->keep_bytes && bytes > policy->keep_bytes && r->count)
		return take_out(r, oldest < r->count ? oldest : oldest_incident);
	if (oldest == r->count)
		return 0;
	if ((policy->keep && ordinary > policy->keep) ||
	    (policy->keep_time_ns && r->parts[oldest].end_ns < now_ns - policy->keep_time_ns))
		return take_out(r, oldest);
	return 0;
}

uint32_t retention_incident(struct retention *r, int64_t time_ns)
{
	for (size_t i = r->count; i-- > 0;) {
		struct retention_part *part = &r->parts[i];

		if (time_ns < part->start_ns)
			continue;
		if (time_ns > part->end_ns || part->incident)
			return 0;
		part->incident = true;
		return part->number;
	}
	return 0;
}

void retention_release(struct retention *r)
{
	free(r->parts);
	r->parts = NULL;
	r->count = r->room = 0;
}
