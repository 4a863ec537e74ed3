/*
 * Format, output and exit status of a report. A file is written beside its name
 * and renamed when it is whole: whoever reads it never sees half a report.
 */
#include "cmd/options/rendering.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/command.h"
#include "cmd/options/argument.h"
#include "cmd/options/value.h"
#include "report/text/choice.h"

const char rendering_help[] =
    "  -f, --format FORMAT   text (default), json, jsonl, tsv, html or perfetto\n"
    "      --fail-on drops   exit status 3 if a listener's queue dropped anything, 4 if that\n"
    "                        could not be observed\n"
    "      --utc             text, html: times of day in UTC (default: local time)\n"
    "      --full            text: also show idle listeners, empty counters, and each of\n"
    "                        the worst attempts instead of one of each kind\n"
    "      --timeline        text: draw the worst attempts on a time axis\n"
    "      --worst N         text: show the N worst kinds of attempts (10)\n"
    "      --attempt CLIENT  text: draw the packets and calls of the attempts of a client\n"
    "                        (ADDRESS or ADDRESS:PORT), a network (ADDRESS/BITS), or by\n"
    "                        number\n"
    "      --color WHEN      auto (default: on a terminal), always or never\n";

void rendering_init(struct rendering *rendering, const char *command)
{
	memset(rendering, 0, sizeof(*rendering));
	rendering->command = command;
	rendering->format = sink_format_find("text");
}

int rendering_option(struct rendering *rendering, int option, const char *value)
{
	struct choice choice;
	uint64_t number;
	int status;

	switch (option) {
	case 'f':
		rendering->format = sink_format_find(value);
		if (rendering->format)
			return 0;
		complain(rendering->command,
			 "--format: invalid format '%s'; choose text, json, jsonl, tsv, html or "
			 "perfetto",
			 value);
		return usage_error(rendering->command);
	case 0x101:
		if (strcmp(value, "drops") == 0) {
			rendering->fail_on_drops = true;
			return 0;
		}
		complain(rendering->command,
			 "--fail-on: invalid value '%s'; the only value is drops", value);
		return usage_error(rendering->command);
	case 0x102:
		rendering->colour_always = strcmp(value, "always") == 0;
		rendering->colour_never = strcmp(value, "never") == 0;
		if (rendering->colour_always || rendering->colour_never ||
		    strcmp(value, "auto") == 0)
			return 0;
		complain(rendering->command,
			 "--color: invalid value '%s'; choose auto, always or never", value);
		return usage_error(rendering->command);
	case 0x103:
		rendering->style.timeline = true;
		return 0;
	case 0x104:
		status = value_number(rendering->command, "--worst", value, 1, 100, NULL, &number);
		if (status == 0)
			rendering->style.worst = (unsigned)number;
		return status;
	case 0x105:
		rendering->style.attempt = value;
		if (choice_parse(value, &choice) == 0)
			return 0;
		complain(rendering->command,
			 "--attempt: invalid value '%s'; expected ADDRESS, ADDRESS:PORT, "
			 "ADDRESS/BITS or the number of an attempt",
			 value);
		return usage_error(rendering->command);
	case 0x106:
		rendering->style.utc = true;
		return 0;
	case 0x107:
		rendering->style.full = true;
		return 0;
	default:
		return -1;
	}
}

const struct filter *rendering_filter(struct rendering *rendering)
{
	if (!filter_is_set(&rendering->filter))
		return NULL;
	rendering->style.filter = filter_format(&rendering->filter, rendering->filter_text);
	return &rendering->filter;
}

static bool to_stdout(const struct rendering *r)
{
	return !r->path || strcmp(r->path, "-") == 0;
}

static FILE *standard(const struct rendering *r)
{
	return r->to_stderr ? stderr : stdout;
}

void rendering_style(struct rendering *rendering)
{
	struct rendering *r = rendering;
	const char *no_colour = getenv("NO_COLOR"), *columns = getenv("COLUMNS");
	bool terminal = to_stdout(r) && isatty(fileno(standard(r)));
	struct winsize size;
	uint64_t number;

	/* Now: what is given up later may include the right to read /etc/localtime. */
	tzset();
	setlocale(LC_CTYPE, "");
	r->style.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	r->style.colour =
	    r->colour_always || (terminal && !r->colour_never && !(no_colour && *no_colour));
	r->style.columns = 100;
	if (terminal && ioctl(fileno(standard(r)), TIOCGWINSZ, &size) == 0 && size.ws_col)
		r->style.columns = size.ws_col;
	else if (columns && argument_number(columns, 20, 1000, &number) == 0)
		r->style.columns = (unsigned)number;
	if (r->style.columns > 100)
		r->style.columns = 100;
	if (r->style.columns < 40)
		r->style.columns = 40;
}

