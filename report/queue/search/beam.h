/*
 * Interface for the beam search: of all the ways in which the arrivals of a queue can have
 * met it, the likeliest that its samples, lookups and counts allow; and its settling.
 *
 * Theory of operation. Where accept() is not reported, who found room in a queue that is
 * nearly full depends on when somebody left, which nobody saw: the kernel's state is hidden,
 * packets drive it, and samples observe it. The likeliest sequence of hidden states is what
 * Viterbi's algorithm finds; as there are too many states for that, a beam search goes on
 * with the best BEAM_WIDTH_MAX of them at each arrival.
 *
 * A state (struct hypothesis, hypothesis.h) is the depth of the accept queue, the number of
 * requests, sk_drops, and the place of each attempt that has more to come (placements.h).
 *
 * Transitions. Each arrival changes a state by the rules of docs/kernel.md, that is of
 * tcp_conn_request() for a SYN and of tcp_check_req() for an ACK, RST or ICMP error
 * (hypothesis_transitions()). What was not recorded makes them several: an accept() just
 * before the arrival or none; a SYN that met the listener or something in front of it; an
 * order of two processors that is not that of the frames. A sample can have looked before
 * any arrival of its interval, so that a state is observed at each of those or not yet.
 *
 * Reports. Where accept() is reported, the report comes after the place was given: who takes
 * it meanwhile is found in the same way, but nobody leaves unseen. A hypothesis may count a
 * departure before its report, of those alone whose call had begun by then; and who is
 * accepted first has entered first.
 *
 * Merge. Of two hypotheses that reach one state the cheaper goes on: what comes later is the
 * same for both.
 *
 * Costs add up along a hypothesis; the least is the likeliest. They stand for logarithms of
 * odds, and were ordered, not measured: what a reading of the kernel contradicts (a lookup,
 * a unit of a sample, a rule broken) is dearer than what a busy machine does now and then (a
 * packet captured long before it was worked on), and that is dearer than what leaves no
 * trace (a firewall in front of the listener, an accept()). Each is explained where it is
 * named, in hypothesis.c. That the order is right is what tests/unit/test_beam.c shows in
 * small, and tests/e2e/test_verdicts.py and test_crowd.py against clients and counters.
 *
 * Lookahead. What a later lookup says of an attempt is charged at the arrivals that it is
 * about (arrival_context.h), so that no wrong hypothesis crowds out the right one before.
 *
 * Backtrace. From the cheapest hypothesis at the end the steps are followed back
 * (backtrace.h). They settle the older half of the pending samples; the younger half is there
 * to know by.
 */
#ifndef REPORT_QUEUE_SEARCH_BEAM_H
#define REPORT_QUEUE_SEARCH_BEAM_H

#include <stdbool.h>
#include <stddef.h>

#include "report/queue/queue.h"

#define BEAM_WIDTH_MAX 192

/* Arrivals and samples leave doubts that the search can settle. */
bool beam_is_needed(const struct queue *queue);

/*
 * Settles the first count pending samples, and the arrivals that came before the last of
 * them; what is left gets the likeliest judgement. False, and nothing is done, without
 * memory, and where more arrived than can be searched in time.
 */
bool beam_settle(struct queue *queue, size_t count, struct table *table, struct details *details);

#endif
