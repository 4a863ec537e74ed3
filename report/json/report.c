/*
 * The members of a report that do not need its attempts, in their order.
 */
#include "report/json/parts.h"

static void put_tool(struct json_writer *json, const struct report *report)
{
	jw_key(json, "tool");
	jw_object_begin(json, JSON_COMPACT);
	jw_put_string(json, "name", "synscope");
	jw_put_string(json, "version", report->version);
	jw_end(json);
}

void json_put_report(struct json_writer *json, const struct report *report)
{
	put_tool(json, report);
	json_put_origin(json, report);
	json_put_filter(json, report);
	json_put_summary(json, report);
	json_put_listeners(json, report);
	json_put_findings(json, report);
}
