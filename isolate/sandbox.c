/*
 * The stages of giving up privileges, by libcap-ng, Landlock and, in
 * seccomp_filter.c, libseccomp.
 */
#include "isolate/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isolate/seccomp_filter.h"

static int fail(char error[SANDBOX_ERROR_SIZE], int rc, const char *what)
{
	snprintf(error, SANDBOX_ERROR_SIZE, "cannot drop privileges: %s: %s", what, strerror(-rc));
	return rc;
}

int sandbox_find_user(const char *user)
{
	return getpwnam(user) ? 0 : -ENOENT;
}

/* sandbox_enter() was called: no capabilities are left, nor the right to ask for them. */
static bool entered;

void sandbox_open_as_user(bool on)
{
	static const unsigned passing[] = {CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE};

	if (entered || geteuid() == 0 || capng_get_caps_process() < 0)
		return;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if (capng_have_capability(CAPNG_PERMITTED, passing[i]))
			capng_update(on ? CAPNG_DROP : CAPNG_ADD, CAPNG_EFFECTIVE, passing[i]);
	if (capng_apply(CAPNG_SELECT_CAPS) < 0) {
		/* To make it smaller, or as it was, is always allowed. */
	}
}

/* The number that sudo put there, 1 to UINT32_MAX - 1; 0 when it is none. */
static uint32_t read_id(const char *variable)
{
	const char *text = getenv(variable);
	unsigned long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	value = strtoul(text, &end, 10);
	return errno || *end || value >= UINT32_MAX ? 0 : (uint32_t)value;
}

/* Who the program becomes: --user, the one who called sudo, nobody. */
static int choose_user(const char *user, uid_t *uid, gid_t *gid)
{
	uint32_t sudo_uid = read_id("SUDO_UID"), sudo_gid = read_id("SUDO_GID");
	const struct passwd *entry;

	if (!user && sudo_uid && sudo_gid) {
		*uid = sudo_uid;
		*gid = sudo_gid;
		return 0;
	}
	entry = getpwnam(user ? user : "nobody");
	if (!entry)
		return -ENOENT;
	*uid = entry->pw_uid;
	*gid = entry->pw_gid;
	return 0;
}

/* By descriptor: a name can be another's by now. */
static int give_made(const struct sandbox_options *options, uid_t uid, gid_t gid)
{
	for (size_t i = 0; i < options->made_count; i++)
		if (fchown(options->made[i], uid, gid) < 0)
			return -errno;
	return 0;
}

