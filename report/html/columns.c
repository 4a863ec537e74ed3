/*
 * Attempts as columns. Knows what stands in which column and nothing about the
 * page that reads them.
 */
#include "report/html/columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event/clock.h"
#include "report/attempt/phase.h"
#include "report/html/column.h"

enum column {
	COLUMN_NUMBER,
	COLUMN_ANCHOR,
	COLUMN_SYN,
	COLUMN_SYNACK,
	COLUMN_ACK,
	COLUMN_ENTERED,
	COLUMN_ACCEPT,
	COLUMN_ACCEPT_AFTER,
	COLUMN_ACCEPT_BEFORE,
	COLUMN_FORK,
	COLUMN_FIRST_BYTE,
	COLUMN_REPLY,
	COLUMN_CLOSE,
	COLUMN_EXIT,
	COLUMN_END,
	COLUMN_SYN_TO_SYNACK,
	COLUMN_SYNACK_TO_ACK,
	COLUMN_CONNECT,
	COLUMN_ACCEPT_WAIT,
	COLUMN_QUEUE_WAIT,
	COLUMN_ACCEPT_TO_FORK,
	COLUMN_CLIENT,
	COLUMN_CLIENT_PORT,
	COLUMN_SERVER,
	COLUMN_SERVER_PORT,
	COLUMN_ISN,
	COLUMN_SYNS,
	COLUMN_SYNACKS,
	COLUMN_ACCEPT_PID,
	COLUMN_CHILD_PID,
	COLUMN_LISTENER,
	COLUMN_OUTCOME,
	COLUMN_FLAGS,
	COLUMN_MARKS_LOST,
	COLUMN_CAUSES,
	COLUMN_CAUSE, /* cause << 2 | confidence */
	COLUMN_CAUSE_PACKETS,
	COLUMN_MARKS,
	COLUMN_MARK_TIME, /* since the mark before, or the anchor */
	COLUMN_MARK_FRAME,
	COLUMN_MARK_CODE,  /* kind | MARK_CODE_* */
	COLUMN_MARK_CAUSE, /* with MARK_CODE_CAUSE: cause << 2 | confidence */
	COLUMN_MARK_DEPTH, /* with MARK_CODE_DEPTH */
	COLUMN_MARK_AMONG, /* with MARK_CODE_AMONG: so many packets, and so many of them dropped */
	COLUMN_MARK_AMONG_DROPPED,
	COLUMN_MARK_LIMIT,
	COLUMN_COUNT,
};

static const char *const column_names[COLUMN_COUNT] = {
    [COLUMN_NUMBER] = "number",
    [COLUMN_ANCHOR] = "anchor",
    [COLUMN_SYN] = "syn",
    [COLUMN_SYNACK] = "synack",
    [COLUMN_ACK] = "ack",
    [COLUMN_ENTERED] = "entered",
    [COLUMN_ACCEPT] = "accept",
    [COLUMN_ACCEPT_AFTER] = "accept_after",
    [COLUMN_ACCEPT_BEFORE] = "accept_before",
    [COLUMN_FORK] = "fork",
    [COLUMN_FIRST_BYTE] = "first_byte",
    [COLUMN_REPLY] = "reply",
    [COLUMN_CLOSE] = "close",
    [COLUMN_EXIT] = "exit",
    [COLUMN_END] = "end",
    [COLUMN_SYN_TO_SYNACK] = "syn_to_synack",
    [COLUMN_SYNACK_TO_ACK] = "synack_to_ack",
    [COLUMN_CONNECT] = "connect",
    [COLUMN_ACCEPT_WAIT] = "accept_wait",
    [COLUMN_QUEUE_WAIT] = "queue_wait",
    [COLUMN_ACCEPT_TO_FORK] = "accept_to_fork",
    [COLUMN_CLIENT] = "client",
    [COLUMN_CLIENT_PORT] = "client_port",
    [COLUMN_SERVER] = "server",
    [COLUMN_SERVER_PORT] = "server_port",
    [COLUMN_ISN] = "isn",
    [COLUMN_SYNS] = "syns",
    [COLUMN_SYNACKS] = "synacks",
    [COLUMN_ACCEPT_PID] = "accept_pid",
    [COLUMN_CHILD_PID] = "child_pid",
    [COLUMN_LISTENER] = "listener",
    [COLUMN_OUTCOME] = "outcome",
    [COLUMN_FLAGS] = "flags",
    [COLUMN_MARKS_LOST] = "marks_lost",
    [COLUMN_CAUSES] = "causes",
    [COLUMN_CAUSE] = "cause",
    [COLUMN_CAUSE_PACKETS] = "cause_packets",
    [COLUMN_MARKS] = "marks",
    [COLUMN_MARK_TIME] = "mark_time",
    [COLUMN_MARK_FRAME] = "mark_frame",
    [COLUMN_MARK_CODE] = "mark_code",
    [COLUMN_MARK_CAUSE] = "mark_cause",
    [COLUMN_MARK_DEPTH] = "mark_depth",
    [COLUMN_MARK_LIMIT] = "mark_limit",
    [COLUMN_MARK_AMONG] = "mark_among",
    [COLUMN_MARK_AMONG_DROPPED] = "mark_among_dropped",
};