/* A name beside the file's own, so that rename() stays within one file system. */
static int open_temporary(struct rendering *r)
{
	mode_t mask = umask(0);
	struct stat st;
	int fd;

	umask(mask);
	if (stat(r->path, &st) == 0 && !S_ISREG(st.st_mode)) {
		/* A device or a pipe cannot be replaced: write to it. */
		r->out = fopen(r->path, "we");
		return r->out ? 0 : -errno;
	}
	if (asprintf(&r->temporary, "%s.XXXXXX", r->path) < 0) {
		r->temporary = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(r->temporary, O_CLOEXEC);
	if (fd < 0) {
		int rc = -errno;

		free(r->temporary);
		r->temporary = NULL;
		return rc;
	}
	if (fchmod(fd, 0666 & ~mask) < 0) {
		/* Its mode stays 0600: readable by its owner at least. */
	}
	r->out = fdopen(fd, "w");
	return r->out ? 0 : -errno;
}

/* What no person reads, and a terminal may take for commands. */
static bool is_for_files(const struct sink_format *format)
{
	static const char *const names[] = {"html", "perfetto", "pcapng"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(format->name, names[i]) == 0)
			return true;
	return false;
}

int rendering_open(struct rendering *rendering)
{
	int rc = 0;

	if (rendering->to_stderr && rendering->format != sink_format_find("text")) {
		complain(
		    rendering->command,
		    "--rows - and --format %s both write to standard output: write the rows to "
		    "a file, or leave out --format",
		    rendering->format->name);
		return usage_error(rendering->command);
	}
	rendering_style(rendering);
	rendering->style.attempts_shown = &rendering->attempts_shown;
	if (to_stdout(rendering) && isatty(STDOUT_FILENO) && is_for_files(rendering->format)) {
		complain(rendering->command,
			 "--format %s is not for a terminal; write it to a file: %s",
			 rendering->format->name,
			 rendering->path_is_report ? "-o FILE"
						   : "> FILE, or synscope report "
						     "FOLDER -o FILE");
		return usage_error(rendering->command);
	}
	if (to_stdout(rendering))
		rendering->out = standard(rendering);
	else
		rc = open_temporary(rendering);
	if (rc) {
		complain(rendering->command, "%s: %s", rendering->path, strerror(-rc));
		return STATUS_FAILED;
	}
	rendering->sink = rendering->format->new (rendering->out, &rendering->style);
	if (rendering->sink)
		return 0;
	complain(rendering->command, "out of memory");
	rendering_abandon(rendering);
	return STATUS_FAILED;
}

static int close_file(struct rendering *r, int rc)
{
	if (fclose(r->out) != 0 && rc == 0)
		rc = -errno;
	if (!r->temporary)
		return rc;
	if (rc == 0 && rename(r->temporary, r->path) != 0)
		rc = -errno;
	if (rc)
		unlink(r->temporary);
	free(r->temporary);
	r->temporary = NULL;
	return rc;
}

int rendering_close(struct rendering *rendering, int rc, const struct report *report)
{
	const char *where = !to_stdout(rendering)  ? rendering->path
			    : rendering->to_stderr ? "standard error"
						   : "standard output";

	/* What failed although the output took everything is the sink's buffer. */
	if (rc && rc != -ENOMEM && rendering->out && !ferror(rendering->out))
		where = "temporary file of the report, in $TMPDIR or /tmp";
	sink_free(rendering->sink);
	rendering->sink = NULL;
	if (rendering->out && !to_stdout(rendering))
		rc = close_file(rendering, rc);
	else if (rendering->out && fflush(rendering->out) != 0 && rc == 0)
		rc = -errno;
	rendering->out = NULL;
	if (rc && to_stdout(rendering) && !rendering->to_stderr) {
		/* It is dealt with here: finish_stdout() is not to find it again. */
		__fpurge(stdout);
		clearerr(stdout);
	}
	if (rc == -EPIPE && to_stdout(rendering))
		rc = 0; /* whoever read it has seen enough */
	if (rc) {
		complain(rendering->command, "%s: %s", where, strerror(-rc));
		return STATUS_FAILED;
	}
	if (rendering->style.attempt && strcmp(rendering->format->name, "text") == 0 &&
	    !rendering->attempts_shown) {
		complain(rendering->command, "--attempt: no attempt matches '%s'",
			 rendering->style.attempt);
		return STATUS_FAILED;
	}
	if (!rendering->fail_on_drops || !report)
		return STATUS_DONE;
	if (report->drops_seen)
		return STATUS_DROPS;
	if (!report->drops_unobserved)
		return STATUS_DONE;
	complain(rendering->command, "--fail-on drops: drops could not be observed: %s",
		 report->drops_unobserved);
	return STATUS_UNOBSERVED;
}

void rendering_abandon(struct rendering *rendering)
{
	sink_free(rendering->sink);
	rendering->sink = NULL;
	if (rendering->out && !to_stdout(rendering))
		close_file(rendering, -ECANCELED);
	rendering->out = NULL;
}
