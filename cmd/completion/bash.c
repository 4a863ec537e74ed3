/*
 * The script for bash, to be loaded by the package bash-completion.
 */
#include "cmd/completion/shells.h"

static const char beginning[] =
    "# bash completion for synscope                               -*- shell-script -*-\n"
    "\n"
    "_synscope_ports()\n"
    "{\n"
    "    synscope listeners -f tsv 2>/dev/null | sed -n '1d; "
    "s/^\\([^\\t]*\\):\\([0-9]*\\)\\t.*/\\2/p'\n"
    "}\n"
    "\n"
    "_synscope()\n"
    "{\n"
    "    local cur prev words cword split\n"
    "    _init_completion -n : -s || return\n"
    "\n"
    "    if ((cword == 1)); then\n";

static const char ending[] = "}\n"
			     "complete -F _synscope synscope\n";

static void write_value(FILE *out, const struct completion_option *option)
{
	switch (option->value) {
	case VALUE_NONE:
	case VALUE_OTHER:
		break;
	case VALUE_WORDS:
		fprintf(out, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", option->words);
		break;
	case VALUE_FILE:
		fputs("_filedir", out);
		break;
	case VALUE_FOLDER:
		fputs("_filedir -d", out);
		break;
	case VALUE_INTERFACE:
		fputs("COMPREPLY=($(compgen -W \"any $(cd /sys/class/net 2>/dev/null && echo *)\" "
		      "-- \"$cur\"))",
		      out);
		break;
	case VALUE_NAMESPACE:
		fputs("COMPREPLY=($(compgen -W \"$(ls /run/netns 2>/dev/null)\" -- \"$cur\"))",
		      out);
		break;
	case VALUE_USER:
		fputs("COMPREPLY=($(compgen -u -- \"$cur\"))", out);
		break;
	case VALUE_PROCESS:
		fputs("_pids", out);
		break;
	}
}

static void write_options(FILE *out, const struct completion_command *command)
{
	for (size_t i = 0; i < command->count; i++) {
		const struct completion_option *option = &command->options[i];

		if (option->value == VALUE_NONE)
			continue;
		fprintf(out, "        %s:--%s", command->command->name, option->name);
		if (option->letter)
			fprintf(out, " | %s:-%c", command->command->name, option->letter);
		fputs(") ", out);
		write_value(out, option);
		fputs(option->value == VALUE_OTHER ? "return ;;\n" : "; return ;;\n", out);
	}
}

static void write_names(FILE *out, const struct completion_command *command)
{
	fprintf(out, "        %s)\n            options='", command->command->name);
	for (size_t i = 0; i < command->count; i++)
		fprintf(out, "%s--%s", i ? " " : "", command->options[i].name);
	fputs("'\n", out);
	if (command->takes_files)
		fputs("            operands=files\n", out);
	if (command->takes_ports)
		fputs("            operands=ports\n", out);
	fputs("            ;;\n", out);
}

void completion_bash(FILE *out, const struct completion_command *commands, size_t count)
{
	fputs(beginning, out);
	fputs("        COMPREPLY=($(compgen -W '", out);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "%s ", commands[i].command->name);
	fputs("--help --version' -- \"$cur\"))\n        return\n    fi\n\n", out);
	for (size_t i = 0; i < count; i++)
		if (commands[i].takes_command)
			fprintf(out,
				"    if [[ ${words[1]} == %s ]]; then\n"
				"        local i\n"
				"        for ((i = 2; i < cword; i++)); do\n"
				"            if [[ ${words[i]} == -- ]]; then\n"
				"                _command_offset $((i + 1))\n"
				"                return\n"
				"            fi\n"
				"        done\n"
				"    fi\n\n",
				commands[i].command->name);
	fputs("    case ${words[1]}:$prev in\n", out);
	for (size_t i = 0; i < count; i++)
		write_options(out, &commands[i]);
	fputs("    esac\n    $split && return\n\n"
	      "    local options='' operands=''\n"
	      "    case ${words[1]} in\n",
	      out);
	for (size_t i = 0; i < count; i++)
		write_names(out, &commands[i]);
	fputs("    esac\n"
	      "    if [[ $cur == -* ]]; then\n"
	      "        COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	      "    elif [[ $operands == files ]]; then\n"
	      "        _filedir\n"
	      "    elif [[ $operands == ports ]]; then\n"
	      "        COMPREPLY=($(compgen -W \"$(_synscope_ports)\" -- \"$cur\"))\n"
	      "    fi\n",
	      out);
	fputs(ending, out);
}
