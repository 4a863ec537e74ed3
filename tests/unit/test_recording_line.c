#include "event/recording/line.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which end of its range each integer takes. */
enum extreme { LOWEST, HIGHEST, MIDDLE, EXTREME_COUNT };

static uint64_t u64(enum extreme e)
{
	return e == LOWEST ? 0 : e == HIGHEST ? UINT64_MAX : (uint64_t)INT64_MAX + 1;
}

static int64_t i64(enum extreme e)
{
	return e == LOWEST ? INT64_MIN : e == HIGHEST ? INT64_MAX : 1700000000123456789;
}

static uint32_t u32(enum extreme e)
{
	return e == LOWEST ? 0 : e == HIGHEST ? UINT32_MAX : 4096;
}

static int32_t i32(enum extreme e)
{
	return e == LOWEST ? INT32_MIN : e == HIGHEST ? INT32_MAX : -1;
}

static struct endpoint endpoint(enum extreme e)
{
	static const char *const texts[EXTREME_COUNT] = {
	    "[::]:0", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "127.0.0.1:8080"};
	struct endpoint out;

	cr_assert_eq(endpoint_parse(texts[e], &out), 0);
	return out;
}

static struct flow flow(enum extreme e)
{
	struct endpoint client = endpoint(e), server = endpoint((e + 1) % EXTREME_COUNT);

	return (struct flow){client.address, server.address, client.port, server.port};
}

static void fill_listener(struct listener *listener, enum extreme e)
{
	static const char *const comms[EXTREME_COUNT] = {"", "\xff\x80\x01\"\\\xc3\n(((((((",
							 "postgres"};

	listener->cookie = u64(e);
	listener->local = endpoint(e);
	listener->change = (enum listener_change)e;
	listener->limit = u32(e);
	listener->inode = u32(e);
	listener->uid = u32(e);
	listener->interface = u32(e);
	listener->v6only = e == HIGHEST;
	listener->transparent = e == HIGHEST;
	listener->defer_accept_s = i32(e);
	listener->fastopen = i32(e);
	listener->pids_count = e == LOWEST ? 0 : e == HIGHEST ? LISTENER_PIDS_MAX : 1;
	for (unsigned i = 0; i < listener->pids_count; i++)
		listener->pids[i] = i32(e);
	strcpy(listener->comm, comms[e]);
	if (e == HIGHEST)
		memset(listener->workload.unit, '"', WORKLOAD_UNIT_SIZE - 1);
	if (e == MIDDLE)
		strcpy(listener->workload.unit, "dev-disk\\x2d1.service");
	if (e != LOWEST)
		memset(listener->workload.container, 'f', WORKLOAD_CONTAINER_SIZE - 1);
}

