/*
 * The dump: libpcap makes the file's header, the records are written here.
 *
 * Not pcap_dump(), for it does not tell when a write failed, and leaves half a
 * record behind on a full disk. Here the buffer holds whole records; when not
 * all of it could be written, the file is cut back to the last whole one.
 */
#include "capture/dump.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "event/clock.h"
#include "event/recording/output.h"

/* More than the longest frame that libpcap gives (MAXIMUM_SNAPLEN, 256 KiB). */
#define BUFFER_SIZE ((size_t)512 * 1024)

/* In the byte order of this host, as the header's magic says. */
struct record {
	uint32_t seconds;
	uint32_t nanoseconds;
	uint32_t captured;
	uint32_t wire;
};

struct dump {
	struct recording_output *output;
	bool compressed;
	bool begun;    /* the header is in the file */
	int error;     /* the first, -errno */
	uint64_t kept; /* records in the file, whole */
	uint64_t buffered;
	size_t used;
	uint8_t buffer[BUFFER_SIZE];
};

/*
 * The header as pcap_dump_fopen() writes it: the numbers of link types differ from libpcap's own.
 */
static int put_header(struct dump *dump, pcap_t *pcap)
{
	char *header = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&header, &size);
	pcap_dumper_t *dumper;
	int result = 0;

	if (!file)
		return -ENOMEM;
	dumper = pcap_dump_fopen(pcap, file);
	if (dumper)
		pcap_dump_close(dumper);
	if (!dumper || !size || size > BUFFER_SIZE)
		result = -EINVAL;
	else
		memcpy(dump->buffer, header, size);
	dump->used = size;
	free(header);
	return result;
}

int dump_new(pcap_t *pcap, int dirfd, const char *name, bool compressed, struct dump **out)
{
	struct dump *dump = malloc(sizeof(*dump));
	int result;

	if (!dump)
		return -ENOMEM;
	memset(dump, 0, offsetof(struct dump, buffer));
	dump->compressed = compressed;
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT) {
		result = -errno;
		goto free_dump;
	}
	result = recording_output_new(dirfd, name, compressed, &dump->output);
	if (result)
		goto free_dump;
	result = put_header(dump, pcap);
	if (!result)
		result = dump_flush(dump);
	if (result)
		goto free_output;
	*out = dump;
	return 0;

free_output:
	if (recording_output_free(dump->output, false) < 0) {
		/* What went wrong first is what is told. */
	}
free_dump:
	free(dump);
	return result;
}

/* n bytes of the buffer went out: how many of them are whole records, and how many records? */
static size_t whole_records(const struct dump *dump, size_t n, uint64_t *records)
{
	struct record r;
	size_t at = 0;

	while (at + sizeof(r) <= n) {
		memcpy(&r, dump->buffer + at, sizeof(r));
		if (r.captured > n - at - sizeof(r))
			break;
		at += sizeof(r) + r.captured;
		++*records;
	}
	return at;
}

int dump_flush(struct dump *dump)
{
	size_t kept, whole;

	if (dump->error)
		return dump->error;
	dump->error = recording_output_put(dump->output, dump->buffer, dump->used, &kept);
	if (dump->error) {
		/* Without its header the file is of no use: then nothing of it counts. */
		whole = dump->begun ? whole_records(dump, kept, &dump->kept) : 0;
		recording_output_cut(dump->output, kept - whole);
		return dump->error;
	}
	dump->begun = true;
	dump->kept += dump->buffered;
	dump->buffered = 0;
	dump->used = 0;
	return 0;
}

int dump_frame(struct dump *dump, int64_t time_ns, const uint8_t *bytes, uint32_t captured,
	       uint32_t wire)
{
	struct record r = {
	    .seconds = (uint32_t)(time_ns / NS_PER_SEC),
	    .nanoseconds = (uint32_t)(time_ns % NS_PER_SEC),
	    .captured = captured,
	    .wire = wire,
	};

	if (dump->error)
		return dump->error;
	if (captured > BUFFER_SIZE - sizeof(r))
		return dump->error = -EMSGSIZE;
	if (sizeof(r) + captured > BUFFER_SIZE - dump->used) {
		int result = dump_flush(dump);

		if (result)
			return result;
	}
	memcpy(dump->buffer + dump->used, &r, sizeof(r));
	memcpy(dump->buffer + dump->used + sizeof(r), bytes, captured);
	dump->used += sizeof(r) + captured;
	dump->buffered++;
	return 0;
}

uint64_t dump_kept(const struct dump *dump)
{
	return dump->kept;
}

uint64_t dump_bytes(const struct dump *dump)
{
	return recording_output_bytes(dump->output) + (dump->compressed ? 0 : dump->used);
}

int dump_fd(const struct dump *dump)
{
	return recording_output_fd(dump->output);
}

int dump_error(const struct dump *dump)
{
	return dump->error;
}

int dump_free(struct dump *dump)
{
	int result, ended;

	if (!dump)
		return 0;
	result = dump_flush(dump);
	ended = recording_output_free(dump->output, false);
	if (!result)
		result = ended;
	free(dump);
	return result;
}
