/*
 * Reads the host's facts from uname() and /proc/sys/net.
 */
#include "event/host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

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

/* The first word of a file; empty when there is none, or it does not fit. */
static void read_word(const char *path, char *out, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t length = 0;

	if (file) {
		length = fread(out, 1, size - 1, file);
		fclose(file);
	}
	out[length] = '\0';
	length = strcspn(out, " \n");
	out[length < size ? length : 0] = '\0';
}

static void read_identity(struct host_identity *identity)
{
	struct stat status;

	if (gethostname(identity->hostname, sizeof(identity->hostname) - 1) != 0)
		identity->hostname[0] = '\0';
	read_word("/etc/machine-id", identity->machine_id, sizeof(identity->machine_id));
	read_word("/proc/sys/kernel/random/boot_id", identity->boot_id, sizeof(identity->boot_id));
	if (stat("/proc/self/ns/net", &status) == 0)
		identity->netns = status.st_ino;
}

void host_read(struct host *host)
{
	struct utsname name;

	memset(host, 0, sizeof(*host));
	read_identity(&host->identity);
	if (uname(&name) == 0)
		snprintf(host->kernel, sizeof(host->kernel), "%s", name.release);
	host->somaxconn = read_sysctl("/proc/sys/net/core/somaxconn");
	host->somaxconn_end = -1;
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

void host_read_end(struct host *host)
{
	host->somaxconn_end = read_sysctl("/proc/sys/net/core/somaxconn");
}

void host_somaxconn(const struct host *host, int64_t *low, int64_t *high)
{
	*low = *high = host->somaxconn;
	if (host->somaxconn < 0 || host->somaxconn_end <= 0)
		return;
	if (host->somaxconn_end < *low)
		*low = host->somaxconn_end;
	if (host->somaxconn_end > *high)
		*high = host->somaxconn_end;
}
