/*
 * A folder with a foreign events.jsonl: every line is counted once, as an event,
 * unknown or malformed, and the reading ends.
 *
 * Input: the file; a byte of 0xff stands for a 15th of the longest line that is
 * read, in blanks, so that a search gets to the buffer's end with small inputs,
 * and to places of its own near it. Of these bytes only the first 31 count: to
 * read blanks takes long and tells nothing new.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/recording/recording.h"
#include "event/recording/line.h"
#include "fuzz.h"

#define BLANKS	   (RECORDING_LINE_MAX / 15)
#define BLANKS_MAX 31
#define FILE_MAX   (RECORDING_LINE_MAX * 3)

enum goal { EVENTS, UNKNOWN, MALFORMED, CUT, LONG_LINE, NO_NEWLINE };

struct fuzz_goal fuzz_goals[] = {
    [EVENTS] = {"events", 0},
    [UNKNOWN] = {"unknown lines", 0},
    [MALFORMED] = {"malformed lines", 0},
    [CUT] = {"a last line that is cut", 0},
    [LONG_LINE] = {"a line that is too long", 0},
    [NO_NEWLINE] = {"a last line that only lacks its newline", 0},
    {NULL, 0},
};

/* In memory where the system has such a place: a search writes a file each time. */
static char folder[] = "/dev/shm/synscope-fuzz-XXXXXX";
static char path[sizeof(folder) + sizeof(RECORDING_EVENTS) + 1];
static int file = -1;

static void clean_up(void)
{
	unlink(path);
	rmdir(folder);
}

static void set_up(void)
{
	if (!mkdtemp(folder)) {
		strcpy(folder, "/tmp/synscope-fuzz-XXXXXX");
		FUZZ_ASSERT(mkdtemp(folder));
	}
	snprintf(path, sizeof(path), "%s/%s", folder, RECORDING_EVENTS);
	file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FUZZ_ASSERT(file >= 0);
	atexit(clean_up);
}

/* Blows the input up into the file's content; returns its size. */
static size_t blow_up(const uint8_t *data, size_t size, char *content)
{
	size_t used = 0, times = 0;

	for (size_t i = 0; i < size && used < FILE_MAX; i++) {
		size_t blanks = FILE_MAX - used < BLANKS ? FILE_MAX - used : BLANKS;

		if (data[i] != 0xff || times++ >= BLANKS_MAX) {
			content[used++] = (char)data[i];
			continue;
		}
		memset(content + used, ' ', blanks);
		used += blanks;
	}
	return used;
}

struct lines {
	uint64_t count;
	uint64_t longest;
	bool whole; /* the last one ends in a newline */
};

static struct lines count_lines(const char *content, size_t size)
{
	struct lines lines = {0, 0, true};
	size_t start = 0;

	while (start < size) {
		const char *end = memchr(content + start, '\n', size - start);
		size_t length = end ? (size_t)(end - content) - start : size - start;

		lines.count++;
		lines.longest = length > lines.longest ? length : lines.longest;
		lines.whole = end != NULL;
		start += length + 1;
	}
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char content[FILE_MAX];
	uint64_t seen[RECORDING_ERROR + 1] = {0};
	char error[RECORDING_ERROR_SIZE];
	struct recording_reader *reader;
	enum recording_result result;
	struct event event;
	struct lines lines;
	size_t length;

	if (file < 0)
		set_up();
	length = blow_up(data, size, content);
	lines = count_lines(content, length);
	FUZZ_ASSERT(ftruncate(file, 0) == 0);
	FUZZ_ASSERT(pwrite(file, content, length, 0) == (ssize_t)length);
	FUZZ_ASSERT(recording_reader_new(folder, &reader, error) == 0);
	do {
		result = recording_read(reader, &event);
		FUZZ_ASSERT(seen[RECORDING_CUT] == 0 || result == RECORDING_END);
		seen[result]++;
	} while (result != RECORDING_END && result != RECORDING_ERROR);
	FUZZ_ASSERT(result == RECORDING_END);
	FUZZ_ASSERT(recording_lines(reader) == lines.count);
	FUZZ_ASSERT(recording_malformed(reader) == seen[RECORDING_MALFORMED] + seen[RECORDING_CUT]);
	FUZZ_ASSERT(seen[RECORDING_EVENT] + recording_unknown(reader) +
			recording_malformed(reader) ==
		    lines.count);
	FUZZ_ASSERT(!lines.whole || !seen[RECORDING_CUT]);
	FUZZ_ASSERT(lines.longest <= RECORDING_LINE_MAX || recording_malformed(reader));
	fuzz_goals[EVENTS].reached += seen[RECORDING_EVENT];
	fuzz_goals[UNKNOWN].reached += recording_unknown(reader);
	fuzz_goals[MALFORMED].reached += seen[RECORDING_MALFORMED];
	fuzz_goals[CUT].reached += seen[RECORDING_CUT];
	fuzz_goals[LONG_LINE].reached += lines.longest > RECORDING_LINE_MAX;
	fuzz_goals[NO_NEWLINE].reached +=
	    !lines.whole && !seen[RECORDING_CUT] && seen[RECORDING_EVENT];
	recording_reader_free(reader);
	return 0;
}