#define MARK_CODE_DROPPED 16
#define MARK_CODE_CAUSE	  32
#define MARK_CODE_DEPTH	  64
#define MARK_CODE_AMONG	  128

#define FLAG_GHOST   1
#define FLAG_EVICTED 2

_Static_assert(MARK_KIND_COUNT <= MARK_CODE_DROPPED, "a mark's kind has four bits");
_Static_assert(CONFIDENCE_COUNT <= 4, "a confidence has two bits");

#define ADDRESSES_MAX (2 * HTML_CHUNK_ATTEMPTS)
#define SLOTS	      (2 * ADDRESSES_MAX)

struct html_columns {
	const struct report *report;
	int64_t base_ns;
	int64_t anchor_before; /* of the attempt before, relative to base_ns */
	uint64_t number_before;
	uint32_t count;
	uint32_t marks;
	uint32_t causes;
	struct html_column columns[COLUMN_COUNT];
	uint32_t addresses_count;
	struct address addresses[ADDRESSES_MAX];
	uint16_t slots[SLOTS]; /* index + 1 into addresses, 0 is free */
	struct html_column base64;
};

_Static_assert(ADDRESSES_MAX < UINT16_MAX, "a slot holds an index");

static void put(struct html_columns *c, enum column column, int64_t value)
{
	html_column_put(&c->columns[column], value);
}

static void put_time(struct html_columns *c, enum column column, int64_t time_ns, int64_t anchor_ns)
{
	if (time_ns == TIME_UNKNOWN)
		html_column_put_unknown(&c->columns[column]);
	else
		put(c, column, clock_since(time_ns, anchor_ns));
}

/* Stored as its difference to what the times say, which is nearly always 0. */
static void put_latency(struct html_columns *c, enum column column, int64_t value, int64_t to,
			int64_t from)
{
	if (value == -1)
		html_column_put_unknown(&c->columns[column]);
	else if (to == TIME_UNKNOWN || from == TIME_UNKNOWN)
		put(c, column, value);
	else
		put(c, column, clock_since(value, clock_since(to, from)));
}

static uint32_t address_hash(const struct address *a)
{
	uint64_t halves[2];

	memcpy(halves, a, sizeof(halves));
	return (uint32_t)((halves[0] * 0x9e3779b97f4a7c15u ^ halves[1]) * 0xc2b2ae3d27d4eb4fu >>
			  40);
}

static uint32_t address_index(struct html_columns *c, const struct address *a)
{
	uint32_t slot = address_hash(a) % SLOTS;

	/* Half of the slots stay free: a chunk cannot have more addresses than it has ends. */
	while (c->slots[slot]) {
		if (address_equal(&c->addresses[c->slots[slot] - 1], a))
			return c->slots[slot] - 1u;
		slot = (slot + 1) % SLOTS;
	}
	c->addresses[c->addresses_count] = *a;
	c->slots[slot] = (uint16_t)++c->addresses_count;
	return c->addresses_count - 1;
}

