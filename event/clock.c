/*
 * The clocks and the distance between them.
 */
#include "event/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t clock_now_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_offset_ns(int64_t *error_ns)
{
	int64_t best_width = INT64_MAX, best_offset = 0;

	for (int i = 0; i < 8; i++) {
		int64_t before = clock_monotonic_ns();
		int64_t real = clock_now_ns();
		int64_t after = clock_monotonic_ns();

		if (after - before < best_width) {
			best_width = after - before;
			best_offset = real - (before + best_width / 2);
		}
	}
	if (error_ns)
		*error_ns = (best_width + 1) / 2;
	return best_offset;
}

void monotonic_shift_renew(struct monotonic_shift *shift)
{
	int64_t now_ns = clock_monotonic_ns();

	if (shift->measured_ns && now_ns - shift->measured_ns < NS_PER_SEC)
		return;
	shift->offset_ns = clock_monotonic_offset_ns(NULL);
	shift->measured_ns = now_ns;
}
