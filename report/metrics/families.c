/*
 * The families and their samples. What was not observed has no sample: 0 would say that there was
 * nothing.
 */
#include "report/metrics/families.h"

#include <inttypes.h>
#include <string.h>

#include "event/flow.h"
#include "report/metrics/label.h"

#define STRING(x)	#x
#define STRING_OF(x)	STRING(x)
#define WINDOW		STRING_OF(METRICS_WINDOW_S)
#define SEVERAL_SOCKETS "of several sockets on one address and port, the one nearest to its limit"

static bool has_packets(const struct metrics *m)
{
	return m->sources[SOURCE_CAPTURE];
}

/* Opens the braces of a row's sample. */
static void put_row(FILE *out, const char *name, const struct metrics *m, size_t row)
{
	const struct metrics_listener *l = &m->rows[row];
	bool shared = m->shared && row + 1 == m->rows_count;
	char text[ENDPOINT_TEXT_SIZE] = "other", index[16];

	if (!shared)
		endpoint_format(&l->local, text, sizeof(text));
	fprintf(out, "%s{", name);
	label_put(out, "listener", text);
	if (shared || !l->interface)
		return;
	snprintf(index, sizeof(index), "%" PRIu32, l->interface);
	putc(',', out);
	label_put(out, "device", l->device[0] ? l->device : index);
}

static void put_seconds(FILE *out, uint64_t s, uint32_t ns)
{
	fprintf(out, "%" PRIu64 ".%09" PRIu32 "\n", s, ns);
}

static void put_time(FILE *out, const char *full, int64_t ns)
{
	fprintf(out, "%s ", full);
	put_seconds(out, ns < 0 ? 0 : (uint64_t)(ns / NS_PER_SEC),
		    ns < 0 ? 0 : (uint32_t)(ns % NS_PER_SEC));
}

static void put_build(FILE *out, const char *full, const struct metrics *m)
{
	fprintf(out, "%s{", full);
	label_put(out, "version", m->version);
	fputs("} 1\n", out);
}

static void put_start(FILE *out, const char *full, const struct metrics *m)
{
	put_time(out, full, m->start_ns);
}

static void put_update(FILE *out, const char *full, const struct metrics *m)
{
	put_time(out, full, m->updated_ns);
}

static void put_sources(FILE *out, const char *full, const struct metrics *m)
{
	for (int i = 0; i < SOURCE_COUNT; i++)
		fprintf(out, "%s{source=\"%s\"} %d\n", full, source_name((enum source)i),
			m->sources[i]);
}

static void put_losses(FILE *out, const char *full, const struct metrics *m)
{
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		fprintf(out, "%s{source=\"%s\"} %" PRIu64 "\n", full,
			loss_kind_name((enum loss_kind)i), m->losses[i]);
}

static void put_attempts(FILE *out, const char *full, const struct metrics *m)
{
	/* Without packets some are known, and how many they are of says nothing. */
	for (int o = 0; has_packets(m) && o < OUTCOME_COUNT; o++)
		fprintf(out, "%s{outcome=\"%s\"} %" PRIu64 "\n", full,
			outcome_name((enum outcome)o), m->outcomes[o]);
}

static void put_open(FILE *out, const char *full, const struct metrics *m)
{
	if (has_packets(m))
		fprintf(out, "%s %" PRIu64 "\n", full, m->open);
}

/* Without packets nothing would be explained. */
static void put_unexplained(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; has_packets(m) && i < m->unexplained_count; i++)
		fprintf(out, "%s{counter=\"%s\"} %" PRIu64 "\n", full,
			counter_name(m->unexplained[i].counter), m->unexplained[i].count);
}

static void put_sharing(FILE *out, const char *full, const struct metrics *m)
{
	fprintf(out, "%s %" PRIu64 "\n", full, m->sharing);
}

