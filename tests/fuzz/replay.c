/*
 * Replays a corpus: replay FOLDER. Exit status 1 when the folder has no files
 * or a goal was not reached; a finding ends it by a signal.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define FILE_MAX (1 << 20)

static uint8_t content[FILE_MAX];

static bool replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *copy;
	size_t size;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	size = fread(content, 1, sizeof(content), file);
	fclose(file);
	copy = malloc(size ? size : 1);
	if (!copy)
		return false;
	memcpy(copy, content, size);
	/* One byte behind the copy is the sanitizer's. An empty one ends where it begins. */
	(void)LLVMFuzzerTestOneInput(copy + (size ? 0 : 1), size);
	free(copy);
	return true;
}

static int replay_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, NULL, alphasort), files = 0;
	bool good = true;

	if (n < 0) {
		fprintf(stderr, "%s: %s\n", folder, strerror(errno));
		return -1;
	}
	for (int i = 0; i < n; i++) {
		char path[4096];

		if (entries[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
			good = replay_file(path) && good;
			files++;
		}
		free(entries[i]);
	}
	free(entries);
	return good ? files : -1;
}

int main(int argc, char **argv)
{
	int files, missed = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	files = replay_folder(argv[1]);
	if (files <= 0) {
		fprintf(stderr, "%s: no corpus\n", argv[1]);
		return 1;
	}
	for (const struct fuzz_goal *g = fuzz_goals; g->name; g++) {
		if (g->reached)
			continue;
		fprintf(stderr, "not reached: %s\n", g->name);
		missed++;
	}
	printf("%d files replayed, %d goals missed\n", files, missed);
	return missed ? 1 : 0;
}
