/*
 * Who serves whom.
 */
#include "report/track/serving.h"

#include <errno.h>
#include <stdlib.h>

#include "report/attempt/entry.h"
#include "report/queue/queues.h"
#include "report/track/forks.h"

struct serving {
	struct table *table;
	struct details *details;
	const struct queues *queues;
	struct forks *forks;
};

int serving_new(struct table *table, struct details *details, const struct queues *queues,
		struct serving **out)
{
	struct serving *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	*s = (struct serving){.table = table, .details = details, .queues = queues};
	rc = forks_new(&s->forks);
	if (rc) {
		free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void serving_free(struct serving *serving)
{
	if (!serving)
		return;
	forks_free(serving->forks);
	free(serving);
}

/* NULL when it is no longer open, or another has its place. */
static struct detail *detail_of(struct serving *s, uint32_t index, uint32_t isn)
{
	struct open_attempt *a = table_at(s->table, index);

	if (!a || !open_is_used(a) || a->isn != isn)
		return NULL;
	return details_open(s->details, a);
}

/* When accept() returned it: at the earliest, and at the latest. */
static int64_t accepted_after(const struct detail *d)
{
	return d->exact ? d->accept_ns : d->accept_after_ns;
}

static int64_t accepted_before(const struct detail *d)
{
	return d->exact ? d->accept_ns : d->accept_before_ns;
}

static void take_bounds(struct forks_accept *accept, const struct detail *d)
{
	accept->after_ns = accepted_after(d);
	accept->before_ns = accepted_before(d);
}

void serving_fork(struct serving *serving, const struct proc_fork *fork, int64_t time_ns)
{
	/* The server may have said it already. */
	struct fork *known = forks_find(serving->forks, fork->child_pid);

	if (known && known->serves && !known->parent_pid && known->exit_ns == TIME_UNKNOWN)
		known->parent_pid = fork->parent_pid;
	else
		(void)!forks_add(serving->forks, fork->child_pid, fork->parent_pid, time_ns);
}

int64_t serving_forked_ns(struct serving *serving, int32_t pid, int32_t *parent_pid)
{
	const struct fork *fork = forks_find(serving->forks, pid);

	*parent_pid = fork ? fork->parent_pid : 0;
	return fork && fork->exit_ns == TIME_UNKNOWN ? fork->fork_ns : TIME_UNKNOWN;
}

static void serve(struct serving *s, struct fork *fork, const struct open_attempt *a)
{
	fork->serves = true;
	fork->other = fork->maybe = fork->worker = false;
	fork->index = table_index(s->table, a);
	fork->isn = a->isn;
}

void serving_forked_for(struct serving *serving, const struct open_attempt *attempt, int32_t pid,
			int64_t time_ns)
{
	struct fork *fork = forks_find(serving->forks, pid);

	if (!fork || fork->exit_ns != TIME_UNKNOWN || fork->serves)
		fork = forks_add(serving->forks, pid, 0, time_ns);
	if (fork)
		serve(serving, fork, attempt);
}

/* Taken for a worker, since it listened; but a worker does not end after one connection. */
static void serve_after_all(struct fork *fork, struct detail *d)
{
	fork->serves = true;
	fork->other = fork->maybe = fork->worker = false;
	d->child_pid = fork->pid;
	d->child_inferred = true;
	d->fork_ns = fork->fork_ns;
	d->accept_pid = fork->parent_pid;
}

static void learn_exit(struct fork *fork, struct detail *d)
{
	if (fork->maybe && !d->child_pid && (!d->accept_pid || d->accept_pid == fork->pid))
		serve_after_all(fork, d);
	if (d->child_pid == fork->pid)
		d->exit_ns = fork->exit_ns;
}

void serving_exit(struct serving *serving, int32_t pid, int64_t time_ns)
{
	struct fork *fork = forks_find(serving->forks, pid);
	struct detail *d;

	/* What is reaped had ended before: the first word counts. */
	if (!fork || fork->exit_ns != TIME_UNKNOWN)
		return;
	fork->exit_ns = time_ns;
	/* A worker would have lived on. */
	if (fork->worker)
		fork->other = fork->worker = false;
	d = fork->serves || fork->maybe ? detail_of(serving, fork->index, fork->isn) : NULL;
	if (d)
		learn_exit(fork, d);
}

static void take_for_worker(struct serving *s, struct fork *fork, const struct open_attempt *a,
			    const struct detail *d)
{
	struct detail *before;

	if (!fork || fork->serves)
		return;
	/* Seen with the same connection again. */
	if (fork->maybe && fork->index == table_index(s->table, a) && fork->isn == a->isn)
		return;
	/* With a second one it is no child of the first. */
	before = fork->maybe ? detail_of(s, fork->index, fork->isn) : NULL;
	if (before && !before->accept_pid)
		before->accept_pid = fork->pid;
	/* Forked before it can have been accepted, or for the second time: there is no doubt. */
	fork->maybe =
	    (!fork->other || fork->worker) && !d->exact && fork->fork_ns > d->accept_after_ns;
	fork->other = true;
	fork->worker = false;
	fork->index = table_index(s->table, a);
	fork->isn = a->isn;
}

/*
 * None of its sockets was sought: it has none, or is a worker, or its connection is not known yet.
 */
static void take_for_other(struct fork *fork, const struct holder *holder)
{
	if (!fork || fork->serves || (holder->listens && fork->exit_ns != TIME_UNKNOWN))
		return;
	fork->worker = holder->listens && !fork->other;
	fork->other = true;
}

/*
 * Forks are not told of. Who has the listener open too may be a worker, or one that was forked
 * for this connection and has not closed it yet, whether its parent is known or not: it accepted
 * only if it had the listener open before.
 */
static bool may_accept(const struct serving *s, const struct open_attempt *a,
		       const struct holder *holder, const struct detail *d)
{
	int64_t after_ns = accepted_after(d);

	if (!s->queues)
		return !holder->parent_pid;
	return queues_had_open(s->queues, a, holder->pid, after_ns) ||
	       (!holder->parent_pid &&
		queues_acceptor(s->queues, a, after_ns, accepted_before(d)) == holder->pid);
}

/* Was seen with it, and accepted it itself or nobody knows. */
static void take_for_acceptor(struct serving *s, struct fork *fork, struct open_attempt *a,
			      const struct holder *holder, struct detail *d)
{
	take_for_worker(s, fork, a, d);
	if (!d->accept_pid &&
	    (fork ? fork->fork_ns <= accepted_after(d) : may_accept(s, a, holder, d)))
		d->accept_pid = holder->pid;
	/* What was seen is told when the look is over: it may have ended by then. */
	if (fork && fork->exit_ns != TIME_UNKNOWN)
		learn_exit(fork, d);
}

/*
 * Who has it may have it from a child that was forked for it, and was taken for an owner while it
 * had the listener open still: then that child is meant. False where that is not known.
 */
static bool find_first(struct serving *s, const struct open_attempt *a, const struct detail *d,
		       struct fork **fork, struct holder *holder)
{
	int64_t after_ns = accepted_after(d), before_ns = accepted_before(d);
	struct fork *first = forks_first(s->forks, *fork, after_ns);

	if (first != *fork) {
		*fork = first;
		holder->pid = first->pid;
		holder->parent_pid = first->parent_pid;
		holder->listens = true;
		return forks_is_child(first, holder, after_ns, before_ns);
	}
	return first || !holder->parent_pid || !s->queues ||
	       queues_had_open(s->queues, a, holder->parent_pid, after_ns) ||
	       queues_acceptor(s->queues, a, after_ns, before_ns) == holder->parent_pid;
}

void serving_holder(struct serving *serving, struct open_attempt *attempt,
		    const struct holder *seen)
{
	struct fork *fork = forks_find(serving->forks, seen->pid);
	struct holder holder = *seen;
	struct detail *d;

	if (!holder.inode) {
		take_for_other(fork, &holder);
		return;
	}
	d = attempt ? details_open(serving->details, attempt) : NULL;
	if (!d)
		return;
	d->served = true;
	if (!find_first(serving, attempt, d, &fork, &holder))
		return;
	if (!forks_is_child(fork, &holder, accepted_after(d), accepted_before(d))) {
		take_for_acceptor(serving, fork, attempt, &holder, d);
		return;
	}
	/* A child may have inherited it from the one before, or forked another: the first is it. */
	if (d->child_pid && d->fork_ns != TIME_UNKNOWN && (!fork || fork->fork_ns >= d->fork_ns))
		return;
	d->child_pid = holder.pid;
	d->child_inferred = false;
	if (!d->accept_pid || d->accept_pid == holder.pid)
		d->accept_pid = holder.parent_pid;
	if (!fork)
		return;
	serve(serving, fork, attempt);
	d->fork_ns = fork->fork_ns;
	d->exit_ns = fork->exit_ns;
}

void serving_accepted(struct serving *serving, const struct open_attempt *attempt)
{
	const struct detail *d = details_at(serving->details, attempt->detail);
	struct forks_accept accept = {
	    .index = table_index(serving->table, attempt),
	    .isn = attempt->isn,
	    .listener = attempt->listener,
	    .entered_ns = attempt->ack_ns,
	};

	if (!d || !serving->queues || attempt->listener == LISTENER_NONE)
		return;
	take_bounds(&accept, d);
	forks_accepted(serving->forks, &accept);
}

/* Where none of its segments is known to have let it in: as late as accept() allows. */
static int64_t entry_of(struct serving *s, const struct forks_accept *accept,
			const struct detail *d)
{
	int64_t entered_ns = open_entry_ns(table_at(s->table, accept->index));
	const struct mark *before = NULL;

	for (uint32_t m = d->first_mark; m != DETAIL_NONE;) {
		const struct detail_mark *mark = details_mark(s->details, m);

		entered_ns = entry_take(entered_ns, &mark->mark, before, accept->before_ns);
		before = &mark->mark;
		m = mark->next;
	}
	return entered_ns != TIME_UNKNOWN ? entered_ns : accept->before_ns;
}

static bool wanted(void *context, struct forks_accept *accept)
{
	struct serving *s = context;
	const struct detail *d = detail_of(s, accept->index, accept->isn);

	if (!d || d->child_pid)
		return false;
	take_bounds(accept, d);
	accept->entered_ns = entry_of(s, accept, d);
	/* Nobody is forked for a connection that is not in the queue yet. */
	if (accept->entered_ns > accept->after_ns && accept->entered_ns <= accept->before_ns)
		accept->after_ns = accept->entered_ns;
	return true;
}

static bool owns(void *context, uint32_t listener, int32_t pid)
{
	const struct serving *s = context;

	return pid && queues_owns(s->queues, listener, pid);
}

static void matched(void *context, const struct forks_accept *accept, const struct fork *fork)
{
	struct detail *d = detail_of(context, accept->index, accept->isn);

	d->served = true;
	d->child_pid = fork->pid;
	d->child_inferred = true;
	d->fork_ns = fork->fork_ns;
	d->exit_ns = fork->exit_ns;
	if (!d->accept_pid)
		d->accept_pid = fork->parent_pid;
}

void serving_settle(struct serving *serving, int64_t now_ns)
{
	static const struct forks_asks asks = {wanted, owns, matched};

	forks_settle(serving->forks, now_ns, &asks, serving);
}
