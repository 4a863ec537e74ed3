/*
 * Interface for the facts about the host that the verdicts rest on: its kernel
 * and those sysctls that decide what happens to a SYN. Part of meta.json.
 */
#ifndef EVENT_HOST_H
#define EVENT_HOST_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_KERNEL_SIZE 128

/* A sysctl that could not be read is -1. */
struct host {
	char kernel[HOST_KERNEL_SIZE]; /* uname -r, empty when unknown */
	int64_t somaxconn;
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

#endif