static void add_times(struct html_columns *c, const struct attempt *a, int64_t anchor)
{
	int64_t accepted = a->accept_ns != TIME_UNKNOWN ? a->accept_ns : a->accept_before_ns;

	put_time(c, COLUMN_SYN, a->syn_ns, anchor);
	put_time(c, COLUMN_SYNACK, a->synack_ns, anchor);
	put_time(c, COLUMN_ACK, a->ack_ns, anchor);
	put_time(c, COLUMN_ENTERED, a->entered_ns, anchor);
	put_time(c, COLUMN_ACCEPT, a->accept_ns, anchor);
	put_time(c, COLUMN_ACCEPT_AFTER, a->accept_after_ns, anchor);
	put_time(c, COLUMN_ACCEPT_BEFORE, a->accept_before_ns, anchor);
	put_time(c, COLUMN_FORK, a->fork_ns, anchor);
	put_time(c, COLUMN_FIRST_BYTE, a->first_byte_ns, anchor);
	put_time(c, COLUMN_REPLY, a->reply_ns, anchor);
	put_time(c, COLUMN_CLOSE, a->close_ns, anchor);
	put_time(c, COLUMN_EXIT, a->exit_ns, anchor);
	put_time(c, COLUMN_END, a->end_ns, anchor);
	put_latency(c, COLUMN_SYN_TO_SYNACK, a->syn_to_synack_ns, a->synack_ns, a->syn_ns);
	put_latency(c, COLUMN_SYNACK_TO_ACK, a->synack_to_ack_ns, a->ack_ns, a->synack_ns);
	put_latency(c, COLUMN_CONNECT, a->connect_ns, a->synack_ns, a->syn_ns);
	put_latency(c, COLUMN_ACCEPT_WAIT, a->accept_wait_ns, accepted, a->ack_ns);
	put_latency(c, COLUMN_QUEUE_WAIT, a->queue_wait_ns, accepted, a->entered_ns);
	put_latency(c, COLUMN_ACCEPT_TO_FORK, a->accept_to_fork_ns, a->fork_ns, a->accept_ns);
}

static int64_t cause_code(const struct html_columns *c, enum cause cause,
			  enum confidence confidence)
{
	return (int64_t)cause << 2 | report_confidence(c->report, cause, confidence);
}

static void add_marks(struct html_columns *c, const struct attempt *a, int64_t anchor)
{
	int64_t before = anchor;

	put(c, COLUMN_MARKS, a->marks_count);
	put(c, COLUMN_MARKS_LOST, a->marks_lost);
	c->marks += a->marks_count;
	for (uint32_t i = 0; i < a->marks_count; i++) {
		const struct mark *m = &a->marks[i];
		bool depth_known = m->depth != MARK_DEPTH_UNKNOWN;

		put(c, COLUMN_MARK_TIME, clock_since(m->time_ns, before));
		before = m->time_ns;
		put(c, COLUMN_MARK_FRAME, (int64_t)m->frame);
		put(c, COLUMN_MARK_CODE,
		    (int64_t)m->kind | (m->dropped ? MARK_CODE_DROPPED : 0) |
			(m->cause_known ? MARK_CODE_CAUSE : 0) |
			(depth_known ? MARK_CODE_DEPTH : 0) |
			(m->among ? MARK_CODE_AMONG : 0));
		if (m->cause_known)
			put(c, COLUMN_MARK_CAUSE, cause_code(c, m->cause, m->confidence));
		if (depth_known) {
			put(c, COLUMN_MARK_DEPTH, m->depth);
			put(c, COLUMN_MARK_LIMIT, m->limit);
		}
		if (m->among) {
			put(c, COLUMN_MARK_AMONG, m->among);
			put(c, COLUMN_MARK_AMONG_DROPPED, m->among_dropped);
		}
	}
}

static int first_error(const struct html_columns *c)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		if (c->columns[i].error)
			return c->columns[i].error;
	return c->base64.error;
}

