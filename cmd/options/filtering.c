/*
 * The options of the filter. Each may be given several times: alternatives, as are the
 * names in a list.
 */
#include "cmd/options/filtering.h"

#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/options/value.h"
#include "cmd/options/resolve.h"

const char filter_help[] =
    "      --listener [ADDRESS:]PORT\n"
    "                        only the attempts to this listener; the ledger and the advice\n"
    "                        stay those of all attempts, and the report says so\n"
    "      --client NETWORK  only of this client (ADDRESS) or network (ADDRESS/BITS)\n"
    "      --outcome NAMES   only with this outcome, or one of several: zombie,reset\n"
    "      --cause NAMES     only with this cause, or one of several\n"
    "      --slower-than TIME\n"
    "                        only those that took longer from the first SYN to accept(), or\n"
    "                        waited longer in vain: 100ms, 1s\n";

static int add_listener(struct filter *filter, const char *command, const char *value)
{
	struct endpoint found[RESOLVE_MAX];
	char error[RESOLVE_ERROR_SIZE];
	int count = resolve(value, found, error);

	if (count > 0 && found[0].port == 0) {
		snprintf(error, sizeof(error), "expected a port from 1 to 65535");
		count = -1;
	}
	if (count < 0) {
		complain(command, "--listener: invalid value '%s': %s", value, error);
		return usage_error(command);
	}
	if (filter->listeners_count + (size_t)count > FILTER_LISTENERS_MAX) {
		complain(command, "--listener: too many: at most %d", FILTER_LISTENERS_MAX);
		return usage_error(command);
	}
	memcpy(&filter->listeners[filter->listeners_count], found,
	       (size_t)count * sizeof(found[0]));
	filter->listeners_count += (size_t)count;
	return 0;
}

static int add_client(struct filter *filter, const char *command, const char *value)
{
	if (filter->clients_count == FILTER_CLIENTS_MAX) {
		complain(command, "--client: too many: at most %d", FILTER_CLIENTS_MAX);
		return usage_error(command);
	}
	if (network_parse(value, &filter->clients[filter->clients_count]) == 0) {
		filter->clients_count++;
		return 0;
	}
	complain(command, "--client: invalid value '%s': expected ADDRESS or ADDRESS/BITS", value);
	return usage_error(command);
}

static const char *name_of_outcome(int outcome)
{
	return outcome_name((enum outcome)outcome);
}

static const char *name_of_cause(int cause)
{
	return cause_name((enum cause)cause);
}

struct names {
	const char *option;
	int count;
	const char *(*name)(int number);
};

static int unknown_name(const char *command, const struct names *names, const char *name,
			size_t length)
{
	char known[1024] = "";
	size_t used = 0;

	for (int i = 0; i < names->count; i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 i == 0			 ? ""
					 : i == names->count - 1 ? " or "
								 : ", ",
					 names->name(i));
	complain(command, "%s: unknown name '%.*s'; choose %s", names->option, (int)length, name,
		 known);
	return usage_error(command);
}

/* "zombie,reset" */
static int add_names(uint32_t *set, const char *command, const struct names *names,
		     const char *value)
{
	for (;;) {
		size_t length = strcspn(value, ",");
		int i = 0;

		while (i < names->count && (strlen(names->name(i)) != length ||
					    strncmp(names->name(i), value, length) != 0))
			i++;
		if (i == names->count)
			return unknown_name(command, names, value, length);
		*set |= 1u << i;
		if (!value[length])
			return 0;
		value += length + 1;
	}
}

int filter_option(struct filter *filter, const char *command, int option, const char *value)
{
	static const struct names outcomes = {"--outcome", OUTCOME_COUNT, name_of_outcome},
				  causes = {"--cause", CAUSE_COUNT, name_of_cause};
	int status;

	switch (option) {
	case 0x501:
		return add_listener(filter, command, value);
	case 0x502:
		return add_client(filter, command, value);
	case 0x503:
		return add_names(&filter->outcomes, command, &outcomes, value);
	case 0x504:
		return add_names(&filter->causes, command, &causes, value);
	case 0x505:
		status = value_time(command, "--slower-than", value, 0, INT64_MAX,
				    VALUE_TIME_SUCH_AS("100ms"), &filter->slower_than_ns);
		filter->timed = status == 0;
		return status;
	default:
		return -1;
	}
}
