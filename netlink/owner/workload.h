/*
 * Interface for the workload of a process: the systemd unit and the container that it
 * belongs to, by the names of its cgroups.
 */
#ifndef NETLINK_OWNER_WORKLOAD_H
#define NETLINK_OWNER_WORKLOAD_H

#include "event/event.h"

/*
 * From /proc/PID/cgroup, lines "0::/path" of cgroup v2 and "4:cpu,cpuacct:/path" of v1, which it
 * changes. The names that Docker, containerd, CRI-O, Podman, LXC and systemd-nspawn give are known.
 */
void workload_parse(char *text, struct workload *out);

/* proc: a descriptor of /proc. Both are empty where nothing can be read. */
void workload_read(int proc, int32_t pid, struct workload *out);

#endif