/* Member by member into zeroed memory, so that the padding is equal as well. */
static void fill(struct event *event, enum event_kind kind, enum extreme e)
{
	memset(event, 0, sizeof(*event));
	event->time_ns = i64(e);
	event->kind = kind;
	event->source = e == LOWEST ? 0 : e == HIGHEST ? SOURCE_COUNT - 1 : SOURCE_SAMPLER;
	switch (kind) {
	case EVENT_SEGMENT:
	case EVENT_ICMP:
	case EVENT_KIND_COUNT:
		break;
	case EVENT_LISTENER:
		fill_listener(&event->listener, e);
		break;
	case EVENT_SAMPLE:
		event->sample.cookie = u64(e);
		event->sample.before_ns = i64(e);
		event->sample.depth = u32(e);
		event->sample.limit = u32(e);
		event->sample.drops = u32(e);
		event->sample.drops_known = e != LOWEST;
		break;
	case EVENT_HALF_OPEN:
		event->half_open.cookie = u64(e);
		event->half_open.before_ns = i64(e);
		event->half_open.count = u32(e);
		break;
	case EVENT_CHILD:
		event->child.flow = flow(e);
		event->child.before_ns = i64(e);
		event->child.waiting_ns = i64(e);
		event->child.listener = u64(e);
		event->child.inode = u32(e);
		event->child.state = (uint8_t)u32(e);
		event->child.bound = u32(e);
		break;
	case EVENT_WAITING:
		event->waiting.flow = flow(e);
		event->waiting.before_ns = i64(e);
		event->waiting.born_ns = i64(e);
		event->waiting.listener = u64(e);
		event->waiting.state = (uint8_t)u32(e);
		event->waiting.syns = u32(e);
		break;
	case EVENT_COUNTERS:
		event->counters.before_ns = i64(e);
		event->counters.when = (enum counters_when)e;
		event->counters.known = (e == LOWEST	? 0
					 : e == HIGHEST ? UINT64_MAX
							: 0x5555555555555555) &
					((1ULL << COUNTER_COUNT) - 1);
		for (unsigned i = 0; i < COUNTER_COUNT; i++)
			if (event->counters.known >> i & 1)
				event->counters.value[i] = u64(e) - i;
		break;
	case EVENT_PROC_FORK:
		event->proc_fork.parent_pid = i32(e);
		event->proc_fork.child_pid = i32(e);
		event->proc_fork.child_tid = i32(e);
		break;
	case EVENT_PROC_EXIT:
		event->proc_exit.pid = i32(e);
		event->proc_exit.tid = i32(e);
		event->proc_exit.exit_code = u32(e);
		break;
	case EVENT_HOLDER:
		event->holder.flow = flow(e);
		event->holder.before_ns = i64(e);
		event->holder.inode = u32(e);
		event->holder.pid = i32(e);
		event->holder.parent_pid = i32(e);
		event->holder.listens = e == HIGHEST;
		break;
	case EVENT_TRANSLATION:
		event->translation.original = flow(e);
		event->translation.client = flow_source(&event->translation.original);
		event->translation.server = flow_destination(&event->translation.original);
		event->translation.fresh = e == HIGHEST;
		break;
	case EVENT_ADDRESS:
		event->address.prefix.address = flow(e).saddr;
		event->address.prefix.bits = e == LOWEST ? 0 : e == HIGHEST ? 128 : 104;
		event->address.gone = e == HIGHEST;
		break;
	case EVENT_OWNER:
		event->owner.cookie = u64(e);
		event->owner.before_ns = i64(e);
		event->owner.pid = i32(e);
		event->owner.owns = e == HIGHEST;
		strcpy(event->owner.comm, e == LOWEST ? "" : e == HIGHEST ? "\xff)" : "nginx");
		break;
	case EVENT_ACTIVITY:
		event->activity.cookie = u64(e);
		event->activity.before_ns = i64(e);
		event->activity.pid = i32(e);
		event->activity.state = e == LOWEST ? '?' : 'T';
		event->activity.frozen = e == HIGHEST;
		event->activity.threads = u32(e);
		event->activity.run_ns = e == LOWEST ? -1 : INT64_MAX;
		event->activity.wait_ns = e == LOWEST ? -1 : 0;
		event->activity.descriptors = e == LOWEST ? -1 : 1024;
		event->activity.descriptors_max = e == LOWEST ? -1 : INT64_MAX;
		event->activity.throttled_periods = e == LOWEST ? -1 : 7;
		event->activity.throttled_ns = e == LOWEST ? -1 : INT64_MAX;
		break;
	case EVENT_ENTRY:
		event->entry.flow = flow(e);
		event->entry.listener = u64(e);
		event->entry.depth = u32(e);
		event->entry.limit = u32(e);
		event->entry.bound = u32(e);
		break;
	case EVENT_ROUTE:
		event->route.flow = flow(e);
		event->route.before_ns = i64(e);
		event->route.found = e == HIGHEST;
		break;
	case EVENT_DROP:
		event->drop.flow = flow(e);
		event->drop.listener = u64(e);
		event->drop.depth = u32(e);
		event->drop.limit = u32(e);
		event->drop.place = e == LOWEST	   ? 0
				    : e == HIGHEST ? DROP_PLACE_COUNT - 1
						   : DROP_SYN_QUEUE;
		break;
	case EVENT_LISTEN:
		event->listen.local = endpoint(e);
		event->listen.backlog = i32(e);
		event->listen.pid = i32(e);
		break;
	case EVENT_ACCEPT:
		event->accept.flow = flow(e);
		event->accept.before_ns = i64(e);
		event->accept.pid = i32(e);
		event->accept.tid = i32(e);
		event->accept.fd = i32(e);
		break;
	case EVENT_FORK:
	case EVENT_FIRST_BYTE:
	case EVENT_REPLY:
	case EVENT_CLOSE:
		event->step.flow = flow(e);
		event->step.pid = i32(e);
		event->step.bytes = u32(e);
		break;
	case EVENT_EXIT:
		event->exit.pid = i32(e);
		event->exit.status = i32(e);
		break;
	case EVENT_LOSS:
		event->loss.kind = e == LOWEST	  ? 0
				   : e == HIGHEST ? LOSS_KIND_COUNT - 1
						  : LOSS_NETLINK;
		event->loss.count = u64(e);
		break;
	}
}

