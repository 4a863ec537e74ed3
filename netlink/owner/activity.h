/*
 * Interface for the activity of a process that has a listener open: what may keep it
 * from calling accept(). One look reads a handful of small files of /proc/PID and of its
 * cgroup; what cannot be read is unknown, never zero.
 */
#ifndef NETLINK_OWNER_ACTIVITY_H
#define NETLINK_OWNER_ACTIVITY_H

#include "event/event.h"

/*
 * A descriptor of /sys/fs/cgroup, as this process sees it or, where its mount namespace has
 * none (ip netns exec mounts another /sys), as one of its ancestors does. The caller closes it;
 * -1: none.
 */
int activity_cgroups(void);

/*
 * Fills all of *out but cookie. proc: a descriptor of /proc; cgroups: one of /sys/fs/cgroup,
 * or -1. 0; -ESRCH when there is no such process.
 *   state            /proc/PID/stat, of the main thread
 *   frozen           cgroup.events of cgroup v2 (effective), freezer.state of v1, or
 *                    /proc/PID/wchan: __refrigerator, do_freezer_trap
 *   threads          /proc/PID/stat
 *   run_ns, wait_ns  /proc/PID/schedstat, of the main thread: on a CPU, and runnable without one
 *   descriptors      open ones (/proc/PID/fd) and RLIMIT_NOFILE (/proc/PID/limits)
 *   throttled        cpu.stat of its cgroup and of those above it, added up
 */
int activity_read(int proc, int cgroups, int32_t pid, struct owner_activity *out)
    __attribute__((warn_unused_result));

#endif
