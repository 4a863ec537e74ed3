#include "report/metrics/exposition.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "report/metrics/families.h"

static struct metrics *m;
static char *text;

static void make(void)
{
	m = calloc(1, sizeof(*m));
	cr_assert_not_null(m);
	strcpy(m->version, "1.2");
	m->start_ns = 1500000000;
	m->updated_ns = INT64_C(1700000000) * NS_PER_SEC + 5;
	m->sources[SOURCE_CAPTURE] = m->sources[SOURCE_SAMPLER] = true;
}

static void release(void)
{
	free(m);
	free(text);
}

TestSuite(exposition, .init = make, .fini = release);

static void put(enum exposition exposition)
{
	size_t length = 0;
	FILE *out;

	free(text);
	out = open_memstream(&text, &length);
	cr_assert_not_null(out);
	exposition_put(out, m, exposition);
	cr_assert_eq(fclose(out), 0);
}

static struct metrics_listener *add_row(const char *local)
{
	struct metrics_listener *l = &m->rows[m->rows_count++];

	*l = (struct metrics_listener){
	    .depth = -1, .limit = -1, .depth_max = -1, .half_open = -1, .socket_drops = -1};
	if (local)
		cr_assert_eq(endpoint_parse(local, &l->local), 0);
	return l;
}

static bool has_line(const char *line)
{
	size_t length = strlen(line);

	for (const char *s = text; s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (strncmp(s, line, length) == 0 && s[length] == '\n')
			return true;
		if (!*s)
			break;
	}
	return false;
}

#define HAS(line)     cr_expect(has_line(line), "no %s in:\n%s", line, text)
#define HAS_NOT(part) cr_expect_null(strstr(text, part), "%s in:\n%s", part, text)

Test(exposition, each_family_has_help_and_type_once_in_both_formats)
{
	add_row("127.0.0.1:80");
	for (int e = 0; e < EXPOSITION_COUNT; e++) {
		put((enum exposition)e);
		for (const struct family *f = metrics_families; f->name; f++) {
			const char *suffix = e == EXPOSITION_OPENMETRICS ? ""
					     : f->type == FAMILY_COUNTER ? "_total"
					     : f->type == FAMILY_INFO	 ? "_info"
									 : "";
			char line[128];
			const char *found;

			snprintf(line, sizeof(line), "# TYPE synscope_%s%s ", f->name, suffix);
			found = strstr(text, line);
			cr_expect_not_null(found, "%s", line);
			cr_expect_null(found ? strstr(found + 1, line) : NULL, "%s twice", line);
			snprintf(line, sizeof(line), "# HELP synscope_%s%s ", f->name, suffix);
			cr_expect_not_null(strstr(text, line), "%s", line);
			cr_expect_null(strpbrk(f->help, "\\\"\n"), "%s", f->help);
			if (f->unit)
				cr_expect_str_eq(f->name + strlen(f->name) - strlen(f->unit),
						 f->unit);
		}
	}
}

Test(exposition, openmetrics_ends_with_eof_and_names_families_without_suffix)
{
	put(EXPOSITION_OPENMETRICS);
	HAS("# TYPE synscope_build info");
	HAS("# TYPE synscope_lost counter");
	HAS("# UNIT synscope_listener_accept_wait_seconds seconds");
	HAS("synscope_build_info{version=\"1.2\"} 1");
	cr_expect_str_eq(text + strlen(text) - strlen("\n# EOF\n"), "\n# EOF\n");
	put(EXPOSITION_PROMETHEUS);
	HAS("# TYPE synscope_build_info gauge");
	HAS("# TYPE synscope_lost_total counter");
	HAS_NOT("# EOF");
	HAS_NOT("# UNIT");
}

Test(exposition, times_are_seconds_and_samples_have_no_time_stamp)
{
	put(EXPOSITION_PROMETHEUS);
	HAS("synscope_observation_start_time_seconds 1.500000000");
	HAS("synscope_last_update_timestamp_seconds 1700000000.000000005");
}

