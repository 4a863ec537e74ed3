/*
 * Interface for writing Protocol Buffers messages (the wire format of
 * protobuf.dev/programming-guides/encoding): one outermost message at a time,
 * in a buffer of fixed size, to be handed to an output whole.
 */
#ifndef REPORT_PERFETTO_PROTOBUF_H
#define REPORT_PERFETTO_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/sink/output.h"

#define PROTOBUF_SIZE  16384
#define PROTOBUF_DEPTH 8
/* Longer strings are cut, between characters. */
#define PROTOBUF_TEXT_MAX 1024

struct protobuf {
	size_t used;
	unsigned depth;
	bool overflow; /* the message did not fit: it is left out */
	size_t starts[PROTOBUF_DEPTH];
	uint8_t data[PROTOBUF_SIZE];
};

void protobuf_init(struct protobuf *protobuf);

void protobuf_u64(struct protobuf *protobuf, unsigned field, uint64_t value);
/* int32, int64 and enums: negative numbers take ten bytes. */
void protobuf_i64(struct protobuf *protobuf, unsigned field, int64_t value);
void protobuf_fixed64(struct protobuf *protobuf, unsigned field, uint64_t value);
/* Bytes that are no UTF-8 become U+FFFD. */
void protobuf_string(struct protobuf *protobuf, unsigned field, const char *text);

/* A message within: what is written until protobuf_end() belongs to it. */
void protobuf_begin(struct protobuf *protobuf, unsigned field);
void protobuf_end(struct protobuf *protobuf);

/* Hands what was written to the output and starts anew. Returns false when it had not fitted. */
bool protobuf_flush(struct protobuf *protobuf, struct output *output);

#endif
