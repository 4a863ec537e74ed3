/*
 * Defects on purpose, each a Criterion test: what a sanitizer finds must end
 * in a failed run. Criterion itself exits 0 after a leak, and UBSan prints and
 * goes on, unless the environment and the flags of the build say otherwise.
 *
 * Not run as a test of the program: run-findings runs each and wants it to fail.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

/* Volatile, so that no compiler sees the defect and removes it. */
static volatile int one = 1;
static void *volatile kept;

Test(findings, none)
{
	cr_assert_eq(one, 1);
}

Test(findings, leak)
{
	kept = malloc(64);
	cr_assert_not_null(kept);
	kept = NULL;
}

Test(findings, undefined)
{
	int most = INT_MAX;

	most += one;
	cr_assert_neq(most, 0);
}

Test(findings, over_read)
{
	char *text = malloc(4);
	size_t length;

	cr_assert_not_null(text);
	memset(text, 'x', 4);
	kept = text;
	length = strlen(kept);
	free(text);
	cr_assert_geq(length, 4);
}
