/*
 * Interface for the values of options: numbers and durations. Text in, value out;
 * the caller says what was wrong with which option.
 */
#ifndef CMD_OPTIONS_ARGUMENT_H
#define CMD_OPTIONS_ARGUMENT_H

#include <stdint.h>

/* A decimal number from min to max. 0 or -EINVAL. */
int argument_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
    __attribute__((warn_unused_result));

/*
 * "250us", "100ms", "1.5s", "2m", "1h", "1d", "3" (seconds), at most 10 years, in
 * nanoseconds. 0 or -EINVAL.
 */
int argument_duration(const char *text, int64_t *out_ns) __attribute__((warn_unused_result));

/* "65536", "64K", "100M", "2G", "2GB": bytes, the letters by 1024. 0 or -EINVAL. */
int argument_size(const char *text, uint64_t *out) __attribute__((warn_unused_result));

#endif
