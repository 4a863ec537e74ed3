/*
 * Interface for the packet filter that remembers: a BPF socket filter that passes of
 * each connection the handshake and its end, at most 14 packets of one that is served,
 * whatever it carries; and nothing of a connection that began before. filter.bpf.c says
 * which packets pass.
 *
 * It takes Linux 5.2 and CAP_BPF (CAP_SYS_ADMIN before 5.8) in the initial user namespace.
 * Built in where the option bpf allows it; else packet_filter_new() says -ENOTSUP.
 */
#ifndef PROBE_FILTER_H
#define PROBE_FILTER_H

#include <stddef.h>

#include "event/flow.h"

struct packet_filter;

/*
 * For the ports of these targets; address :: means every address, 0.0.0.0 every one of
 * IPv4, and no targets at all every TCP port. 0; -EPERM, -ENOTSUP, -E2BIG (more than 64
 * targets) or another -errno.
 */
int packet_filter_new(const struct endpoint *targets, size_t count, struct packet_filter **out)
    __attribute__((warn_unused_result));

/* For SO_ATTACH_BPF; it stays the filter's, which a socket may outlive. */
int packet_filter_fd(const struct packet_filter *filter);

void packet_filter_free(struct packet_filter *filter);

#endif
