/*
 * Interface for label values: text from anywhere, such as a process name, as the text formats of
 * Prometheus want it.
 */
#ifndef REPORT_METRICS_LABEL_H
#define REPORT_METRICS_LABEL_H

#include <stdio.h>

/*
 * Writes name="value": backslash, quote and newline escaped, and U+FFFD for each byte that is not
 * valid UTF-8. Errors stay in out.
 */
void label_put(FILE *out, const char *name, const char *value);

#endif
