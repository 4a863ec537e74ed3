/*
 * Phases from times. What is not known ends the phase before it at the last
 * thing that is.
 */
#include "report/attempt/phase.h"

#include "event/clock.h"

const char *phase_name(enum phase phase)
{
	static const char *const names[PHASE_COUNT] = {
	    [PHASE_CONNECT] = "waiting for the SYN-ACK",
	    [PHASE_HANDSHAKE] = "waiting for the final ACK",
	    [PHASE_WAIT] = "in the accept queue",
	    [PHASE_BOUND] = "accepted in this interval",
	    [PHASE_SPAWN] = "accept() to fork()",
	    [PHASE_SERVE] = "being served",
	    [PHASE_CLOSE] = "until closed",
	    [PHASE_ZOMBIE] = "half-connected: only the client believes it is connected",
	};

	return phase < PHASE_COUNT ? names[phase] : "unknown";
}

int64_t attempt_first_ns(const struct attempt *a)
{
	const int64_t times[] = {a->syn_ns,	      a->synack_ns, a->ack_ns,	      a->accept_ns,
				 a->accept_before_ns, a->fork_ns,   a->first_byte_ns, a->reply_ns,
				 a->close_ns,	      a->end_ns};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] != TIME_UNKNOWN)
			return times[i];
	return a->marks_count ? a->marks[0].time_ns : TIME_UNKNOWN;
}

int64_t attempt_last_ns(const struct attempt *a, int64_t end_ns)
{
	/* TIME_UNKNOWN is smaller than all of them. */
	const int64_t times[] = {a->syn_ns,    a->synack_ns,	   a->ack_ns,
				 a->accept_ns, a->accept_after_ns, a->accept_before_ns,
				 a->fork_ns,   a->first_byte_ns,   a->reply_ns,
				 a->close_ns,  a->exit_ns,	   a->end_ns};
	int64_t last = attempt_first_ns(a);

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i] > last)
			last = times[i];
	for (uint32_t i = 0; i < a->marks_count; i++)
		if (a->marks[i].time_ns > last)
			last = a->marks[i].time_ns;
	if ((a->outcome == OUTCOME_WAITING || a->outcome == OUTCOME_OPEN) && end_ns > last)
		last = end_ns;
	return last;
}

struct list {
	struct attempt_phase *phases;
	size_t count;
	int64_t at_ns; /* where the next one begins */
};

/* The next phase, until to_ns; nothing when that is not later. */
static void until(struct list *list, enum phase phase, int64_t to_ns)
{
	if (to_ns <= list->at_ns)
		return;
	list->phases[list->count++] =
	    (struct attempt_phase){.phase = phase, .from_ns = list->at_ns, .to_ns = to_ns};
	list->at_ns = to_ns;
}

static int64_t known_or(int64_t time_ns, int64_t otherwise)
{
	return time_ns != TIME_UNKNOWN ? time_ns : otherwise;
}

size_t attempt_phases(const struct attempt *a, int64_t end_ns,
		      struct attempt_phase phases[ATTEMPT_PHASES_MAX])
{
	int64_t last = attempt_last_ns(a, end_ns);
	struct list list = {.phases = phases, .at_ns = attempt_first_ns(a)};

	if (list.at_ns == TIME_UNKNOWN)
		return 0;
	if (a->synack_ns == TIME_UNKNOWN && a->ack_ns == TIME_UNKNOWN) {
		until(&list, PHASE_CONNECT, last);
		return list.count;
	}
	until(&list, PHASE_CONNECT, a->synack_ns);
	if (a->ack_ns == TIME_UNKNOWN) {
		until(&list, PHASE_HANDSHAKE, last);
		return list.count;
	}
	until(&list, PHASE_HANDSHAKE, a->ack_ns);
	if (a->outcome == OUTCOME_ZOMBIE) {
		until(&list, PHASE_ZOMBIE, last);
		return list.count;
	}
	/*
	 * A bare ACK under TCP_DEFER_ACCEPT is ignored on purpose: the handshake goes on until data
	 * comes.
	 */
	until(&list,
	      attempt_find_cause(a, CAUSE_DEFER_ACCEPT) ? PHASE_HANDSHAKE : PHASE_ZOMBIE,
	      a->entered_ns);
	if (a->accept_ns == TIME_UNKNOWN && a->accept_before_ns == TIME_UNKNOWN) {
		until(&list, a->outcome == OUTCOME_WAITING ? PHASE_WAIT : PHASE_CLOSE, last);
		return list.count;
	}
	if (a->accept_ns != TIME_UNKNOWN) {
		until(&list, PHASE_WAIT, a->accept_ns);
	} else {
		until(&list, PHASE_WAIT, a->accept_after_ns);
		until(&list, PHASE_BOUND, a->accept_before_ns);
	}
	until(&list, PHASE_SPAWN, a->fork_ns);
	until(&list, PHASE_SERVE,
	      known_or(a->reply_ns, known_or(a->close_ns, known_or(a->end_ns, last))));
	until(&list, PHASE_CLOSE, last);
	return list.count;
}
