/*
 * synscope report: a recording or a capture file -> a report.
 */
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options/filtering.h"
#include "cmd/options/moment.h"
#include "cmd/options/rendering.h"
#include "cmd/options/value.h"
#include "event/clock.h"
#include "isolate/sandbox.h"
#include "pipeline/replay.h"
#include "report/reporter.h"

#define NAME "report"

static void print_help(FILE *out)
{
	fputs("usage: synscope report [OPTION...] FOLDER | FILE.pcap\n"
	      "\n"
	      "Reports what happened to each connection attempt in a recording, or in any capture\n"
	      "that libpcap or Wireshark can write (pcap, pcapng, also compressed; - is standard\n"
	      "input). A capture alone shows only what packets can prove.\n"
	      "\n"
	      "  -o, --output FILE     write the report to FILE (atomically)\n",
	      out);
	fputs(rendering_help, out);
	fputs(filter_help, out);
	fputs(
	    "      --since TIME, --until TIME\n"
	    "                        report only this period: 03:10 (the last one), -10m (before\n"
	    "                        the end of the recording), 2026-11-29 03:10, or RFC 3339\n"
	    "      --max-open N      track at most N open attempts at once (1048576)\n"
	    "  -h, --help            show this help\n"
	    "\n"
	    "Examples:\n"
	    "  synscope report DIR                      text report for a terminal\n"
	    "  synscope report DIR -f html -o page.html one page that opens in any browser\n"
	    "  synscope report DIR --since 03:10 --until 03:15\n"
	    "  synscope report DIR --attempt 10.0.0.7:41532\n"
	    "  synscope report trace.pcapng -f tsv      one attempt per line\n"
	    "  synscope report DIR -f json | jq '.summary.outcomes'\n"
	    "  synscope report DIR --fail-on drops      in CI: exit status 3 if drops were seen\n",
	    out);
}

/* What is read may have been written by anybody: from here on it can do nothing but be reported. */
static int give_up_privileges(const struct rendering *rendering)
{
	struct sandbox_options options = {.parts_fd = -1};
	char error[SANDBOX_ERROR_SIZE], folder[PATH_MAX];

	if (rendering->path && strcmp(rendering->path, "-") != 0) {
		snprintf(folder, sizeof(folder), "%s", rendering->path);
		options.writable[0] = dirname(folder);
	}
	if (sandbox_enter(&options, error) == 0)
		return 0;
	complain(NAME, "%s", error);
	return STATUS_FAILED;
}

/* The period that was asked for; NULL: to the beginning, or to the end. */
struct period {
	const char *since;
	const char *until;
};

static int take_moment(const char *option, const char *text, int64_t end_ns, bool utc,
		       int64_t *out_ns)
{
	if (!text || moment_parse(text, end_ns, utc, out_ns) == 0)
		return 0;
	complain(NAME,
		 "%s: invalid time '%s': expected 03:10, -10m, '2026-11-29 03:10' or RFC 3339",
		 option, text);
	return usage_error(NAME);
}

/* 0, or the exit status after the complaint. */
static int resolve(const struct period *period, const char *path, bool utc, int64_t *since_ns,
		   int64_t *until_ns)
{
	int64_t start_ns, end_ns;
	int status;

	*since_ns = INT64_MIN;
	*until_ns = INT64_MAX;
	if (!period->since && !period->until)
		return 0;
	replay_span(path, &start_ns, &end_ns);
	if (end_ns == TIME_UNKNOWN)
		end_ns = clock_now_ns();
	status = take_moment("--since", period->since, end_ns, utc, since_ns);
	if (status == 0)
		status = take_moment("--until", period->until, end_ns, utc, until_ns);
	if (status == 0 && *since_ns >= *until_ns) {
		complain(NAME, "--until '%s' is not later than --since '%s'", period->until,
			 period->since);
		return usage_error(NAME);
	}
	return status;
}