int html_columns_add(struct html_columns *c, const struct attempt *a)
{
	int64_t first_ns = attempt_first_ns(a);
	int64_t anchor_ns = first_ns == TIME_UNKNOWN ? c->base_ns : first_ns;
	int64_t anchor = clock_since(anchor_ns, c->base_ns);

	put(c, COLUMN_NUMBER, (int64_t)(a->number - c->number_before));
	c->number_before = a->number;
	put(c, COLUMN_ANCHOR, clock_since(anchor, c->anchor_before));
	c->anchor_before = anchor;
	add_times(c, a, anchor_ns);
	put(c, COLUMN_CLIENT, address_index(c, &a->client.address));
	put(c, COLUMN_CLIENT_PORT, a->client.port);
	put(c, COLUMN_SERVER, address_index(c, &a->server.address));
	put(c, COLUMN_SERVER_PORT, a->server.port);
	put(c, COLUMN_ISN, a->isn);
	put(c, COLUMN_SYNS, a->syns);
	put(c, COLUMN_SYNACKS, a->synacks);
	put(c, COLUMN_ACCEPT_PID, a->accept_pid);
	put(c, COLUMN_CHILD_PID, a->child_pid);
	put(c, COLUMN_LISTENER, a->listener);
	put(c, COLUMN_OUTCOME, a->outcome);
	put(c, COLUMN_FLAGS, (a->ghost ? FLAG_GHOST : 0) | (a->evicted ? FLAG_EVICTED : 0));
	put(c, COLUMN_CAUSES, a->causes_count);
	for (uint32_t i = 0; i < a->causes_count; i++) {
		const struct attempt_cause *cause = &a->causes[i];

		put(c, COLUMN_CAUSE, cause_code(c, cause->cause, cause->confidence));
		put(c, COLUMN_CAUSE_PACKETS, cause->packets);
	}
	c->causes += a->causes_count;
	add_marks(c, a, anchor_ns);
	c->count++;
	return first_error(c);
}

static void empty(struct html_columns *c)
{
	for (int i = 0; i < COLUMN_COUNT; i++)
		html_column_empty(&c->columns[i]);
	memset(c->slots, 0, sizeof(c->slots));
	c->addresses_count = 0;
	c->anchor_before = 0;
	c->number_before = 0;
	c->count = 0;
	c->marks = 0;
	c->causes = 0;
}

int html_columns_write(struct html_columns *c, struct json_writer *json)
{
	char text[ENDPOINT_TEXT_SIZE];

	jw_object_begin(json, JSON_COMPACT);
	jw_key(json, "n");
	jw_u64(json, c->count);
	jw_key(json, "marks");
	jw_u64(json, c->marks);
	jw_key(json, "causes");
	jw_u64(json, c->causes);
	jw_key(json, "addresses");
	jw_array_begin(json, JSON_COMPACT);
	for (uint32_t i = 0; i < c->addresses_count; i++) {
		size_t length = address_format(&c->addresses[i], text, sizeof(text));

		jw_string_bytes(json, text, length);
	}
	jw_end(json);
	jw_key(json, "columns");
	jw_object_begin(json, JSON_COMPACT);
	for (int i = 0; i < COLUMN_COUNT; i++) {
		jw_key(json, column_names[i]);
		html_column_base64(&c->columns[i], &c->base64);
		jw_string_bytes(json, (const char *)c->base64.data, c->base64.used);
	}
	jw_end(json);
	jw_end(json);
	empty(c);
	return first_error(c);
}

int html_columns_new(const struct report *report, struct html_columns **out)
{
	struct html_columns *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->report = report;
	c->base_ns = report->start_ns == TIME_UNKNOWN ? 0 : report->start_ns;
	*out = c;
	return 0;
}

uint32_t html_columns_count(const struct html_columns *c)
{
	return c->count;
}

bool html_columns_full(const struct html_columns *c)
{
	return c->count == HTML_CHUNK_ATTEMPTS;
}

void html_columns_free(struct html_columns *c)
{
	if (!c)
		return;
	for (int i = 0; i < COLUMN_COUNT; i++)
		html_column_release(&c->columns[i]);
	html_column_release(&c->base64);
	free(c);
}
