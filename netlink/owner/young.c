/*
 * A ring in order of time.
 */
#include "netlink/owner/young.h"

#include "event/clock.h"

/* After its fork a child is looked at at once, and again when it is so old. */
static const int64_t look_at_ns[] = {0, 1 * NS_PER_MS, 4 * NS_PER_MS, 12 * NS_PER_MS,
				     30 * NS_PER_MS};

#define LOOKS	    (sizeof(look_at_ns) / sizeof(look_at_ns[0]))
#define REMEMBER_NS NS_PER_SEC
#define AGAIN_NS    (2 * NS_PER_SEC)

struct young *young_at(struct young_ring *ring, uint32_t i)
{
	return &ring->entries[(ring->first + i) & (YOUNG_MAX - 1)];
}

static void drop_first(struct young_ring *ring)
{
	ring->first = (ring->first + 1) & (YOUNG_MAX - 1);
	ring->count--;
}

struct young *young_add(struct young_ring *ring, int32_t pid, int32_t parent_pid, int64_t now_ns)
{
	struct young *y;

	if (ring->count == YOUNG_MAX) {
		ring->skipped += young_at(ring, 0)->due_ns != INT64_MAX;
		drop_first(ring);
	}
	y = young_at(ring, ring->count++);
	*y = (struct young){
	    .pid = pid, .parent_pid = parent_pid, .since_ns = now_ns, .due_ns = now_ns};
	return y;
}

struct young *young_find(struct young_ring *ring, int32_t pid)
{
	for (uint32_t i = ring->count; i-- > 0;)
		if (young_at(ring, i)->pid == pid)
			return young_at(ring, i);
	return NULL;
}

bool young_has(const struct young *young, uint32_t inode)
{
	for (unsigned i = 0; i < young->sockets_count; i++)
		if (young->sockets[i] == inode)
			return true;
	return false;
}

bool young_looked(struct young *young, int64_t now_ns)
{
	while (++young->looks < LOOKS) {
		young->due_ns = young->since_ns + look_at_ns[young->looks];
		if (young->due_ns > now_ns)
			return false;
	}
	young->due_ns = INT64_MAX;
	return true;
}

void young_look_again(struct young *young, int64_t now_ns)
{
	int64_t age_ns = now_ns - young->since_ns;

	if (young->due_ns == INT64_MAX && age_ns < AGAIN_NS)
		young->due_ns = now_ns + age_ns / 4 + NS_PER_MS;
}

void young_expire(struct young_ring *ring, int64_t now_ns)
{
	while (ring->count && young_at(ring, 0)->due_ns == INT64_MAX &&
	       now_ns - young_at(ring, 0)->since_ns > REMEMBER_NS)
		drop_first(ring);
}

bool young_waiting(const struct young_ring *ring)
{
	for (uint32_t i = 0; i < ring->count; i++)
		if (ring->entries[(ring->first + i) & (YOUNG_MAX - 1)].due_ns != INT64_MAX)
			return true;
	return false;
}
