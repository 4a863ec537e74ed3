#include <criterion/criterion.h>
#include <string.h>

#include "report/queue/search/placements.h"

#define SLOTS 1000u

Test(placements, rows_share_until_one_is_changed)
{
	struct placements s;
	uint32_t a[16] = {0}, b[16];

	cr_assert(placements_init(&s, SLOTS));
	cr_assert_eq(s.row_words, 16);
	for (uint32_t i = 0; i < SLOTS; i++)
		cr_assert_eq(placements_get(&s, a, i), 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		cr_assert(placements_set(&s, a, i, (uint8_t)(i % 7)));
	memcpy(b, a, sizeof(b));
	cr_assert(placements_set(&s, b, 500, 9));
	for (uint32_t i = 0; i < SLOTS; i++) {
		cr_assert_eq(placements_get(&s, a, i), i % 7);
		cr_assert_eq(placements_get(&s, b, i), i == 500 ? 9 : i % 7);
	}
	placements_release(&s);
}

Test(placements, what_is_so_already_costs_nothing)
{
	struct placements s;
	uint32_t row[1] = {0};
	size_t count;

	cr_assert(placements_init(&s, 1));
	cr_assert(placements_set(&s, row, 0, 3));
	count = s.count;
	cr_assert(placements_set(&s, row, 0, 3));
	cr_assert_eq(s.count, count);
	placements_release(&s);
}
