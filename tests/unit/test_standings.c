#include <criterion/criterion.h>
#include <string.h>

#include "report/queue/search/standings.h"

#define SLOTS 1000u

Test(standings, rows_share_until_one_is_changed)
{
	struct standings s;
	uint32_t a[16] = {0}, b[16];

	cr_assert(standings_init(&s, SLOTS));
	cr_assert_eq(s.row_words, 16);
	for (uint32_t i = 0; i < SLOTS; i++)
		cr_assert_eq(standings_get(&s, a, i), 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		cr_assert(standings_set(&s, a, i, (uint8_t)(i % 7)));
	memcpy(b, a, sizeof(b));
	cr_assert(standings_set(&s, b, 500, 9));
	for (uint32_t i = 0; i < SLOTS; i++) {
		cr_assert_eq(standings_get(&s, a, i), i % 7);
		cr_assert_eq(standings_get(&s, b, i), i == 500 ? 9 : i % 7);
	}
	standings_release(&s);
}

Test(standings, what_is_so_already_costs_nothing)
{
	struct standings s;
	uint32_t row[1] = {0};
	size_t count;

	cr_assert(standings_init(&s, 1));
	cr_assert(standings_set(&s, row, 0, 3));
	count = s.count;
	cr_assert(standings_set(&s, row, 0, 3));
	cr_assert_eq(s.count, count);
	standings_release(&s);
}
