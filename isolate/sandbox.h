/*
 * Interface for the sandbox: when every handle is open, the program gives up
 * what it no longer needs. From then on it is a process that reads what anybody on
 * the network may have written, and can do nothing else.
 */
#ifndef ISOLATE_SANDBOX_H
#define ISOLATE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#define SANDBOX_ERROR_SIZE 512

struct sandbox_options {
	/*
	 * As root: become this user (NULL: the one who called sudo, else nobody). These files and
	 * folders, which this run made, are chowned to that user; nothing else is.
	 */
	bool change_user;
	const char *user;
	const int *made;
	size_t made_count;
	/* Files may be made and renamed below these alone; NULL ends the list. */
	const char *writable[4];
	/*
	 * Folders too: parts of the recording come and go. The user must be able to make them in
	 * parts_fd.
	 */
	bool parts;
	int parts_fd;
};

/*
 * In this order: owner of what was made, user, capabilities (all), no_new_privs,
 * Landlock (where the kernel has it), seccomp (an allow list; a call that is not on it
 * ends the process with a line that names it). Where the process has no privilege to
 * give up, the rest is done all the same. 0, or -errno with a line in error.
 */
int sandbox_enter(const struct sandbox_options *options, char error[SANDBOX_ERROR_SIZE])
    __attribute__((warn_unused_result));

/*
 * The same for the process that gives metrics to who asks: only what the options say stays
 * writable, and a shorter list of calls.
 */
int sandbox_enter_serving(const struct sandbox_options *options, char error[SANDBOX_ERROR_SIZE])
    __attribute__((warn_unused_result));

/*
 * The same for the process that looks into others: the capabilities that this takes stay, as
 * far as they are there (CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH), and a shorter list of calls. No
 * Landlock: within it, no process outside may be looked into.
 */
int sandbox_enter_looking(char error[SANDBOX_ERROR_SIZE]) __attribute__((warn_unused_result));

/*
 * Files that the user names are opened with that user's rights from now on, and not by what
 * setcap(8) gave the program to look into /proc with (CAP_DAC_READ_SEARCH); false: by both again. For
 * root, for who has no capabilities, and after sandbox_enter() it changes nothing.
 */
void sandbox_open_as_user(bool on);

/* Whether the user of --user exists; before anything is opened. 0 or -ENOENT. */
int sandbox_find_user(const char *user) __attribute__((warn_unused_result));

#endif
