/*
 * Interface for sock_diag: the one door to the kernel's table of TCP sockets.
 *
 * Works in the network namespace in which it was opened, and needs no
 * privilege. It never waits: the kernel answers while the request is sent. One
 * thread at a time.
 */
#ifndef NETLINK_DIAG_DIAG_H
#define NETLINK_DIAG_DIAG_H

#include "netlink/diag/message.h"

struct diag;

int diag_new(struct diag **out) __attribute__((warn_unused_result));
void diag_free(struct diag *diag);

/* See diag_build_look_up(). 0, -ENOENT when nothing is there, or -errno. */
int diag_look_up(struct diag *diag, const struct endpoint *local, const struct endpoint *remote,
		 uint32_t interface, unsigned want, struct diag_socket *out)
    __attribute__((warn_unused_result));

/*
 * See diag_build_dump(). The array is diag's own and valid until its next dump.
 * An interrupted dump is thrown away and asked for again; what stays
 * incomplete after that is returned as it is, and counted as lost.
 */
int diag_dump(struct diag *diag, uint32_t states, const uint16_t *ports, size_t ports_count,
	      unsigned want, const struct diag_socket **sockets, size_t *count)
    __attribute__((warn_unused_result));

/* Requests whose answer was lost (ENOBUFS), interrupted or unreadable after all retries. */
uint64_t diag_lost(const struct diag *diag);

#endif
