/*
 * Interface for the formats' constructors, for the table in sink.c alone:
 * everybody else asks sink_format_find().
 */
#ifndef REPORT_SINK_FORMATS_H
#define REPORT_SINK_FORMATS_H

#include "report/sink/sink.h"

struct sink *html_sink_new(FILE *out, const struct sink_style *style);
struct sink *jsonl_sink_new(FILE *out, const struct sink_style *style);
struct sink *json_sink_new(FILE *out, const struct sink_style *style);
struct sink *perfetto_sink_new(FILE *out, const struct sink_style *style);
struct sink *text_sink_new(FILE *out, const struct sink_style *style);
struct sink *tsv_sink_new(FILE *out, const struct sink_style *style);

#endif
