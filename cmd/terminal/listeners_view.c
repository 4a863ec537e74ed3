/*
 * The snapshot of the listeners as a table for people, as JSON and as TSV.
 */
#include "cmd/terminal/listeners_view.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include "report/json/parts.h"
#include "report/json/writer.h"
#include "report/text/text.h"

#define ADDRESS_WIDTH_MAX 24

/* "postgres 812", its blanks included. */
#define PROCESS_WIDTH 16
/* Below this an address has a line of its own, and the numbers are indented below it. */
#define OWN_LINE_COLUMNS 60
#define INDENT		 2
#define ADDRESS_SIZE	 (ENDPOINT_TEXT_SIZE + IF_NAMESIZE + 32)

static const char *setting_name(enum limit_setting setting)
{
	switch (setting) {
	case LIMIT_UNKNOWN:
		return NULL;
	case LIMIT_BACKLOG:
		return "backlog";
	case LIMIT_EITHER:
		return "either";
	case LIMIT_SOMAXCONN_THEN:
		return "somaxconn-then";
	}
	return NULL;
}

static bool is_full(const struct listening *l)
{
	return l->depth > l->listener.limit;
}

/* "127.0.0.1%eth0:8080 #2/4": the second of four siblings. */
static void format_address(const struct listeners_snapshot *s, size_t i, char out[ADDRESS_SIZE])
{
	const struct listening *l = &s->listeners[i];
	char name[IF_NAMESIZE] = "";
	uint32_t before = 0;
	size_t used;

	if (l->listener.interface && !if_indextoname(l->listener.interface, name))
		name[0] = '\0';
	used = endpoint_format_on(&l->listener.local, l->listener.interface, name, out,
				  ENDPOINT_TEXT_SIZE);
	if (l->siblings == 0)
		return;
	while (before < i && s->listeners[i - before - 1].siblings == l->siblings &&
	       s->listeners[i - before - 1].listener.interface == l->listener.interface &&
	       endpoint_equal(&s->listeners[i - before - 1].listener.local, &l->listener.local))
		before++;
	snprintf(out + used, ADDRESS_SIZE - used, " #%" PRIu32 "/%" PRIu32, before + 1,
		 l->siblings + 1);
}

/* "postgres 812 +3" in at most width columns: the name is cut, never the numbers. */
static void format_process(const struct text *text, const struct listener *l, size_t width,
			   char out[2 * TEXT_VALUE_SIZE])
{
	char numbers[TEXT_VALUE_SIZE], comm[LISTENER_COMM_SIZE];
	size_t used, room;

	if (l->pids_count == 0) {
		strcpy(out, "-");
		return;
	}
	used = (size_t)snprintf(numbers, sizeof(numbers), " %" PRId32, l->pids[0]);
	if (l->pids_count > 1)
		used += (size_t)snprintf(numbers + used, sizeof(numbers) - used, " +%d%s",
					 l->pids_count - 1,
					 l->pids_count == LISTENER_PIDS_MAX ? " or more" : "");
	room = width > used ? width - used : 0;
	text_safe(text, l->comm, comm, room + 1 < sizeof(comm) ? room + 1 : sizeof(comm));
	snprintf(out, 2 * TEXT_VALUE_SIZE, "%s%s", comm, numbers);
}

/* What a width has room for, the least important columns gone first. */
struct columns {
	int address;
	bool own_line;
	bool half_open;
	bool oldest;
	bool setting;
	bool drops;
	unsigned process; /* 0: not shown */
};

static unsigned numbers_width(const struct columns *c)
{
	return 16u + (c->setting ? 14 : 7) + (c->half_open ? 9 : 0) + (c->drops ? 8 : 0) +
	       (c->oldest ? 9 : 0);
}

static struct columns lay_out(const struct text *text, size_t address)
{
	struct columns c = {(int)address, false, true, true, true, true, 0};
	bool *const order[] = {&c.half_open, &c.oldest, &c.setting, &c.drops};

