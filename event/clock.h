/*
 * Interface for the clock.
 *
 * Every time in the program is int64_t nanoseconds of CLOCK_REALTIME, the
 * clock of packet stamps on Linux. What the kernel stamps with
 * CLOCK_MONOTONIC (the proc connector, BPF) is shifted by an offset that is
 * measured, and measured again while running, since REALTIME can be stepped.
 */
#ifndef EVENT_CLOCK_H
#define EVENT_CLOCK_H

#include <stdint.h>

/* "Not known". Smaller than every real time. */
#define TIME_UNKNOWN INT64_MIN

#define NS_PER_US  1000LL
#define NS_PER_MS  1000000LL
#define NS_PER_SEC 1000000000LL

/*
 * a - b; at the ends of the range instead of beyond it, since a file can hold any
 * time. Never INT64_MIN, which has no opposite.
 */
static inline int64_t clock_since(int64_t a, int64_t b)
{
	int64_t difference;

	if (__builtin_sub_overflow(a, b, &difference))
		return a < b ? -INT64_MAX : INT64_MAX;
	return difference == INT64_MIN ? -INT64_MAX : difference;
}

/* CLOCK_REALTIME now. */
int64_t clock_now_ns(void);

/* CLOCK_MONOTONIC now: for pacing and time-outs, never stored. */
int64_t clock_monotonic_ns(void);

/*
 * REALTIME - MONOTONIC. Measured several times; the reading with the narrowest
 * bracket wins, and *error_ns (may be NULL) gets half the width of its bracket.
 */
int64_t clock_monotonic_offset_ns(int64_t *error_ns);

/* The same for a source that goes on: measured again each second. Zero is ready. */
struct monotonic_shift {
	int64_t offset_ns; /* add it to a MONOTONIC stamp */
	int64_t measured_ns;
};

/* Call it before the stamps of a batch are shifted. */
void monotonic_shift_renew(struct monotonic_shift *shift);

#endif
