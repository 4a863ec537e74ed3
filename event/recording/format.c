/*
 * An event -> its line. By hand into the caller's buffer: no allocation, since
 * a recording writes tens of thousands of lines a second.
 */
#include "event/recording/line.h"

#include <assert.h>
#include <string.h>

#include "event/decimal.h"
#include "event/json_escape.h"
#include "event/recording/members.h"

/* The longest line is that of the counters: its prefix, then each counter's name and 20 digits. */
static_assert(COUNTER_COUNT <= 64, "struct counters has one bit for each");
static_assert(256 + COUNTER_COUNT * (36 + DECIMAL_SIZE + 4) <= RECORDING_LINE_SIZE,
	      "the line of the counters fits");
static_assert(1024 + LISTENER_PIDS_MAX * 12 + LISTENER_COMM_SIZE * (JSON_ESCAPE_FACTOR + 2) +
		      LISTENER_PORTS_MAX * 11 + DEVICE_NAME_SIZE * JSON_ESCAPE_FACTOR <=
		  RECORDING_LINE_SIZE,
	      "the line of a listener fits");

#define PUT(p, literal) put_bytes(p, literal, sizeof(literal) - 1)

static char *put_bytes(char *p, const char *text, size_t length)
{
	memcpy(p, text, length);
	return p + length;
}

static char *put_string(char *p, const char *text)
{
	return put_bytes(p, text, strlen(text));
}

static char *put_quoted(char *p, const char *text)
{
	*p++ = '"';
	p = put_string(p, text);
	*p++ = '"';
	return p;
}

static char *put_u64(char *p, uint64_t value)
{
	if (value <= INT64_MAX)
		return decimal_put_u64(p, value);
	*p++ = '"';
	p = decimal_put_u64(p, value);
	*p++ = '"';
	return p;
}

static char *put_time(char *p, int64_t time_ns)
{
	return time_ns == TIME_UNKNOWN ? PUT(p, "null") : decimal_put_i64(p, time_ns);
}

static char *put_endpoint(char *p, const struct endpoint *endpoint)
{
	*p++ = '"';
	p += endpoint_format(endpoint, p, ENDPOINT_TEXT_SIZE);
	*p++ = '"';
	return p;
}

static char *put_flow(char *p, const struct flow *flow)
{
	struct endpoint client = flow_source(flow), server = flow_destination(flow);

	p = PUT(p, ",\"client\":");
	p = put_endpoint(p, &client);
	p = PUT(p, ",\"server\":");
	return put_endpoint(p, &server);
}

static char *put_pids(char *p, const struct listener *listener)
{
	*p++ = '[';
	for (unsigned i = 0; i < listener->pids_count && i < LISTENER_PIDS_MAX; i++) {
		if (i)
			*p++ = ',';
		p = decimal_put_i64(p, listener->pids[i]);
	}
	*p++ = ']';
	return p;
}

static char *put_ports(char *p, const struct listener *listener)
{
	if (listener->device_ports_count > LISTENER_PORTS_MAX)
		return PUT(p, "null");
	*p++ = '[';
	for (unsigned i = 0; i < listener->device_ports_count; i++) {
		if (i)
			*p++ = ',';
		p = decimal_put_u64(p, listener->device_ports[i]);
	}
	*p++ = ']';
	return p;
}

/* A process may call itself anything. What is no UTF-8 follows once more, in hexadecimal. */
static char *put_comm(char *p, const char *comm)
{
	static const char digits[] = "0123456789abcdef";
	size_t length = strnlen(comm, LISTENER_COMM_SIZE - 1);
	bool exact;

	*p++ = '"';
	p += json_escape(p, comm, length, &exact);
	*p++ = '"';
	if (exact)
		return p;
	p = PUT(p, ",\"comm_hex\":\"");
	for (size_t i = 0; i < length; i++) {
		*p++ = digits[(uint8_t)comm[i] >> 4];
		*p++ = digits[(uint8_t)comm[i] & 15];
	}
	*p++ = '"';
	return p;
}

static char *put_name(char *p, const char *name, size_t size)
{
	size_t length = strnlen(name, size - 1);

	if (!length)
		return PUT(p, "null");
	*p++ = '"';
	p += json_escape(p, name, length, NULL);
	*p++ = '"';
	return p;
}