static void put_info(FILE *out, const char *full, const struct metrics *m)
{
	char text[ENDPOINT_TEXT_SIZE];

	for (size_t i = 0; i < m->rows_count; i++) {
		const struct metrics_listener *l = &m->rows[i];

		if (m->shared && i + 1 == m->rows_count)
			continue;
		put_row(out, full, m, i);
		address_format(&l->local.address, text, sizeof(text));
		putc(',', out);
		label_put(out, "address", text);
		fprintf(out, ",port=\"%u\",", l->local.port);
		label_put(out, "owner", l->comm);
		putc(',', out);
		label_put(out, "unit", l->workload.unit);
		putc(',', out);
		label_put(out, "container", l->workload.container);
		if (m->netns)
			fprintf(out, ",namespace=\"%" PRIu64 "\"} 1\n", m->netns);
		else
			fputs(",namespace=\"\"} 1\n", out);
	}
}

/* A sample a row; -1 is not known. */
static void put_known(FILE *out, const char *full, const struct metrics *m, size_t row,
		      int64_t value)
{
	if (value < 0)
		return;
	put_row(out, full, m, row);
	fprintf(out, "} %" PRId64 "\n", value);
}

static void put_sockets(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_known(out, full, m, i, m->rows[i].sockets);
}

static void put_depth(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_known(out, full, m, i, m->rows[i].depth);
}

static void put_depth_max(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_known(out, full, m, i, m->rows[i].depth_max);
}

static void put_limit(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_known(out, full, m, i, m->rows[i].limit);
}

static void put_full(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; has_packets(m) && i < m->rows_count; i++) {
		int64_t full_ns = m->rows[i].full_ns;

		put_row(out, full, m, i);
		fputs("} ", out);
		put_seconds(out, (uint64_t)(full_ns / NS_PER_SEC),
			    (uint32_t)(full_ns % NS_PER_SEC));
	}
}

static void put_half_open(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_known(out, full, m, i, m->rows[i].half_open);
}

static void put_outcomes(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; has_packets(m) && i < m->rows_count; i++)
		for (int o = 0; o < OUTCOME_COUNT; o++) {
			put_row(out, full, m, i);
			fprintf(out, ",outcome=\"%s\"} %" PRIu64 "\n",
				outcome_name((enum outcome)o), m->rows[i].outcomes[o]);
		}
}

static void put_drops(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; has_packets(m) && i < m->rows_count; i++)
		for (int c = 0; c < CAUSE_COUNT; c++) {
			if (!cause_is_drop((enum cause)c))
				continue;
			put_row(out, full, m, i);
			fprintf(out, ",cause=\"%s\"} %" PRIu64 "\n", cause_name((enum cause)c),
				m->rows[i].drops[c]);
		}
}

static void put_socket_drops(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_known(out, full, m, i, m->rows[i].socket_drops);
}

static void put_syns_again(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; has_packets(m) && i < m->rows_count; i++) {
		put_row(out, full, m, i);
		fprintf(out, "} %" PRIu64 "\n", m->rows[i].syns_again);
	}
}

/* As OpenMetrics has it: a point in each, no zeros behind. */
static const char *const bounds[SPREAD_BOUNDS] = {
    "0.0001", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
    "0.1",    "0.25",	"0.5",	 "1.0",	   "2.5",   "5.0",  "10.0",  "30.0",
};

static void put_bucket(FILE *out, const char *name, const struct metrics *m, size_t row,
		       const char *bound, uint64_t count)
{
	put_row(out, name, m, row);
	fprintf(out, ",le=\"%s\"} %" PRIu64 "\n", bound, count);
}

static void put_spread(FILE *out, const char *full, const struct metrics *m, size_t row,
		       const struct spread *spread)
{
	char name[96];
	uint64_t count = 0;

	if (!has_packets(m) && !spread->count)
		return;
	snprintf(name, sizeof(name), "%s_bucket", full);
	for (size_t i = 0; i < SPREAD_BOUNDS; i++) {
		count += spread->buckets[i];
		put_bucket(out, name, m, row, bounds[i], count);
	}
	put_bucket(out, name, m, row, "+Inf", spread->count);
	snprintf(name, sizeof(name), "%s_sum", full);
	put_row(out, name, m, row);
	fputs("} ", out);
	put_seconds(out, spread->sum_s, spread->sum_ns);
	snprintf(name, sizeof(name), "%s_count", full);
	put_row(out, name, m, row);
	fprintf(out, "} %" PRIu64 "\n", spread->count);
}

