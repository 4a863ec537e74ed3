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

void half_open_release(struct half_open_counts *counts)
{
	free(counts->counts);
	*counts = (struct half_open_counts){0};
}

bool half_open_has(const struct watch *watch, size_t i)
{
	return watch_match(watch, &watch->listeners[i].listener.local, NULL) ==
	       &watch->listeners[i];
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
		const struct watched *w = watch_match(watch, &sockets[i].local, NULL);

		if (w)
			counts->counts[w - watch->listeners]++;
	}
	return 0;
}

bool half_open_round(struct half_open_counts *counts, struct diag *diag, const struct watch *watch,
		     int64_t *before_ns, int *error)
{
	int64_t begin_ns = clock_monotonic_ns(), cost_ns, interval_ns;

	*error = 0;
	if (watch->count == 0 || begin_ns < counts->next_ns)
		return false;
	*before_ns = clock_now_ns();
	*error = count(counts, diag, watch);
	cost_ns = clock_monotonic_ns() - begin_ns;
	interval_ns = cost_ns * (cost_ns < LONG_NS ? COST_SHARE : COST_SHARE_LONG);
	counts->next_ns = begin_ns + (interval_ns > INTERVAL_NS ? interval_ns : INTERVAL_NS);
	return *error == 0;
}
