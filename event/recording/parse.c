/*
 * A line -> its event. Lines come from files that anyone may have written:
 * every member is checked for its type and range, and nothing is guessed.
 */
#include "event/recording/line.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/recording/members.h"

static bool read_integer(const json_t *value, int64_t min, int64_t max, int64_t *out)
{
	if (!json_is_integer(value))
		return false;
	*out = json_integer_value(value);
	return *out >= min && *out <= max;
}

static bool read_u64(const json_t *value, uint64_t *out)
{
	const char *text = json_string_value(value);
	int64_t integer = 0;

	*out = 0;
	if (!text) {
		if (!read_integer(value, 0, INT64_MAX, &integer))
			return false;
		*out = (uint64_t)integer;
		return true;
	}
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(*text - '0'), out))
			return false;
	}
	return json_string_length(value) > 0;
}

static bool read_time(const json_t *value, int64_t *out)
{
	*out = TIME_UNKNOWN;
	return json_is_null(value) || read_integer(value, INT64_MIN, INT64_MAX, out);
}

/* A number that cannot be negative; null is -1. */
static bool read_known(const json_t *value, int64_t *out)
{
	*out = -1;
	return json_is_null(value) || read_integer(value, 0, INT64_MAX, out);
}

static bool read_letter(const json_t *value, uint8_t *out)
{
	bool ok = json_is_string(value) && json_string_length(value) == 1;

	*out = ok ? (uint8_t)json_string_value(value)[0] : '?';
	return ok;
}

static bool read_u32(const json_t *value, uint32_t *out)
{
	int64_t integer = 0;
	bool ok = read_integer(value, 0, UINT32_MAX, &integer);

	*out = ok ? (uint32_t)integer : 0;
	return ok;
}

static bool read_i32(const json_t *value, int32_t *out)
{
	int64_t integer = 0;
	bool ok = read_integer(value, INT32_MIN, INT32_MAX, &integer);

	*out = ok ? (int32_t)integer : 0;
	return ok;
}

static bool read_u8(const json_t *value, uint8_t *out)
{
	int64_t integer = 0;
	bool ok = read_integer(value, 0, UINT8_MAX, &integer);

	*out = ok ? (uint8_t)integer : 0;
	return ok;
}

static bool read_bool(const json_t *value, bool *out)
{
	*out = json_is_true(value);
	return json_is_boolean(value);
}

static bool read_endpoint(const json_t *value, struct endpoint *out)
{
	const char *text = json_string_value(value);

	return text && endpoint_parse(text, out) == 0;
}

/* What address_format() writes: the same as an endpoint's, in brackets or not. */
static bool read_address(const json_t *value, struct address *out)
{
	const char *text = json_string_value(value);
	char endpoint_text[ENDPOINT_TEXT_SIZE];
	struct endpoint endpoint;
	int length;

	if (!text)
		return false;
	length = snprintf(endpoint_text, sizeof(endpoint_text),
			  strchr(text, ':') ? "[%s]:1" : "%s:1", text);
	if (length < 0 || length >= (int)sizeof(endpoint_text) ||
	    endpoint_parse(endpoint_text, &endpoint) < 0)
		return false;
	*out = endpoint.address;
	return true;
}

static bool read_flow(const json_t *object, struct flow *out)
{
	struct endpoint client, server;

	if (!read_endpoint(json_object_get(object, "client"), &client) ||
	    !read_endpoint(json_object_get(object, "server"), &server))
		return false;
	*out = (struct flow){.saddr = client.address,
			     .daddr = server.address,
			     .sport = client.port,
			     .dport = server.port};
	return true;
}

static bool read_drops(const json_t *value, struct sample *sample)
{
	sample->drops_known = !json_is_null(value);
	return !sample->drops_known || read_u32(value, &sample->drops);
}

