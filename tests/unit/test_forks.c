#include "report/track/forks.h"

#include <criterion/criterion.h>

#define MS NS_PER_MS

static struct forks *forks;
static int32_t child_of[16]; /* by the attempt's index */
static bool has_child[16];   /* known otherwise */
static int32_t owner_of[4] = {100, 200, 300, 400};

static bool wanted(void *context, struct forks_accept *accept)
{
	(void)context;
	return !has_child[accept->index];
}

static bool owns(void *context, uint32_t listener, int32_t pid)
{
	(void)context;
	return owner_of[listener] == pid;
}

static void matched(void *context, const struct forks_accept *accept, const struct fork *fork)
{
	(void)context;
	child_of[accept->index] = fork->pid;
}

static void settle(int64_t now_ns)
{
	static const struct forks_asks asks = {wanted, owns, matched};

	forks_settle(forks, now_ns, &asks, NULL);
}

static void accepted(uint32_t index, uint32_t listener, int64_t ack_ms, int64_t after_ms,
		     int64_t before_ms)
{
	struct forks_accept a = {.index = index,
				 .listener = listener,
				 .entered_ns = ack_ms * MS,
				 .after_ns = after_ms * MS,
				 .before_ns = before_ms * MS};

	forks_accepted(forks, &a);
}

static void begin(void)
{
	cr_assert_eq(forks_new(&forks), 0);
}

static void end(void)
{
	forks_free(forks);
}

Test(forks, a_process_is_found_by_its_pid_and_the_last_fork_counts, .init = begin, .fini = end)
{
	cr_assert_null(forks_find(forks, 7));
	forks_add(forks, 7, 100, 1 * MS);
	forks_add(forks, 8, 100, 2 * MS);
	cr_assert_eq(forks_find(forks, 7)->fork_ns, 1 * MS);
	forks_add(forks, 7, 200, 3 * MS);
	cr_assert_eq(forks_find(forks, 7)->parent_pid, 200);
	cr_assert_null(forks_find(forks, 7 + 65536), "another of the same slot");
}

Test(forks, old_ones_give_way, .init = begin, .fini = end)
{
	for (int32_t i = 1; i <= (int32_t)FORKS_MAX + 5; i++)
		forks_add(forks, i, 100, i * MS);
	cr_assert_null(forks_find(forks, 5));
	cr_assert_not_null(forks_find(forks, 6));
}

Test(forks, a_child_is_forked_after_the_accept_a_worker_before, .init = begin, .fini = end)
{
	struct fork fork = {.pid = 7, .fork_ns = 50 * MS};
	struct holder holder = {.pid = 7, .inode = 1};

	cr_expect(forks_is_child(&fork, &holder, 40 * MS, 49 * MS));
	cr_expect_not(forks_is_child(&fork, &holder, 50 * MS, 60 * MS));
	/* Within the bounds: who listens on is a worker, if there was time to become one. */
	cr_expect(forks_is_child(&fork, &holder, 20 * MS, 60 * MS));
	holder.listens = true;
	cr_expect_not(forks_is_child(&fork, &holder, 20 * MS, 60 * MS));
	cr_expect(forks_is_child(&fork, &holder, 49 * MS, 51 * MS));
	/* Its fork was not seen. */
	cr_expect_not(forks_is_child(NULL, &holder, 0, 0));
	holder.listens = false;
	cr_expect_not(forks_is_child(NULL, &holder, 0, 0));
	holder.parent_pid = 100;
	cr_expect(forks_is_child(NULL, &holder, 0, 0));
}

Test(forks, unseen_children_are_matched_in_order, .init = begin, .fini = end)
{
	/* Known to be accepted in another order than they were, as looks can have it. */
	for (int i = 0; i < 4; i++)
		forks_add(forks, 10 + i, 100, (21 + i) * MS);
	accepted(1, 0, 2, 20, 30);
	accepted(0, 0, 1, 20, 30);
	accepted(3, 0, 4, 20, 30);
	accepted(2, 0, 3, 20, 30);
	settle(500 * MS);
	cr_assert_eq(child_of[0], 0, "looks may still tell");
	settle(1100 * MS);
	for (int i = 0; i < 4; i++)
		cr_expect_eq(child_of[i], 10 + i);
	cr_expect(forks_find(forks, 10)->serves);
	cr_expect_eq(forks_find(forks, 13)->index, 3);
}

Test(forks, seen_children_and_workers_are_left_out_of_the_order, .init = begin, .fini = end)
{
	forks_add(forks, 10, 100, 21 * MS)->other = true;
	forks_add(forks, 11, 100, 22 * MS)->serves = true;
	forks_add(forks, 12, 200, 23 * MS); /* of another listener's owner */
	forks_add(forks, 13, 100, 24 * MS);
	has_child[0] = true;
	accepted(0, 0, 1, 20, 21);
	accepted(1, 0, 2, 20, 23);
	settle(INT64_MAX);
	cr_expect_eq(child_of[0], 0);
	cr_expect_eq(child_of[1], 13);
}

Test(forks, what_is_too_early_or_too_late_is_not_its_fork, .init = begin, .fini = end)
{
	forks_add(forks, 10, 100, 20 * MS);
	forks_add(forks, 11, 100, 200 * MS);
	accepted(0, 0, 1, 20, 30);
	settle(INT64_MAX);
	cr_expect_eq(child_of[0], 0);
}

Test(forks, nothing_is_kept_while_nobody_forks, .init = begin, .fini = end)
{
	accepted(0, 0, 1, 2, 30);
	forks_add(forks, 10, 100, 20 * MS);
	settle(INT64_MAX);
	cr_expect_eq(child_of[0], 0);
}

Test(forks, who_was_ahead_in_the_queue_is_waited_for, .init = begin, .fini = end)
{
	forks_add(forks, 10, 100, 20 * MS);
	forks_add(forks, 11, 100, 21 * MS);
	/* The second was seen to be accepted before the first was. */
	accepted(1, 0, 2, 15, 22);
	accepted(0, 0, 1, 15, 42);
	settle(NS_PER_SEC + 30 * MS);
	cr_expect_eq(child_of[1], 0);
	settle(NS_PER_SEC + 50 * MS);
	cr_expect_eq(child_of[0], 10);
	cr_expect_eq(child_of[1], 11);
}

Test(forks, nobody_is_waited_for_long, .init = begin, .fini = end)
{
	forks_add(forks, 10, 100, 20 * MS);
	accepted(1, 0, 2, 15, 22);
	for (int i = 1; i < 200; i++) {
		accepted(0, 1, 1, 15, 22 + 10 * i);
		settle((22 + 10 * i) * MS);
	}
	cr_expect_eq(child_of[1], 10);
}