	c.own_line = text->columns < OWN_LINE_COLUMNS;
	if (c.own_line)
		c.address = INDENT;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) &&
			   (unsigned)c.address + numbers_width(&c) + PROCESS_WIDTH > text->columns;
	     i++)
		*order[i] = false;
	if (text->columns > (unsigned)c.address + numbers_width(&c) + 2)
		c.process = text->columns - (unsigned)c.address - numbers_width(&c) - 2;
	return c;
}

static void put_row(const struct text *text, const struct listeners_snapshot *s, size_t i,
		    const struct columns *columns)
{
	int width = columns->address;

	const struct listening *l = &s->listeners[i];
	char address[ADDRESS_SIZE], value[2 * TEXT_VALUE_SIZE];
	const char *setting = setting_name(l->limited_by);

	format_address(s, i, address);
	text_cell(text, address, -width);
	if (columns->own_line || (int)strlen(address) > width)
		fprintf(text->out, "\n%*s", width, "");
	text_begin_colour(text, is_full(l) ? TEXT_RED : TEXT_PLAIN);
	snprintf(value, sizeof(value), "%" PRIu32 "/%" PRIu64, l->depth,
		 (uint64_t)l->listener.limit + 1);
	text_cell(text, value, 11);
	text_cell(text, is_full(l) ? " full" : "", -5);
	text_end_colour(text, is_full(l) ? TEXT_RED : TEXT_PLAIN);
	snprintf(value, sizeof(value), " %5" PRIu32 " %s", l->listener.limit,
		 !columns->setting			 ? ""
		 : !setting				 ? "-"
		 : l->limited_by == LIMIT_SOMAXCONN_THEN ? "earlier"
							 : setting);
	text_cell(text, value, columns->setting ? -14 : -7);
	if (columns->half_open)
		text_cell(text, text_count(l->half_open, value), 9);
	if (columns->drops)
		text_cell(text, l->drops_known ? text_count(l->drops, value) : "-", 8);
	if (columns->oldest)
		text_cell(text, l->waiting > 0 ? text_duration(text, l->oldest_ns, value) : "-", 9);
	format_process(text, &l->listener, columns->process, value);
	/* A number is shown whole or not at all. */
	if (strlen(value) <= columns->process)
		fprintf(text->out, "  %s", value);
	fputc('\n', text->out);
}

static void put_heads(const struct text *text, const struct columns *columns)
{
	text_begin_colour(text, TEXT_BOLD);
	text_cell(text, "LISTENER", -columns->address);
	if (columns->own_line)
		fprintf(text->out, "\n%*s", columns->address, "");
	fputs("      QUEUE     ", text->out);
	fputs(columns->setting ? " LIMIT        " : " LIMIT ", text->out);
	fputs(columns->half_open ? "HALF-OPEN" : "", text->out);
	fputs(columns->drops ? "   DROPS" : "", text->out);
	fputs(columns->oldest ? "   OLDEST" : "", text->out);
	fputs(columns->process >= strlen("PROCESS") ? "  PROCESS" : "", text->out);
	text_end_colour(text, TEXT_BOLD);
	fputc('\n', text->out);
}

static void put_table(const struct text *text, const struct listeners_snapshot *s)
{
	size_t width = strlen("LISTENER");
	char address[ADDRESS_SIZE];
	struct columns columns;

	for (size_t i = 0; i < s->count; i++) {
		format_address(s, i, address);
		if (strlen(address) > width && strlen(address) <= ADDRESS_WIDTH_MAX)
			width = strlen(address);
	}
	columns = lay_out(text, width);
	put_heads(text, &columns);
	for (size_t i = 0; i < s->count; i++)
		put_row(text, s, i, &columns);
}

static void note(const struct text *text, const struct sentence *sentence)
{
	text_paragraph(text, text_bullet(text), 2, sentence->text);
}

static int64_t counter(const struct counters *counters, enum counter which)
{
	return (counters->known >> which) & 1 ? (int64_t)counters->value[which] : -1;
}

