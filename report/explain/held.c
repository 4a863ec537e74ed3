/*
 * An owner that was stopped, frozen or traced: who, when, and how to undo it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "report/explain/subject.h"

/* It was seen to run again, or took connections after it was seen held for the last time. */
static bool is_released(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	int64_t last_ns = s->listener->service.last_ns;

	return !stall->held_until_ns || (last_ns != TIME_UNKNOWN && last_ns > stall->held_until_ns);
}

/* Since when the one that was held has the listener open no more, at the latest; -1: it has. */
static int64_t gone_ns(const struct subject *s)
{
	int64_t unless_known_ns = s->l->closed ? 0 : -1, gone_ns = unless_known_ns;

	for (size_t i = 0; i < s->l->owners_count; i++) {
		const struct report_owner *o = &s->l->owners[i];

		if (o->pid == s->stall->held_pid)
			gone_ns = o->to_ns != TIME_UNKNOWN ? o->to_ns : unless_known_ns;
	}
	return gone_ns;
}

#define UNDO_SIZE 128

/* Its PID may be another process's by now: no command for it. */
static void find_out(const struct subject *s, enum stall_cause cause, char text[UNDO_SIZE])
{
	const char *did = cause == STALL_FROZEN	  ? "froze it"
			  : cause == STALL_TRACED ? "attached it"
						  : "stopped it";

	if (gone_ns(s) >= 0)
		snprintf(text, UNDO_SIZE,
			 "It has ended since, or closed the listener: find out who %s", did);
	else
		snprintf(text, UNDO_SIZE, "It runs again: find out who %s", did);
}

/* What to do about it, as a shell can say it: for the one that was held the longest. */
static const char *undo(const struct subject *s, enum stall_cause cause, char text[UNDO_SIZE])
{
	if (gone_ns(s) >= 0 || is_released(s))
		find_out(s, cause, text);
	else if (cause == STALL_FROZEN)
		snprintf(text, UNDO_SIZE,
			 "Thaw it (echo 0 > cgroup.freeze, or systemctl thaw UNIT)");
	else if (cause == STALL_TRACED)
		snprintf(text, UNDO_SIZE, "Detach it");
	else
		snprintf(text, UNDO_SIZE, "Resume it: kill -CONT %" PRId32, s->stall->held_pid);
	return text;
}

/* Who was dropped while it was stopped sends the next SYN a while after. */
#define AFTERMATH_NS NS_PER_SEC

/* From when to when it was seen so, and when it was gone. */
static void because_of_end(const struct subject *s, struct advice *advice)
{
	const struct report_stall *stall = s->stall;
	int64_t start_ns = s->report->start_ns, end_ns = gone_ns(s);
	char who[64], from[32], to[32];

	if (end_ns < 0)
		return;
	if (stall->held_from_ns)
		advise_because(s->advisor, advice, "seen so from %s to %s",
			       advise_duration(stall->held_from_ns - start_ns, from),
			       advise_duration(stall->held_last_ns - start_ns, to));
	if (end_ns)
		advise_because(s->advisor, advice, "%s ended or closed it by %s",
			       subject_process(s->l, stall->held_pid, who),
			       advise_duration(end_ns - start_ns, to));
	else
		advise_because(s->advisor, advice, "the listener was closed");
}

/* How long the queue was full before the owner was stopped, and after it ran again. */
static int64_t full_at_other_times(const struct subject *s)
{
	int64_t full_ns = 0;

	for (size_t i = 0; s->stall->held_from_ns && i < s->l->episodes_count; i++) {
		const struct full_episode *e = &s->l->episodes[i];

		if (e->end_ns < s->stall->held_from_ns ||
		    e->start_ns > s->stall->held_last_ns + AFTERMATH_NS)
			full_ns += e->end_ns - e->start_ns;
	}
	return full_ns >= STALL_NOTICED_NS && full_ns >= s->l->full_ns / 10 ? full_ns : 0;
}

