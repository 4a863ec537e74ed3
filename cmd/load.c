/*
 * synscope load: the bundled load generator alone.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options/value.h"
#include "cmd/options/resolve.h"
#include "server/load/load.h"

#define NAME "load"

static void print_help(FILE *out)
{
	fputs("usage: synscope load [OPTION...] [ADDRESS:]PORT\n"
	      "\n"
	      "Connects to a server many times from one process, sends a small HTTP request each\n"
	      "time, reads the whole reply, and writes one line of JSON per connection: its\n"
	      "addresses, when it started, connected, received its first byte and ended, how many\n"
	      "SYNs were sent, and its error. A port alone means 127.0.0.1.\n"
	      "\n"
	      "  -n, --count N         number of connections (100)\n"
	      "  -r, --rate N          connections per second (default: all at once)\n"
	      "  -c, --concurrency N   at most N connections open at once\n"
	      "  -t, --timeout TIME    give up a connection after TIME (10s)\n"
	      "  -d, --duration TIME   stop after TIME (60s)\n"
	      "  -s, --spread N        use N source addresses from 127.1.0.1 upwards, since one "
	      "address\n"
	      "                        has only about 28000 ports; for servers in 127.0.0.0/8\n"
	      "  -o, --output FILE     write the lines to FILE; - (default) is standard output\n"
	      "  -h, --help            show this help\n"
	      "\n"
	      "TIME is a number with us, ms, s, m or h; s if there is no unit. Ctrl-C stops the\n"
	      "load; unfinished connections are then written with the error \"stopped\".\n"
	      "\n"
	      "Examples:\n"
	      "  synscope load -n 60 8080                          60 clients in one burst\n"
	      "  synscope load -n 5000 -r 500 -o clients.jsonl '[::1]:8080'\n"
	      "                                                    500 per second for 10 seconds\n"
	      "  synscope load -n 20000 -c 64 -o /dev/null 8080    as fast as the server can\n"
	      "  synscope load -n 60 8080 | jq 'select(.syns > 1)' clients that retransmitted a "
	      "SYN\n",
	      out);
}

struct load_command {
	struct load_options load;
	const char *output;
};

static int parse_number(const char *option, const char *value, uint64_t max, uint64_t *out)
{
	return value_number(NAME, option, value, 1, max, NULL, out);
}

static int parse_time(const char *option, const char *value, int64_t *out_ns)
{
	return value_time(NAME, option, value, 1, INT64_MAX, VALUE_TIME_SUCH_AS("10s"), out_ns);
}

/* 0, or the exit status after what was wrong has been said. */
static int parse_option(struct load_command *c, int option, const char *value)
{
	uint64_t number;
	int status;

	switch (option) {
	case 'n':
		return parse_number("--count", value, LOAD_COUNT_MAX, &c->load.count);
	case 'r':
		return parse_number("--rate", value, LOAD_RATE_MAX, &c->load.rate);
	case 'c':
		return parse_number("--concurrency", value, LOAD_COUNT_MAX, &c->load.open_max);
	case 't':
		return parse_time("--timeout", value, &c->load.timeout_ns);
	case 'd':
		return parse_time("--duration", value, &c->load.duration_ns);
	case 's':
		status = parse_number("--spread", value, LOAD_SPREAD_MAX, &number);
		c->load.spread = status ? 0 : (uint32_t)number;
		return status;
	case 'o':
		c->output = value;
		return 0;
	default: /* getopt_long has said what */
		return usage_error(NAME);
	}
}

static int parse_target(struct load_command *c, int argc, char **argv)
{
	struct endpoint *server = &c->load.server, found[RESOLVE_MAX];
	char error[RESOLVE_ERROR_SIZE];

	if (argc != 1) {
		complain(NAME, argc ? "unexpected argument '%s'" : "missing [ADDRESS:]PORT",
			 argc ? argv[1] : "");
		return usage_error(NAME);
	}
	if (resolve(argv[0], found, error) < 0) {
		complain(NAME, "invalid server '%s': %s", argv[0], error);
		return usage_error(NAME);
	}
	*server = found[0];
	if (address_is_any(&server->address))
		server->address = address_from_ipv4((const uint8_t[]){127, 0, 0, 1});
	return 0;
}

static void print_summary(const struct load_summary *s)
{
	fprintf(stderr, "synscope " NAME ": %llu started, %llu connected, %llu answered",
		(unsigned long long)s->started, (unsigned long long)s->connected,
		(unsigned long long)s->replied);
	for (size_t i = 0; i < s->errors_count; i++)
		fprintf(stderr, ", %llu %s", (unsigned long long)s->errors[i].count,
			s->errors[i].name);
	if (s->started)
		fprintf(stderr, "; %llu SYNs in %.3f s", (unsigned long long)s->syns,
			(double)(s->end_ns - s->start_ns) / (double)NS_PER_SEC);
	if (s->held)
		fprintf(stderr, "; %llu delayed: out of file descriptors",
			(unsigned long long)s->held);
	if (s->unstarted)
		fprintf(stderr, "; %llu not started: %s", (unsigned long long)s->unstarted,
			s->interrupted ? "interrupted" : "time limit reached");
	fputc('\n', stderr);
}

static int load(const struct load_command *c)
{
	char error[LOAD_ERROR_SIZE];
	struct load_summary summary;
	int r = load_run(&c->load, &summary, error);

	if (r < 0) {
		complain(NAME, "%s", error);
		return r == -EINVAL ? usage_error(NAME) : STATUS_FAILED;
	}
	print_summary(&summary);
	return summary.connected ? STATUS_DONE : STATUS_FAILED;
}

static const struct option long_options[] = {
    {"count", required_argument, NULL, 'n'},
    {"rate", required_argument, NULL, 'r'},
    {"concurrency", required_argument, NULL, 'c'},
    {"timeout", required_argument, NULL, 't'},
    {"duration", required_argument, NULL, 'd'},
    {"spread", required_argument, NULL, 's'},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int cmd_load(int argc, char **argv)
{
	struct load_command c = {
	    .load =
		{
		    .count = 100,
		    .timeout_ns = 10 * NS_PER_SEC,
		    .duration_ns = 60 * NS_PER_SEC,
		    .out = stdout,
		},
	    .output = "-",
	};
	int option, status;

	while ((option = getopt_long(argc, argv, "n:r:c:t:d:s:o:h", long_options, NULL)) != -1) {
		if (option == 'h') {
			print_help(stdout);
			return STATUS_DONE;
		}
		status = parse_option(&c, option, optarg);
		if (status)
			return status;
	}
	status = parse_target(&c, argc - optind, argv + optind);
	if (status)
		return status;
	if (strcmp(c.output, "-") == 0)
		return load(&c);
	c.load.out = fopen(c.output, "we");
	if (!c.load.out) {
		complain(NAME, "%s: %s", c.output, strerror(errno));
		return STATUS_FAILED;
	}
	status = load(&c);
	if (fclose(c.load.out) != 0 && status == STATUS_DONE) {
		complain(NAME, "%s: %s", c.output, strerror(errno));
		status = STATUS_FAILED;
	}
	return status;
}

const struct command command_load = {
    .name = NAME,
    .summary = "run the bundled load generator",
    .run = cmd_load,
    .help = print_help,
    .options = long_options,
};
