/*
 * Interface for the golden tests' reports: made by hand, so that what a renderer
 * prints is compared alone, without a tracker that could be wrong as well.
 */
#ifndef TESTS_GOLDEN_FIXTURE_H
#define TESTS_GOLDEN_FIXTURE_H

#include <stddef.h>

#include "report/attempt/report.h"

struct fixture {
	const char *name;
	size_t attempts_count;
	const struct attempt *attempts;
	struct report report;
};

/* The fixture of this name, NULL when there is none. Static storage, made anew by each call. */
const struct fixture *fixture_get(const char *name);

#endif