static char *put_counters(char *p, const struct counters *counters)
{
	bool first = true;

	*p++ = '{';
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		if (!(counters->known >> i & 1))
			continue;
		if (!first)
			*p++ = ',';
		first = false;
		p = put_quoted(p, counter_name(i));
		*p++ = ':';
		p = put_u64(p, counters->value[i]);
	}
	*p++ = '}';
	return p;
}

static char *put_member(char *p, enum member_type type, const void *field)
{
	const char *word = NULL;

	switch (type) {
	case MEMBER_U64:
		return put_u64(p, *(const uint64_t *)field);
	case MEMBER_TIME:
	case MEMBER_LATER:
		return put_time(p, *(const int64_t *)field);
	case MEMBER_KNOWN:
		return *(const int64_t *)field < 0 ? PUT(p, "null")
						   : decimal_put_i64(p, *(const int64_t *)field);
	case MEMBER_U32:
	case MEMBER_INDEX:
		return decimal_put_u64(p, *(const uint32_t *)field);
	case MEMBER_I32:
		return decimal_put_i64(p, *(const int32_t *)field);
	case MEMBER_U8:
		return decimal_put_u64(p, *(const uint8_t *)field);
	case MEMBER_LETTER:
		*p++ = '"';
		*p++ = *(const char *)field >= 'A' && *(const char *)field <= 'z' &&
			       *(const char *)field != '\\'
			   ? *(const char *)field
			   : '?';
		*p++ = '"';
		return p;
	case MEMBER_BOOL:
	case MEMBER_FLAG:
		return *(const bool *)field ? PUT(p, "true") : PUT(p, "false");
	case MEMBER_ENDPOINT:
		return put_endpoint(p, field);
	case MEMBER_ADDRESS:
		*p++ = '"';
		p += address_format(field, p, ENDPOINT_TEXT_SIZE);
		*p++ = '"';
		return p;
	case MEMBER_FLOW:
		return put_flow(p, field);
	case MEMBER_DROPS: {
		const struct sample *sample = field;

		return sample->drops_known ? decimal_put_u64(p, sample->drops) : PUT(p, "null");
	}
	case MEMBER_PIDS:
		return put_pids(p, field);
	case MEMBER_COMM:
		return put_comm(p, field);
	case MEMBER_DEVICE:
		return put_name(p, field, DEVICE_NAME_SIZE);
	case MEMBER_PORTS:
		return put_ports(p, field);
	case MEMBER_UNIT:
		return put_name(p, field, WORKLOAD_UNIT_SIZE);
	case MEMBER_CONTAINER:
		return put_name(p, field, WORKLOAD_CONTAINER_SIZE);
	case MEMBER_CHANGE:
		word = listener_change_name(*(const enum listener_change *)field);
		break;
	case MEMBER_WHEN:
		word = counters_when_name(*(const enum counters_when *)field);
		break;
	case MEMBER_PLACE:
		word = drop_place_name(*(const enum drop_place *)field);
		break;
	case MEMBER_COUNTERS:
		return put_counters(p, field);
	case MEMBER_LOSS:
		word = loss_kind_name(*(const enum loss_kind *)field);
		break;
	}
	return word ? put_quoted(p, word) : PUT(p, "null");
}

size_t recording_line_format(char *out, const struct event *event)
{
	const struct member *member;
	char *p = out;

	if (event->kind >= EVENT_KIND_COUNT || event->source >= SOURCE_COUNT)
		return 0;
	member = recording_members(event->kind);
	if (!member)
		return 0;
	p = PUT(p, "{\"time_ns\":");
	p = decimal_put_i64(p, event->time_ns);
	p = PUT(p, ",\"event\":");
	p = put_quoted(p, event_kind_name(event->kind));
	p = PUT(p, ",\"source\":");
	p = put_quoted(p, source_name(event->source));
	for (; member->name; member++) {
		/* Of a listener that is bound to a device. */
		if ((member->type == MEMBER_DEVICE || member->type == MEMBER_PORTS) &&
		    !event->listener.interface)
			continue;
		if (member->type != MEMBER_FLOW)
			p = put_string(p, member->prefix);
		p = put_member(p, member->type, (const char *)event + member->offset);
	}
	p = PUT(p, "}\n");
	return (size_t)(p - out);
}
