/*
 * meta.json. What is taken is written again and read again, and must be the same.
 *
 * Input: the file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/json_escape.h"
#include "event/recording/meta.h"
#include "fuzz.h"

enum goal { WHOLE, CRASHED, EVERY_TARGET, NO_JSON, OTHER_SCHEMA, WRONG_MEMBER };

struct fuzz_goal fuzz_goals[] = {
    [WHOLE] = {"a recording that ended", 0},
    [CRASHED] = {"a recording that crashed", 0},
    [EVERY_TARGET] = {"as many targets as fit", 0},
    [NO_JSON] = {"not JSON", 0},
    [OTHER_SCHEMA] = {"another schema", 0},
    [WRONG_MEMBER] = {"a member of the wrong type", 0},
    {NULL, 0},
};

static int parse(const char *text, size_t length, struct recording_meta *meta, char error[256])
{
	char *copy = malloc(length ? length : 1);
	int result;

	FUZZ_ASSERT(copy);
	memcpy(copy, text, length);
	error[0] = '\0';
	result = recording_meta_parse(copy, length, meta, error, 256);
	free(copy);
	return result;
}

/* Text that was cut within a character is repaired when it is written: compared from then on. */
static void check_round_trip(const struct recording_meta *meta)
{
	struct recording_meta once, twice;
	char *text[2], error[256];
	size_t length[2];
	FILE *out;

	for (int i = 0; i < 2; i++) {
		out = open_memstream(&text[i], &length[i]);
		FUZZ_ASSERT(out);
		recording_meta_format(out, i ? &once : meta);
		FUZZ_ASSERT(fclose(out) == 0);
		FUZZ_ASSERT(parse(text[i], length[i], i ? &twice : &once, error) == 0);
	}
	FUZZ_ASSERT(once.start_ns == meta->start_ns && once.packets == meta->packets);
	FUZZ_ASSERT(once.targets_count == meta->targets_count);
	FUZZ_ASSERT(memcmp(once.losses, meta->losses, sizeof(once.losses)) == 0);
	FUZZ_ASSERT(memcmp(&once.host.somaxconn, &meta->host.somaxconn, sizeof(int64_t)) == 0);
	free(text[0]);
	free(text[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct recording_meta meta;
	char error[256];
	int result = parse((const char *)data, size, &meta, error);

	if (result == 0) {
		FUZZ_ASSERT(meta.targets_count <= RECORDING_TARGETS_MAX);
		fuzz_goals[WHOLE].reached += meta.end_ns != TIME_UNKNOWN;
		fuzz_goals[CRASHED].reached += meta.end_ns == TIME_UNKNOWN;
		fuzz_goals[EVERY_TARGET].reached += meta.targets_count == RECORDING_TARGETS_MAX;
		check_round_trip(&meta);
		return 0;
	}
	FUZZ_ASSERT(result == -EBADMSG || result == -EPROTONOSUPPORT);
	FUZZ_ASSERT(error[0] && !strchr(error, '\n') && strlen(error) < sizeof(error));
	fuzz_goals[OTHER_SCHEMA].reached += result == -EPROTONOSUPPORT;
	fuzz_goals[NO_JSON].reached += !!strstr(error, "not JSON");
	fuzz_goals[WRONG_MEMBER].reached += !!strstr(error, "wrong type");
	return 0;
}
