/*
 * Interface for escaping text for JSON (RFC 8259 section 7). What came from the
 * network or the host (process names, paths, interface names) can hold any byte.
 */
#ifndef EVENT_JSON_ESCAPE_H
#define EVENT_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* No byte of input becomes more than this many bytes of output. */
#define JSON_ESCAPE_FACTOR 6

/*
 * Writes the inside of a JSON string (no quotation marks, no NUL) for these
 * bytes; out needs JSON_ESCAPE_FACTOR * length. Quotation marks, backslashes and
 * control characters (C0, DEL, C1) are escaped; a byte that is not part of
 * well-formed UTF-8 (RFC 3629) becomes \ufffd. Returns the length written;
 * *exact (may be NULL) becomes false when a byte was so replaced, else true.
 */
size_t json_escape(char *out, const char *text, size_t length, bool *exact);

/* The length in bytes of the well-formed UTF-8 character that begins here, 0 when there is none. */
size_t utf8_character(const char *text, size_t length);

#endif
