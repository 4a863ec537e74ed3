/*
 * Interface for the count of a channel, shared by the processes of one server.
 */
#ifndef SERVER_CHANNEL_COUNT_H
#define SERVER_CHANNEL_COUNT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

struct channel_count {
	_Atomic uint64_t lost;
};

/* Zero, in a mapping that forked processes share; NULL when out of memory. */
static inline struct channel_count *channel_count_new(void)
{
	void *p = mmap(NULL, sizeof(struct channel_count), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline void channel_count_free(struct channel_count *count)
{
	if (count)
		munmap(count, sizeof(*count));
}

#endif
