/*
 * Interface for what NAT makes of connections: the two tuples of a conntrack entry, where they
 * differ, by libnetfilter_conntrack.
 *
 * Works in the network namespace in which it was made. It never waits. One thread at a time.
 */
#ifndef NETLINK_CONNTRACK_TRANSLATIONS_H
#define NETLINK_CONNTRACK_TRANSLATIONS_H

#include <stddef.h>

#include "event/event.h"

struct translations;

/*
 * targets: what is watched, as struct sampler_options has it; they must outlive *out. 0 and
 * *out; -ENOENT: conntrack is not loaded, so there is no NAT; -EPERM: it may not be asked
 * (CAP_NET_ADMIN); -ENOTSUP: not built in; or another -errno.
 */
int translations_new(const struct endpoint *targets, size_t count, struct translations **out)
    __attribute__((warn_unused_result));
void translations_free(struct translations *translations);

/*
 * An EVENT_TRANSLATION for each connection of a watched port whose addresses or ports NAT
 * changes and that began since the call before; the first call tells of those that are there. A
 * new one is stamped earlier than its SYN. 0, what fn returned, or -errno.
 */
int translations_read(struct translations *translations, event_fn fn, void *context)
    __attribute__((warn_unused_result));

/* Readable when there is something to read; -1 where there is none. */
int translations_fd(const struct translations *translations);

/* Messages that the kernel could not deliver (ENOBUFS), and dumps that stayed incomplete. */
uint64_t translations_lost(const struct translations *translations);

#endif
