/*
 * The options of a long recording.
 */
#include "cmd/options/rotation.h"

#include <string.h>

#include "cmd/command.h"
#include "cmd/options/argument.h"
#include "cmd/options/value.h"
#include "event/recording/parts.h"

/* Smaller parts would be little more than their own beginnings. */
#define ROTATE_SIZE_MIN (64 * 1024)

const char rotation_help[] =
    "      --rotate-size SIZE, --rotate-time TIME\n"
    "                        record in parts: start FOLDER/000002 and so on when a part\n"
    "                        reaches this size (100M) or age (1h)\n"
    "      --keep N          remove the oldest part when there are more than N\n"
    "      --keep-time TIME  remove a part that ended longer ago than TIME (7d)\n"
    "      --keep-size SIZE  remove the oldest part when all parts together are larger\n"
    "                        than SIZE (5G)\n"
    "      --keep-incidents N\n"
    "                        keep the newest N parts in which a listener dropped something\n"
    "                        or accept() was slow; only --keep-size removes them\n"
    "      --append          continue a recording in parts that is in FOLDER\n"
    "      --compress zstd|none\n"
    "                        compress the parts (zstd); zstdcat and Wireshark read them\n";

void rotation_init(struct rotation *rotation)
{
	memset(rotation, 0, sizeof(*rotation));
	rotation->compress = true;
}

static int take_number(const char *command, const char *name, const char *value, uint32_t *out)
{
	uint64_t number;
	int status = value_number(command, name, value, 1, RECORDING_PART_MAX, NULL, &number);

	if (status == 0)
		*out = (uint32_t)number;
	return status;
}

static int take_size(const char *command, const char *name, const char *value, uint64_t *out)
{
	if (argument_size(value, out) == 0 && *out >= ROTATE_SIZE_MIN)
		return 0;
	complain(command, "%s: invalid size '%s': expected 64K or more, such as 100M", name, value);
	return usage_error(command);
}

static int take_time(const char *command, const char *name, const char *value, int64_t *out_ns)
{
	return value_time(command, name, value, NS_PER_SEC, INT64_MAX, "1s or more, such as 1h",
			  out_ns);
}

int rotation_option(struct rotation *rotation, const char *command, int option, const char *value)
{
	struct retention_policy *policy = &rotation->retention;

	switch (option) {
	case 0x201:
		return take_size(command, "--rotate-size", value, &rotation->bytes);
	case 0x202:
		return take_time(command, "--rotate-time", value, &rotation->time_ns);
	case 0x203:
		return take_number(command, "--keep", value, &policy->keep);
	case 0x204:
		if (strcmp(value, "zstd") != 0 && strcmp(value, "none") != 0) {
			complain(command, "--compress: invalid method '%s'; choose zstd or none",
				 value);
			return usage_error(command);
		}
		rotation->compress = strcmp(value, "zstd") == 0;
		return 0;
	case 0x205:
		return take_time(command, "--keep-time", value, &policy->keep_time_ns);
	case 0x206:
		return take_size(command, "--keep-size", value, &policy->keep_bytes);
	case 0x207:
		return take_number(command, "--keep-incidents", value, &policy->keep_incidents);
	case 0x208:
		rotation->append = true;
		return 0;
	default:
		return -1;
	}
}

int rotation_check(const struct rotation *rotation, const char *command)
{
	const char *option = NULL;

	if (retention_is_on(&rotation->retention))
		option = "--keep, --keep-time and --keep-size";
	else if (rotation->append)
		option = "--append";
	if (option && !rotation_is_on(rotation)) {
		complain(command, "%s: missing --rotate-size or --rotate-time", option);
		return usage_error(command);
	}
	if (rotation->retention.keep_incidents && !retention_is_on(&rotation->retention)) {
		complain(command, "--keep-incidents: missing --keep, --keep-time or --keep-size: "
				  "every part is kept");
		return usage_error(command);
	}
	return 0;
}
