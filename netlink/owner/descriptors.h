/*
 * Interface for the descriptors of one process: a listing of /proc/PID/fd that
 * tells which of them are sockets. What a socket is, others know.
 */
#ifndef NETLINK_OWNER_DESCRIPTORS_H
#define NETLINK_OWNER_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

/*
 * Small: the kernel makes an inode for each entry that it lists, and with
 * readdir()'s buffer that would be a thousand of them at a time.
 */
#define DESCRIPTORS_LIST_SIZE 512

struct descriptors {
	int fds; /* the directory, or -1 */
	size_t listed;
	size_t next;
	_Alignas(8) char list[DESCRIPTORS_LIST_SIZE];
};

/*
 * proc: a descriptor of /proc. 0; or -errno: -EACCES or -EPERM when this user may
 * not look into the process, -ENOENT or -ESRCH when it has ended.
 */
int descriptors_open(struct descriptors *d, int proc, int32_t pid)
    __attribute__((warn_unused_result));

/* Ends it; legal also when it is not open any more, or fds is -1. */
void descriptors_close(struct descriptors *d);

/*
 * 1 with the next descriptor and the inode of its socket, 0 for what is none; 0
 * at the end; or -errno, as above.
 */
int descriptors_next(struct descriptors *d, int32_t *fd, uint32_t *inode)
    __attribute__((warn_unused_result));

#endif
