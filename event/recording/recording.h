/*
 * Interface for the recording: a folder with
 *   packets.pcap   nanosecond pcap (written by capture/, which owns pcap)
 *   events.jsonl   one JSON object a line: every event that is no packet
 *                  (both compressed: packets.pcap.zst, events.jsonl.zst)
 *   meta.json      what was recorded, where and how
 *
 * Written so that a crash or a full disk loses at most the last second: lines
 * are whole or absent but for the last one, meta.json is replaced by rename.
 */
#ifndef EVENT_RECORDING_RECORDING_H
#define EVENT_RECORDING_RECORDING_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/event.h"
#include "event/host.h"
#include "event/skip.h"

#define RECORDING_PACKETS "packets.pcap"
#define RECORDING_EVENTS  "events.jsonl"
#define RECORDING_META	  "meta.json"
/* In a part of a long recording: what of that time makes it worth keeping. */
#define RECORDING_INCIDENT "incident.json"

/* What a recording's folder can have: these four, or packets and events compressed (.zst). */
#define RECORDING_FILES_MAX 6
extern const char *const recording_files[RECORDING_FILES_MAX];

#define RECORDING_TEXT_SIZE   256
#define RECORDING_TARGETS_MAX 64
#define RECORDING_ERROR_SIZE  (PATH_MAX + 256)

/* Whether a source took part, and if not, why: one line for a person. */
struct source_state {
	bool on;
	char note[RECORDING_TEXT_SIZE];
};

struct recording_meta {
	char version[32]; /* of the tool that wrote it */
	struct host host;
	char interface[RECORDING_TEXT_SIZE];
	uint32_t interface_index; /* 0: any, or not known */
	bool interface_alone;	  /* what it receives TCP gets from no other device */
	char filter[4096];
	int64_t start_ns;
	int64_t end_ns; /* TIME_UNKNOWN while it runs, and for ever after a crash */
	uint32_t sample_interval_us;
	uint32_t targets_count; /* what was watched; a port alone has the address :: */
	struct endpoint targets[RECORDING_TARGETS_MAX];
	bool entries;	  /* BPF programs tell each entry into an accept queue */
	bool accepts;	  /* and each accept() */
	bool drops;	  /* and each SYN and final ACK that a listener drops */
	bool bpf_filter;  /* packets were filtered by a BPF program that knows each flow */
	uint64_t packets; /* frames in packets.pcap */
	uint64_t events;  /* lines in events.jsonl; 0: not told */
	uint64_t losses[LOSS_KIND_COUNT];
	struct source_state sources[SOURCE_COUNT];
};

struct recording_writer;

/*
 * Makes the folder (mode 0750) with an empty events.jsonl (0640, never through
 * a symbolic link); one that is there keeps its owner and mode. An existing recording in it is
 * -EEXIST unless force; one that another process is writing is -EBUSY, see
 * recording/lock.h. The caller owns *out and ends it with recording_writer_free().
 */
int recording_writer_new(const char *path, bool force, struct recording_writer **out)
    __attribute__((warn_unused_result));

/*
 * The same of a folder by its name in another, AT_FDCWD is the current one; compressed: its events
 * are.
 */
int recording_writer_new_at(int dirfd, const char *name, bool force, bool compressed,
			    struct recording_writer **out) __attribute__((warn_unused_result));

/* A descriptor of the folder, for packets.pcap; the writer's own, do not close. */
int recording_writer_dirfd(const struct recording_writer *writer);

/* Whether the folder was made by this writer. */
bool recording_writer_made_folder(const struct recording_writer *writer);

/*
 * Those of its files that are open, the writer's own: events.jsonl, and meta.json once it was
 * written. Returns how many.
 */
size_t recording_writer_files(const struct recording_writer *writer, int fds[2]);

/* The recording did not begin: removes its files; they can still be written and closed. */
void recording_writer_discard(struct recording_writer *writer);

/*
 * Appends one line (buffered). Segments and ICMP errors are refused with -EINVAL: they are packets.
 */
int recording_write(struct recording_writer *writer, const struct event *event)
    __attribute__((warn_unused_result));

/* Hands the buffered lines to the kernel. Call it at least once a second. */
int recording_flush(struct recording_writer *writer) __attribute__((warn_unused_result));

/*
 * Replaces meta.json as a whole: by a new file and a rename, or, where the folder lets no file be
 * made any more, by one write over the old text.
 */
int recording_write_meta(struct recording_writer *writer, const struct recording_meta *meta)
    __attribute__((warn_unused_result));

/*
 * Lines that the kernel has taken and that are whole. After an error this is the
 * number of lines in the file; read it before recording_writer_free(), after a
 * last recording_flush().
 */
uint64_t recording_events_kept(const struct recording_writer *writer);

/* Bytes of events.jsonl, with those that are buffered unless they are still to be compressed. */
uint64_t recording_bytes(const struct recording_writer *writer);

/* Flushes, closes and frees; returns the first error that it met. NULL is legal. */
int recording_writer_free(struct recording_writer *writer) __attribute__((warn_unused_result));

/* True when path is a folder that has a meta.json, an events.jsonl or a packets.pcap. */
bool recording_is(const char *path);

/* Whether the folder's file of that name, RECORDING_PACKETS say, is there as NAME.zst alone. */
bool recording_is_compressed(const char *path, const char *name);

/* Fills *meta. On failure returns -errno and a line for a person in error. */
int recording_read_meta(const char *path, struct recording_meta *meta,
			char error[RECORDING_ERROR_SIZE]) __attribute__((warn_unused_result));

struct recording_reader;

int recording_reader_new(const char *path, struct recording_reader **out,
			 char error[RECORDING_ERROR_SIZE]) __attribute__((warn_unused_result));

enum recording_result {
	RECORDING_EVENT,     /* *event is filled */
	RECORDING_END,	     /* nothing more */
	RECORDING_CUT,	     /* the last line is half a line: counted, next is END */
	RECORDING_MALFORMED, /* a line that is no event: counted and passed over, go on */
	RECORDING_ERROR,     /* read error, see recording_reader_error(); it stays */
};

/* Samples and lookups that are older are counted as lines and not read: before a period. */
void recording_skip_before(struct recording_reader *reader, int64_t time_ns);

enum recording_result recording_read(struct recording_reader *reader, struct event *event);

/* Lines read so far, of every sort. */
uint64_t recording_lines(const struct recording_reader *reader);

/*
 * Lines that are no event: no object, a member missing or of a wrong type, longer than 256 KiB, or
 * cut.
 */
uint64_t recording_malformed(const struct recording_reader *reader);

/* Lines of a kind (or source, or loss) that this version does not know: passed over. */
uint64_t recording_unknown(const struct recording_reader *reader);

/* 0, or the -errno of RECORDING_ERROR. */
int recording_reader_error(const struct recording_reader *reader);

void recording_reader_free(struct recording_reader *reader);

#endif