/* An exact copy on the heap: ASan sees a read beyond it. */
static enum recording_line_result parse(const char *text, size_t length, struct event *event)
{
	enum recording_line_result result;
	char *copy = malloc(length ? length : 1);

	cr_assert_not_null(copy);
	memcpy(copy, text, length);
	result = recording_line_parse(copy, length, event);
	free(copy);
	return result;
}

Test(recording_line, every_kind_comes_back_bit_for_bit)
{
	char line[RECORDING_LINE_SIZE];

	for (int kind = EVENT_LISTENER; kind < EVENT_KIND_COUNT; kind++) {
		for (int e = 0; e < EXTREME_COUNT; e++) {
			struct event before, after;
			size_t length;

			fill(&before, kind, e);
			length = recording_line_format(line, &before);
			cr_assert_gt(length, 0, "%s", event_kind_name(kind));
			cr_assert_eq(memchr(line, '\n', length), line + length - 1);
			cr_assert_eq(parse(line, length - 1, &after), RECORDING_LINE_EVENT, "%.*s",
				     (int)length, line);
			cr_assert_arr_eq((char *)&before, (char *)&after, sizeof(before), "%.*s",
					 (int)length, line);
		}
	}
}

Test(recording_line, packets_and_unknown_kinds_are_refused)
{
	static const enum event_kind kinds[] = {EVENT_SEGMENT, EVENT_ICMP, EVENT_KIND_COUNT};
	char line[RECORDING_LINE_SIZE];
	struct event event;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		fill(&event, kinds[i], MIDDLE);
		cr_expect_eq(recording_line_format(line, &event), 0);
	}
	fill(&event, EVENT_SAMPLE, MIDDLE);
	event.source = SOURCE_COUNT;
	cr_expect_eq(recording_line_format(line, &event), 0);
}

Test(recording_line, the_words_are_those_of_the_documentation)
{
	char line[RECORDING_LINE_SIZE];
	struct event event;

	fill(&event, EVENT_SAMPLE, MIDDLE);
	line[recording_line_format(line, &event)] = '\0';
	cr_expect_str_eq(line, "{\"time_ns\":1700000000123456789,\"event\":\"sample\",\"source\":"
			       "\"sampler\",\"cookie\":\"9223372036854775808\","
			       "\"before_ns\":1700000000123456789,\"depth\":4096,\"limit\":4096,"
			       "\"drops\":4096}\n");
	event.sample.drops_known = false;
	event.sample.before_ns = TIME_UNKNOWN;
	event.sample.cookie = 7;
	line[recording_line_format(line, &event)] = '\0';
	cr_expect_str_eq(line, "{\"time_ns\":1700000000123456789,\"event\":\"sample\",\"source\":"
			       "\"sampler\",\"cookie\":7,\"before_ns\":null,\"depth\":4096,"
			       "\"limit\":4096,\"drops\":null}\n");
	fill(&event, EVENT_ACCEPT, LOWEST);
	line[recording_line_format(line, &event)] = '\0';
	cr_expect_str_eq(line, "{\"time_ns\":-9223372036854775808,\"event\":\"accept\",\"source\":"
			       "\"capture\",\"client\":\"[::]:0\",\"server\":"
			       "\"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535\","
			       "\"before_ns\":null,\"pid\":-2147483648,\"tid\":-2147483648,"
			       "\"fd\":-2147483648}\n");
}