/* A folder that was there before stays whose it is: may this user make others in it? */
static int check_parts(const struct sandbox_options *options, uid_t uid, gid_t gid,
		       char error[SANDBOX_ERROR_SIZE])
{
	const struct passwd *entry = getpwuid(uid);
	uid_t own_uid = geteuid();
	gid_t own_gid = getegid();
	int rc = 0;

	/* They are given up in any case. */
	if (!options->parts || setgroups(0, NULL) < 0 || setegid(gid) < 0)
		return 0;
	if (seteuid(uid) == 0) {
		if (faccessat(options->parts_fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
			rc = -errno;
		if (seteuid(own_uid) < 0)
			return fail(error, -errno, "the user");
	}
	if (setegid(own_gid) < 0)
		return fail(error, -errno, "the group");
	if (rc)
		snprintf(error, SANDBOX_ERROR_SIZE,
			 "%.300s already exists, and user %.60s cannot write to it: choose a new "
			 "folder, or --user",
			 options->writable[0], entry ? entry->pw_name : "nobody");
	return rc;
}

/* And not in name alone: who has no capabilities may not become another, nor needs to. */
static bool is_root(void)
{
	return geteuid() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID);
}

static int change_user(const struct sandbox_options *options, char error[SANDBOX_ERROR_SIZE])
{
	uid_t uid;
	gid_t gid;
	int rc;

	if (!options->change_user || geteuid() != 0)
		return 0;
	if (!options->user && !is_root())
		return 0;
	rc = choose_user(options->user, &uid, &gid);
	if (rc) {
		snprintf(error, SANDBOX_ERROR_SIZE, "--user: unknown user '%s'",
			 options->user ? options->user : "nobody");
		return rc;
	}
	rc = give_made(options, uid, gid);
	/* A user namespace that maps one user alone: there is nobody else to become. */
	if (rc == -EINVAL && !options->user)
		return 0;
	if (rc)
		return fail(error, rc, "owner of the recording");
	rc = check_parts(options, uid, gid, error);
	if (rc)
		return rc;
	capng_clear(CAPNG_SELECT_BOTH);
	rc = capng_change_id((int)uid, (int)gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	/* In a user namespace that maps one user alone there is nobody else to become. */
	if (rc && errno != EINVAL && !options->user)
		return fail(error, -EPERM, "the user");
	if (rc && options->user) {
		snprintf(error, SANDBOX_ERROR_SIZE, "--user: cannot switch to '%s'", options->user);
		return -EPERM;
	}
	return 0;
}

static int drop_capabilities(char error[SANDBOX_ERROR_SIZE])
{
	capng_clear(CAPNG_SELECT_BOTH);
	/* The bounding set needs CAP_SETPCAP to be emptied: without it there is nothing to lose. */
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return fail(error, -EPERM, "capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, -errno, "no_new_privs");
	return 0;
}

/* Since Linux 5.13; ABI 1 has all that is handled here. */
#define LANDLOCK_WRITES                                                   \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_EXECUTE |       \
	 LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_DIR |    \
	 LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK |    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |   \
	 LANDLOCK_ACCESS_FS_MAKE_SYM)
#define LANDLOCK_FOLDER                                                   \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_REG)

/* The folders that stay writable, opened while the old user can still reach them. */
struct folders {
	int count;
	__u64 access;
	int fds[5];
};

static void open_folder(struct folders *folders, const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		folders->fds[folders->count++] = fd;
}

static void open_folders(struct folders *folders, const struct sandbox_options *options,
			 enum seccomp_job job)
{
	const char *temporary = getenv("TMPDIR");

	folders->count = 0;
	folders->access = LANDLOCK_FOLDER;
	if (options->parts)
		folders->access |= LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR;
	/* Finished attempts that memory does not hold are put aside there. */
	if (job == SECCOMP_RECORDING)
		open_folder(folders, temporary && *temporary ? temporary : "/tmp");
	for (int i = 0; i < 4 && options->writable[i]; i++)
		open_folder(folders, options->writable[i]);
}

static int restrict_files(const struct folders *folders, char error[SANDBOX_ERROR_SIZE])
{
	struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_WRITES};
	int ruleset, rc = 0;

	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return 0; /* not in this kernel, or switched off: the other stages stand */
	for (int i = 0; rc == 0 && i < folders->count; i++) {
		struct landlock_path_beneath_attr rule = {.allowed_access = folders->access,
							  .parent_fd = folders->fds[i]};

		if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) <
		    0)
			rc = -errno;
	}
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = -errno;
	close(ruleset);
	return rc ? fail(error, rc, "Landlock") : 0;
}

static int enter(const struct sandbox_options *options, enum seccomp_job job,
		 char error[SANDBOX_ERROR_SIZE])
{
	struct folders folders;
	int rc;

	entered = true;
	open_folders(&folders, options, job);
	rc = change_user(options, error);
	if (rc == 0)
		rc = drop_capabilities(error);
	if (rc == 0)
		rc = restrict_files(&folders, error);
	for (int i = 0; i < folders.count; i++)
		close(folders.fds[i]);
	if (rc)
		return rc;
	rc = seccomp_filter_load(job);
	return rc ? fail(error, rc, "seccomp") : 0;
}

int sandbox_enter(const struct sandbox_options *options, char error[SANDBOX_ERROR_SIZE])
{
	return enter(options, SECCOMP_RECORDING, error);
}

int sandbox_enter_serving(const struct sandbox_options *options, char error[SANDBOX_ERROR_SIZE])
{
	return enter(options, SECCOMP_SERVING, error);
}

int sandbox_enter_looking(char error[SANDBOX_ERROR_SIZE])
{
	static const unsigned kept[] = {CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};
	bool have[sizeof(kept) / sizeof(kept[0])];
	bool root = is_root();
	uid_t uid;
	gid_t gid;
	int rc;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		have[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (have[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
	if (root && choose_user("nobody", &uid, &gid) == 0) {
		rc =
		    capng_change_id((int)uid, (int)gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
		/* In a user namespace that maps one user alone there is nobody else to become. */
		if (rc && errno != EINVAL)
			return fail(error, -EPERM, "the user");
	}
	if (capng_apply(CAPNG_SELECT_CAPS) < 0)
		return fail(error, -EPERM, "capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(error, -errno, "no_new_privs");
	rc = seccomp_filter_load(SECCOMP_LOOKING);
	return rc ? fail(error, rc, "seccomp") : 0;
}
