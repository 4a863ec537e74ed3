/*
 * Interface for the facts about the host that the verdicts rest on: its kernel
 * and those sysctls that decide what happens to a SYN. Part of meta.json.
 */
#ifndef EVENT_HOST_H
#define EVENT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_KERNEL_SIZE 128

/* Which host, boot and network namespace this is; empty texts and 0 where that is not known. */
struct host_identity {
	char hostname[65];   /* gethostname(2) */
	char machine_id[33]; /* machine-id(5) */
	char boot_id[37];    /* random(4): another one after each boot */
	uint64_t netns;	     /* the inode of /proc/self/ns/net */
};

/* A sysctl that could not be read is -1. */
struct host {
	struct host_identity identity;
	char kernel[HOST_KERNEL_SIZE]; /* uname -r, empty when unknown */
	int64_t somaxconn;
	int64_t somaxconn_end; /* when the recording ended: a server may have called listen() since */
	int64_t tcp_max_syn_backlog;
	int64_t tcp_syncookies;
	int64_t tcp_abort_on_overflow;
	int64_t tcp_synack_retries;
	int64_t tcp_syn_retries;
	int64_t tcp_syn_linear_timeouts;
	int64_t tcp_fastopen;
	int64_t tcp_migrate_req;
	/* CLOCK_REALTIME less CLOCK_MONOTONIC, that of TCP timestamps; 0: not known */
	int64_t monotonic_offset_ns;
};

/* Reads this network namespace's values. Never fails: what is missing is -1. */
void host_read(struct host *host);

/* What may have changed since, and decides what listen() gives: somaxconn_end. */
void host_read_end(struct host *host);

/* The lowest and the highest somaxconn that is known; -1 where none is. */
void host_somaxconn(const struct host *host, int64_t *low, int64_t *high);

#endif
