/*
 * What the two ends of the scout say to each other, over a SOCK_SEQPACKET pair: the recorder
 * sends up to SCOUT_BATCH events a packet, the process one message a packet. Between these two
 * files, and nobody else: both are of one program, so that it has no version.
 */
#ifndef PIPELINE_SCOUT_MESSAGE_H
#define PIPELINE_SCOUT_MESSAGE_H

#include "event/event.h"
#include "pipeline/scout.h"

/* So many events in one packet. */
#define SCOUT_BATCH 32

enum scout_message_kind { MESSAGE_HELLO, MESSAGE_EVENT, MESSAGE_WALKED, MESSAGE_FAILED };

struct scout_message {
	enum scout_message_kind kind;
	union {
		struct event event;
		struct scout_findings findings; /* HELLO, WALKED */
		char error[SCOUT_ERROR_SIZE];	/* FAILED */
	};
};

struct scout_process_options {
	int fd;		   /* its end of the pair */
	const char *netns; /* to enter; NULL: it stays */
};

/* The process's life, for process_start(); context: struct scout_process_options. */
int scout_process(void *context);

#endif