static void put_limit_notes(const struct text *text, const struct listeners_snapshot *s)
{
	unsigned met = 0;
	struct sentence sentence;

	for (size_t i = 0; i < s->count; i++)
		met |= 1U << s->listeners[i].limited_by;
	sentence_clear(&sentence);
	sentence_add(&sentence, "QUEUE: connections waiting for accept() / capacity (limit + 1).");
	if (met & 1U << LIMIT_BACKLOG)
		sentence_add(&sentence,
			     " LIMIT backlog: set by the listen() backlog; somaxconn is %" PRId64
			     ".",
			     s->somaxconn);
	if (met & 1U << LIMIT_EITHER)
		sentence_add(&sentence,
			     " LIMIT either: set by somaxconn (%" PRId64
			     ") or by an equal listen() "
			     "backlog: raise both.",
			     s->somaxconn);
	if (met & 1U << LIMIT_SOMAXCONN_THEN)
		sentence_add(&sentence,
			     " LIMIT earlier: above the current somaxconn (%" PRId64 "), which was "
			     "higher when listen() was called.",
			     s->somaxconn);
	sentence_add(&sentence, " A new somaxconn takes effect at the next listen() call.");
	note(text, &sentence);
}

static void put_drop_notes(const struct text *text, const struct listeners_snapshot *s)
{
	char overflows[TEXT_VALUE_SIZE], drops[TEXT_VALUE_SIZE], full[TEXT_VALUE_SIZE];
	char defer[TEXT_VALUE_SIZE];
	struct sentence sentence;
	bool any = false;

	for (size_t i = 0; i < s->count; i++)
		any |= s->listeners[i].drops > 0;
	if (!any)
		return;
	sentence_clear(&sentence);
	sentence_add(
	    &sentence,
	    "DROPS: sk_drops of the socket. It counts a final ACK dropped by a full queue twice, "
	    "and also harmless packets: retransmitted SYNs, resets of half-open connections, bare "
	    "ACKs with TCP_DEFER_ACCEPT. The whole network namespace: %s SYNs and ACKs dropped by "
	    "full accept queues (ListenOverflows), %s drops in total (ListenDrops), %s by full SYN "
	    "queues (TCPReqQFullDrop), %s ACKs deferred (TCPDeferAcceptDrop).",
	    text_count(counter(&s->counters, COUNTER_LISTEN_OVERFLOWS), overflows),
	    text_count(counter(&s->counters, COUNTER_LISTEN_DROPS), drops),
	    text_count(counter(&s->counters, COUNTER_REQQ_FULL_DROP), full),
	    text_count(counter(&s->counters, COUNTER_DEFER_ACCEPT_DROP), defer));
	note(text, &sentence);
}

/*
 * "127.0.0.1:80: queue full: owner stopped (T), pid 4242; the oldest connection has waited 3.2 s."
 */
static void put_stall_notes(const struct text *text, const struct listeners_snapshot *s,
			    const struct stall_now *stalls)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct listening *l = &s->listeners[i];
		char address[ADDRESS_SIZE], why[STALL_TEXT_SIZE], value[TEXT_VALUE_SIZE];
		struct sentence sentence;

		if (stalls[i].cause == STALL_NONE)
			continue;
		format_address(s, i, address);
		sentence_clear(&sentence);
		sentence_add(&sentence, "%s: %s %s", address,
			     is_full(l) ? "queue full:" : "connections waiting:",
			     stall_text(&stalls[i], why));
		if (stalls[i].pid)
			sentence_add(&sentence, ", pid %" PRId32, stalls[i].pid);
		if (l->waiting > 0)
			sentence_add(&sentence, "; the oldest connection has waited %s",
				     text_duration(text, l->oldest_ns, value));
		sentence_add(&sentence, ".");
		note(text, &sentence);
	}
}

