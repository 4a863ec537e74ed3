/*
 * Interface for the subject of an advice about a stall: the listener whose connections waited, and
 * what the files of the stalls (stall, held, forgotten) say of it.
 */
#ifndef REPORT_EXPLAIN_SUBJECT_H
#define REPORT_EXPLAIN_SUBJECT_H

#include "report/attempt/stall.h"
#include "report/explain/parts.h"

struct subject {
	struct advisor *advisor;
	const struct report *report;
	const struct advisor_listener *listener;
	const struct report_listener *l;
	const struct report_stall *stall;
	uint64_t clients; /* that waited too long, were dropped, or left */
	char name[ENDPOINT_TEXT_SIZE];
};

/* "nginx (pid 4242)", "pid 4242". Returns text. */
const char *subject_process(const struct report_listener *listener, int32_t pid, char text[64]);

/* How deep its queue was; and what it dropped; how busy its owners were; how many they had open. */
void subject_because_of_peak(const struct subject *subject, struct advice *advice);
void subject_because_of_queue(const struct subject *subject, struct advice *advice);
void subject_because_of_cpu(const struct subject *subject, struct advice *advice);
void subject_because_of_open(const struct subject *subject, struct advice *advice);

/* The longest time in which connections waited and nobody called accept(); -1 unknown. */
int64_t subject_longest_gap(const struct subject *subject);

/* held.c: STALL_STOPPED, STALL_TRACED or STALL_FROZEN. */
void advise_held(const struct subject *subject, enum stall_cause cause);
/* The same of one of several processes, whose others went on accepting. True when it says so. */
bool advise_one_held(const struct subject *subject);

/*
 * forgotten.c: connections were accepted until one that had the listener open ended. It is taken
 * for the server where it is known to have accepted, or where none of those that remains has run
 * since.
 */
bool subject_is_abandoned(const struct subject *subject);
void advise_abandoned(const struct subject *subject);

/*
 * It accepts, but for long times: not one connection after the other, as who has too few workers.
 * What is a small part of the time in which connections waited explains little of it.
 */
bool subject_is_stuck(const struct subject *subject);
void advise_stuck(const struct subject *subject);

/* Nobody called accept() at all. */
void advise_forgotten(const struct subject *subject);

#endif
