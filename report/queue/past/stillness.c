/*
 * Stillness. A sample with an entry close to it says nothing here: it may have looked before
 * or after that. What was misjudged of entries shows as a departure, or as one too few, and
 * ends the stillness: never the other way round, but where both happen at once.
 */
#include "report/queue/past/stillness.h"

#include "event/clock.h"

/* A packet is captured up to so long before the kernel has worked on it. */
#define ENTRY_LEAD_NS (1 * NS_PER_MS)

void stillness_init(struct stillness *s)
{
	*s = (struct stillness){
	    .since_ns = TIME_UNKNOWN,
	    .until_ns = TIME_UNKNOWN,
	    .empty_ns = TIME_UNKNOWN,
	    .last_entry_ns = TIME_UNKNOWN,
	};
}

void stillness_enter(struct stillness *s, int64_t time_ns)
{
	s->entered++;
	if (time_ns > s->last_entry_ns)
		s->last_entry_ns = time_ns;
}

void stillness_doubt(struct stillness *s, int64_t time_ns)
{
	s->doubtful = true;
	if (time_ns > s->last_entry_ns)
		s->last_entry_ns = time_ns;
}

void stillness_sample(struct stillness *s, uint32_t depth, int64_t before_ns)
{
	if (depth == 0 && before_ns > s->empty_ns)
		s->empty_ns = before_ns;
	if (s->last_entry_ns != TIME_UNKNOWN && s->last_entry_ns + ENTRY_LEAD_NS >= before_ns)
		return;
	if (s->since_ns == TIME_UNKNOWN || s->doubtful ||
	    s->anchor_depth + (s->entered - s->anchor_entered) != depth)
		s->since_ns = before_ns;
	s->until_ns = before_ns;
	s->doubtful = false;
	s->anchor_depth = depth;
	s->anchor_entered = s->entered;
}