static void put_connect(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_spread(out, full, m, i, &m->rows[i].connect);
}

static void put_accept_wait(FILE *out, const char *full, const struct metrics *m)
{
	for (size_t i = 0; i < m->rows_count; i++)
		put_spread(out, full, m, i, &m->rows[i].accept_wait);
}

const struct family metrics_families[] = {
    {"build", FAMILY_INFO, NULL, "The version of synscope.", put_build},
    {"observation_start_time_seconds", FAMILY_GAUGE, "seconds",
     "When this observation began, in seconds since 1970; all counters began with 0 then.",
     put_start},
    {"last_update_timestamp_seconds", FAMILY_GAUGE, "seconds",
     "The time up to which these numbers are complete, in seconds since 1970; 0.5 s to 2 s ago.",
     put_update},
    {"source_up", FAMILY_GAUGE, NULL,
     "Whether this source of events is available; without capture (packets) there are no attempts.",
     put_sources},
    {"lost", FAMILY_COUNTER, NULL, "Events that synscope itself lost, by where.", put_losses},
    {"attempts", FAMILY_COUNTER, NULL,
     "Finished connection attempts by outcome, including those to no listener of this host.",
     put_attempts},
    {"open_attempts", FAMILY_GAUGE, NULL, "Connection attempts that are under way.", put_open},
    {"unexplained", FAMILY_COUNTER, NULL,
     "By how much this counter of the kernel had moved 30 s ago beyond what is explained by now: a "
     "lower bound until observation ends.",
     put_unexplained},
    {"listeners_sharing", FAMILY_COUNTER, NULL,
     "Listening sockets beyond the first " STRING_OF(
	 METRICS_LISTENERS_MAX) " addresses and ports; their numbers are in the one row with "
				"listener other.",
     put_sharing},
    {"listener", FAMILY_INFO, NULL,
     "Address and port of the listener, the process that owns it, and its network namespace.",
     put_info},
    {"listener_sockets", FAMILY_GAUGE, NULL, "Sockets that listen on this address and port now.",
     put_sockets},
    {"listener_accept_queue_depth", FAMILY_GAUGE, NULL,
     "Connections in the accept queue, as last sampled; " SEVERAL_SOCKETS ".", put_depth},
    {"listener_accept_queue_depth_max", FAMILY_GAUGE, NULL,
     "The highest sampled depth of the accept queue in the last " WINDOW " s.", put_depth_max},
    {"listener_accept_queue_limit", FAMILY_GAUGE, NULL,
     "The limit of the accept queue, which holds one more; " SEVERAL_SOCKETS ".", put_limit},
    {"listener_accept_queue_full_seconds", FAMILY_COUNTER, "seconds",
     "How long the accept queue was full.", put_full},
    {"listener_syn_queue_depth", FAMILY_GAUGE, NULL,
     "Handshakes without final ACK, as last counted, without SYN cookies.", put_half_open},
    {"listener_attempts", FAMILY_COUNTER, NULL, "Finished connection attempts by outcome.",
     put_outcomes},
    {"listener_drops", FAMILY_COUNTER, NULL,
     "Packets that the listener dropped, by cause; each is added after its verdict has stood for 3 "
     "s.",
     put_drops},
    {"listener_socket_drops", FAMILY_COUNTER, NULL,
     "The change of the kernel's own counter of the listening sockets (sk_drops): dropped packets, "
     "whatever the cause.",
     put_socket_drops},
    {"listener_syn_retransmissions", FAMILY_COUNTER, NULL,
     "SYNs beyond the first of each finished attempt.", put_syns_again},
    {"listener_handshake_duration_seconds", FAMILY_HISTOGRAM, "seconds",
     "From the first SYN to the final ACK, of finished attempts.", put_connect},
    {"listener_accept_wait_seconds", FAMILY_HISTOGRAM, "seconds",
     "From the final ACK to accept(), of finished attempts.", put_accept_wait},
    {0},
};
