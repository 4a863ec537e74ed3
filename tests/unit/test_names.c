#include "report/attempt/attempt.h"
#include "report/attempt/report.h"

#include <criterion/criterion.h>
#include <string.h>

/* Every name is there, is no other's, and is made of the letters that TSV and JSON leave alone. */
#define CHECK_NAMES(name, count, separator)                                                   \
	do {                                                                                  \
		for (int i = 0; i < (int)(count); i++) {                                      \
			cr_assert_not_null(name(i));                                          \
			cr_expect_str_neq(name(i), "unknown");                                \
			cr_expect_eq(strspn(name(i), "abcdefghijklmnopqrstuvwxyz" separator), \
				     strlen(name(i)), "%s", name(i));                         \
			for (int j = 0; j < i; j++)                                           \
				cr_expect_str_neq(name(i), name(j));                          \
		}                                                                             \
		cr_expect_str_eq(name(count), "unknown");                                     \
	} while (0)

Test(names, every_value_has_one_of_its_own)
{
	CHECK_NAMES(outcome_name, OUTCOME_COUNT, "-");
	CHECK_NAMES(cause_name, CAUSE_COUNT, "-5"); /* md5-mismatch */
	CHECK_NAMES(confidence_name, CONFIDENCE_COUNT, "-");
	CHECK_NAMES(mark_kind_name, MARK_KIND_COUNT, "-");
	CHECK_NAMES(latency_name, LATENCY_COUNT, "_");
}

Test(names, are_those_of_the_contract)
{
	cr_expect_str_eq(outcome_name(OUTCOME_HALF_OPEN), "half-open");
	cr_expect_str_eq(outcome_name(OUTCOME_ZOMBIE), "zombie");
	cr_expect_str_eq(cause_name(CAUSE_ACCEPT_QUEUE_FULL_SYN), "accept-queue-full-syn");
	cr_expect_str_eq(cause_name(CAUSE_SYNACK_UNACKNOWLEDGED), "synack-unacknowledged");
	cr_expect_str_eq(confidence_name(CONFIDENCE_BOUNDED), "bounded");
	cr_expect_str_eq(latency_name(LATENCY_ACCEPT_TO_FORK), "accept_to_fork");
}

Test(names, only_what_a_queue_dropped_is_a_drop)
{
	static const bool drops[CAUSE_COUNT] = {
	    [CAUSE_ACCEPT_QUEUE_FULL_SYN] = true, [CAUSE_ACCEPT_QUEUE_FULL_ACK] = true,
	    [CAUSE_SYN_QUEUE_FULL] = true,	  [CAUSE_MAX_SYN_BACKLOG_RESERVE] = true,
	    [CAUSE_COOKIE_ACK_DROPPED] = true,
	};

	for (int i = 0; i < CAUSE_COUNT; i++)
		cr_expect_eq(cause_is_drop(i), drops[i], "%s", cause_name(i));
}
