/*
 * Interface for the names of errors, "ECONNREFUSED": unlike their texts they are the same
 * everywhere.
 */
#ifndef SERVER_LOAD_ERROR_NAME_H
#define SERVER_LOAD_ERROR_NAME_H

/* Of an errno value; "unknown" where it has no name. The text stays. */
const char *error_name(int error);

#endif