Test(exposition, what_is_not_known_has_no_sample)
{
	struct metrics_listener *l = add_row("[::1]:80");

	put(EXPOSITION_PROMETHEUS);
	HAS_NOT("synscope_listener_accept_queue_depth{");
	HAS_NOT("synscope_listener_accept_queue_depth_max{");
	HAS_NOT("synscope_listener_accept_queue_limit{");
	HAS_NOT("synscope_listener_syn_queue_depth{");
	HAS_NOT("synscope_listener_socket_drops_total{");
	l->depth = 0;
	l->limit = 128;
	l->socket_drops = 0;
	put(EXPOSITION_PROMETHEUS);
	HAS("synscope_listener_accept_queue_depth{listener=\"[::1]:80\"} 0");
	HAS("synscope_listener_accept_queue_limit{listener=\"[::1]:80\"} 128");
	HAS("synscope_listener_socket_drops_total{listener=\"[::1]:80\"} 0");
}

Test(exposition, without_packets_nothing_is_said_of_attempts)
{
	struct metrics_listener *l = add_row("127.0.0.1:80");

	l->depth = 3;
	l->outcomes[OUTCOME_ACCEPTED] = m->outcomes[OUTCOME_ACCEPTED] = 1; /* it waited, and was listed */
	spread_add(&l->accept_wait, 1);
	m->unexplained_count = 1;
	m->sources[SOURCE_CAPTURE] = false;
	put(EXPOSITION_PROMETHEUS);
	HAS("synscope_source_up{source=\"capture\"} 0");
	HAS("synscope_listener_accept_queue_depth{listener=\"127.0.0.1:80\"} 3");
	HAS("synscope_listener_accept_wait_seconds_count{listener=\"127.0.0.1:80\"} 1");
	HAS_NOT("synscope_attempts_total{");
	HAS_NOT("synscope_listener_attempts_total{");
	HAS_NOT("synscope_listener_drops_total{");
	HAS_NOT("synscope_listener_handshake_duration_seconds_count{");
	HAS_NOT("synscope_unexplained_total{");
	HAS_NOT("synscope_listener_accept_queue_full_seconds_total{");
	m->sources[SOURCE_CAPTURE] = true;
	put(EXPOSITION_PROMETHEUS);
	HAS("synscope_listener_attempts_total{listener=\"127.0.0.1:80\",outcome=\"accepted\"} 1");
	HAS("synscope_listener_drops_total{listener=\"127.0.0.1:80\",cause=\"syn-queue-full\"} 0");
	/* What drops nothing is no cause of drops. */
	HAS_NOT("cause=\"client-reset\"");
}

Test(exposition, buckets_are_cumulative_and_end_with_inf)
{
	struct metrics_listener *l = add_row("127.0.0.1:80");

	spread_add(&l->accept_wait, 1);
	spread_add(&l->accept_wait, 1 * NS_PER_SEC);
	spread_add(&l->accept_wait, 3600 * NS_PER_SEC);
	put(EXPOSITION_PROMETHEUS);
#define WAIT "synscope_listener_accept_wait_seconds"
	HAS(WAIT "_bucket{listener=\"127.0.0.1:80\",le=\"0.0001\"} 1");
	HAS(WAIT "_bucket{listener=\"127.0.0.1:80\",le=\"0.5\"} 1");
	HAS(WAIT "_bucket{listener=\"127.0.0.1:80\",le=\"1.0\"} 2");
	HAS(WAIT "_bucket{listener=\"127.0.0.1:80\",le=\"30.0\"} 2");
	HAS(WAIT "_bucket{listener=\"127.0.0.1:80\",le=\"+Inf\"} 3");
	HAS(WAIT "_count{listener=\"127.0.0.1:80\"} 3");
	HAS(WAIT "_sum{listener=\"127.0.0.1:80\"} 3601.000000001");
	/* The printed bounds are those of the buckets. */
	for (int i = 0; i < SPREAD_BOUNDS; i++) {
		const char *s = text;
		bool found = false;

		while (!found && (s = strstr(s, WAIT "_bucket{")) != NULL) {
			s = strstr(s, "le=\"") + 4;
			found = (int64_t)(strtod(s, NULL) * 1e9 + 0.5) == spread_bounds_ns[i];
		}
		cr_expect(found, "no bound of %lld ns", (long long)spread_bounds_ns[i]);
	}
}

