/*
 * Forks in order of time, and the accepted attempts that may need one.
 */
#include "report/track/forks.h"

#include <errno.h>
#include <stdlib.h>

/* By then every look has been taken and told. Less than an ended attempt lingers. */
#define SETTLE_NS     NS_PER_SEC
#define SETTLE_MAX_NS (3 * NS_PER_SEC / 2)
/* A fork follows its accept() this closely, also where the server had to wait for a processor. */
#define FOLLOWS_NS (50 * NS_PER_MS)
/*
 * Bounds closer than this: a worker cannot have been forked, begun to work and accepted meanwhile.
 */
#define TIGHT_NS (10 * NS_PER_MS)

#define PID_SLOTS (1u << 16)

struct forks {
	struct fork *records; /* FORKS_MAX of them, from the first fork on */
	uint64_t count;	      /* ever added: record i is at i modulo FORKS_MAX */
	uint64_t *by_pid; /* PID_SLOTS: count of the last record with this pid modulo it, or 0 */
	struct forks_accept *accepts; /* FORKS_ACCEPTED_MAX */
	uint32_t accepts_first;
	uint32_t accepts_count;
};

int forks_new(struct forks **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void forks_free(struct forks *forks)
{
	if (!forks)
		return;
	free(forks->records);
	free(forks->by_pid);
	free(forks->accepts);
	free(forks);
}

static bool make_room(struct forks *f)
{
	if (!f->records)
		f->records = calloc(FORKS_MAX, sizeof(*f->records));
	if (!f->by_pid)
		f->by_pid = calloc(PID_SLOTS, sizeof(*f->by_pid));
	if (!f->accepts)
		f->accepts = calloc(FORKS_ACCEPTED_MAX, sizeof(*f->accepts));
	return f->records && f->by_pid && f->accepts;
}

static struct fork *record(const struct forks *f, uint64_t i)
{
	return &f->records[i & (FORKS_MAX - 1)];
}

struct fork *forks_add(struct forks *forks, int32_t pid, int32_t parent_pid, int64_t fork_ns)
{
	struct fork *fork;

	if (!make_room(forks))
		return NULL;
	fork = record(forks, forks->count++);
	*fork = (struct fork){
	    .pid = pid, .parent_pid = parent_pid, .fork_ns = fork_ns, .exit_ns = TIME_UNKNOWN};
	forks->by_pid[(uint32_t)pid & (PID_SLOTS - 1)] = forks->count;
	return fork;
}

struct fork *forks_find(struct forks *forks, int32_t pid)
{
	uint64_t number = forks->by_pid ? forks->by_pid[(uint32_t)pid & (PID_SLOTS - 1)] : 0;
	struct fork *fork;

	if (!number || forks->count - (number - 1) > FORKS_MAX)
		return NULL;
	fork = record(forks, number - 1);
	return fork->pid == pid ? fork : NULL;
}

bool forks_is_child(const struct fork *fork, const struct holder *holder, int64_t after_ns,
		    int64_t before_ns)
{
	if (!fork)
		return holder->parent_pid && !holder->listens;
	if (fork->fork_ns <= after_ns)
		return false;
	if (fork->fork_ns > before_ns)
		return true;
	return !holder->listens || before_ns - after_ns <= TIGHT_NS;
}

struct fork *forks_first(struct forks *forks, struct fork *fork, int64_t after_ns)
{
	struct fork *parent = fork ? forks_find(forks, fork->parent_pid) : NULL;

	/* The parent's number may have been given away since: a parent is older. */
	while (parent && parent->fork_ns > after_ns && parent->fork_ns < fork->fork_ns) {
		fork = parent;
		parent = forks_find(forks, fork->parent_pid);
	}
	return fork;
}

void forks_accepted(struct forks *forks, const struct forks_accept *accept)
{
	if (!forks->records)
		return;
	if (forks->accepts_count == FORKS_ACCEPTED_MAX) {
		forks->accepts_first++;
		forks->accepts_count--;
	}
	forks->accepts[(forks->accepts_first + forks->accepts_count++) & (FORKS_ACCEPTED_MAX - 1)] =
	    *accept;
}

/* The number of the first record that is younger than time_ns. */
static uint64_t first_after(const struct forks *f, int64_t time_ns)
{
	uint64_t low = f->count > FORKS_MAX ? f->count - FORKS_MAX : 0, high = f->count;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (record(f, middle)->fork_ns > time_ns)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void match(struct forks *f, const struct forks_accept *a, const struct forks_asks *asks,
		  void *context)
{
	for (uint64_t i = first_after(f, a->after_ns); i < f->count; i++) {
		struct fork *fork = record(f, i);

		if (fork->fork_ns > a->before_ns + FOLLOWS_NS)
			return;
		if (fork->serves || fork->other || forks_first(f, fork, a->after_ns) != fork ||
		    !asks->owns(context, a->listener, fork->parent_pid))
			continue;
		fork->serves = true;
		fork->index = a->index;
		fork->isn = a->isn;
		asks->matched(context, a, fork);
		return;
	}
}

static int by_entry(const void *x, const void *y)
{
	const struct forks_accept *a = x, *b = y;

	if (a->entered_ns != b->entered_ns)
		return a->entered_ns < b->entered_ns ? -1 : 1;
	return (a->before_ns > b->before_ns) - (a->before_ns < b->before_ns);
}

static struct forks_accept *accept_at(const struct forks *f, uint32_t i)
{
	return &f->accepts[(f->accepts_first + i) & (FORKS_ACCEPTED_MAX - 1)];
}

static bool is_due(const struct forks_accept *a, int64_t now_ns, int64_t after_ns)
{
	return now_ns == INT64_MAX || a->before_ns + after_ns <= now_ns;
}

/*
 * Moves those that are due to due, which has room for all; the others stay. One whose
 * predecessor in the queue is not due waits for it: both may be of one burst. Returns their
 * number.
 */
static uint32_t take_due(struct forks *f, int64_t now_ns, struct forks_accept *due)
{
	int64_t predecessor_ns = INT64_MAX;
	uint32_t taken = 0, kept = 0;

	for (uint32_t i = 0; i < f->accepts_count; i++) {
		const struct forks_accept *a = accept_at(f, i);

		if (!is_due(a, now_ns, SETTLE_NS) && a->entered_ns < predecessor_ns)
			predecessor_ns = a->entered_ns;
	}
	for (uint32_t i = 0; i < f->accepts_count; i++) {
		const struct forks_accept *a = accept_at(f, i);

		if (is_due(a, now_ns, SETTLE_MAX_NS) ||
		    (is_due(a, now_ns, SETTLE_NS) && a->entered_ns < predecessor_ns))
			due[taken++] = *a;
		else
			*accept_at(f, kept++) = *a;
	}
	f->accepts_count = kept;
	return taken;
}

void forks_settle(struct forks *forks, int64_t now_ns, const struct forks_asks *asks, void *context)
{
	uint32_t n, wanted = 0;
	struct forks_accept *due;

	if (!forks->accepts_count || !is_due(accept_at(forks, 0), now_ns, SETTLE_NS))
		return;
	due = malloc(forks->accepts_count * sizeof(*due));
	if (!due)
		return;
	n = take_due(forks, now_ns, due);
	for (uint32_t i = 0; i < n; i++)
		if (asks->wanted(context, &due[i]))
			due[wanted++] = due[i];
	qsort(due, wanted, sizeof(*due), by_entry);
	for (uint32_t i = 0; i < wanted; i++)
		match(forks, &due[i], asks, context);
	free(due);
}
