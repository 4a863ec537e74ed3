/*
 * The script for zsh, a function that compinit finds by its first line.
 */
#include "cmd/completion/shells.h"

#include <ctype.h>
#include <string.h>

static const char beginning[] = "#compdef synscope\n"
				"\n"
				"_synscope_ports() {\n"
				"    local -a ports\n"
				"    ports=(${(f)\"$(synscope listeners -f tsv 2>/dev/null | "
				"sed -n '1d; s/^\\([^\\t]*\\):\\([0-9]*\\)\\t.*/\\2/p')\"})\n"
				"    compadd -a ports\n"
				"}\n"
				"\n"
				"_synscope_interfaces() {\n"
				"    compadd any /sys/class/net/*(N:t)\n"
				"}\n"
				"\n"
				"_synscope_namespaces() {\n"
				"    compadd /run/netns/*(N:t)\n"
				"}\n"
				"\n";

/* Within single quotes, and within the brackets or between the colons of _arguments. */
static void write_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\'') {
			fputs("'\\''", out);
			continue;
		}
		if (strchr("[]:\\", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void write_value(FILE *out, const struct completion_option *option)
{
	if (option->value == VALUE_NONE)
		return;
	fputc(':', out);
	if (option->value == VALUE_WORDS)
		fputs(option->name, out);
	else
		write_text(out, option->argument);
	fputc(':', out);
	switch (option->value) {
	case VALUE_NONE:
	case VALUE_OTHER:
		fputc(' ', out);
		break;
	case VALUE_WORDS:
		fprintf(out, "(%s)", option->words);
		break;
	case VALUE_FILE:
		fputs("_files", out);
		break;
	case VALUE_FOLDER:
		fputs("_files -/", out);
		break;
	case VALUE_INTERFACE:
		fputs("_synscope_interfaces", out);
		break;
	case VALUE_NAMESPACE:
		fputs("_synscope_namespaces", out);
		break;
	case VALUE_USER:
		fputs("_users", out);
		break;
	case VALUE_PROCESS:
		fputs("_pids", out);
		break;
	}
}

static void write_option(FILE *out, const struct completion_option *option)
{
	const char *joined = option->value == VALUE_NONE ? "" : "=";

	fputs("                ", out);
	if (option->repeats)
		fputs("'*'", out);
	else if (option->letter)
		fprintf(out, "'(-%c --%s)'", option->letter, option->name);
	if (option->letter)
		fprintf(out, "{-%c%s,--%s%s}'[", option->letter, *joined ? "+" : "", option->name,
			joined);
	else
		fprintf(out, "'--%s%s[", option->name, joined);
	write_text(out, option->text);
	fputc(']', out);
	write_value(out, option);
	fputs("' \\\n", out);
}

static void write_command(FILE *out, const struct completion_command *command)
{
	fprintf(out, "        %s)\n            _arguments -s -S : \\\n", command->command->name);
	for (size_t i = 0; i < command->count; i++)
		write_option(out, &command->options[i]);
	if (command->takes_files)
		fputs("                '*:recording or capture:_files'\n", out);
	else if (command->takes_ports)
		fputs("                '*:port:_synscope_ports'\n", out);
	else
		fputs("                && return\n", out);
	fputs("            ;;\n", out);
}

void completion_zsh(FILE *out, const struct completion_command *commands, size_t count)
{
	fputs(beginning, out);
	fputs("_synscope() {\n    local context state state_descr line\n"
	      "    typeset -A opt_args\n"
	      "    local -a names=(\n",
	      out);
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "        '%s:", commands[i].command->name);
		write_text(out, commands[i].command->summary);
		fputs("'\n", out);
	}
	fputs("    )\n\n"
	      "    _arguments -C \\\n"
	      "        '(- *)--help[show help]' \\\n"
	      "        '(- *)--version[show the version]' \\\n"
	      "        '1: :->command' \\\n"
	      "        '*:: :->arguments' && return\n"
	      "    if [[ $state == command ]]; then\n"
	      "        _describe -t commands command names\n"
	      "        return\n"
	      "    fi\n",
	      out);
	for (size_t i = 0; i < count; i++)
		if (commands[i].takes_command)
			fprintf(out,
				"    # After --, what it runs.\n"
				"    integer dashes=${words[(i)--]}\n"
				"    if [[ $words[1] == %s ]] && ((dashes < CURRENT)); then\n"
				"        shift dashes words\n"
				"        ((CURRENT -= dashes))\n"
				"        _normal\n"
				"        return\n"
				"    fi\n",
				commands[i].command->name);
	fputs("    case $words[1] in\n", out);
	for (size_t i = 0; i < count; i++)
		write_command(out, &commands[i]);
	fputs("    esac\n}\n\n_synscope \"$@\"\n", out);
}
