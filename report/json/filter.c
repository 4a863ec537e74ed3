/*
 * The filter as a member of the JSON report, and what it leaves nothing out of.
 */
#include "report/attempt/filter.h"

#include "report/json/parts.h"

static void put_names(struct json_writer *json, const char *key, uint32_t set, int count,
		      const char *(*name)(int))
{
	jw_key(json, key);
	jw_array_begin(json, JSON_COMPACT);
	for (int i = 0; i < count; i++)
		if (set & (1u << i))
			jw_string(json, name(i));
	jw_end(json);
}

static const char *name_of_outcome(int outcome)
{
	return outcome_name((enum outcome)outcome);
}

static const char *name_of_cause(int cause)
{
	return cause_name((enum cause)cause);
}

static void put_list(struct json_writer *json, const char *key, const char *const *names)
{
	jw_key(json, key);
	jw_array_begin(json, JSON_COMPACT);
	for (; *names; names++)
		jw_string(json, *names);
	jw_end(json);
}

static void put_listeners(struct json_writer *json, const struct filter *filter)
{
	jw_key(json, "listeners");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < filter->listeners_count; i++)
		jw_endpoint(json, &filter->listeners[i]);
	jw_end(json);
}

static void put_clients(struct json_writer *json, const struct filter *filter)
{
	char text[NETWORK_TEXT_SIZE];

	jw_key(json, "clients");
	jw_array_begin(json, JSON_COMPACT);
	for (size_t i = 0; i < filter->clients_count; i++)
		jw_string(json, network_format(&filter->clients[i], text));
	jw_end(json);
}

void json_put_filter(struct json_writer *json, const struct report *report)
{
	static const char *const filtered[] = {"summary", "peers", "latency_histograms", "attempts",
					       NULL},
				 *const whole[] = {"rates",  "listeners", "ledger",
						   "advice", "losses",	  "summary.drops_seen",
						   NULL};
	const struct filter *filter = report->filter;
	char words[FILTER_TEXT_SIZE];

	jw_key(json, "filter");
	if (!filter) {
		jw_null(json);
		return;
	}
	jw_object_begin(json, JSON_COMPACT);
	jw_put_string(json, "text", filter_format(filter, words));
	put_listeners(json, filter);
	put_clients(json, filter);
	put_names(json, "outcomes", filter->outcomes, OUTCOME_COUNT, name_of_outcome);
	put_names(json, "causes", filter->causes, CAUSE_COUNT, name_of_cause);
	jw_put_known(json, "slower_than_ns", filter->timed ? filter->slower_than_ns : -1);
	jw_put_u64(json, "left_out", report->left_out);
	put_list(json, "filtered", filtered);
	put_list(json, "unfiltered", whole);
	jw_end(json);
}