static bool read_pids(const json_t *array, struct listener *listener)
{
	size_t count = json_array_size(array);

	if (!json_is_array(array))
		return false;
	/* A later version may keep more of them than fit here: the first ones do. */
	if (count > LISTENER_PIDS_MAX)
		count = LISTENER_PIDS_MAX;
	listener->pids_count = (uint16_t)count;
	for (size_t i = 0; i < count; i++)
		if (!read_i32(json_array_get(array, i), &listener->pids[i]))
			return false;
	return true;
}

/* null, or not there: not known. */
static bool read_ports(const json_t *array, struct listener *listener)
{
	size_t count = json_array_size(array);

	listener->device_ports_count = listener->interface ? LISTENER_PORTS_UNKNOWN : 0;
	if (!array || json_is_null(array) || count > LISTENER_PORTS_MAX)
		return true;
	if (!json_is_array(array))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!read_u32(json_array_get(array, i), &listener->device_ports[i]))
			return false;
	listener->device_ports_count = (uint16_t)count;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool read_hex(const char *text, char *out, size_t size)
{
	size_t length = strlen(text);

	if (length % 2 || length / 2 > size)
		return false;
	for (size_t i = 0; i < length; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0 || (high == 0 && low == 0))
			return false; /* a NUL would end the name */
		out[i / 2] = (char)(high << 4 | low);
	}
	return true;
}

static bool read_comm(const json_t *object, const json_t *value, char *comm)
{
	const char *hex = json_string_value(json_object_get(object, "comm_hex"));
	size_t length = json_string_length(value);

	if (!json_is_string(value))
		return false;
	/* The room for the NUL stays, whatever the line says. */
	if (hex)
		return read_hex(hex, comm, LISTENER_COMM_SIZE - 1);
	if (length >= LISTENER_COMM_SIZE)
		return false;
	memcpy(comm, json_string_value(value), length);
	return true;
}

static bool read_name(const json_t *value, char *name, size_t size)
{
	size_t length = json_string_length(value);

	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value) || length >= size)
		return false;
	memcpy(name, json_string_value(value), length);
	return true;
}

static bool read_counters(const json_t *object, struct counters *counters)
{
	if (!json_is_object(object))
		return false;
	for (unsigned i = 0; i < COUNTER_COUNT; i++) {
		const json_t *value = json_object_get(object, counter_name(i));

		if (!value)
			continue;
		if (!read_u64(value, &counters->value[i]))
			return false;
		counters->known |= 1ULL << i;
	}
	return true;
}

/*
 * The index of a word, found by its name function. A word that is not known is
 * a later version's: the line is of a kind not known here.
 */
#define READ_WORD(VALUE, NAME, COUNT, OUT)                   \
	do {                                                 \
		const char *word = json_string_value(VALUE); \
                                                             \
		if (!word)                                   \
			return RECORDING_LINE_MALFORMED;     \
		for (unsigned i = 0; i < (COUNT); i++) {     \
			if (strcmp(word, NAME(i)) == 0) {    \
				*(OUT) = i;                  \
				return RECORDING_LINE_EVENT; \
			}                                    \
		}                                            \
		return RECORDING_LINE_UNKNOWN;               \
	} while (0)

static enum recording_line_result read_change(const json_t *value, enum listener_change *out)
{
	READ_WORD(value, listener_change_name, LISTENER_CLOSED + 1, out);
}

static enum recording_line_result read_when(const json_t *value, enum counters_when *out)
{
	READ_WORD(value, counters_when_name, COUNTERS_AFTER + 1, out);
}

static enum recording_line_result read_place(const json_t *value, enum drop_place *out)
{
	READ_WORD(value, drop_place_name, DROP_PLACE_COUNT, out);
}

static enum recording_line_result read_loss(const json_t *value, enum loss_kind *out)
{
	READ_WORD(value, loss_kind_name, LOSS_KIND_COUNT, out);
}

static enum recording_line_result read_kind(const json_t *value, enum event_kind *out)
{
	READ_WORD(value, event_kind_name, EVENT_KIND_COUNT, out);
}

