/*
 * The help of a subcommand, taken apart. What can be told from the word that the
 * help has for an argument is told from it ("FOLDER", "zstd|none"); the rest is
 * in the list below.
 */
#include "cmd/completion/table.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/sink/sink.h"

/* Arguments whose words the help describes in a sentence. */
static const struct {
	const char *command; /* NULL: all */
	const char *option;
	const char *words; /* NULL: the formats of a report */
	const char *text;
} choices[] = {
    {"watch", "format", "text json", "output format"},
    {"listeners", "format", "text json tsv", "output format"},
    {NULL, "format", NULL, "output format"},
    {NULL, "color", "auto always never", "when to use colours"},
    {"demo", "model", "fork iterative thread all", "server model"},
    {NULL, "model", "fork iterative thread", "server model"},
};

static const struct {
	const char *argument;
	const char *option; /* NULL: all */
	enum completion_value value;
} arguments[] = {
    {"FOLDER", NULL, VALUE_FOLDER},	    {"FILE", NULL, VALUE_FILE},
    {"NAME", "interface", VALUE_INTERFACE}, {"NAME|PID", NULL, VALUE_NAMESPACE},
    {"NAME", "user", VALUE_USER},	    {"PID", NULL, VALUE_PROCESS},
};

static void add_word(struct completion_option *option, const char *word, size_t length)
{
	size_t used = strlen(option->words);

	if (used + length + 2 <= sizeof(option->words))
		snprintf(option->words + used, sizeof(option->words) - used, "%s%.*s",
			 used ? " " : "", (int)length, word);
}

/* "zstd|none": what is not in capitals is to be written as it is. */
static void split_words(struct completion_option *option)
{
	const char *word = option->argument;

	while (*word) {
		size_t length = strcspn(word, "|");

		add_word(option, word, length);
		word += length + (word[length] == '|');
	}
}

static bool find_choice(const char *command, struct completion_option *option)
{
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		if (strcmp(choices[i].option, option->name) != 0 ||
		    (choices[i].command && strcmp(choices[i].command, command) != 0))
			continue;
		if (choices[i].words)
			add_word(option, choices[i].words, strlen(choices[i].words));
		for (size_t f = 0; !choices[i].words && sink_formats[f].name; f++)
			add_word(option, sink_formats[f].name, strlen(sink_formats[f].name));
		snprintf(option->text, sizeof(option->text), "%s", choices[i].text);
		return true;
	}
	return false;
}

static void find_value(const char *command, struct completion_option *option)
{
	option->value = VALUE_OTHER;
	if (find_choice(command, option)) {
		option->value = VALUE_WORDS;
		return;
	}
	if (islower((unsigned char)option->argument[0])) {
		split_words(option);
		option->value = VALUE_WORDS;
		return;
	}
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
		if (strcmp(arguments[i].argument, option->argument) == 0 &&
		    (!arguments[i].option || strcmp(arguments[i].option, option->name) == 0))
			option->value = arguments[i].value;
}

/* Where the text begins in a line that begins with options: after two spaces. NULL: not in it. */
static const char *text_of(const char *line, const char *end)
{
	for (; line + 1 < end; line++)
		if (line[0] == ' ' && line[1] == ' ')
			return line + 2;
	return NULL;
}

/* "text: draw ...", "as root: switch ...": what it is about, and at most this long. */
#define SUBJECT_MAX 12

/* The first clause of the help: a shell shows one line. */
static void take_text(struct completion_option *option, const char *text)
{
	size_t n = 0;
	bool space = false;

	for (; *text && n + 2 < sizeof(option->text); text++) {
		/* The next option begins, or the help has come to an end. */
		if (*text == '\n' && (text[1] == '\n' || strspn(text + 1, " ") < 10))
			break;
		if (*text == ':' && n <= SUBJECT_MAX) {
			n = 0;
			continue;
		}
		if (*text == ';' || *text == ':' || (*text == '(' && space))
			break;
		if (strchr(",.", *text) && isspace((unsigned char)text[1]) && n > SUBJECT_MAX)
			break;
		space = space || isspace((unsigned char)*text);
		if (isspace((unsigned char)*text))
			continue;
		if (space && n)
			option->text[n++] = ' ';
		space = false;
		option->text[n++] = *text;
	}
	option->text[n] = '\0';
}

/* Finds "--NAME" in the options of a line, with what stands around it. */
static bool take_line(struct completion_option *option, const char *line, const char *end)
{
	size_t length = strlen(option->name);

	for (const char *p = line; p + 2 + length <= end; p++) {
		size_t argument;

		if (strncmp(p, "--", 2) != 0 || strncmp(p + 2, option->name, length) != 0 ||
		    !strchr(" ,\n", p[2 + length]))
			continue;
		if (p - line >= 4 && p[-4] == '-' && p[-2] == ',' && p[-1] == ' ')
			option->letter = p[-3];
		p += 2 + length;
		argument = *p == ' ' ? strcspn(p + 1, " ,\n") : 0;
		snprintf(option->argument, sizeof(option->argument), "%.*s", (int)argument, p + 1);
		return true;
	}
	return false;
}

static bool take_help(struct completion_option *option, const char *help)
{
	for (const char *line = help; *line; line = strchr(line, '\n') + 1) {
		const char *first = line + strspn(line, " "), *end = strchr(line, '\n');
		const char *text;

		if (first - line < 2 || *first != '-')
			continue;
		text = text_of(first, end);
		if (!take_line(option, first, text ? text : end))
			continue;
		take_text(option, text ? text : end + 1);
		/* The sentence may go on past the first clause. */
		text = text ? text : end + 1;
		end = strchr(text, '\n');
		option->repeats = memmem(text, (size_t)(end - text), "repeated", 8) != NULL;
		return true;
	}
	return false;
}

static void take_usage(struct completion_command *command, const char *help)
{
	size_t length = strcspn(help, "\n");

	command->takes_files = memmem(help, length, "FILE", 4) != NULL;
	command->takes_ports = memmem(help, length, "PORT", 4) != NULL;
	command->takes_command = memmem(help, length, "-- COMMAND", 10) != NULL;
}

int completion_read(const struct command *command, struct completion_command *out)
{
	char *help = NULL;
	size_t size;
	FILE *memory = open_memstream(&help, &size);

	if (!memory)
		return -ENOMEM;
	command->help(memory);
	if (fclose(memory) != 0) {
		free(help);
		return -ENOMEM;
	}
	*out = (struct completion_command){.command = command};
	take_usage(out, help);
	for (const struct option *o = command->options; o->name; o++) {
		struct completion_option *option = &out->options[out->count];

		if (out->count == COMPLETION_OPTIONS_MAX)
			break;
		*option = (struct completion_option){0};
		snprintf(option->name, sizeof(option->name), "%s", o->name);
		if (!take_help(option, help))
			continue; /* it is hidden */
		if (o->has_arg != no_argument)
			find_value(command->name, option);
		out->count++;
	}
	free(help);
	return 0;
}
