/*
 * How many children would have kept the wait short: these serve in order, first come, first served.
 */
#include "report/queue/sizing/sizing.h"

#include <stdlib.h>

#include "event/times.h"

/* Those that are known, sorted. The caller frees them; NULL when there are none. */
static int64_t *sorted_services(const struct sizing *sizing, size_t *count)
{
	int64_t *values = malloc((sizing->count + 1) * sizeof(*values));

	*count = 0;
	if (!values)
		return NULL;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];

		if (c->service_ns >= 0)
			values[(*count)++] = c->service_ns;
	}
	qsort(values, *count, sizeof(*values), times_compare);
	return values;
}

/* The longest wait with so many children. free_at is a heap of when each is free. */
static int64_t longest_wait(const struct sizing *sizing, size_t children, int64_t service_ns,
			    int64_t *free_at)
{
	int64_t longest = 0;

	for (size_t i = 0; i < children; i++)
		free_at[i] = INT64_MIN;
	for (size_t i = 0; i < sizing->count; i++) {
		const struct sizing_client *c = &sizing->clients[i];
		int64_t start = free_at[0] > c->arrival_ns ? free_at[0] : c->arrival_ns;
		int64_t end = start + (c->service_ns >= 0 ? c->service_ns : service_ns);

		if (start - c->arrival_ns > longest)
			longest = start - c->arrival_ns;
		/* Replace the root and let it sink. */
		for (size_t at = 0;;) {
			size_t child = 2 * at + 1;

			if (child + 1 < children && free_at[child + 1] < free_at[child])
				child++;
			if (child >= children || free_at[child] >= end) {
				free_at[at] = end;
				break;
			}
			free_at[at] = free_at[child];
			at = child;
		}
	}
	return longest;
}

/* So many children that no wait is longer. */
static size_t fewest(const struct sizing *sizing, int64_t target_ns, int64_t service_ns,
		     int64_t *free_at)
{
	size_t low = 1, high = sizing->count; /* one each: nobody waits */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (longest_wait(sizing, middle, service_ns, free_at) <= target_ns)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct sizing_children sizing_children(struct sizing *sizing, int64_t target_ns)
{
	struct sizing_children answer = {.clients = sizing->count, .target_ns = target_ns};
	size_t services_count;
	int64_t *services, *free_at;

	services = sorted_services(sizing, &services_count);
	free_at = malloc((sizing->count + 1) * sizeof(*free_at));
	if (!services || !free_at || !services_count)
		goto out;
	answer.services = services_count;
	answer.service_p50_ns = services[services_count / 2];
	sizing_sort(sizing);
	answer.children = fewest(sizing, target_ns, answer.service_p50_ns, free_at);
	answer.wait_max_ns = longest_wait(sizing, answer.children, answer.service_p50_ns, free_at);
	answer.places = fewest(sizing, 0, answer.service_p50_ns, free_at);
	answer.known = true;
out:
	free(services);
	free(free_at);
	return answer;
}