Test(recording_line, a_line_cut_anywhere_is_malformed)
{
	char line[RECORDING_LINE_SIZE];

	for (int kind = EVENT_LISTENER; kind < EVENT_KIND_COUNT; kind++) {
		struct event event;
		size_t length;

		fill(&event, kind, HIGHEST);
		length = recording_line_format(line, &event);
		for (size_t cut = 0; cut < length - 1; cut++)
			cr_assert_eq(parse(line, cut, &event), RECORDING_LINE_MALFORMED, "%.*s",
				     (int)cut, line);
	}
}

/* Each member is taken away, and given a value of every wrong sort. */
Test(recording_line, a_member_missing_or_of_a_wrong_type_is_malformed)
{
	char line[RECORDING_LINE_SIZE];

	for (int kind = EVENT_LISTENER; kind < EVENT_KIND_COUNT; kind++) {
		struct event event;
		size_t length;
		json_t *object, *value;
		const char *name;

		fill(&event, kind, MIDDLE);
		length = recording_line_format(line, &event);
		object = json_loadb(line, length, 0, NULL);
		cr_assert_not_null(object);
		json_object_foreach(object, name, value)
		{
			json_t *wrong[] = {NULL, json_real(0.5), json_pack("[{}]"),
					   json_integer(INT64_MIN + 1)};
			/* A time takes any integer. */
			size_t count = strstr(name, "_ns") ? 3 : 4;
			/* Older recordings do not have it. */
			size_t first =
			    strcmp(name, "transparent") == 0 || strcmp(name, "read_ns") == 0 ||
			    strcmp(name, "unit") == 0 || strcmp(name, "container") == 0 ||
			    strcmp(name, "device") == 0 || strcmp(name, "device_ports") == 0 ||
			    strcmp(name, "syns") == 0 || strcmp(name, "bound") == 0;

			for (size_t i = 0; i < 4; i++) {
				json_t *copy = json_copy(object);
				char *text;

				if (wrong[i])
					json_object_set_new(copy, name, wrong[i]);
				else
					json_object_del(copy, name);
				text = json_dumps(copy, JSON_COMPACT);
				cr_assert_not_null(text);
				if (i >= first && i < count)
					cr_expect_eq(parse(text, strlen(text), &event),
						     RECORDING_LINE_MALFORMED, "%s", text);
				free(text);
				json_decref(copy);
			}
		}
		json_decref(object);
	}
}

Test(recording_line, a_time_that_older_recordings_do_not_have_is_unknown)
{
	static const char line[] =
	    "{\"time_ns\":1,\"event\":\"translation\",\"source\":\"sampler\",\"client\":"
	    "\"192.0.2.1:1\",\"server\":\"192.0.2.2:80\",\"to_client\":\"192.0.2.1:1\","
	    "\"to_server\":\"192.0.2.2:8080\",\"fresh\":true}";
	struct event event;

	cr_assert_eq(parse(line, strlen(line), &event), RECORDING_LINE_EVENT);
	cr_expect_eq(event.translation.read_ns, TIME_UNKNOWN);
}

#define LISTENER_HEAD                                                                  \
	"{\"time_ns\":1,\"event\":\"listener\",\"source\":\"sampler\",\"cookie\":1,"   \
	"\"local\":\"[::]:80\",\"change\":\"seen\",\"limit\":1,\"inode\":1,\"uid\":0," \
	"\"interface\":0,\"v6only\":false,\"defer_accept_s\":0,\"fastopen\":0,\"pids\":[],"

#define SAMPLE_HEAD "{\"time_ns\":1,\"event\":\"sample\",\"source\":\"sampler\",\"cookie\":1,"

static enum recording_line_result parse_text(const char *text)
{
	struct event event;

	return parse(text, strlen(text), &event);
}

