/*
 * The text file: written under a name that no collector reads, then renamed.
 */
#include "pipeline/exporter/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int textfile_open(struct textfile *file, const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t length = slash ? (size_t)(slash - path) : 0;
	int n;

	file->name = slash ? slash + 1 : path;
	if (!*file->name)
		return -EISDIR;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(folder, PATH_MAX, "%.*s", slash ? (int)length : 1, slash ? path : ".");
	if (slash == path)
		snprintf(folder, PATH_MAX, "/");
	/* It does not end with .prom: node_exporter leaves it alone. */
	n = snprintf(file->temporary, sizeof(file->temporary), "%s.tmp", file->name);
	if (n < 0 || (size_t)n >= sizeof(file->temporary))
		return -ENAMETOOLONG;
	file->folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return file->folder_fd < 0 ? -errno : 0;
}

/* Never one that is there: in a folder that all may write to it could be anybody's. */
static int make(const struct textfile *file)
{
	int fd;

	if (unlinkat(file->folder_fd, file->temporary, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(file->folder_fd, file->temporary,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

int textfile_try(const struct textfile *file)
{
	struct stat st;
	int fd;

	if (fstatat(file->folder_fd, file->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISDIR(st.st_mode))
		return -EISDIR;
	fd = make(file);
	if (fd < 0)
		return fd;
	close(fd);
	return unlinkat(file->folder_fd, file->temporary, 0) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		length -= (size_t)n;
	}
	return 0;
}

int textfile_write(const struct textfile *file, const char *text, size_t length)
{
	int fd = make(file), rc;

	if (fd < 0)
		return fd;
	rc = write_all(fd, text, length);
	/* Whatever the umask. */
	if (rc == 0 && fchmod(fd, 0644) < 0)
		rc = -errno;
	if (close(fd) < 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && renameat(file->folder_fd, file->temporary, file->folder_fd, file->name) < 0)
		rc = -errno;
	if (rc)
		(void)unlinkat(file->folder_fd, file->temporary, 0);
	return rc;
}
