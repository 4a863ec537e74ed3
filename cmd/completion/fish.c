/*
 * The script for fish.
 */
#include "cmd/completion/shells.h"

static const char beginning[] =
    "# fish completion for synscope\n"
    "\n"
    "function __synscope_ports\n"
    "    synscope listeners -f tsv 2>/dev/null | string match -rg '^\\S+:([0-9]+)\\t'\n"
    "end\n"
    "\n"
    "complete -c synscope -f\n"
    "complete -c synscope -n __fish_use_subcommand -l help -d 'show help'\n"
    "complete -c synscope -n __fish_use_subcommand -l version -d 'show the version'\n";

/* Within single quotes. */
static void write_text(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static void write_value(FILE *out, const struct completion_option *option)
{
	switch (option->value) {
	case VALUE_NONE:
		break;
	case VALUE_OTHER:
		fputs(" -x", out);
		break;
	case VALUE_WORDS:
		fprintf(out, " -x -a '%s'", option->words);
		break;
	case VALUE_FILE:
		fputs(" -r -F", out);
		break;
	case VALUE_FOLDER:
		fputs(" -x -a '(__fish_complete_directories)'", out);
		break;
	case VALUE_INTERFACE:
		fputs(" -x -a 'any (__fish_print_interfaces)'", out);
		break;
	case VALUE_NAMESPACE:
		fputs(" -x -a '(path basename /run/netns/*)'", out);
		break;
	case VALUE_USER:
		fputs(" -x -a '(__fish_complete_users)'", out);
		break;
	case VALUE_PROCESS:
		fputs(" -x -a '(__fish_complete_pids)'", out);
		break;
	}
}

static void write_command(FILE *out, const struct completion_command *command)
{
	const char *name = command->command->name;

	fprintf(out, "\ncomplete -c synscope -n __fish_use_subcommand -a %s -d ", name);
	write_text(out, command->command->summary);
	fputc('\n', out);
	for (size_t i = 0; i < command->count; i++) {
		const struct completion_option *option = &command->options[i];

		fprintf(out, "complete -c synscope -n '__fish_seen_subcommand_from %s'", name);
		if (option->letter)
			fprintf(out, " -s %c", option->letter);
		fprintf(out, " -l %s", option->name);
		write_value(out, option);
		fputs(" -d ", out);
		write_text(out, option->text);
		fputc('\n', out);
	}
	if (command->takes_files)
		fprintf(out, "complete -c synscope -n '__fish_seen_subcommand_from %s' -F\n", name);
	if (command->takes_ports)
		fprintf(out,
			"complete -c synscope -n '__fish_seen_subcommand_from %s' -a "
			"'(__synscope_ports)' -d port\n",
			name);
	if (command->takes_command)
		fprintf(out, "complete -c synscope -n 'contains -- -- (commandline -opc)' -a "
			     "'(__fish_complete_subcommand --fcs-skip=(contains -i -- -- "
			     "(commandline -opc)))'\n");
}

void completion_fish(FILE *out, const struct completion_command *commands, size_t count)
{
	fputs(beginning, out);
	for (size_t i = 0; i < count; i++)
		write_command(out, &commands[i]);
}
