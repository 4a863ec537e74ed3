/*
 * A file of options. What an option may be is for its command to say: here are
 * the lines.
 */
#include "cmd/options/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "isolate/sandbox.h"

/* Longer than any path; a line that does not fit is a mistake. */
#define LINE_SIZE 8192

const char config_help[] =
    "      --config FILE     read options from FILE: one per line, without the dashes, then\n"
    "                        its value; \"port [ADDRESS:]PORT\" too. SIGHUP reads FILE again\n";

/* A value that options point to, as they point to what is in argv. */
struct value {
	struct value *next;
	char text[];
};

static struct value *values;

/* NULL: out of memory. */
static const char *keep(const char *text)
{
	struct value *value = malloc(sizeof(*value) + strlen(text) + 1);

	if (!value)
		return NULL;
	strcpy(value->text, text);
	value->next = values;
	values = value;
	return value->text;
}

/* Cuts both ends. */
static char *trim(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length && isspace((unsigned char)text[length - 1]))
		text[--length] = '\0';
	return text;
}

/* "name value", "name = value" or "name": returns the value, NULL if there is none. */
static char *split(char *line)
{
	char *value = line + strcspn(line, " \t=");

	if (!*value)
		return NULL;
	/* One "=", with spaces around it or without. */
	if (*value != '=')
		*value++ = '\0';
	value += strspn(value, " \t");
	if (*value == '=')
		*value++ = '\0';
	value = trim(value);
	return *value ? value : NULL;
}

static const struct option *find(const struct option *options, const char *name)
{
	for (; options->name; options++)
		if (strcmp(options->name, name) == 0 && options->val != OPTION_CONFIG &&
		    strcmp(name, "help") != 0)
			return options;
	return NULL;
}

static int take_line(const struct config_reader *reader, char *line)
{
	char *name = trim(line), *value;
	const struct option *option;
	const char *kept;
	bool is_port;

	if (!*name || *name == '#')
		return 0;
	value = split(name);
	is_port = strcmp(name, "port") == 0;
	option = is_port ? NULL : find(reader->options, name);
	if (!option && !is_port) {
		complain(reader->command,
			 "unknown option '%s': expected 'port', or an option of synscope %s "
			 "without its dashes",
			 name, reader->command);
		return STATUS_USAGE;
	}
	if (!value && (is_port || option->has_arg == required_argument)) {
		complain(reader->command, "%s: missing value", name);
		return STATUS_USAGE;
	}
	if (value && !is_port && option->has_arg == no_argument) {
		complain(reader->command, "%s: unexpected value '%s'", name, value);
		return STATUS_USAGE;
	}
	kept = value;
	if (value && reader->keep && !(kept = keep(value))) {
		complain(reader->command, "out of memory");
		return STATUS_FAILED;
	}
	return is_port ? reader->port(reader->context, kept)
		       : reader->option(reader->context, option->val, kept);
}

static int take_lines(FILE *file, const char *path, const struct config_reader *reader)
{
	char line[LINE_SIZE], place[LINE_SIZE];
	int status = 0;

	for (unsigned number = 1; status == 0 && fgets(line, sizeof(line), file); number++) {
		snprintf(place, sizeof(place), "%.4000s:%u", path, number);
		complain_at(place);
		if (strlen(line) + 1 == sizeof(line)) {
			complain(reader->command, "line too long");
			status = STATUS_USAGE;
			continue;
		}
		status = take_line(reader, line);
	}
	complain_at(NULL);
	return status;
}

int config_read(const char *path, const struct config_reader *reader)
{
	FILE *file;
	int status, error;

	sandbox_open_as_user(true);
	file = fopen(path, "re");
	error = errno;
	sandbox_open_as_user(false);
	if (!file) {
		complain(reader->command, "--config: %s: %s", path, strerror(error));
		return STATUS_FAILED;
	}
	status = take_lines(file, path, reader);
	if (status == 0 && ferror(file)) {
		complain(reader->command, "--config: %s: %s", path, strerror(errno));
		status = STATUS_FAILED;
	}
	fclose(file);
	return status;
}