static void put_listener_notes(const struct text *text, const struct listeners_snapshot *s)
{
	bool siblings = false;

	for (size_t i = 0; i < s->count; i++) {
		const struct listening *l = &s->listeners[i];
		char address[ADDRESS_SIZE];
		struct sentence sentence;

		siblings |= l->siblings > 0;
		format_address(s, i, address);
		sentence_clear(&sentence);
		sentence_add(&sentence, "%s:", address);
		if (l->ghosts > 0)
			sentence_add(&sentence,
				     " %" PRId64 " connection%s in the queue already reset by the "
				     "client; accept() will still return %s.",
				     l->ghosts, l->ghosts == 1 ? "" : "s",
				     l->ghosts == 1 ? "it" : "them");
		if (l->listener.defer_accept_s > 0)
			sentence_add(
			    &sentence,
			    " TCP_DEFER_ACCEPT: a connection enters the queue with its first "
			    "data, or after %" PRId32 " s.",
			    l->listener.defer_accept_s);
		if (l->listener.fastopen > 0)
			sentence_add(&sentence,
				     " TCP Fast Open: up to %" PRId32
				     " connections enter the queue with their SYN.",
				     l->listener.fastopen);
		if (strlen(sentence.text) > strlen(address) + 1)
			note(text, &sentence);
	}
	if (siblings) {
		struct sentence sentence;

		sentence_clear(&sentence);
		sentence_add(&sentence,
			     "#1/4: SO_REUSEPORT siblings. Each has its own queue; one can drop "
			     "while another is empty. HALF-OPEN and OLDEST cover the whole group.");
		note(text, &sentence);
	}
}

static void put_unseen_notes(const struct text *text, const struct listeners_snapshot *s,
			     bool as_root)
{
	struct sentence sentence;
	size_t unowned = 0;

	for (size_t i = 0; i < s->count; i++)
		unowned += s->listeners[i].listener.pids_count == 0;
	sentence_clear(&sentence);
	if (s->processes_denied && unowned) {
		sentence_add(&sentence,
			     "Cannot inspect %zu process%s (permission denied%s): missing owners, "
			     "their TCP_DEFER_ACCEPT and TCP Fast Open %s.",
			     s->processes_denied, s->processes_denied == 1 ? "" : "es",
			     as_root ? ", even to root here" : "",
			     as_root ? "are unknown"
				     : "require CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH (sudo, or "
				       "setcap: see synscope(1))");
		note(text, &sentence);
	}
	sentence_clear(&sentence);
	if (!s->connections_read) {
		char count[TEXT_VALUE_SIZE];

		sentence_add(&sentence,
			     "HALF-OPEN and OLDEST: use --all to read all %s connections.",
			     text_count((int64_t)s->connections, count));
		note(text, &sentence);
	}
	sentence_clear(&sentence);
	if (s->lost) {
		sentence_add(&sentence,
			     "%" PRIu64 " incomplete replies from the kernel: numbers may be too "
			     "low.",
			     s->lost);
		note(text, &sentence);
	}
}

int listeners_view_text(FILE *out, const struct listeners_snapshot *s,
			const struct stall_now *stalls, const struct listeners_style *style)
{
	struct text text = {
	    .out = out, .colour = style->colour, .utf8 = style->utf8, .columns = style->columns};

	if (s->count == 0) {
		fputs("No listening sockets.\n", out);
		return ferror(out) ? -EIO : 0;
	}
	put_table(&text, s);
	fputc('\n', out);
	put_stall_notes(&text, s, stalls);
	put_limit_notes(&text, s);
	put_drop_notes(&text, s);
	put_listener_notes(&text, s);
	put_unseen_notes(&text, s, style->as_root);
	return ferror(out) ? -EIO : 0;
}

static void json_listener(struct json_writer *json, const struct listening *l,
			  const struct stall_now *stall)
{
	const struct workload *workload = &l->listener.workload;
	char address[ENDPOINT_TEXT_SIZE];

	jw_object_begin(json, JSON_COMPACT);
	address_format(&l->listener.local.address, address, sizeof(address));
	jw_put_string(json, "address", address);
	jw_put_u64(json, "port", l->listener.local.port);
	jw_put_u64(json, "depth", l->depth);
	jw_put_u64(json, "limit", l->listener.limit);
	jw_put_u64(json, "capacity", (uint64_t)l->listener.limit + 1);
	jw_put_string(json, "limit_set_by", setting_name(l->limited_by));
	jw_put_known(json, "drops", l->drops_known ? (int64_t)l->drops : -1);
	jw_put_u64(json, "siblings", l->siblings);
	jw_put_known(json, "half_open", l->half_open);
	jw_put_known(json, "waiting", l->waiting);
	jw_put_known(json, "ghosts", l->ghosts);
	jw_put_known(json, "oldest_wait_ns", l->oldest_ns);
	json_put_stall(json, stall);
	jw_put_known(json, "defer_accept_s", l->listener.defer_accept_s);
	jw_put_known(json, "fastopen", l->listener.fastopen);
	jw_put_u64(json, "interface", l->listener.interface);
	jw_put_bool(json, "v6only", l->listener.v6only);
	jw_put_u64(json, "uid", l->listener.uid);
	jw_put_u64(json, "inode", l->listener.inode);
	jw_put_u64(json, "cookie", l->listener.cookie);
	jw_key(json, "pids");
	jw_array_begin(json, JSON_COMPACT);
	for (unsigned i = 0; i < l->listener.pids_count; i++)
		jw_i64(json, l->listener.pids[i]);
	jw_end(json);
	jw_put_string(json, "comm", l->listener.pids_count ? l->listener.comm : NULL);
	jw_put_text(json, "unit", workload->unit);
	jw_put_text(json, "container", workload->container);
	jw_end(json);
}

