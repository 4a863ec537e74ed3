/*
 * Reads the host's facts from uname() and /proc/sys/net.
 */
#include "event/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "event/clock.h"

static int64_t read_sysctl(const char *path)
{
	int64_t value = -1;
	FILE *file = fopen(path, "re");

	if (!file)
		return -1;
	if (fscanf(file, "%" SCNd64, &value) != 1)
		value = -1;
	fclose(file);
	return value;
}

void host_read(struct host *host)
{
	struct utsname name;

	memset(host, 0, sizeof(*host));
	if (uname(&name) == 0)
		snprintf(host->kernel, sizeof(host->kernel), "%s", name.release);
	host->somaxconn = read_sysctl("/proc/sys/net/core/somaxconn");
	host->tcp_max_syn_backlog = read_sysctl("/proc/sys/net/ipv4/tcp_max_syn_backlog");
	host->tcp_syncookies = read_sysctl("/proc/sys/net/ipv4/tcp_syncookies");
	host->tcp_abort_on_overflow = read_sysctl("/proc/sys/net/ipv4/tcp_abort_on_overflow");
	host->tcp_synack_retries = read_sysctl("/proc/sys/net/ipv4/tcp_synack_retries");
	host->tcp_syn_retries = read_sysctl("/proc/sys/net/ipv4/tcp_syn_retries");
	host->tcp_syn_linear_timeouts = read_sysctl("/proc/sys/net/ipv4/tcp_syn_linear_timeouts");
	host->tcp_fastopen = read_sysctl("/proc/sys/net/ipv4/tcp_fastopen");
	host->tcp_migrate_req = read_sysctl("/proc/sys/net/ipv4/tcp_migrate_req");
	host->monotonic_offset_ns = clock_monotonic_offset_ns(NULL);
}
