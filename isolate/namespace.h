/*
 * Interface for namespaces: a private network for the demo, and entering the
 * network of somebody else.
 */
#ifndef ISOLATE_NAMESPACE_H
#define ISOLATE_NAMESPACE_H

#include <stdint.h>

#define NAMESPACE_ERROR_SIZE 256

/*
 * Moves this process, which has one thread, into a network namespace of its own
 * with lo up; where it is not root, into a user namespace first, in which it is. The
 * namespace ends with the last process in it. 0, or -errno with a line in error.
 */
int namespace_make(char error[NAMESPACE_ERROR_SIZE]) __attribute__((warn_unused_result));

/*
 * Moves this thread into the network namespace of somebody else: of a process
 * when who is a number, else of that name (ip netns). 0, or -errno with a line
 * in error.
 */
int namespace_enter(const char *who, char error[NAMESPACE_ERROR_SIZE])
    __attribute__((warn_unused_result));

/* The inode by which the kernel names that namespace, without entering it. As namespace_enter(). */
int namespace_inode(const char *who, uint32_t *out, char error[NAMESPACE_ERROR_SIZE])
    __attribute__((warn_unused_result));

#endif
