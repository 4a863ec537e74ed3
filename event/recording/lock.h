/*
 * Interface for the lock of a recording's folder: one process at a time records
 * in it. The lock is flock(2) on the folder itself: nothing is left behind, whatever
 * becomes of its holder.
 */
#ifndef EVENT_RECORDING_LOCK_H
#define EVENT_RECORDING_LOCK_H

#include <sys/types.h>

/*
 * Locks the open folder for as long as this open file description lives. 0 or -EBUSY; where the
 * file system has no locks, 0 too.
 */
int recording_lock(int folder) __attribute__((warn_unused_result));

/* Who holds the lock of this folder, by /proc/locks; 0 when nobody does or it cannot be told. */
pid_t recording_lock_holder(const char *path);

#endif
