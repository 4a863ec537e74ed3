#include "netlink/owner/workload.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ID   "3f2a9d1c5b7e48600d4f1e2a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e"
#define ID_2 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* As the kernel and the runtimes write them (proc_cgroup_show). */
Test(workload, is_named_by_its_cgroups)
{
	static const struct {
		const char *text, *unit, *container;
	} cases[] = {
	    {"0::/system.slice/nginx.service\n", "nginx.service", ""},
	    {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope\n", "app-x.scope", ""},
	    {"0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service", ""},
	    {"0::/system.slice/docker-" ID ".scope\n", "", ID},
	    /* systemd in a container: its unit there. */
	    {"0::/system.slice/docker-" ID ".scope/system.slice/nginx.service\n", "nginx.service", ID},
	    {"0::/system.slice/docker-" ID ".scope/init.scope\n", "", ID},
	    {"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1a_2.slice/cri-containerd-" ID ".scope\n",
	     "", ID},
	    {"0::/kubepods-besteffort-pod1.slice:cri-containerd:" ID "\n", "", ID},
	    {"0::/machine.slice/libpod-" ID ".scope/container\n", "", ID},
	    {"0::/machine.slice/libpod-conmon-" ID ".scope\n", "libpod-conmon-" ID ".scope", ""},
	    {"0::/docker/" ID "/docker/" ID_2 "\n", "", ID_2},
	    {"0::/lxc.payload.web1/system.slice/ssh.service\n", "ssh.service", "web1"},
	    {"12:pids:/lxc/web2\n", "", "web2"},
	    {"0::/machine.slice/systemd-nspawn@web3.service/payload\n", "", "web3"},
	    {"0::/machine.slice/machine-web4.scope\n", "", "web4"},
	    /* cgroup v1: a line for each controller, the unit by name=systemd alone. */
	    {"4:cpu,cpuacct:/docker/" ID "\n1:name=systemd:/docker/" ID "\n0::/\n", "", ID},
	    {"4:cpu,cpuacct:/limits/x.service\n1:name=systemd:/system.slice/apache2.service\n", "apache2.service", ""},
	    /* From within another cgroup namespace. */
	    {"0::/../../system.slice/nginx.service\n", "nginx.service", ""},
	    {"0::/\n", "", ""},
	    {"0::/docker/" ID "0\n", "", ""},
	    {"0::/docker/" ID_2 "x\n", "", ""},
	    {"0::/x\001y.service\n", "x?y.service", ""},
	    {"", "", ""},
	    {"nonsense\n::\n:\n", "", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct workload workload;
		char text[1024];

		snprintf(text, sizeof(text), "%s", cases[i].text);
		workload_parse(text, &workload);
		cr_expect_str_eq(workload.unit, cases[i].unit, "%s", cases[i].text);
		cr_expect_str_eq(workload.container, cases[i].container, "%s", cases[i].text);
	}
}

Test(workload, a_name_that_does_not_fit_is_none)
{
	char text[512] = "0::/", name[WORKLOAD_UNIT_SIZE + 1];
	struct workload workload;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	strcat(strcat(text, name), ".service\n");
	workload_parse(text, &workload);
	cr_assert_str_empty(workload.unit);
}

Test(workload, of_a_process_that_is_there_and_one_that_is_not)
{
	struct workload workload = {.unit = "x", .container = "y"};
	int proc = open("/proc", O_RDONLY | O_DIRECTORY);

	cr_assert_geq(proc, 0);
	workload_read(proc, getpid(), &workload);
	cr_assert_neq(workload.unit[0], 'x');
	memset(&workload, 'x', sizeof(workload));
	workload_read(proc, 0x7fffffff, &workload);
	cr_assert_str_empty(workload.unit);
	cr_assert_str_empty(workload.container);
	close(proc);
}
