/*
 * Counts request sockets and gives each to the listener it belongs to.
 */
#include "netlink/diag/half_open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * At most 2 % of the time, and not oftener than every 10 ms. While it counts
 * nothing is sampled: where that takes long, 0.5 %.
 */
#define COST_SHARE	50
#define COST_SHARE_LONG 200
#define LONG_NS		NS_PER_MS
#define INTERVAL_NS	(10 * NS_PER_MS)

/* While no queue is near its limit: 0.25 %, and not oftener than every 80 ms. */
#define COST_SHARE_EASY	 400
#define INTERVAL_EASY_NS (80 * NS_PER_MS)

/* A queue is near its limit from this part of it on. */
#define NEAR_SHARE 4
/* How long after its accept queue was full a listener's requests say what a packet meant. */
#define FULL_MEMORY_NS (10 * NS_PER_SEC)

void half_open_release(struct half_open_counts *counts)
{
	free(counts->counts);
	*counts = (struct half_open_counts){0};
}

bool half_open_has(const struct watch *watch, size_t i)
{
	const struct listener *l = &watch->listeners[i].listener;

	return watch_match(watch, &l->local, l->interface, NULL) == &watch->listeners[i];
}

static int count(struct half_open_counts *counts, struct diag *diag, const struct watch *watch)
{
	const struct diag_socket *sockets;
	uint16_t ports[DIAG_PORTS_MAX];
	size_t ports_count = watch_ports(watch, ports), n;
	int error;

	if (watch->count > counts->capacity) {
		uint32_t *grown = realloc(counts->counts, watch->count * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		counts->counts = grown;
		counts->capacity = watch->count;
	}
	memset(counts->counts, 0, watch->count * sizeof(*counts->counts));
	error = diag_dump(diag, DIAG_STATE_BIT(DIAG_SYN_RECV), ports, ports_count,
			  DIAG_WANT_NOTHING, &sockets, &n);
	if (error)
		return error;
	for (size_t i = 0; i < n; i++) {
		const struct watched *w =
		    watch_match(watch, &sockets[i].local, sockets[i].interface, NULL);

		if (w)
			counts->counts[w - watch->listeners]++;
	}
	counts->found = counts->near_limit = false;
	for (size_t i = 0; i < watch->count; i++) {
		counts->found |= counts->counts[i] > 0;
		counts->near_limit |=
		    (uint64_t)counts->counts[i] * NEAR_SHARE > watch->listeners[i].listener.limit;
	}
	return 0;
}

/* Where a queue fills, the requests decide what a packet meant. */
static bool is_pressing(const struct half_open_counts *counts, const struct watch *watch,
			int64_t now_ns)
{
	if (!counts->told || counts->near_limit)
		return true;
	for (size_t i = 0; i < watch->count; i++) {
		const struct watched *w = &watch->listeners[i];
		int64_t limit = w->listener.limit;

		if (counts->unfinished * NEAR_SHARE > limit || w->depth > limit / 2 ||
		    (w->full_ns && now_ns - w->full_ns < FULL_MEMORY_NS))
			return true;
	}
	return false;
}

static int64_t interval_of(const struct half_open_counts *counts, const struct watch *watch,
			   int64_t now_ns)
{
	int64_t cost_ns = counts->cost_ns, share = COST_SHARE_EASY, least_ns = INTERVAL_EASY_NS;

	if (is_pressing(counts, watch, now_ns)) {
		share = cost_ns < LONG_NS ? COST_SHARE : COST_SHARE_LONG;
		least_ns = INTERVAL_NS;
	}
	return share * cost_ns > least_ns ? share * cost_ns : least_ns;
}

bool half_open_round(struct half_open_counts *counts, struct diag *diag, const struct watch *watch,
		     int64_t *before_ns, int *error)
{
	int64_t begin_ns = clock_monotonic_ns();

	*error = 0;
	if (watch->count == 0 || half_open_none(counts) ||
	    (counts->counted_ns &&
	     begin_ns - counts->counted_ns < interval_of(counts, watch, begin_ns)))
		return false;
	*before_ns = clock_now_ns();
	counts->counted_ns = begin_ns;
	counts->unfinished = 0;
	*error = count(counts, diag, watch);
	counts->syn = *error != 0;
	counts->cost_ns = clock_monotonic_ns() - begin_ns;
	return *error == 0;
}
