/*
 * meta.json: its text from struct recording_meta, and back.
 */
#include "event/recording/meta.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "event/json_escape.h"

/* The sysctls by their names; -1 is null. */
static const struct {
	const char *name;
	size_t offset;
} sysctls[] = {
    {"somaxconn", offsetof(struct host, somaxconn)},
    {"somaxconn_end", offsetof(struct host, somaxconn_end)},
    {"tcp_max_syn_backlog", offsetof(struct host, tcp_max_syn_backlog)},
    {"tcp_syncookies", offsetof(struct host, tcp_syncookies)},
    {"tcp_abort_on_overflow", offsetof(struct host, tcp_abort_on_overflow)},
    {"tcp_synack_retries", offsetof(struct host, tcp_synack_retries)},
    {"tcp_syn_retries", offsetof(struct host, tcp_syn_retries)},
    {"tcp_syn_linear_timeouts", offsetof(struct host, tcp_syn_linear_timeouts)},
    {"tcp_fastopen", offsetof(struct host, tcp_fastopen)},
    {"tcp_migrate_req", offsetof(struct host, tcp_migrate_req)},
};

#define SYSCTLS_COUNT (sizeof(sysctls) / sizeof(sysctls[0]))

/* In pieces, so that a long text needs no long buffer; no piece ends within a character. */
static void put_string(FILE *out, const char *text, size_t size)
{
	char escaped[64 * JSON_ESCAPE_FACTOR];
	size_t length = strnlen(text, size);

	fputc('"', out);
	while (length) {
		size_t piece = 0;

		while (piece < length && piece < 60) {
			size_t n = utf8_character(text + piece, length - piece);

			piece += n ? n : 1;
		}
		fwrite(escaped, 1, json_escape(escaped, text, piece, NULL), out);
		text += piece;
		length -= piece;
	}
	fputc('"', out);
}

static void put_known(FILE *out, int64_t value, int64_t unknown)
{
	if (value == unknown)
		fprintf(out, "null");
	else
		fprintf(out, "%" PRId64, value);
}

static void put_time(FILE *out, const char *name, int64_t time_ns)
{
	fprintf(out, "  \"%s\": ", name);
	put_known(out, time_ns, TIME_UNKNOWN);
	fprintf(out, ",\n");
}

static void put_host(FILE *out, const struct host *host)
{
	fprintf(out, "  \"host\": {\n    \"kernel\": ");
	put_string(out, host->kernel, sizeof(host->kernel));
	for (size_t i = 0; i < SYSCTLS_COUNT; i++) {
		int64_t value;

		memcpy(&value, (const char *)host + sysctls[i].offset, sizeof(value));
		fprintf(out, ",\n    \"%s\": ", sysctls[i].name);
		put_known(out, value, -1);
	}
	fprintf(out, ",\n    \"monotonic_offset_ns\": ");
	put_known(out, host->monotonic_offset_ns, 0);
	fprintf(out, ",\n    \"identity\": {\"hostname\": ");
	put_string(out, host->identity.hostname, sizeof(host->identity.hostname));
	fprintf(out, ", \"machine_id\": ");
	put_string(out, host->identity.machine_id, sizeof(host->identity.machine_id));
	fprintf(out, ", \"boot_id\": ");
	put_string(out, host->identity.boot_id, sizeof(host->identity.boot_id));
	fprintf(out, ", \"netns\": %" PRIu64 "}\n  },\n", host->identity.netns);
}

/* Beyond what JSON readers take as an integer it is a string, as in events.jsonl. */
static void put_u64(FILE *out, uint64_t value)
{
	fprintf(out, value <= INT64_MAX ? "%" PRIu64 : "\"%" PRIu64 "\"", value);
}

