/*
 * Interface for a recording in parts, as a long run leaves it: a folder with the
 * folders 000001, 000002, ..., each a recording of its own. It knows names and
 * numbers alone.
 */
#ifndef EVENT_RECORDING_PARTS_H
#define EVENT_RECORDING_PARTS_H

#include <stddef.h>
#include <stdint.h>

#define RECORDING_PART_MAX  999999
#define RECORDING_PART_SIZE 7 /* of a name, with its NUL */

/* "000042". number is at most RECORDING_PART_MAX. */
void recording_part_name(uint32_t number, char name[RECORDING_PART_SIZE]);

/*
 * The numbers of the parts in a folder, ascending, in an array that the caller
 * frees; *count is 0 where there are none. 0 or -errno.
 */
int recording_parts_list(int dirfd, uint32_t **numbers, size_t *count)
    __attribute__((warn_unused_result));

/* A descriptor of the part's folder, never through a link, the caller's to close; or -errno. */
int recording_part_open(int dirfd, uint32_t number);

/*
 * Removes the files of a recording and the part's folder; it stays when it holds others. 0 or
 * -errno.
 */
int recording_part_remove(int dirfd, uint32_t number) __attribute__((warn_unused_result));

#endif
