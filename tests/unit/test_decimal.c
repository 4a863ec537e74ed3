#include "event/decimal.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

static void check_u64(uint64_t value)
{
	char got[DECIMAL_SIZE + 1] = "", expected[DECIMAL_SIZE + 2];

	*decimal_put_u64(got, value) = '\0';
	snprintf(expected, sizeof(expected), "%" PRIu64, value);
	cr_assert_str_eq(got, expected);
}

static void check_i64(int64_t value)
{
	char got[DECIMAL_SIZE + 1] = "", expected[DECIMAL_SIZE + 2];

	*decimal_put_i64(got, value) = '\0';
	snprintf(expected, sizeof(expected), "%" PRId64, value);
	cr_assert_str_eq(got, expected);
}

Test(decimal, values_around_every_power_of_ten)
{
	check_u64(0);
	check_u64(UINT64_MAX);
	check_i64(INT64_MAX);
	check_i64(INT64_MIN);
	for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
		for (uint64_t around = power - 1; around <= power + 1; around++) {
			check_u64(around);
			check_u64(around * 9);
			check_i64((int64_t)around);
			check_i64(-(int64_t)around);
		}
	}
}

Test(decimal, every_digit_in_every_place)
{
	char got[8], expected[9];

	for (uint32_t value = 0; value < DECIMAL_8_DIGITS; value += 8191) {
		cr_assert_eq(decimal_put8(got, value), got + 8);
		snprintf(expected, sizeof(expected), "%08" PRIu32, value);
		cr_assert_arr_eq(got, expected, 8);
		check_u64(value);
	}
	for (uint64_t value = 1, i = 0; i < 100000; i++, value = value * 6364136223846793005ULL + 1)
		check_u64(value >> (i % 64));
}