Test(recording_line, what_a_later_version_adds_is_passed_over)
{
	cr_expect_eq(parse_text(SAMPLE_HEAD "\"before_ns\":0,\"depth\":1,\"limit\":2,\"drops\":3,"
					    "\"new\":{\"deep\":[1,2.5,null,\"x\"]}}"),
		     RECORDING_LINE_EVENT);
	cr_expect_eq(parse_text(LISTENER_HEAD "\"comm\":\"\",\"comm_hex\":\"ff\"}"),
		     RECORDING_LINE_EVENT);
	cr_expect_eq(parse_text("{\"time_ns\":1,\"event\":\"teleport\",\"source\":\"sampler\"}"),
		     RECORDING_LINE_UNKNOWN);
	cr_expect_eq(parse_text("{\"time_ns\":1,\"event\":\"exit\",\"source\":\"oracle\","
				"\"pid\":1,\"status\":0}"),
		     RECORDING_LINE_UNKNOWN);
	cr_expect_eq(parse_text("{\"time_ns\":1,\"event\":\"loss\",\"source\":\"bpf\","
				"\"kind\":\"socks\",\"count\":1}"),
		     RECORDING_LINE_UNKNOWN);
	cr_expect_eq(parse_text("{\"time_ns\":1,\"event\":\"segment\",\"source\":\"capture\"}"),
		     RECORDING_LINE_UNKNOWN);
	cr_expect_eq(parse_text("{\"time_ns\":1,\"event\":\"counters\",\"source\":\"sampler\","
				"\"before_ns\":0,\"when\":\"during\",\"value\":{\"TCPNew\":-1}}"),
		     RECORDING_LINE_EVENT);
}

Test(recording_line, what_is_out_of_range_or_no_event_is_malformed)
{
	static const char *const bad[] = {
	    "",
	    " ",
	    "null",
	    "1",
	    "[]",
	    "{}",
	    "{\"time_ns\":1}",
	    "{\"event\":\"sample\"}",
	    "{\"time_ns\":1.0,\"event\":\"sample\"}",
	    "{\"time_ns\":9223372036854775808,\"event\":\"sample\"}",
	    "{\"time_ns\":\"1\",\"event\":\"sample\"}",
	    "{\"time_ns\":1,\"event\":7}",
	    SAMPLE_HEAD "\"before_ns\":0,\"depth\":4294967296,\"limit\":2,\"drops\":3}",
	    SAMPLE_HEAD "\"before_ns\":0,\"depth\":-1,\"limit\":2,\"drops\":3}",
	    SAMPLE_HEAD "\"before_ns\":0,\"depth\":1,\"limit\":2,\"drops\":3}}",
	    SAMPLE_HEAD "\"before_ns\":0,\"depth\":1,\"limit\":2,\"drops\":3} x",
	    "{\"time_ns\":1,\"event\":\"loss\",\"source\":\"bpf\",\"kind\":\"lookups\","
	    "\"count\":\"18446744073709551616\"}",
	    "{\"time_ns\":1,\"event\":\"loss\",\"source\":\"bpf\",\"kind\":\"lookups\","
	    "\"count\":\"\"}",
	    "{\"time_ns\":1,\"event\":\"loss\",\"source\":\"bpf\",\"kind\":\"lookups\","
	    "\"count\":\"12x\"}",
	    LISTENER_HEAD "\"comm\":\"a\",\"comm_hex\":\"610062\"}",
	    LISTENER_HEAD "\"comm\":\"a\",\"comm_hex\":\"616\"}",
	    LISTENER_HEAD "\"comm\":\"a\",\"comm_hex\":\"6g\"}",
	    LISTENER_HEAD "\"comm\":\"sixteen-letters-\"}",
	    "{\"time_ns\":1,\"event\":\"listen\",\"source\":\"server\",\"local\":\"localhost:80\","
	    "\"backlog\":1,\"pid\":1}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(parse_text(bad[i]), RECORDING_LINE_MALFORMED, "%s", bad[i]);
}

Test(recording_line, deep_nesting_is_refused_not_followed)
{
	enum { DEPTH = 500000 };
	char *text = malloc(DEPTH);
	struct event event;

	cr_assert_not_null(text);
	memset(text, '[', DEPTH);
	cr_expect_eq(recording_line_parse(text, DEPTH, &event), RECORDING_LINE_MALFORMED);
	free(text);
}
