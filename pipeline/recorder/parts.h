/*
 * What the files of the recorder share, and nobody else: its state, and the way
 * that events take through it.
 */
#ifndef PIPELINE_RECORDER_PARTS_H
#define PIPELINE_RECORDER_PARTS_H

#include "netlink/conntrack/translations.h"
#include "netlink/route/addresses.h"
#include "netlink/sampler/sampler.h"
#include "pipeline/analysis.h"
#include "pipeline/folder/folder.h"
#include "pipeline/handshakes.h"
#include "pipeline/recorder/recorder.h"
#include "pipeline/replay.h"
#include "pipeline/scout.h"
#include "probe/filter.h"
#include "probe/kernel.h"
#include "report/track/nat.h"

/* Listeners that the kernel has told of, and that no sample has shown yet. */
#define RECORDER_BEGUN_MAX 64

struct recorder {
	struct recorder_options options;
	struct capture *capture;
	struct sampler *sampler;
	struct addresses *addresses;			 /* or NULL */
	struct translations *translations;		 /* or NULL */
	struct nat nat;					 /* what they told, for look-ups */
	struct endpoint followed[RECORDING_TARGETS_MAX]; /* the targets, and what NAT leads there */
	size_t followed_count;
	bool refilter;	 /* followed[] has more than the filter */
	bool unfollowed; /* there was no room for all */
	struct scout *scout;
	struct kernel_probe *probe;
	struct kernel_probe_listen begun[RECORDER_BEGUN_MAX];
	size_t begun_count;
	int64_t siblings_ns; /* monotonic: it is looked whether there are any; 0: no listener yet */
	bool siblings_decided; /* whether the probe is to tell SO_REUSEPORT siblings apart */
	/* Listeners that were found closed, the last ones: a ring. */
	struct recorder_closed {
		struct endpoint local;
		int64_t time_ns; /* as it was told */
	} closed[RECORDER_BEGUN_MAX];
	size_t closed_count; /* ever */
	struct packet_filter *filter; /* or NULL: the classic one alone */
	struct handshakes *handshakes;
	struct folder *folder; /* or NULL */
	struct analysis *analysis;
	struct recording_meta meta;
	struct reporter_source source;
	char notes[REPLAY_NOTES_MAX][REPLAY_NOTE_SIZE];
	const char *note_pointers[REPLAY_NOTES_MAX];
	uint64_t events;
	uint64_t samples_late;
	uint64_t softnet_before;
	uint64_t frames;
	int64_t opened_ns;	/* before the capture was opened */
	int64_t passed_ns;	/* events up to here were passed on */
	int64_t last_packet_ns; /* CLOCK_MONOTONIC, as the next eight */
	int64_t last_told_ns;	/* the BPF programs woke it */
	int64_t last_unseen_ns; /* connections waited of which nothing had told; 0: never */
	int64_t step_ns;	/* now */
	int64_t last_nat_ns;
	int64_t last_round_ns;
	int64_t last_counters_ns;
	int64_t last_scout_ns;
	int64_t last_flush_ns;
	int64_t clock_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC, 0: not known yet */
	int64_t clock_back_ns;	 /* so far it was set back, in all */
	int64_t interval_ns;	 /* to the next round, as it was planned */
	bool woken; /* by the last step's wake_fd */
	bool packets_ended;
	bool proc_elsewhere; /* the proc connector does not answer in this network namespace */
	bool finished;
	int report_error;
	bool as_root; /* it was started */
	int64_t last_metrics_ns; /* CLOCK_MONOTONIC */
	const char *exporter_news; /* its own; NULL: none */
	bool news_told;
	char news[RECORDING_TEXT_SIZE];
	char error[RECORDER_ERROR_SIZE];
};

/* Keeps what went wrong first, for recorder_error(). Returns rc. */
int recorder_fail(struct recorder *recorder, int rc, const char *what);

/* One round: waits, reads, samples, passes on. 0, or -errno with a line for recorder_error(). */
int recorder_work(struct recorder *recorder, int wake_fd, int64_t until_ns);

/* sources.c: one of recorder_work() each; now_ns is CLOCK_MONOTONIC. */
void recorder_wait(struct recorder *recorder, int wake_fd, int64_t until_ns);
int recorder_read(struct recorder *recorder, int64_t now_ns);
int recorder_sample(struct recorder *recorder, int64_t now_ns);
bool recorder_is_idle(const struct recorder *recorder, int64_t now_ns);

/* rest.c: whether nothing needs sampling, since whatever happens wakes it. */
bool recorder_rests(const struct recorder *recorder, int64_t now_ns);
/* Tells the sampler whether it hears of every SYN. */
void recorder_expect_packets(struct recorder *recorder);

/* When something happened last, CLOCK_MONOTONIC. */
static inline int64_t recorder_active_ns(const struct recorder *r)
{
	return r->last_told_ns > r->last_packet_ns ? r->last_told_ns : r->last_packet_ns;
}

/* An event of a loss, if there were more of this kind since the last time. */
int recorder_say_loss(struct recorder *recorder, enum source source, enum loss_kind kind,
		      uint64_t count);
/* finish.c: of each kind that the recorder itself knows. */
int recorder_say_losses(struct recorder *recorder);

/* When it is time, or last: gives the exporter its numbers. */
void recorder_publish(struct recorder *recorder, int64_t now_ns, bool last);

/* The error of the folder, if it has one: a recording that ended early ends the run. */
int recorder_check_folder(struct recorder *recorder);

/* An event_fn with the recorder: everything but packets, to the recording and on. */
int recorder_on_event(void *recorder, const struct event *event);

/* This source takes no part; note, a line for a person, says why, or is empty. */
void recorder_switch_off(struct recorder *recorder, enum source source, const char *note);

/*
 * Loads the BPF programs. Before the namespace is another: their privileges are those
 * of here, and the namespace that is entered later may be another user's.
 */
void recorder_open_probe(struct recorder *recorder);
/* What the programs of a run do not report, and what that costs; empty where they report all. */
void recorder_note_probe(struct recording_meta *meta);

/*
 * An event_fn with the recorder, for rounds of the sampler: a listener that they show began when the
 * kernel told of it.
 */
int recorder_on_sampled(void *recorder, const struct event *event);

/* What they have told, and what they lost, as events. 0 or -errno. */
int recorder_read_probe(struct recorder *recorder);

/*
 * nat.c: opened before the capture, whose filter follows what is found; told when
 * there is a report; and read whenever packets were.
 */
void recorder_open_nat(struct recorder *recorder);
int recorder_first_translations(struct recorder *recorder);
int recorder_read_translations(struct recorder *recorder);

/* The addresses that came and went; where the kernel does not tell, it is not asked again. */
int recorder_addresses(struct recorder *recorder, event_fn fn);

/* When the scout has ended, a note says so and what is not known for it. */
void recorder_note_scout(struct recorder *recorder);

/* Where the owners of listeners may not be looked for, a note says so. */
void recorder_note_owners(struct recorder *recorder, int64_t before_ns);

/* An event_fn with the recorder: what the scout has found. */
int recorder_on_found(void *recorder, const struct event *event);

#endif
