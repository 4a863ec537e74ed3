#include "report/attempt/open_attempt.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct open_attempt answered(void)
{
	struct open_attempt a = {.listener = LISTENER_NONE};

	open_move(&a, MOVE_BEGIN);
	a.synacks = 1;
	open_move(&a, MOVE_SYNACK);
	return a;
}

Test(open_attempt, a_handshake_passes_through_the_queues)
{
	struct open_attempt a = {0};

	cr_assert_not(open_is_used(&a));
	open_move(&a, MOVE_BEGIN);
	cr_assert_eq(a.state, STATE_NO_REQUEST);
	a.synacks = 1;
	open_move(&a, MOVE_SYNACK);
	cr_assert(open_has_request(&a));
	open_move(&a, MOVE_ENTER);
	cr_assert(open_is_queued(&a));
	cr_assert_eq(open_basis(&a), BASIS_REBUILT);
	open_move(&a, MOVE_ACCEPTED);
	cr_assert(open_is_accepted(&a));
	cr_assert_eq(open_basis(&a), BASIS_SERVER);
	open_move(&a, MOVE_END);
	cr_assert_not(open_is_used(&a));
}

Test(open_attempt, an_accepted_connection_stays_accepted)
{
	for (enum open_move move = MOVE_SYNACK; move < MOVE_COUNT; move++) {
		struct open_attempt a = answered();

		open_move(&a, MOVE_ACCEPTED);
		open_move(&a, move);
		cr_assert(open_is_accepted(&a), "after move %d", (int)move);
	}
}

Test(open_attempt, who_is_refused_stays_a_request)
{
	struct open_attempt a = answered();

	open_move(&a, MOVE_REFUSE);
	cr_assert(open_has_request(&a));
	cr_assert(open_knows(&a, KNOWN_ACK_DROPPED));
	open_move(&a, MOVE_ALIVE);
	cr_assert(open_is_queued(&a));
	cr_assert_not(open_knows(&a, KNOWN_ACK_DROPPED));
	cr_assert_eq(open_basis(&a), BASIS_SEGMENT);
}

Test(open_attempt, who_did_not_enter_after_all_is_what_it_was_answered_with)
{
	struct open_attempt a = answered();

	open_move(&a, MOVE_COOKIE);
	cr_assert_eq(a.state, STATE_COOKIE);
	open_move(&a, MOVE_ENTER);
	cr_assert(open_knows(&a, KNOWN_COOKIE));
	open_move(&a, MOVE_LOOKUP_REFUSED);
	cr_assert_eq(a.state, STATE_COOKIE);
	cr_assert_eq(open_basis(&a), BASIS_LOOKUP);
	open_move(&a, MOVE_ENTERED_AFTER_ALL);
	open_move(&a, MOVE_REQUEST_PROVEN);
	cr_assert(open_is_queued(&a));
	open_move(&a, MOVE_REFUSED_AFTER_ALL);
	cr_assert(open_has_request(&a));
}

Test(open_attempt, a_child_seen_before_any_answer_goes_back_to_nothing)
{
	struct open_attempt a = {0};

	open_move(&a, MOVE_BEGIN);
	open_move(&a, MOVE_CHILD);
	cr_assert_eq(a.state, STATE_CHILD);
	open_move(&a, MOVE_LOOKUP_REFUSED);
	cr_assert_eq(a.state, STATE_NO_REQUEST);
}

Test(open_attempt, a_look_says_nothing_of_the_next_ack)
{
	struct open_attempt a = answered();

	open_move(&a, MOVE_LOOKUP_NO_CHILD);
	cr_assert(open_knows(&a, KNOWN_NO_CHILD));
	open_move(&a, MOVE_REFUSE);
	cr_assert_not(open_knows(&a, KNOWN_NO_CHILD));
}

Test(open_attempt, a_reset_ends_a_request_alone)
{
	struct open_attempt a = answered(), b = answered();

	open_move(&a, MOVE_REQUEST_RESET);
	cr_assert_eq(a.state, STATE_GONE);
	cr_assert_not(open_awaits_ack(&a));
	open_move(&b, MOVE_ENTER);
	open_move(&b, MOVE_REQUEST_RESET);
	cr_assert(open_is_queued(&b));
}

/* A first cell of one of its tables. */
static bool has_row(FILE *kernel, const char *row)
{
	char line[2048];
	size_t length = strlen(row);

	rewind(kernel);
	while (fgets(line, sizeof(line), kernel))
		if (strncmp(line, "| ", 2) == 0 && strncmp(line + 2, row, length) == 0 &&
		    strncmp(line + 2 + length, " |", 2) == 0)
			return true;
	return false;
}

Test(open_attempt, each_transition_names_a_row_of_the_kernels_table)
{
	FILE *kernel = fopen(KERNEL_TABLE, "re");
	unsigned named = 0;

	cr_assert_not_null(kernel, KERNEL_TABLE);
	for (enum open_move move = 0; move < MOVE_COUNT; move++) {
		const char *row = open_move_row(move);

		if (!row)
			continue;
		named++;
		cr_assert(has_row(kernel, row), "no row \"%s\" in " KERNEL_TABLE, row);
	}
	/* All but the two of the record itself and the two of accept(). */
	cr_assert_eq(named, MOVE_COUNT - 4);
	fclose(kernel);
}
