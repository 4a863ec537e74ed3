/*
 * Names a workload by its cgroups, as systemd and the container runtimes call them.
 */
#include "netlink/owner/workload.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID_DIGITS 64

/* A path of cgroup v1 for each of a dozen controllers. */
#define TEXT_SIZE 8192

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);

	return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* A name that does not fit is none: a part of it would be another's. */
static void take(char *out, size_t size, const char *name, size_t length)
{
	if (length >= size)
		return;
	for (size_t i = 0; i < length; i++)
		out[i] = isprint((unsigned char)name[i]) ? name[i] : '?';
	out[length] = '\0';
}

/* 64 hexadecimal digits: "docker-ID.scope", "cri-containerd-ID.scope", "...:cri-containerd:ID", "ID". */
static const char *find_id(const char *name)
{
	const char *end = name + strlen(name) - (ends_with(name, ".scope") ? strlen(".scope") : 0);

	if (end - name < ID_DIGITS || strspn(end - ID_DIGITS, "0123456789abcdef") < ID_DIGITS)
		return NULL;
	end -= ID_DIGITS;
	return end == name || end[-1] == '-' || end[-1] == ':' ? end : NULL;
}

/* What watches a container, outside of it, is named after it. */
static bool is_of_monitor(const char *name)
{
	return strncmp(name, "libpod-conmon-", strlen("libpod-conmon-")) == 0 ||
	       strncmp(name, "crio-conmon-", strlen("crio-conmon-")) == 0;
}

/* The part of a name between what it begins and ends with. */
static bool take_between(char *out, const char *name, const char *begin, const char *end)
{
	size_t length = strlen(name), around = strlen(begin) + strlen(end);

	if (length <= around || strncmp(name, begin, strlen(begin)) != 0 ||
	    (*end && !ends_with(name, end)))
		return false;
	take(out, WORKLOAD_CONTAINER_SIZE, name + strlen(begin), length - around);
	return true;
}

/* True where the name is a container's. above: the name of the cgroup above. */
static bool take_container(char *out, const char *above, const char *name)
{
	const char *id = find_id(name);

	if (id && !is_of_monitor(name)) {
		take(out, WORKLOAD_CONTAINER_SIZE, id, ID_DIGITS);
		return true;
	}
	return take_between(out, name, "lxc.payload.", "") ||
	       take_between(out, name, "systemd-nspawn@", ".service") ||
	       take_between(out, name, "machine-", ".scope") ||
	       (strcmp(above, "lxc") == 0 && take_between(out, name, "", ""));
}

/* The innermost of each: a container has units of its own, and may have containers. */
static void take_path(char *path, bool of_systemd, struct workload *out)
{
	struct workload found = {.unit = ""};
	const char *above = "";
	char *save, *name;

	for (name = strtok_r(path, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		if (take_container(found.container, above, name))
			found.unit[0] = '\0';
		else if (of_systemd && strcmp(name, "init.scope") != 0 &&
			 (ends_with(name, ".service") || ends_with(name, ".scope")))
			take(found.unit, sizeof(found.unit), name, strlen(name));
		above = name;
	}
	if (!out->unit[0])
		memcpy(out->unit, found.unit, sizeof(out->unit));
	if (!out->container[0])
		memcpy(out->container, found.container, sizeof(out->container));
}

void workload_parse(char *text, struct workload *out)
{
	char *save, *line;

	*out = (struct workload){.unit = ""};
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		*path++ = '\0';
		names++;
		take_path(path, !*names || strcmp(names, "name=systemd") == 0, out);
	}
}

void workload_read(int proc, int32_t pid, struct workload *out)
{
	char path[32], text[TEXT_SIZE];
	size_t length = 0;
	ssize_t n = 0;
	int fd;

	*out = (struct workload){.unit = ""};
	snprintf(path, sizeof(path), "%d/cgroup", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (length < sizeof(text) - 1 &&
	       (n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	text[length] = '\0';
	workload_parse(text, out);
}
