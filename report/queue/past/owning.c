/*
 * Which process had which listener open, for all of them: what is told of owners, and who
 * can have accepted a connection.
 */
#include "report/queue/parts.h"

static void remember(struct queues *queues, int32_t pid)
{
	queues->owners[(uint32_t)pid >> 3 & (sizeof(queues->owners) - 1)] |=
	    (uint8_t)(1u << (pid & 7));
}

static bool was_owner(const struct queues *queues, int32_t pid)
{
	return queues->owners[(uint32_t)pid >> 3 & (sizeof(queues->owners) - 1)] >> (pid & 7) & 1;
}

void queues_learn_owners(struct queues *queues, struct queue *q, const struct listener *listener,
			 int64_t time_ns)
{
	tenures_listener(&q->tenures, listener, time_ns);
	for (unsigned i = 0; i < listener->pids_count; i++)
		remember(queues, listener->pids[i]);
}

void queues_owner(struct queues *queues, const struct owner_change *change, int64_t time_ns,
		  int64_t forked_ns, int32_t parent_pid)
{
	struct queue *q = listening_by_cookie(&queues->listening, change->cookie);

	if (!q)
		return;
	/* What the parent had open the child has from the beginning. */
	if (forked_ns != TIME_UNKNOWN && !tenures_had(&q->tenures, parent_pid, forked_ns))
		forked_ns = TIME_UNKNOWN;
	tenures_take(&q->tenures, change, time_ns, forked_ns);
	remember(queues, change->pid);
}

void queues_activity(struct queues *queues, const struct owner_activity *activity, int64_t time_ns)
{
	struct queue *q = listening_by_cookie(&queues->listening, activity->cookie);

	if (q)
		stalls_take(&q->stalls, activity, time_ns, queue_accepts(q));
}

/* Its listener may have been found closed just before. */
#define CLOSED_BEFORE_NS NS_PER_SEC

static bool had_it(const struct queue *q, int32_t pid, int64_t time_ns)
{
	return pid && (tenures_had(&q->tenures, pid, time_ns) ||
		       tenures_had(&q->tenures, pid, time_ns - CLOSED_BEFORE_NS));
}

void queues_killed(struct queues *queues, int32_t pid, int32_t parent_pid, int32_t signal,
		   int64_t time_ns)
{
	if (!was_owner(queues, pid) && !(parent_pid && was_owner(queues, parent_pid)))
		return;
	for (size_t i = 0; i < queues->listening.count; i++) {
		struct queue *q = queues->listening.queues[i];
		struct queue_exits *exits = &q->exits;
		bool told = exits->count && exits->list[exits->count - 1].pid == pid;

		if (!told && exits->count < QUEUE_EXITS_MAX &&
		    (had_it(q, pid, time_ns) || had_it(q, parent_pid, time_ns)))
			exits->list[exits->count++] = (struct sizing_exit){
			    .time_ns = time_ns,
			    .pid = pid,
			    .parent_pid = parent_pid,
			    .signal = signal,
			};
	}
}

const struct sizing_exit *queues_killed_owners(const struct queues *queues, size_t index,
					       size_t *count)
{
	const struct queue_exits *exits = &queues->listening.queues[index]->exits;

	*count = exits->count;
	return exits->list;
}

void queues_exit(struct queues *queues, int32_t pid, int64_t time_ns)
{
	if (!was_owner(queues, pid))
		return;
	for (size_t i = 0; i < queues->listening.count; i++)
		tenures_end(&queues->listening.queues[i]->tenures, pid, time_ns);
}

int32_t queues_acceptor(const struct queues *queues, const struct open_attempt *attempt,
			int64_t after_ns, int64_t before_ns)
{
	const struct queue *q = queues_of(queues, attempt);
	int32_t pid = 0;

	if (!q)
		return 0;
	if (!q->leader->grouped)
		pid = tenures_sole(&q->tenures, after_ns, before_ns);
	for (size_t i = 0; q->leader->grouped && i < queues->listening.count; i++) {
		const struct queue *sibling = queues->listening.queues[i];
		int32_t owner = sibling->leader == q->leader
				    ? tenures_sole(&sibling->tenures, after_ns, before_ns)
				    : 0;

		if (owner && pid && owner != pid)
			return 0;
		if (owner)
			pid = owner;
	}
	return pid == TENURES_SEVERAL ? 0 : pid;
}

bool queues_had_open(const struct queues *queues, const struct open_attempt *attempt, int32_t pid,
		     int64_t time_ns)
{
	const struct queue *q = queues_of(queues, attempt);

	for (size_t i = 0; q && i < queues->listening.count; i++) {
		const struct queue *member = queues->listening.queues[i];

		if (member->leader == q->leader && tenures_had(&member->tenures, pid, time_ns))
			return true;
	}
	return false;
}