void recording_meta_format(FILE *out, const struct recording_meta *meta)
{
	char text[ENDPOINT_TEXT_SIZE];

	fprintf(out, "{\n  \"schema\": \"%s\",\n  \"tool\": {\"name\": \"synscope\", \"version\": ",
		RECORDING_SCHEMA);
	put_string(out, meta->version, sizeof(meta->version));
	fprintf(out, "},\n");
	put_time(out, "start_ns", meta->start_ns);
	put_time(out, "end_ns", meta->end_ns);
	put_host(out, &meta->host);
	fprintf(out, "  \"interface\": ");
	put_string(out, meta->interface, sizeof(meta->interface));
	if (meta->interface_index)
		fprintf(out, ",\n  \"interface_index\": %" PRIu32 ",\n  \"interface_alone\": %s",
			meta->interface_index, meta->interface_alone ? "true" : "false");
	fprintf(out, ",\n  \"filter\": ");
	put_string(out, meta->filter, sizeof(meta->filter));
	fprintf(out, ",\n  \"sample_interval_us\": %" PRIu32 ",\n  \"targets\": [",
		meta->sample_interval_us);
	for (uint32_t i = 0; i < meta->targets_count && i < RECORDING_TARGETS_MAX; i++) {
		endpoint_format(&meta->targets[i], text, sizeof(text));
		fprintf(out, "%s\"%s\"", i ? ", " : "", text);
	}
	fprintf(out,
		"],\n  \"bpf\": {\"entries\": %s, \"accepts\": %s, \"drops\": %s, "
		"\"filter\": %s},\n"
		"  \"packets\": ",
		meta->entries ? "true" : "false", meta->accepts ? "true" : "false",
		meta->drops ? "true" : "false", meta->bpf_filter ? "true" : "false");
	put_u64(out, meta->packets);
	fprintf(out, ",\n  \"events\": ");
	put_u64(out, meta->events);
	fprintf(out, ",\n  \"losses\": {");
	for (int i = 0; i < LOSS_KIND_COUNT; i++) {
		fprintf(out, "%s\"%s\": ", i ? ", " : "", loss_kind_name(i));
		put_u64(out, meta->losses[i]);
	}
	fprintf(out, "},\n  \"sources\": {\n");
	for (int i = 0; i < SOURCE_COUNT; i++) {
		fprintf(out, "    \"%s\": {\"on\": %s, \"note\": ", source_name(i),
			meta->sources[i].on ? "true" : "false");
		put_string(out, meta->sources[i].note, sizeof(meta->sources[i].note));
		fprintf(out, "}%s\n", i + 1 < SOURCE_COUNT ? "," : "");
	}
	fprintf(out, "  }\n}\n");
}

/* A missing member, or null, leaves what is there; returns false for one of another type. */
static bool get_i64(const json_t *object, const char *name, int64_t min, int64_t *out)
{
	const json_t *value = json_object_get(object, name);

	if (!value || json_is_null(value))
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < min)
		return false;
	*out = json_integer_value(value);
	return true;
}

static bool get_u64(const json_t *object, const char *name, uint64_t *out)
{
	const json_t *value = json_object_get(object, name);
	const char *text = json_string_value(value);
	int64_t integer = 0;
	char *end;

	if (!text) {
		if (!get_i64(object, name, 0, &integer))
			return false;
		*out = (uint64_t)integer;
		return true;
	}
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return !errno && !*end;
}

/* Text that is too long for its place is cut: it is for people. */
static bool get_string(const json_t *object, const char *name, char *out, size_t size)
{
	const json_t *value = json_object_get(object, name);

	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return false;
	snprintf(out, size, "%s", json_string_value(value));
	return true;
}

static bool get_object(const json_t *object, const char *name, const json_t **out)
{
	*out = json_object_get(object, name);
	return !*out || json_is_null(*out) || json_is_object(*out);
}

static bool get_identity(const json_t *host, struct host_identity *identity)
{
	const json_t *object;
	int64_t netns = 0;

	if (!get_object(host, "identity", &object) ||
	    !get_string(object, "hostname", identity->hostname, sizeof(identity->hostname)) ||
	    !get_string(object, "machine_id", identity->machine_id, sizeof(identity->machine_id)) ||
	    !get_string(object, "boot_id", identity->boot_id, sizeof(identity->boot_id)) ||
	    !get_i64(object, "netns", 0, &netns))
		return false;
	identity->netns = (uint64_t)netns;
	return true;
}

static bool get_host(const json_t *root, struct host *host)
{
	const json_t *object;

	if (!get_object(root, "host", &object) ||
	    !get_string(object, "kernel", host->kernel, sizeof(host->kernel)))
		return false;
	for (size_t i = 0; i < SYSCTLS_COUNT; i++) {
		int64_t value = -1;

		if (!get_i64(object, sysctls[i].name, INT64_MIN, &value))
			return false;
		memcpy((char *)host + sysctls[i].offset, &value, sizeof(value));
	}
	return get_i64(object, "monotonic_offset_ns", INT64_MIN, &host->monotonic_offset_ns) &&
	       get_identity(object, &host->identity);
}

static bool get_targets(const json_t *root, struct recording_meta *meta)
{
	const json_t *array = json_object_get(root, "targets");
	size_t count = json_array_size(array);

	if (!array || json_is_null(array))
		return true;
	if (!json_is_array(array) || count > RECORDING_TARGETS_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(array, i));

		if (!text || endpoint_parse(text, &meta->targets[i]) != 0)
			return false;
	}
	meta->targets_count = (uint32_t)count;
	return true;
}

