/*
 * Reads /sys/kernel/btf/vmlinux and /proc/kallsyms.
 */
#include "probe/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

static bool has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

static uint32_t arguments_of(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (__u32)id) : NULL;

	type = type ? btf__type_by_id(btf, type->type) : NULL;
	return type && btf_is_func_proto(type) ? btf_vlen(type) : 0;
}

/* True when this enumeration has all of them (include/uapi/linux/snmp.h, without a name). */
static bool read_mib(const struct btf *btf, const struct btf_type *type, struct layout *layout)
{
	const struct btf_enum *e = btf_enum(type);
	struct layout found = {0};

	for (unsigned i = 0; i < btf_vlen(type); i++, e++) {
		const char *name = btf__name_by_offset(btf, e->name_off);
		uint32_t number = (uint32_t)e->val;

		if (!name || strncmp(name, "LINUX_MIB_", 10) != 0)
			continue;
		if (strcmp(name + 10, "LISTENOVERFLOWS") == 0)
			found.mib_overflows = number;
		else if (strcmp(name + 10, "LISTENDROPS") == 0)
			found.mib_listen_drops = number;
		else if (strcmp(name + 10, "TCPREQQFULLDROP") == 0)
			found.mib_syn_queue = number;
	}
	if (!found.mib_overflows || !found.mib_listen_drops || !found.mib_syn_queue)
		return false;
	layout->mib_overflows = found.mib_overflows;
	layout->mib_listen_drops = found.mib_listen_drops;
	layout->mib_syn_queue = found.mib_syn_queue;
	return true;
}

static bool find_mib(const struct btf *btf, struct layout *layout)
{
	for (__u32 id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);

		if (btf_is_enum(type) && btf_vlen(type) > 16 && read_mib(btf, type, layout))
			return true;
	}
	return false;
}

void layout_read(struct layout *layout)
{
	struct btf *btf = btf__load_vmlinux_btf();
	uint32_t arguments;

	*layout = (struct layout){0};
	if (libbpf_get_error(btf))
		return;
	arguments = arguments_of(btf, "inet_csk_accept");
	layout->accept_arguments = arguments == 2 || arguments == 4 ? arguments : 0;
	layout->drops = arguments_of(btf, "tcp_conn_request") == 4 &&
			has_function(btf, "tcp_v4_syn_recv_sock") && find_mib(btf, layout);
	layout->data_ready =
	    btf__find_by_name_kind(btf, "btf_trace_sk_data_ready", BTF_KIND_TYPEDEF) > 0;
	layout->ipv6 = has_function(btf, "tcp_v6_syn_recv_sock");
	btf__free(btf);
}

uint64_t layout_processor_offsets(void)
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	char line[256], name[128];
	uint64_t address, found = 0;

	if (!symbols)
		return 0;
	while (!found && fgets(line, sizeof(line), symbols))
		if (sscanf(line, "%" SCNx64 " %*c %127s", &address, name) == 2 &&
		    strcmp(name, "__per_cpu_offset") == 0)
			found = address;
	fclose(symbols);
	return found;
}
