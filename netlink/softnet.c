/*
 * Reads /proc/net/softnet_stat: a line a processor, hexadecimal columns, the second is
 * the number of packets dropped (net/core/net-procfs.c, softnet_seq_show()).
 */
#include "netlink/softnet.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint64_t softnet_parse(const char *text)
{
	uint64_t sum = 0;

	while (*text) {
		const char *end = strchr(text, '\n');
		char *second;

		(void)strtoull(text, &second, 16);
		if (*second == ' ' && (!end || second < end))
			sum += strtoull(second, NULL, 16);
		if (!end)
			break;
		text = end + 1;
	}
	return sum;
}

uint64_t softnet_dropped(void)
{
	char text[64 * 1024];
	size_t used = 0;
	ssize_t n;
	int fd = open("/proc/net/softnet_stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	while (used < sizeof(text) - 1 && (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	text[used] = '\0';
	return softnet_parse(text);
}
