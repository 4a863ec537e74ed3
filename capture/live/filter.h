/*
 * Interface inside capture/ for the kernel filter's text.
 */
#ifndef CAPTURE_LIVE_FILTER_H
#define CAPTURE_LIVE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

/* Room for what filter_adapt() makes of any text that fits the recording's meta.json. */
#define FILTER_SIZE 4352

/*
 * Fits a text to the link type: what capture_filter_format() wrote about VLAN
 * tags is left out when vlan is false (libpcap has the keyword for Ethernet
 * alone), and with loopback, an interface index, the outgoing copy of what
 * passes over it too (0: not). text may be NULL. Returns 0 or -ENOSPC.
 */
int filter_adapt(const char *text, bool vlan, unsigned loopback, char *out, size_t size)
    __attribute__((warn_unused_result));

#endif
