/*
 * Interface for the parts of the JSON report, each a key with its value or an
 * element of an array, written at the place where the caller stands. The schema
 * is docs/report.md.
 */
#ifndef REPORT_JSON_PARTS_H
#define REPORT_JSON_PARTS_H

#include "report/attempt/attempt.h"
#include "report/attempt/report.h"
#include "report/json/writer.h"

/* "tool" and all below, but for the attempts: into the object of the report, which is begun. */
void json_put_report(struct json_writer *json, const struct report *report);

/* "source", "host", "recording": where it comes from. */
void json_put_origin(struct json_writer *json, const struct report *report);

/* host.identity as an object: what is not known is null. */
void json_put_identity(struct json_writer *json, const struct host_identity *identity);

/* "filter": what the attempts were chosen by, or null. */
void json_put_filter(struct json_writer *json, const struct report *report);

/* "summary", "latency_histograms", "rates": all attempts together. */
void json_put_summary(struct json_writer *json, const struct report *report);

/* An object of how many there are and of their percentiles: null of nothing at all. */
void json_put_latency(struct json_writer *json, const struct latency_summary *latency);

/* "latency_ns" */
void json_put_latencies(struct json_writer *json,
			const struct latency_summary latency[LATENCY_COUNT]);

/* An object of that name from every cause's name to its count. */
void json_put_causes(struct json_writer *json, const char *name,
		     const uint64_t causes[CAUSE_COUNT]);

/* "stall": why nobody takes the connections that wait, null where that is not known. */
void json_put_stall(struct json_writer *json, const struct stall_now *stall);

/* "listeners" */
void json_put_listeners(struct json_writer *json, const struct report *report);

/* "ledger", "advice", "losses", "overflows", "notes" */
void json_put_findings(struct json_writer *json, const struct report *report);

/* One object of "attempts"; the report says which causes are doubted. */
void json_put_attempt(struct json_writer *json, const struct report *report,
		      const struct attempt *attempt);

/* The same without the braces, into an object that is begun. */
void json_put_attempt_members(struct json_writer *json, const struct report *report,
			      const struct attempt *attempt);

/* An object from every outcome's name to its count. */
void json_put_outcomes(struct json_writer *json, const uint64_t outcomes[OUTCOME_COUNT]);

#endif
