#include <criterion/criterion.h>

#include "report/queue/queue.h"

#define MANY 5000u

static struct host host = {.somaxconn = 4096};
static struct queue_window window = {.from_ns = INT64_MIN, .to_ns = INT64_MAX};
static struct queue queue;

static struct arrival *arrive(enum arrival_kind kind, uint32_t index)
{
	struct open_attempt attempt = {.isn = 1000 + index};

	return queue_arrive(&queue, kind, index, &attempt, index);
}

static const struct arrival *find(enum arrival_kind kind, uint32_t index)
{
	return queue_find(&queue, kind, index, 1000 + index);
}

static void begin(void)
{
	queue_init(&queue, &(struct listener){.limit = 5}, &host, &window);
}

Test(queue, an_arrival_is_found_behind_any_number_of_others)
{
	begin();
	for (uint32_t i = 0; i < MANY; i++)
		cr_assert_not_null(arrive(ARRIVAL_SYN, i));
	for (uint32_t i = 0; i < MANY; i++) {
		cr_assert_not_null(find(ARRIVAL_SYN, i));
		cr_assert_eq(find(ARRIVAL_SYN, i)->time_ns, i);
		cr_assert_null(find(ARRIVAL_ENTER, i));
	}
	cr_assert_null(queue_find(&queue, ARRIVAL_SYN, 7, 1), "the index is another's by now");
	cr_assert_null(find(ARRIVAL_SYN, MANY));
	queue_release(&queue);
}

Test(queue, what_is_done_with_is_not_found_and_the_rest_is)
{
	begin();
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < MANY; i++)
			cr_assert_not_null(arrive(ARRIVAL_SYN, round * MANY + i));
		queue_forget(&queue, MANY - 100);
	}
	cr_assert_eq(queue.arrivals.count, 300);
	for (uint32_t i = 0; i < 3 * MANY; i++)
		cr_assert_eq(find(ARRIVAL_SYN, i) != NULL, i >= 3 * MANY - 300, "%u", i);
	queue_release(&queue);
}

Test(queue, those_of_one_attempt_are_a_chain_from_the_youngest_on)
{
	const enum arrival_kind kinds[] = {ARRIVAL_SYN, ARRIVAL_REFUSED, ARRIVAL_ENTER};
	struct arrival *a;

	begin();
	for (uint32_t k = 0; k < 3; k++)
		for (uint32_t i = 0; i < 200; i++)
			cr_assert_not_null(arrive(kinds[k], i));
	a = queue_newest(&queue, 17, 1017);
	for (uint32_t k = 3; k-- > 0; a = queue_earlier(&queue, a)) {
		cr_assert_not_null(a);
		cr_assert_eq(a->kind, kinds[k]);
		cr_assert_eq(a->index, 17);
	}
	cr_assert_null(a);
	cr_assert_eq(find(ARRIVAL_REFUSED, 17), &queue.arrivals.list[200 + 17]);
	queue_release(&queue);
}

Test(queue, one_that_is_empty_has_nothing)
{
	begin();
	queue_forget(&queue, 0);
	cr_assert_null(queue_newest(&queue, 1, 1001));
	cr_assert_not_null(arrive(ARRIVAL_SYN, 1));
	queue_forget(&queue, 1);
	cr_assert_null(queue_newest(&queue, 1, 1001));
	queue_release(&queue);
}