static bool get_bool(const json_t *object, const char *name, bool *out)
{
	const json_t *value = json_object_get(object, name);

	*out = json_is_true(value);
	return !value || json_is_boolean(value);
}

static bool get_bpf(const json_t *root, struct recording_meta *meta)
{
	const json_t *object;

	return get_object(root, "bpf", &object) && get_bool(object, "entries", &meta->entries) &&
	       get_bool(object, "accepts", &meta->accepts) &&
	       get_bool(object, "drops", &meta->drops) &&
	       get_bool(object, "filter", &meta->bpf_filter);
}

static bool get_losses(const json_t *root, uint64_t losses[LOSS_KIND_COUNT])
{
	const json_t *object;

	if (!get_object(root, "losses", &object))
		return false;
	for (int i = 0; i < LOSS_KIND_COUNT; i++)
		if (!get_u64(object, loss_kind_name(i), &losses[i]))
			return false;
	return true;
}

static bool get_sources(const json_t *root, struct source_state sources[SOURCE_COUNT])
{
	const json_t *object, *source;

	if (!get_object(root, "sources", &object))
		return false;
	for (int i = 0; i < SOURCE_COUNT; i++) {
		const json_t *on;

		if (!get_object(object, source_name(i), &source) ||
		    !get_string(source, "note", sources[i].note, sizeof(sources[i].note)))
			return false;
		on = json_object_get(source, "on");
		if (on && !json_is_boolean(on))
			return false;
		sources[i].on = json_is_true(on);
	}
	return true;
}

/* Recordings of one device have it, but for older ones. */
static bool get_interface(const json_t *root, struct recording_meta *meta)
{
	int64_t index = 0;

	if (!get_string(root, "interface", meta->interface, sizeof(meta->interface)))
		return false;
	if (!json_object_get(root, "interface_index"))
		return true;
	if (!get_i64(root, "interface_index", 0, &index) || index > UINT32_MAX)
		return false;
	meta->interface_index = (uint32_t)index;
	meta->interface_alone = json_is_true(json_object_get(root, "interface_alone"));
	return true;
}

/* Returns the name of the member that is wrong, or NULL. */
static const char *get_members(const json_t *root, struct recording_meta *meta)
{
	const json_t *tool;
	int64_t interval = 0;

	if (!get_object(root, "tool", &tool) ||
	    !get_string(tool, "version", meta->version, sizeof(meta->version)))
		return "tool";
	if (!get_i64(root, "start_ns", INT64_MIN, &meta->start_ns))
		return "start_ns";
	if (!get_i64(root, "end_ns", INT64_MIN, &meta->end_ns))
		return "end_ns";
	if (!get_host(root, &meta->host))
		return "host";
	if (!get_interface(root, meta))
		return "interface";
	if (!get_string(root, "filter", meta->filter, sizeof(meta->filter)))
		return "filter";
	if (!get_i64(root, "sample_interval_us", 0, &interval) || interval > UINT32_MAX)
		return "sample_interval_us";
	meta->sample_interval_us = (uint32_t)interval;
	if (!get_targets(root, meta))
		return "targets";
	if (!get_bpf(root, meta))
		return "bpf";
	if (!get_u64(root, "packets", &meta->packets))
		return "packets";
	if (!get_u64(root, "events", &meta->events))
		return "events";
	if (!get_losses(root, meta->losses))
		return "losses";
	if (!get_sources(root, meta->sources))
		return "sources";
	return NULL;
}

int recording_meta_parse(const char *text, size_t length, struct recording_meta *meta, char *error,
			 size_t error_size)
{
	const char *schema, *wrong;
	json_error_t where;
	json_t *root;
	int result = 0;

	memset(meta, 0, sizeof(*meta));
	meta->start_ns = TIME_UNKNOWN;
	meta->end_ns = TIME_UNKNOWN;
	root = json_loadb(text, length, 0, &where);
	if (!root) {
		snprintf(error, error_size, "is not JSON: line %d, column %d", where.line,
			 where.column);
		return -EBADMSG;
	}
	schema = json_string_value(json_object_get(root, "schema"));
	if (!schema) {
		snprintf(error, error_size, "has no member \"schema\": not written by synscope");
		result = -EBADMSG;
	} else if (strcmp(schema, RECORDING_SCHEMA) != 0) {
		snprintf(error, error_size,
			 "has another schema than %s: it needs another version of synscope",
			 RECORDING_SCHEMA);
		result = -EPROTONOSUPPORT;
	} else if ((wrong = get_members(root, meta))) {
		snprintf(error, error_size, "has a member \"%s\" of the wrong type or range",
			 wrong);
		result = -EBADMSG;
	}
	json_decref(root);
	return result;
}
