/*
 * Interface for the seccomp filter: the system calls that the program may still
 * make once every handle is open.
 */
#ifndef ISOLATE_SECCOMP_FILTER_H
#define ISOLATE_SECCOMP_FILTER_H

enum seccomp_job {
	SECCOMP_RECORDING, /* and reporting */
	SECCOMP_LOOKING,   /* into other processes: see pipeline/scout.h */
	SECCOMP_SERVING,   /* metrics: see pipeline/exporter/exporter.h */
};

/*
 * Loads it, for good. Any other call ends the process with exit status 1 and a
 * line that names the call. 0 or -errno. In a build with a sanitizer it does
 * nothing (seccomp_filter_none.c).
 */
int seccomp_filter_load(enum seccomp_job job) __attribute__((warn_unused_result));

#endif
