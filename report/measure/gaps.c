/*
 * Gaps. How often something is observed is its observer's choice: a gap is long by that.
 */
#include "report/measure/gaps.h"

#include <stdbool.h>

/* Of so many observations the pace is known. */
#define PACE_KNOWN  4
#define PACE_SHARE  8
#define PACES_A_GAP 8
/* So long an observer rests where nothing happens. It is no gap, and hides none. */
#define REST_NS (350 * NS_PER_MS)

static bool is_gap(const struct gaps *g, int64_t length_ns)
{
	return g->count_seen >= PACE_KNOWN && length_ns > GAP_NS &&
	       length_ns / PACES_A_GAP > g->pace_ns;
}

static int64_t pace_of(int64_t length_ns)
{
	bool rest = length_ns > GAP_NS / PACES_A_GAP && length_ns < REST_NS;

	return rest ? GAP_NS / PACES_A_GAP : length_ns;
}

static void add(struct gaps *g, int64_t start_ns, int64_t end_ns)
{
	if (g->count == GAPS_MAX)
		g->list[GAPS_MAX - 1].end_ns = end_ns;
	else
		g->list[g->count++] = (struct depth_gap){start_ns, end_ns};
}

void gaps_observed(struct gaps *g, int64_t from_ns, int64_t to_ns)
{
	int64_t length_ns;

	if (g->count_seen && !__builtin_sub_overflow(from_ns, g->last_ns, &length_ns) &&
	    length_ns >= 0) {
		if (is_gap(g, length_ns))
			add(g, g->last_ns, from_ns);
		else if (g->count_seen == 1)
			g->pace_ns = pace_of(length_ns);
		else
			g->pace_ns += (pace_of(length_ns) - g->pace_ns) / PACE_SHARE;
	}
	if (!g->count_seen || to_ns > g->last_ns)
		g->last_ns = to_ns;
	g->count_seen++;
}

void gaps_end(struct gaps *g, int64_t end_ns)
{
	int64_t length_ns;

	if (__builtin_sub_overflow(end_ns, g->last_ns, &length_ns) || !is_gap(g, length_ns))
		return;
	add(g, g->last_ns, end_ns);
	g->last_ns = end_ns;
}