Test(exposition, the_shared_row_is_other_and_has_no_info)
{
	for (int i = 0; i < METRICS_LISTENERS_MAX; i++) {
		char local[32];

		snprintf(local, sizeof(local), "127.0.0.1:%d", 1000 + i);
		add_row(local)->depth = 1;
	}
	add_row(NULL)->depth = 7;
	m->shared = true;
	m->sharing = 12;
	put(EXPOSITION_PROMETHEUS);
	HAS("synscope_listeners_sharing_total 12");
	HAS("synscope_listener_accept_queue_depth{listener=\"127.0.0.1:1499\"} 1");
	HAS("synscope_listener_accept_queue_depth{listener=\"other\"} 7");
	HAS_NOT("synscope_listener_info{listener=\"other\"");
	HAS_NOT("0.0.0.0:0");
}

Test(exposition, a_process_may_have_any_name)
{
	struct metrics_listener *row = add_row("127.0.0.1:80");

	strcpy(row->comm, "a\"b\\c\n\xff");
	strcpy(row->workload.unit, "nginx.service");
	strcpy(row->workload.container, "web1");
	m->netns = 4026531840;
	put(EXPOSITION_PROMETHEUS);
	HAS("synscope_listener_info{listener=\"127.0.0.1:80\",address=\"127.0.0.1\",port=\"80\","
	    "owner=\"a\\\"b\\\\c\\n\xef\xbf\xbd\",unit=\"nginx.service\",container=\"web1\",namespace=\"4026531840\"} 1");
}

Test(exposition, openmetrics_is_given_to_who_prefers_it)
{
	static const struct {
		const char *accept;
		enum exposition expected;
	} cases[] = {
	    {NULL, EXPOSITION_PROMETHEUS},
	    {"", EXPOSITION_PROMETHEUS},
	    {"*/*", EXPOSITION_PROMETHEUS},
	    {"text/plain", EXPOSITION_PROMETHEUS},
	    {"application/openmetrics-text", EXPOSITION_OPENMETRICS},
	    {"application/openmetrics-text-2", EXPOSITION_PROMETHEUS},
	    {"application/openmetrics-text;q=0", EXPOSITION_PROMETHEUS},
	    {"text/plain;q=0.5,application/openmetrics-text;q=0.75", EXPOSITION_OPENMETRICS},
	    {"application/openmetrics-text; q=0.1, text/plain; q=0.9", EXPOSITION_PROMETHEUS},
	    /* Prometheus 2.42 */
	    {"application/openmetrics-text;version=1.0.0,application/"
	     "openmetrics-text;version=0.0.1;"
	     "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	     EXPOSITION_OPENMETRICS},
	    {";;;,,q=", EXPOSITION_PROMETHEUS},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(exposition_accepted(cases[i].accept), cases[i].expected, "%s",
			     cases[i].accept);
}

/* docs/metrics.md has a row for each family, with its type, unit and help, and no other. */
Test(exposition, the_document_lists_the_families)
{
	static char document[1 << 16];
	FILE *in = fopen(METRICS_DOCUMENT, "r");
	size_t rows = 0, families = 0;

	cr_assert_not_null(in);
	document[fread(document, 1, sizeof(document) - 1, in)] = '\0';
	fclose(in);
	for (const char *s = document; (s = strstr(s, "\n| `synscope_")) != NULL; s++)
		rows++;
	for (const struct family *f = metrics_families; f->name; f++, families++) {
		static const char *const types[] = {"counter", "gauge", "histogram", "info"};
		static const char *const suffixes[] = {"_total", "", "", "_info"};
		char row[256];
		const char *found, *end;

		snprintf(row, sizeof(row), "\n| `synscope_%s%s` | %s | %s | ", f->name,
			 suffixes[f->type], types[f->type], f->unit ? f->unit : "");
		found = strstr(document, row);
		cr_assert_not_null(found, "no row %s", row);
		end = strchr(found + 1, '\n');
		found = strstr(found, f->help);
		cr_expect(found && found < end, "another help: %s", f->help);
	}
	cr_expect_eq(rows, families);
}
