/*
 * What the files of the advisor share, and nobody else: how a rule says its advice.
 */
#ifndef REPORT_EXPLAIN_PARTS_H
#define REPORT_EXPLAIN_PARTS_H

#include "report/explain/advisor.h"

/*
 * Begins an advice that would have helped so many clients; NULL when there is no room or no
 * memory, which advise_because() takes as well. rule: constant text.
 */
struct advice *advise(struct advisor *advisor, const char *rule, uint64_t clients,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));

void advise_because(struct advisor *advisor, struct advice *advice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "12.3 ms", "1.250 s". Returns text. */
const char *advise_duration(int64_t ns, char text[32]);

/*
 * Whether a longer queue would have helped: with the server as fast as it was, no fewer clients
 * would have been accepted while they still waited, and more of them sooner than later. What the
 * replay cannot tell it does not forbid.
 */
bool advise_backlog_helps(const struct advisor_listener *listener);

/* Clients that never came to a queue, or whose listener was closed. */
void advise_unqueued(struct advisor *advisor, const struct report *report);

/* Its accept queue dropped packets; what the SYN queue drops fits into no backlog. */
bool advise_is_overflow(const struct report_listener *listener);

/* What limits its accept queue, and how full that was. */
void advise_because_of_limit(struct advisor *advisor, struct advice *advice,
			     const struct report *report, const struct report_listener *listener);

/* So few replies say nothing of a server. */
#define ADVISE_ANSWERS_MIN 5

/*
 * A period of the recording that begins or ends while connections wait, or were just dropped: they
 * seem to come at once, and what follows is not seen. No number can be had from it.
 */
bool advise_is_cut(const struct report *report, const struct advisor_listener *listener);

/* A longer queue, or more workers, where that would have helped. */
void advise_capacity(struct advisor *advisor, const struct report *report,
		     const struct advisor_listener *listener);

/* The first of these alone. */
void advise_longer_queue(struct advisor *advisor, const struct report *report,
			 const struct advisor_listener *listener);

/* The second. */
void advise_workers(struct advisor *advisor, const struct report *report,
		    const struct advisor_listener *listener);

/* No client got a reply: whatever the queue, it is not for that. True when it says so. */
bool advise_unreplied(struct advisor *advisor, const struct advisor_listener *listener);

/* Its accept queue overflowed, and no rule says why. */
void advise_untold(struct advisor *advisor, const struct report *report,
		   const struct advisor_listener *listener);

/*
 * Why accept() was not called, where connections waited or were dropped. True when a longer queue
 * or more workers would not change it, so that neither is advised.
 */
bool advise_stall(struct advisor *advisor, const struct report *report,
		  const struct advisor_listener *listener);

/* Clients that did not get what this host answered. */
void advise_lost(struct advisor *advisor, const struct report *report);

/* Clients that came between two servers, or before the first. */
void advise_not_yet(struct advisor *advisor, const struct report *report);

/* Connections that were accepted and closed at once: at a limit of the server's, or not. */
void advise_unserved(struct advisor *advisor, const struct report *report,
		     const struct advisor_listener *listener);

/* Clients that wait for a server that waits for them. */
void advise_deferred(struct advisor *advisor, const struct advisor_listener *listener);

/* Connections whose process was ended by a signal. */
void advise_ended(struct advisor *advisor, const struct advisor_listener *listener);

/* About the other attempts that met no listener, or something in front of one. */
void advise_elsewhere(struct advisor *advisor, const struct report *report);

#endif
