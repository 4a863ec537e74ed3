/*
 * A ring in order of time.
 */
#include "netlink/owner/recent_forks.h"

#include "event/clock.h"

/* After its fork a child is looked at at once, and again when it is so old. */
static const int64_t look_at_ns[] = {0, 1 * NS_PER_MS, 4 * NS_PER_MS, 12 * NS_PER_MS,
				     30 * NS_PER_MS};

#define LOOKS	    (sizeof(look_at_ns) / sizeof(look_at_ns[0]))
#define REMEMBER_NS NS_PER_SEC
#define AGAIN_NS    (2 * NS_PER_SEC)

struct recent_fork *recent_forks_at(struct recent_forks *ring, uint32_t i)
{
	return &ring->entries[(ring->first + i) & (RECENT_FORKS_MAX - 1)];
}

static void drop_first(struct recent_forks *ring)
{
	ring->first = (ring->first + 1) & (RECENT_FORKS_MAX - 1);
	ring->count--;
}

struct recent_fork *recent_forks_add(struct recent_forks *ring, int32_t pid, int32_t parent_pid,
				     int64_t now_ns)
{
	struct recent_fork *y;

	if (ring->count == RECENT_FORKS_MAX) {
		ring->skipped += recent_forks_at(ring, 0)->due_ns != INT64_MAX;
		drop_first(ring);
	}
	y = recent_forks_at(ring, ring->count++);
	*y = (struct recent_fork){
	    .pid = pid, .parent_pid = parent_pid, .since_ns = now_ns, .due_ns = now_ns};
	return y;
}

struct recent_fork *recent_forks_find(struct recent_forks *ring, int32_t pid)
{
	for (uint32_t i = ring->count; i-- > 0;)
		if (recent_forks_at(ring, i)->pid == pid)
			return recent_forks_at(ring, i);
	return NULL;
}

bool recent_forks_has(const struct recent_fork *fork, uint32_t inode)
{
	for (unsigned i = 0; i < fork->sockets_count; i++)
		if (fork->sockets[i] == inode)
			return true;
	return false;
}

bool recent_forks_looked(struct recent_fork *fork, int64_t now_ns)
{
	while (++fork->looks < LOOKS) {
		fork->due_ns = fork->since_ns + look_at_ns[fork->looks];
		if (fork->due_ns > now_ns)
			return false;
	}
	fork->due_ns = INT64_MAX;
	return true;
}

void recent_forks_look_again(struct recent_fork *fork, int64_t now_ns)
{
	int64_t age_ns = now_ns - fork->since_ns;

	if (fork->due_ns == INT64_MAX && age_ns < AGAIN_NS)
		fork->due_ns = now_ns + age_ns / 4 + NS_PER_MS;
}

void recent_forks_expire(struct recent_forks *ring, int64_t now_ns)
{
	while (ring->count && recent_forks_at(ring, 0)->due_ns == INT64_MAX &&
	       now_ns - recent_forks_at(ring, 0)->since_ns > REMEMBER_NS)
		drop_first(ring);
}

bool recent_forks_waiting(const struct recent_forks *ring)
{
	for (uint32_t i = 0; i < ring->count; i++)
		if (ring->entries[(ring->first + i) & (RECENT_FORKS_MAX - 1)].due_ns != INT64_MAX)
			return true;
	return false;
}
