/* Looks at a process of /proc and /sys/fs/cgroup as each kind of host has them, in files. */
#include "netlink/owner/activity.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PID 7

static char root[] = "/tmp/test_activity.XXXXXX";
static struct owner_activity activity;

static void put(const char *path, const char *text)
{
	char folder[512], *slash = folder;
	FILE *file;

	snprintf(folder, sizeof(folder), "%s/%s", root, path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		cr_assert(strlen(folder) < strlen(root) || mkdir(folder, 0700) == 0 ||
			  errno == EEXIST);
		*slash = '/';
	}
	file = fopen(folder, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_process(const char *cgroups)
{
	put("proc/7/stat", "7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 100");
	put("proc/7/schedstat", "1000 2000 30\n");
	put("proc/7/limits", "Limit   Soft Limit   Hard Limit   Units\n"
			     "Max open files            256     1024    files\n");
	put("proc/7/cgroup", cgroups);
}

static void put_stat_v2(const char *path, long periods, long usec)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "usage_usec 9\nnr_periods 90\nnr_throttled %ld\nthrottled_usec %ld\nnr_bursts 0\n",
		 periods, usec);
	put(path, text);
}

static void begin(void)
{
	cr_assert_not_null(mkdtemp(root));
}

static void end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(activity, .init = begin, .fini = end);

static int open_folder(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void look(void)
{
	int proc = open_folder("proc"), cgroups = open_folder("cgroup");

	cr_assert_geq(proc, 0);
	cr_assert_eq(activity_read(proc, cgroups, PID, &activity), 0);
	close(proc);
	if (cgroups >= 0)
		close(cgroups);
}

Test(activity, what_proc_says)
{
	put_process("");
	look();
	cr_expect_eq(activity.pid, PID);
	cr_expect_eq(activity.state, 'S');
	cr_expect_eq(activity.threads, 3);
	cr_expect_eq(activity.run_ns, 1000);
	cr_expect_eq(activity.wait_ns, 2000);
	cr_expect_eq(activity.descriptors, -1);
	cr_expect_eq(activity.descriptors_max, 256);
	cr_expect_eq(activity.throttled_ns, -1);
	cr_expect_not(activity.frozen);
}

Test(activity, nobody_is_there)
{
	int proc;

	put_process("");
	proc = open_folder("proc");
	cr_expect_eq(activity_read(proc, -1, PID + 1, &activity), -ESRCH);
	close(proc);
}

Test(activity, cgroups_of_version_2)
{
	put_process("0::/system.slice/nginx.service\n");
	put_stat_v2("cgroup/system.slice/nginx.service/cpu.stat", 3, 250);
	put("cgroup/system.slice/nginx.service/cgroup.events", "populated 1\nfrozen 0\n");
	look();
	cr_expect_eq(activity.throttled_periods, 3);
	cr_expect_eq(activity.throttled_ns, 250000);
	cr_expect_not(activity.frozen);
	put("cgroup/system.slice/nginx.service/cgroup.events", "populated 1\nfrozen 1\n");
	look();
	cr_expect(activity.frozen);
}

/* The slice was held back for a day, once: that hides nothing of its unit. */
Test(activity, each_cgroup_above_counts)
{
	put_process("0::/a.slice/b.service\n");
	put_stat_v2("cgroup/a.slice/cpu.stat", 864000, 86400000000);
	put_stat_v2("cgroup/a.slice/b.service/cpu.stat", 3, 250);
	look();
	cr_expect_eq(activity.throttled_periods, 864003);
	put_stat_v2("cgroup/a.slice/b.service/cpu.stat", 5, 450);
	look();
	cr_expect_eq(activity.throttled_periods, 864005);
	cr_expect_eq(activity.throttled_ns, 86400000450000);
}

Test(activity, without_a_quota_it_is_unknown)
{
	put_process("0::/a.slice\n");
	put("cgroup/a.slice/cpu.stat", "usage_usec 9\nuser_usec 5\nsystem_usec 4\n");
	look();
	cr_expect_eq(activity.throttled_ns, -1);
	cr_expect_eq(activity.throttled_periods, -1);
}

/* In a container the root is the container's own. */
Test(activity, the_root_of_a_cgroup_namespace_has_a_quota)
{
	put_process("0::/\n");
	put_stat_v2("cgroup/cpu.stat", 4, 400);
	look();
	cr_expect_eq(activity.throttled_periods, 4);
	cr_expect_eq(activity.throttled_ns, 400000);
	put_process("0::/inner\n");
	look();
	cr_expect_eq(activity.throttled_periods, 4);
	/* Of another container, as one in its own namespace sees it. */
	put_process("0::/../other\n");
	look();
	cr_expect_eq(activity.throttled_periods, -1);
}

Test(activity, cgroups_of_version_1)
{
	put_process("4:cpu,cpuacct:/web\n3:freezer:/web\n1:name=systemd:/web\n");
	put("cgroup/cpu/web/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 777\n");
	put("cgroup/freezer/web/freezer.state", "FROZEN\n");
	look();
	cr_expect_eq(activity.throttled_periods, 2);
	cr_expect_eq(activity.throttled_ns, 777);
	cr_expect(activity.frozen);
	put("cgroup/freezer/web/freezer.state", "THAWED\n");
	look();
	cr_expect_not(activity.frozen);
}

Test(activity, version_2_beside_version_1)
{
	put_process("4:cpu:/web\n3:freezer:/\n0::/web.service\n");
	put("cgroup/cpu/web/cpu.stat", "nr_periods 9\nnr_throttled 2\nthrottled_time 777\n");
	put("cgroup/unified/web.service/cgroup.events", "populated 1\nfrozen 1\n");
	put("cgroup/unified/web.service/cpu.stat", "usage_usec 9\n");
	look();
	cr_expect_eq(activity.throttled_ns, 777);
	cr_expect(activity.frozen);
}
