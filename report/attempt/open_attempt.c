/*
 * The transitions of an open attempt. The only place where its state changes.
 */
#include "report/attempt/open_attempt.h"

#include <stddef.h>

/* As its SYN was answered: request, cookie, or not at all. */
#define STATE_AS_ANSWERED STATE_COUNT

#define FROM(state) (1u << (state))
#define NOT_ENTERED \
	(FROM(STATE_NO_REQUEST) | FROM(STATE_REQUEST) | FROM(STATE_COOKIE) | FROM(STATE_GONE))
#define NOT_ACCEPTED (NOT_ENTERED | FROM(STATE_QUEUED) | FROM(STATE_CHILD))
#define ANSWERED     (FROM(STATE_REQUEST) | FROM(STATE_COOKIE))
#define HAS_CHILD    (FROM(STATE_QUEUED) | FROM(STATE_CHILD))
#define IN_USE	     (NOT_ACCEPTED | FROM(STATE_ACCEPTED))
#define STAYS	     0

struct transition {
	uint16_t from; /* the states that it leaves */
	uint8_t to;
	uint8_t gains; /* of known, in every state */
	uint8_t loses;
	uint8_t basis; /* enum open_basis */
	const char *row;
};

/* Where a final ACK is tried again, what a lookup found before says nothing of it any more. */
static const struct transition transitions[MOVE_COUNT] = {
    [MOVE_BEGIN] = {FROM(STATE_FREE), STATE_NO_REQUEST, 0, 0, BASIS_SEGMENT, NULL},
    [MOVE_END] = {IN_USE, STATE_FREE, 0, 0, BASIS_SEGMENT, NULL},

    /* Where a RST ended the request, the SYN that came again makes another one. */
    [MOVE_SYNACK] = {FROM(STATE_NO_REQUEST) | FROM(STATE_GONE), STATE_AS_ANSWERED, 0, 0,
		     BASIS_SEGMENT,
		     "room in both queues"},
    [MOVE_REQUEST] = {ANSWERED, STATE_REQUEST, 0, KNOWN_COOKIE, BASIS_REBUILT,
		      "room in both queues"},
    [MOVE_COOKIE] = {ANSWERED, STATE_COOKIE, KNOWN_COOKIE, 0, BASIS_REBUILT,
		     "SYN queue full, cookies 1"},
    [MOVE_REQUEST_PROVEN] = {ANSWERED, STATE_REQUEST, 0, KNOWN_COOKIE, BASIS_SEGMENT,
			     "SYN-ACK resent (at 1, 3, 7 s ... after the first)"},
    [MOVE_COOKIE_PROVEN] = {ANSWERED, STATE_COOKIE, KNOWN_COOKIE, 0, BASIS_SEGMENT,
			    "SYN queue full, cookies 1"},
    [MOVE_REQUEST_RESET] = {FROM(STATE_REQUEST), STATE_GONE, 0, 0, BASIS_SEGMENT,
			    "RST or RST + ACK, sequence exact"},

    [MOVE_ENTER] = {NOT_ENTERED, STATE_QUEUED, 0, KNOWN_ACK_DROPPED | KNOWN_NO_CHILD, BASIS_REBUILT,
		    "final ACK, room"},
    [MOVE_REFUSE] = {STAYS, 0, KNOWN_ACK_DROPPED, KNOWN_NO_CHILD, BASIS_REBUILT,
		     "final ACK, accept queue full"},
    [MOVE_DEFER] = {STAYS, 0, KNOWN_DEFERRED, KNOWN_NO_CHILD, BASIS_REBUILT,
		    "bare ACK, TCP_DEFER_ACCEPT, timer fired fewer times than its limit"},
    [MOVE_ABORT] = {NOT_ACCEPTED, STATE_GONE, KNOWN_ACK_DROPPED, 0, BASIS_SEGMENT,
		    "any of these, full, `tcp_abort_on_overflow = 1`"},
    [MOVE_NOT_VALID] = {HAS_CHILD, STATE_AS_ANSWERED, 0, 0, BASIS_SEGMENT,
			"ACK that acknowledges something else than the SYN-ACK"},

    [MOVE_ENTERED_AFTER_ALL] = {NOT_ACCEPTED, STATE_QUEUED, 0, KNOWN_ACK_DROPPED, BASIS_REBUILT,
				"final ACK, room"},
    [MOVE_REFUSED_AFTER_ALL] = {HAS_CHILD, STATE_AS_ANSWERED, KNOWN_ACK_DROPPED, 0, BASIS_REBUILT,
				"final ACK, accept queue full"},
    [MOVE_ALIVE] = {NOT_ACCEPTED, STATE_QUEUED, 0, KNOWN_ACK_DROPPED, BASIS_SEGMENT,
		    "any of these once there is room"},
    [MOVE_SYNACK_RESENT] = {HAS_CHILD, STATE_AS_ANSWERED, KNOWN_ACK_DROPPED, 0, BASIS_SEGMENT,
			    "final ACK, accept queue full"},
    [MOVE_DATA_RESENT] = {HAS_CHILD, STATE_AS_ANSWERED, KNOWN_ACK_DROPPED, 0, BASIS_SEGMENT,
			  "each ACK, data, FIN or ACK + FIN segment that follows, still full"},
    [MOVE_LOOKUP_CHILD] = {NOT_ACCEPTED, STATE_QUEUED, 0, KNOWN_ACK_DROPPED | KNOWN_NO_CHILD,
			   BASIS_LOOKUP, "any of these once there is room"},
    [MOVE_LOOKUP_NO_CHILD] = {STAYS, 0, KNOWN_NO_CHILD, 0, BASIS_LOOKUP,
			      "final ACK, accept queue full"},
    [MOVE_LOOKUP_REFUSED] = {HAS_CHILD, STATE_AS_ANSWERED, KNOWN_ACK_DROPPED, 0, BASIS_LOOKUP,
			     "final ACK, accept queue full"},
    [MOVE_DEFERRED_AFTER_ALL] =
	{STAYS, 0, KNOWN_DEFERRED, KNOWN_ACK_DROPPED, BASIS_REBUILT,
	 "bare ACK, TCP_DEFER_ACCEPT, timer fired fewer times than its limit"},
    [MOVE_DISLIKED] = {STAYS, 0, KNOWN_DISLIKED, KNOWN_ACK_DROPPED, BASIS_REBUILT,
		       "PAWS: an ACK with an old timestamp"},

    [MOVE_JOIN] = {NOT_ENTERED, STATE_CHILD, 0, KNOWN_ACK_DROPPED | KNOWN_NO_CHILD, BASIS_REBUILT,
		   "final ACK of a subflow (MP_JOIN), room"},
    [MOVE_ENTRY] = {NOT_ACCEPTED, STATE_QUEUED, 0, KNOWN_ACK_DROPPED | KNOWN_NO_CHILD, BASIS_SERVER,
		    "final ACK, room"},
    [MOVE_NO_ENTRY] = {HAS_CHILD, STATE_AS_ANSWERED, KNOWN_ACK_DROPPED, 0, BASIS_SERVER,
		       "final ACK, accept queue full"},
    [MOVE_CHILD] = {NOT_ENTERED, STATE_CHILD, 0, KNOWN_ACK_DROPPED | KNOWN_NO_CHILD, BASIS_LOOKUP,
		    "final ACK, room"},
    [MOVE_LISTENER_CLOSED] = {FROM(STATE_QUEUED), STATE_CHILD, 0, 0, BASIS_SEGMENT,
			      "listener closed"},
    [MOVE_LISTENER_GONE] = {ANSWERED, STATE_NO_REQUEST, 0, 0, BASIS_SEGMENT, "listener closed"},
    [MOVE_ACCEPTED_SEEN] = {NOT_ACCEPTED, STATE_ACCEPTED, 0, KNOWN_ACK_DROPPED, BASIS_LOOKUP, NULL},
    [MOVE_ACCEPTED] = {IN_USE, STATE_ACCEPTED, 0, KNOWN_ACK_DROPPED, BASIS_SERVER, NULL},
};

void open_move(struct open_attempt *attempt, enum open_move move)
{
	const struct transition *t = &transitions[move];

	attempt->known = (uint8_t)((attempt->known & ~t->loses) | t->gains);
	if (!(t->from & FROM(attempt->state)))
		return;
	if (t->to != STATE_AS_ANSWERED)
		attempt->state = t->to & 0x7;
	else if (!attempt->synacks)
		attempt->state = STATE_NO_REQUEST;
	else
		attempt->state = open_knows(attempt, KNOWN_COOKIE) ? STATE_COOKIE : STATE_REQUEST;
	attempt->moved_by = move & 0x7f;
}

enum open_basis open_basis(const struct open_attempt *attempt)
{
	return (enum open_basis)transitions[attempt->moved_by].basis;
}

const char *open_move_row(enum open_move move)
{
	return transitions[move].row;
}
