#include <criterion/criterion.h>

#include "report/track/parts.h"

/* SYNs at these times, in ms after the beginning of observation. */
static bool before(const int64_t *syns_ms, unsigned count)
{
	struct attempt a = {.syns = count, .marks_count = count, .syn_ns = syns_ms[0] * NS_PER_MS};

	for (unsigned i = 0; i < count; i++)
		a.marks[i] = (struct mark){.time_ns = syns_ms[i] * NS_PER_MS, .kind = MARK_SYN};
	return tracker_began_before(&a, 0);
}

#define BEFORE(...)                            \
	before((const int64_t[]){__VA_ARGS__}, \
	       sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

Test(before, gaps_with_which_no_client_begins)
{
	cr_expect(BEFORE(500, 2520), "2 s first");
	cr_expect(BEFORE(500, 4530, 12700), "4 and 8 s");
	cr_expect(BEFORE(500, 1510, 2520, 4530), "1, 1 and 2 s");
}

Test(before, gaps_with_which_one_may_begin)
{
	cr_expect_not(BEFORE(500));
	cr_expect_not(BEFORE(500, 1520));
	cr_expect_not(BEFORE(500, 1520, 3560), "1 and 2 s");
	cr_expect_not(BEFORE(500, 1520, 2540, 3560, 4580, 5600, 7620), "Linux 6.5");
	cr_expect_not(BEFORE(500, 3540, 9600), "3 and 6 s");
	cr_expect_not(BEFORE(500, 500, 2520), "a copy is no timer's");
	cr_expect_not(BEFORE(500, 2200), "nor is any time");
}

Test(before, the_one_before_it_would_have_been_seen)
{
	cr_expect_not(BEFORE(5500, 7520));
}