static enum recording_line_result read_source(const json_t *value, enum source *out)
{
	READ_WORD(value, source_name, SOURCE_COUNT, out);
}

static enum recording_line_result result_of(bool ok)
{
	return ok ? RECORDING_LINE_EVENT : RECORDING_LINE_MALFORMED;
}

static enum recording_line_result read_member(const json_t *object, const struct member *member,
					      void *field)
{
	const json_t *value = json_object_get(object, member->name);

	switch (member->type) {
	case MEMBER_U64:
		return result_of(read_u64(value, field));
	case MEMBER_TIME:
		return result_of(read_time(value, field));
	case MEMBER_LATER:
		return result_of(read_time(value ? value : json_null(), field));
	case MEMBER_U32:
		return result_of(read_u32(value, field));
	case MEMBER_KNOWN:
		return result_of(read_known(value, field));
	case MEMBER_LETTER:
		return result_of(read_letter(value, field));
	case MEMBER_I32:
		return result_of(read_i32(value, field));
	case MEMBER_U8:
		return result_of(read_u8(value, field));
	case MEMBER_BOOL:
		return result_of(read_bool(value, field));
	case MEMBER_INDEX:
		return result_of(!value || read_u32(value, field));
	case MEMBER_DEVICE:
		return result_of(read_name(value, field, DEVICE_NAME_SIZE));
	case MEMBER_PORTS:
		return result_of(read_ports(value, field));
	case MEMBER_FLAG:
		return result_of(!value || read_bool(value, field));
	case MEMBER_ENDPOINT:
		return result_of(read_endpoint(value, field));
	case MEMBER_ADDRESS:
		return result_of(read_address(value, field));
	case MEMBER_FLOW:
		return result_of(read_flow(object, field));
	case MEMBER_DROPS:
		return result_of(read_drops(value, field));
	case MEMBER_PIDS:
		return result_of(read_pids(value, field));
	case MEMBER_COMM:
		return result_of(read_comm(object, value, field));
	case MEMBER_UNIT:
		return result_of(read_name(value, field, WORKLOAD_UNIT_SIZE));
	case MEMBER_CONTAINER:
		return result_of(read_name(value, field, WORKLOAD_CONTAINER_SIZE));
	case MEMBER_CHANGE:
		return read_change(value, field);
	case MEMBER_WHEN:
		return read_when(value, field);
	case MEMBER_PLACE:
		return read_place(value, field);
	case MEMBER_COUNTERS:
		return result_of(read_counters(value, field));
	case MEMBER_LOSS:
		return read_loss(value, field);
	}
	return RECORDING_LINE_MALFORMED;
}

static enum recording_line_result read_event(const json_t *object, struct event *event)
{
	const struct member *member;
	enum recording_line_result result;

	/* json_object_get() of what is no object is NULL, and NULL is no integer. */
	if (!read_integer(json_object_get(object, "time_ns"), INT64_MIN, INT64_MAX,
			  &event->time_ns))
		return RECORDING_LINE_MALFORMED;
	result = read_kind(json_object_get(object, "event"), &event->kind);
	if (result != RECORDING_LINE_EVENT)
		return result;
	member = recording_members(event->kind);
	if (!member)
		return RECORDING_LINE_UNKNOWN;
	result = read_source(json_object_get(object, "source"), &event->source);
	for (; result == RECORDING_LINE_EVENT && member->name; member++)
		result = read_member(object, member, (char *)event + member->offset);
	return result;
}

enum recording_line_result recording_line_parse(const char *line, size_t length,
						struct event *event)
{
	enum recording_line_result result;
	json_error_t error;
	json_t *object;

	memset(event, 0, sizeof(*event));
	object = json_loadb(line, length, 0, &error);
	if (!object)
		return RECORDING_LINE_MALFORMED;
	result = read_event(object, event);
	json_decref(object);
	return result;
}
