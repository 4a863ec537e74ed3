/*
 * Interface for addresses and ports on the command line: numbers, and names of
 * hosts and services, which are asked for once, at start (getaddrinfo(3)).
 */
#ifndef CMD_OPTIONS_RESOLVE_H
#define CMD_OPTIONS_RESOLVE_H

#include <stddef.h>

#include "event/flow.h"

/* Addresses of one name, at most. */
#define RESOLVE_MAX	   16
#define RESOLVE_ERROR_SIZE 512

/*
 * "8080", "http", "127.0.0.1:8080", "localhost:http", "[::1]:8080", "[fe80::1%eth0]:80"; without a
 * host the address is ::, every one. Returns how many endpoints that is, at least 1, or -EINVAL
 * with what is wrong, in words, in error.
 */
int resolve(const char *text, struct endpoint out[RESOLVE_MAX], char error[RESOLVE_ERROR_SIZE])
    __attribute__((warn_unused_result));

#endif
