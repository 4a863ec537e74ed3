#include <criterion/criterion.h>

#include "event/array.h"

Test(array, doubles_up_to_its_bound)
{
	size_t room = 0;
	int *array = array_grow(NULL, &room, sizeof(*array), 4, 8), *bigger;

	cr_assert_not_null(array);
	cr_assert_eq(room, 4);
	array[3] = 7;
	bigger = array_grow(array, &room, sizeof(*array), 4, 8);
	cr_assert_not_null(bigger);
	cr_assert_eq(room, 8);
	cr_assert_eq(bigger[3], 7);
	cr_assert_null(array_grow(bigger, &room, sizeof(*array), 4, 8));
	cr_assert_eq(room, 8);
	cr_assert_eq(bigger[3], 7);
	free(bigger);
}

Test(array, more_than_a_size_can_say_is_refused)
{
	volatile size_t half = SIZE_MAX / 2; /* volatile: the compiler would see it, and warn */
	size_t room = half;

	cr_assert_null(array_grow(NULL, &room, 4, 4, ARRAY_UNBOUNDED));
	cr_assert_eq(room, half);
	room = half + 1;
	cr_assert_null(array_grow(NULL, &room, 1, 4, ARRAY_UNBOUNDED));
	cr_assert_eq(room, half + 1);
}
