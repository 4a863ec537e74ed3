/*
 * Who had a listener open, when.
 */
#include "report/queue/past/tenures.h"

#include <stdlib.h>
#include <string.h>

#include "event/array.h"

void tenures_release(struct tenures *tenures)
{
	free(tenures->list);
	*tenures = (struct tenures){0};
}

/* The last of this process; NULL. */
static struct tenure *find(const struct tenures *t, int32_t pid)
{
	for (size_t i = t->count; i-- > 0;)
		if (t->list[i].pid == pid)
			return &t->list[i];
	return NULL;
}

static struct tenure *add(struct tenures *t)
{
	struct tenure *list;

	if (t->count == t->room) {
		list = array_grow(t->list, &t->room, sizeof(*list), 4, QUEUE_TENURES_MAX);
		if (!list) {
			t->lost++;
			return NULL;
		}
		t->list = list;
	}
	return &t->list[t->count++];
}

/* A server's own word has no name. */
static void name(struct tenure *tenure, const char *comm)
{
	if (!tenure->comm[0])
		memcpy(tenure->comm, comm, sizeof(tenure->comm));
}

/* Which program a process is can change while it has the listener open: execve(). */
static void rename_to(struct tenure *tenure, const char *comm)
{
	if (comm[0])
		memcpy(tenure->comm, comm, sizeof(tenure->comm));
}

static void begin(struct tenures *t, const struct owner_change *change, int64_t time_ns,
		  int64_t forked_ns)
{
	struct tenure *old = find(t, change->pid), *tenure;

	if (old && old->to_ns == TIME_UNKNOWN) {
		rename_to(old, change->comm);
		return; /* told again */
	}
	tenure = add(t);
	if (!tenure)
		return;
	*tenure = (struct tenure){
	    .pid = change->pid,
	    .may_from_ns = change->before_ns,
	    .from_ns = time_ns,
	    .until_ns = time_ns,
	    .to_ns = TIME_UNKNOWN,
	};
	memcpy(tenure->comm, change->comm, sizeof(tenure->comm));
	if (forked_ns != TIME_UNKNOWN && forked_ns < time_ns &&
	    (change->before_ns == TIME_UNKNOWN || forked_ns > change->before_ns))
		tenure->may_from_ns = tenure->from_ns = forked_ns;
}

static void end(struct tenure *tenure, int64_t until_ns, int64_t to_ns)
{
	if (until_ns > tenure->until_ns)
		tenure->until_ns = until_ns;
	if (tenure->to_ns == TIME_UNKNOWN || to_ns < tenure->to_ns)
		tenure->to_ns = to_ns;
}

void tenures_take(struct tenures *t, const struct owner_change *change, int64_t time_ns,
		  int64_t forked_ns)
{
	struct tenure *tenure = find(t, change->pid);

	t->told = true;
	if (change->owns)
		begin(t, change, time_ns, forked_ns);
	else if (tenure)
		end(tenure, change->before_ns, time_ns);
}

static bool is_among(const struct listener *listener, int32_t pid)
{
	for (unsigned i = 0; i < listener->pids_count; i++)
		if (listener->pids[i] == pid)
			return true;
	return false;
}

void tenures_listener(struct tenures *t, const struct listener *listener, int64_t time_ns)
{
	struct owner_change change = {.before_ns = t->count ? t->heard_ns : TIME_UNKNOWN};

	if (t->told) {
		struct tenure *first = listener->pids_count ? find(t, listener->pids[0]) : NULL;

		if (first)
			name(first, listener->comm);
		return;
	}
	for (unsigned i = 0; i < listener->pids_count; i++) {
		change.pid = listener->pids[i];
		if (i == 0)
			memcpy(change.comm, listener->comm, sizeof(change.comm));
		else
			change.comm[0] = '\0';
		begin(t, &change, time_ns, TIME_UNKNOWN);
	}
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].to_ns == TIME_UNKNOWN && !is_among(listener, t->list[i].pid))
			end(&t->list[i], t->heard_ns, time_ns);
	t->heard_ns = time_ns;
}

void tenures_end(struct tenures *t, int32_t pid, int64_t time_ns)
{
	for (size_t i = 0; i < t->count; i++) {
		struct tenure *tenure = &t->list[i];

		if (pid && tenure->pid != pid)
			continue;
		/* It may be another process of this number that has ended. */
		if (time_ns >= tenure->from_ns &&
		    (tenure->to_ns == TIME_UNKNOWN || time_ns >= tenure->until_ns))
			end(tenure, time_ns, time_ns);
	}
}

void tenures_prove(struct tenures *t, int32_t pid, int64_t time_ns)
{
	struct tenure *tenure = find(t, pid);

	if (!tenure)
		return;
	if (time_ns < tenure->from_ns &&
	    (tenure->may_from_ns == TIME_UNKNOWN || time_ns >= tenure->may_from_ns))
		tenure->from_ns = time_ns;
	if (time_ns > tenure->until_ns)
		tenure->until_ns = time_ns;
}

bool tenures_had(const struct tenures *t, int32_t pid, int64_t time_ns)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].pid == pid && t->list[i].from_ns <= time_ns &&
		    (t->list[i].to_ns == TIME_UNKNOWN || t->list[i].to_ns >= time_ns))
			return true;
	return false;
}

int32_t tenures_sole(const struct tenures *t, int64_t from_ns, int64_t to_ns)
{
	int32_t pid = 0;

	if (t->lost || !t->forks_told)
		return TENURES_SEVERAL;
	for (size_t i = 0; i < t->count; i++) {
		const struct tenure *tenure = &t->list[i];

		if ((tenure->may_from_ns != TIME_UNKNOWN && tenure->may_from_ns > to_ns) ||
		    (tenure->to_ns != TIME_UNKNOWN && tenure->to_ns < from_ns))
			continue;
		if (pid && pid != tenure->pid)
			return TENURES_SEVERAL;
		pid = tenure->pid;
	}
	return pid;
}