/* Of a source that was there the report has what is to be known of it: nothing is missing. */
static bool is_remark(const struct replay *replay, const char *note)
{
	for (int i = 0; replay->recording && i < SOURCE_COUNT; i++) {
		const struct source_state *state = &replay->meta.sources[i];
		char remark[REPLAY_NOTE_SIZE];

		if (!state->on || !state->note[0])
			continue;
		replay_source_note(&replay->meta, (enum source)i, remark);
		if (strcmp(note, remark) == 0)
			return true;
	}
	return false;
}

static int run(struct rendering *rendering, const char *path, const struct period *period,
	       uint32_t max_open)
{
	struct reporter_options options = {
	    .path = path, .max_open = max_open, .filter = rendering_filter(rendering)};
	int64_t since_ns, until_ns;
	struct reporter *reporter = NULL;
	struct reporter_source source;
	struct replay replay;
	int rc, status;

	sandbox_open_as_user(true);
	status = resolve(period, path, rendering->style.utc, &since_ns, &until_ns);
	if (status)
		return status;
	rc = replay_open(&replay, path, since_ns, until_ns);
	if (rc) {
		complain(NAME, "%s", replay.error);
		status = STATUS_FAILED;
		goto release;
	}
	status = rendering_open(rendering);
	if (status)
		goto release;
	status = give_up_privileges(rendering);
	if (status) {
		rendering_abandon(rendering);
		goto release;
	}
	options.kind = replay.recording ? REPORT_RECORDING : REPORT_PCAP;
	options.meta = replay.recording ? &replay.meta : NULL;
	options.sinks[options.sinks_count++] = rendering->sink;
	rc = reporter_new(&options, &reporter);
	if (rc == 0)
		rc = replay_run(&replay, reporter, &source);
	if (rc && replay.error[0]) {
		complain(NAME, "%s", replay.error);
		rendering_abandon(rendering);
		status = STATUS_FAILED;
		goto release;
	}
	if (rc == 0)
		rc = reporter_finish(reporter, &source);
	for (size_t i = 0; rc == 0 && i < source.notes_count; i++)
		if (rendering->format != sink_format_find("text") &&
		    !is_remark(&replay, source.notes[i]))
			complain(NAME, "%s", source.notes[i]);
	status = rendering_close(rendering, rc, rc ? NULL : reporter_report(reporter));
release:
	reporter_free(reporter);
	replay_release(&replay);
	return status;
}

static const struct option long_options[] = {
    RENDERING_OPTIONS,
    FILTER_OPTIONS,
    {"output", required_argument, NULL, 'o'},
    {"max-open", required_argument, NULL, 'm'},
    {"since", required_argument, NULL, 'S'},
    {"until", required_argument, NULL, 'U'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int cmd_report(int argc, char **argv)
{
	struct rendering rendering;
	struct period period = {0};
	uint32_t max_open = 0;
	int option, status;

	rendering_init(&rendering, NAME);
	rendering.path_is_report = true;
	while ((option = getopt_long(argc, argv, "f:o:h", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
			print_help(stdout);
			return STATUS_DONE;
		case 'o':
			rendering.path = optarg;
			break;
		case 'S':
			period.since = optarg;
			break;
		case 'U':
			period.until = optarg;
			break;
		case 'm':
			status = value_max_open(NAME, optarg, &max_open);
			if (status)
				return status;
			break;
		case '?':
			return usage_error(NAME);
		default:
			status = rendering_option(&rendering, option, optarg);
			if (status < 0)
				status = filter_option(&rendering.filter, NAME, option, optarg);
			if (status)
				return status < 0 ? usage_error(NAME) : status;
		}
	}
	if (optind == argc) {
		complain(NAME, "missing FOLDER or FILE.pcap");
		return usage_error(NAME);
	}
	if (optind + 1 < argc) {
		complain(NAME, "unexpected argument '%s': one recording or capture at a time",
			 argv[optind + 1]);
		return usage_error(NAME);
	}
	return run(&rendering, argv[optind], &period, max_open);
}

const struct command command_report = {
    .name = NAME,
    .summary = "report a recording or a capture file",
    .run = cmd_report,
    .help = print_help,
    .options = long_options,
};