int listeners_view_json(FILE *out, const struct listeners_snapshot *s,
			const struct stall_now *stalls)
{
	struct json_writer json;

	json_writer_init(&json, out);
	jw_object_begin(&json, JSON_LINES);
	jw_put_string(&json, "schema", "synscope.listeners/1");
	jw_put_time(&json, "time_ns", s->time_ns);
	jw_put_known(&json, "somaxconn", s->somaxconn);
	jw_key(&json, "counters");
	jw_object_begin(&json, JSON_COMPACT);
	for (int i = 0; i < COUNTER_COUNT; i++)
		jw_put_known(&json, counter_name((enum counter)i),
			     counter(&s->counters, (enum counter)i));
	jw_end(&json);
	jw_put_bool(&json, "connections_read", s->connections_read);
	jw_put_u64(&json, "processes_denied", s->processes_denied);
	jw_put_u64(&json, "answers_incomplete", s->lost);
	jw_key(&json, "listeners");
	jw_array_begin(&json, JSON_LINES);
	for (size_t i = 0; i < s->count; i++)
		json_listener(&json, &s->listeners[i], &stalls[i]);
	jw_end(&json);
	jw_end(&json);
	return json_writer_finish(&json);
}

/* -1 is empty, as in the report's TSV. */
static void put_known(FILE *out, int64_t value)
{
	if (value >= 0)
		fprintf(out, "%" PRId64, value);
	fputc('\t', out);
}

int listeners_view_tsv(FILE *out, const struct listeners_snapshot *s)
{
	static const struct text plain = {.columns = TEXT_COLUMNS_DEFAULT};

	fputs(
	    "listener\tdepth\tlimit\tcapacity\tlimit_set_by\tdrops\tsiblings\thalf_open\twaiting\t"
	    "ghosts\toldest_wait_ns\tdefer_accept_s\tfastopen\tuid\tinode\tpids\tcomm\n",
	    out);
	for (size_t i = 0; i < s->count; i++) {
		const struct listening *l = &s->listeners[i];
		const char *setting = setting_name(l->limited_by);
		char address[ENDPOINT_TEXT_SIZE], comm[LISTENER_COMM_SIZE];

		endpoint_format(&l->listener.local, address, sizeof(address));
		fprintf(out, "%s\t%" PRIu32 "\t%" PRIu32 "\t%" PRIu64 "\t%s\t", address, l->depth,
			l->listener.limit, (uint64_t)l->listener.limit + 1, setting ? setting : "");
		put_known(out, l->drops_known ? (int64_t)l->drops : -1);
		put_known(out, l->siblings);
		put_known(out, l->half_open);
		put_known(out, l->waiting);
		put_known(out, l->ghosts);
		put_known(out, l->oldest_ns);
		put_known(out, l->listener.defer_accept_s);
		put_known(out, l->listener.fastopen);
		fprintf(out, "%" PRIu32 "\t%" PRIu32 "\t", l->listener.uid, l->listener.inode);
		for (unsigned j = 0; j < l->listener.pids_count; j++)
			fprintf(out, "%s%" PRId32, j ? "," : "", l->listener.pids[j]);
		fprintf(out, "\t%s\n", text_safe(&plain, l->listener.comm, comm, sizeof(comm)));
	}
	return ferror(out) ? -EIO : 0;
}