/* Of its drops, those while it was stopped or just after, to a bucket; -1: not known. */
static int64_t drops_while_held(const struct subject *s)
{
	const struct rate_series *rates = &s->report->rates;
	int64_t from_ns = s->stall->held_from_ns, to_ns = s->stall->held_last_ns + AFTERMATH_NS;
	uint64_t all = 0, within = 0;

	for (size_t i = 0; i < rates->count; i++) {
		int64_t at_ns = s->report->start_ns + (int64_t)i * rates->bucket_ns;
		bool held = at_ns + rates->bucket_ns > from_ns && at_ns <= to_ns;

		for (int c = 0; c < CAUSE_COUNT; c++)
			if (cause_is_drop((enum cause)c)) {
				all += rates->buckets[i].drops[c];
				within += held ? rates->buckets[i].drops[c] : 0;
			}
	}
	/* Those of other listeners are not told from its own. */
	return all == s->l->drops ? (int64_t)within : -1;
}

/* What the queue did while it was stopped. */
static void because_of_held_queue(const struct subject *s, struct advice *advice)
{
	int64_t within = drops_while_held(s);

	subject_because_of_peak(s, advice);
	if (within >= 0)
		advise_because(s->advisor, advice,
			       "%" PRId64 " of %" PRIu64
			       " packets dropped while it was so, or just after",
			       within, s->l->drops);
}

void advise_held(const struct subject *s, enum stall_cause cause)
{
	const struct report_stall *stall = s->stall;
	char who[64], held[32], how[192], act[UNDO_SIZE], other[160] = "", full[32];
	int64_t other_ns = full_at_other_times(s);
	struct advice *advice;

	subject_process(s->l, stall->held_pid, who);
	advise_duration(stall->held_ns, held);
	if (cause == STALL_FROZEN)
		snprintf(how, sizeof(how), "the cgroup of its owner %s was frozen for %s", who,
			 held);
	else if (cause == STALL_TRACED)
		snprintf(how, sizeof(how), "a debugger held its owner %s for %s", who, held);
	else
		snprintf(how, sizeof(how), "its owner %s was stopped (SIGSTOP) for %s", who, held);
	if (other_ns)
		snprintf(other, sizeof(other),
			 " The queue was full at other times too, for %s together, for another "
			 "reason: report those times alone (--since, --until).",
			 advise_duration(other_ns, full));
	advice = advise(s->advisor, stall_rule(cause), s->clients,
			"%s: %s while connections waited. %s. A larger backlog only makes more "
			"clients wait.%s",
			s->name, how, undo(s, cause, act), other);
	advise_because(s->advisor, advice, "watched for %s in %" PRIu64 " looks",
		       advise_duration(stall->watched_ns, held), stall->looks);
	because_of_end(s, advice);
	if (other_ns)
		because_of_held_queue(s, advice);
	else
		subject_because_of_queue(s, advice);
}

/* Of the time that connections waited. */
#define ONE_HELD_PERCENT 20

bool advise_one_held(const struct subject *s)
{
	const struct report_stall *stall = s->stall;
	enum stall_cause cause = STALL_STOPPED;
	char who[64], held[32], act[UNDO_SIZE];
	struct advice *advice;

	if (!stall->held_pid || stall->processes < 2 || stall->held_ns < STALL_NOTICED_NS ||
	    stall->held_ns < stall->waited_ns / 100 * ONE_HELD_PERCENT)
		return false;
	if (stall->frozen_ns > stall->stopped_ns)
		cause = STALL_FROZEN;
	else if (stall->traced_ns > stall->stopped_ns / 2)
		cause = STALL_TRACED;
	advice = advise(
	    s->advisor, stall_rule(cause), s->clients,
	    "%s: one of its %" PRIu32 " processes, %s, was %s for %s while connections waited, "
	    "and the others took them alone. %s. Whether they are enough without it, and which "
	    "backlog would be, is not known.",
	    s->name, stall->processes, subject_process(s->l, stall->held_pid, who),
	    cause == STALL_FROZEN   ? "frozen with its cgroup"
	    : cause == STALL_TRACED ? "held by a debugger"
				    : "stopped (SIGSTOP)",
	    advise_duration(stall->held_ns, held), undo(s, cause, act));
	advise_because(s->advisor, advice,
		       "%" PRId64 " connections were accepted meanwhile, by others",
		       stall->held_accepts);
	subject_because_of_queue(s, advice);
	return true;
}
