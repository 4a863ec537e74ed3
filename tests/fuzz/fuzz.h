/*
 * Interface of a fuzz target: one program, built twice.
 *
 * With libFuzzer (-Dfuzz=enabled) it searches. As an ordinary test it replays
 * the files of corpus/NAME, each from a heap copy of its exact size, and then
 * every goal must have been reached: a target whose corpus does not lead into
 * the code that it is for tests nothing.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_goal {
	const char *name;
	uint64_t reached; /* how often; the target counts */
};

/* The target's goals, up to one without a name. */
extern struct fuzz_goal fuzz_goals[];

/* libFuzzer's entry. Returns 0. What must not happen ends in abort(). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant that also holds in builds without assert(). */
#define FUZZ_ASSERT(condition)                                       \
	do {                                                         \
		if (!(condition))                                    \
			fuzz_failed(#condition, __FILE__, __LINE__); \
	} while (0)

_Noreturn void fuzz_failed(const char *condition, const char *file, int line);

#endif
