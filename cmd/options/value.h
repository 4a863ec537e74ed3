/*
 * Interface for the values of options that are checked against a range, with the complaint where
 * they are wrong.
 */
#ifndef CMD_OPTIONS_VALUE_H
#define CMD_OPTIONS_VALUE_H

#include <stdint.h>

/* For expected, of a duration: an example behind it. */
#define VALUE_TIME_SUCH_AS(example) "a number with us, ms, s, m or h, such as " example

/*
 * A number from min to max, of this option ("--backlog"). expected: what is allowed, in words;
 * NULL: the range. 0, or the exit status after the complaint.
 */
int value_number(const char *command, const char *option, const char *value, uint64_t min,
		 uint64_t max, const char *expected, uint64_t *out)
    __attribute__((warn_unused_result));

/* The same of a duration. */
int value_time(const char *command, const char *option, const char *value, int64_t min_ns,
	       int64_t max_ns, const char *expected, int64_t *out_ns)
    __attribute__((warn_unused_result));

/* --max-open. */
int value_max_open(const char *command, const char *value, uint32_t *out)
    __attribute__((warn_unused_result));

#endif
