/*
 * Interface for sizing: the counterfactual of one listener. What backlog would
 * have dropped nothing, and how many children would have kept the wait short,
 * had the same clients come at the same times?
 */
#ifndef REPORT_QUEUE_SIZING_H
#define REPORT_QUEUE_SIZING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/attempt/attempt.h"

/* Attempts that are kept for the replay; those beyond are counted, and the answer says so. */
#define SIZING_MAX 65536

/* What clients bear where they did not show it. */
#define SIZING_PATIENCE_NS (10 * NS_PER_SEC)

/* A difference that somebody would notice; shorter waits are those of any client. */
#define SIZING_NOTICED_NS (100 * NS_PER_MS)

/* How much later than measured an accept() is taken to come: a burst is then counted whole. */
#define SIZING_ACCEPT_LAG_NS (50 * NS_PER_MS)

struct sizing_client {
	int64_t arrival_ns; /* the first SYN */
	int64_t entered_ns; /* into the accept queue; TIME_UNKNOWN: never, or not known */
	int64_t accept_ns;  /* TIME_UNKNOWN: never, while observed */
	int64_t service_ns; /* from accept() to the end; -1 unknown */
	int64_t end_ns;	    /* TIME_UNKNOWN: it had none */
	int64_t left_ns;    /* the client left before accept(); TIME_UNKNOWN: it did not */
	int64_t bears_ns;   /* it waited for accept() so long, at least, and did not give up, ... */
	int64_t
	    leaves_ns;	  /* ... or gave up by then, after its first SYN; INT64_MAX: not known to */
	bool dropped;	  /* a full queue dropped a packet of it */
	bool turned_away; /* accepted, then closed unserved: it needs a place, and had none */
	bool unread;	  /* and what it sent was not read */
	bool began_before; /* it was under way when observation began */
	bool waits;	 /* it still waited for accept() when observation ended, or for an answer */
	bool silent;	 /* accepted, and its client sent nothing */
	bool asked;	 /* accepted, and its client sent something, ... */
	bool unreplied;	 /* ... to which no reply is known to have come to it */
	bool unanswered; /* the server's end closed it with nothing sent */
	int64_t answer_wait_ns; /* until the server's first data; -1 unknown */
	int32_t pid;		/* that accepted it; 0: not known */
	int32_t served_pid;	/* that had it then: a child, or the same */
	struct address address;
};

/* Into the accept queue, or its first SYN where the entry is not known. */
static inline int64_t sizing_entered_ns(const struct sizing_client *client)
{
	return client->entered_ns != TIME_UNKNOWN ? client->entered_ns : client->arrival_ns;
}

struct sizing {
	size_t count;
	uint64_t greeted_late; /* of them: TCP_DEFER_ACCEPT waited, and the server speaks first */
	size_t room;
	uint64_t left_out;
	struct sizing_client *clients;
};

struct sizing_backlog {
	bool known;
	uint64_t clients;
	uint64_t depth_peak; /* what the accept queue would have held at most */
	int64_t peak_ns;     /* when */
	uint64_t
	    backlog; /* the smallest that drops nothing: one less, for the queue holds limit + 1 */
	uint64_t served;       /* were accepted, and had not left by then, ... */
	uint64_t served_least; /* ... so many would have been with it, at least, ... */
	uint64_t served_most;  /* ... at most: when some would have given up is not known, ... */
	uint64_t served_then;  /* ... and most likely */
	int64_t wait_max_ns; /* the longest time from a first SYN to accept(); INT64_MAX: unknown */
	uint64_t sooner;     /* accepted at least 100 ms sooner with it, ... */
	uint64_t later;	     /* ... and later */
};

struct sizing_children {
	bool known;
	uint64_t clients;
	int64_t target_ns;
	int64_t service_p50_ns;
	uint64_t services;   /* of so many clients it is known how long they were served */
	uint64_t children;   /* the fewest that keep every wait within the target */
	int64_t wait_max_ns; /* with so many */
	uint64_t places;     /* the fewest with which nobody waits at all */
};

/* How the server took its clients. */
struct sizing_service {
	bool known;
	int64_t gap_ns;	       /* between calls of accept() while connections waited, on average */
	int64_t longest_ns;    /* the longest such time, ... */
	int64_t median_ns;     /* ... and the median */
	uint64_t concurrent;   /* connections between accept() and their end, at most */
	bool saturated;	       /* nearly all that waited were accepted when about so many were open:
				  accept() waits for the end of another connection */
	int64_t held_ns;       /* from accept() to the end, all together, ... */
	int64_t silent_ns;     /* ... and of this those of clients that sent nothing, ... */
	uint64_t silent;       /* ... so many of them */
	uint64_t asked;	       /* were accepted while they waited, sent something, and ended, ... */
	uint64_t unreplied;    /* ... and so many of them got no reply */
	uint64_t answers;      /* first data of the server that were seen, ... */
	uint64_t answers_slow; /* ... of these after a second or more, ... */
	int64_t
	    answer_p50_ns; /* ... from accept(), or the request if that came later; median, ... */
	int64_t answer_max_ns; /* ... and the longest */
	int64_t first_ns; /* how long the first waited: nobody was accepted before; -1 unknown */
	uint64_t first_count; /* that came in that time */
	int64_t last_ns;      /* the last was accepted; TIME_UNKNOWN: none was */
	int32_t last_pid;     /* by this process; 0: not known */
	int64_t since_ns;     /* at the end some waited, and nobody had been accepted for so long */
	int64_t patience_ns;  /* the first of those that left did so after that; or 10 s */
};

/*
 * Clients that were dropped, or waited long; and those of them that met a server which called no
 * accept() for a while.
 */
struct sizing_away {
	uint64_t clients;
	uint64_t met;
};

/* Whether observation began or ended while more came than the server took. */
struct sizing_overload {
	bool began;	  /* some waited already, ... */
	bool ended;	  /* ... or still: how it would have gone on is not known */
	uint64_t waiting; /* so many did at the end, or still tried to connect */
	bool cut_before;  /* overload or not: some waited, or tried, when it began, ... */
	bool cut_after;	  /* ... or when it ended, for a while */
	int64_t for_ns;	  /* the overload was observed for so long, ... */
	uint64_t came;	  /* ... so many came in it, ... */
	uint64_t taken;	  /* ... and so many were accepted */
};

/* Of a server that accepts connections and turns them away: whether it does so at a limit. */
struct sizing_places {
	uint64_t open;	   /* connections that were not turned away, at a time, at most */
	uint64_t at_limit; /* were turned away, unheard, while about so many were open, from an
			      address of which others were served */
};

/* Whether workers wait for one another. */
struct sizing_sharing {
	int64_t turn_ns; /* of those at work one ended in each such time, the quickest's; 0: no */
	bool longer;	 /* connections were held longer the more were at work */
	bool alike;	 /* they were held no longer; neither: too few were accepted beside few */
	uint64_t few; /* at work, at most, when those of few_p50_ns were accepted, themselves too */
	int64_t few_p50_ns;
	uint64_t many; /* ... and at least */
	int64_t many_p50_ns;
};

/* A process that had the listener open and was ended by a signal. */
struct sizing_exit {
	int64_t time_ns;
	int32_t pid;
	int32_t parent_pid; /* 0: not known */
	int32_t signal;
};

/*
 * Of clients that were accepted and got no reply: the process that had them was ended by a signal.
 */
struct sizing_ended {
	uint64_t clients;   /* so many, ... */
	uint64_t unserved;  /* ... of these closed at once after accept(), ... */
	uint64_t processes; /* ... of so many processes, ... */
	int32_t pid;	    /* ... this one the first, ... */
	int32_t signal;	    /* ... by this signal, ... */
	int64_t after_ns;   /* ... so long after accept() of the first of its clients; -1 unknown */
};

void sizing_release(struct sizing *sizing);

/*
 * Keeps what the replay needs of an attempt that belonged, or should have belonged, in the queue.
 */
void sizing_add(struct sizing *sizing, const struct attempt *attempt);

/* Whether its client had left when accept() returned it. */
bool sizing_had_left(const struct sizing_client *client);

/* In order of arrival, in place. */
void sizing_sort(struct sizing *sizing);

/* Sorts the clients in place. end_ns: of observation; TIME_UNKNOWN. */
struct sizing_service sizing_service(struct sizing *sizing, int64_t end_ns);

/*
 * Replays the arrivals against the measured accepts. After sizing_service(), which sorts them, as
 * the others that take its answer.
 */
struct sizing_backlog sizing_backlog(const struct sizing *sizing,
				     const struct sizing_service *service, int64_t end_ns);

/* least_ns: shorter times are none. */
struct sizing_away sizing_away(const struct sizing *sizing, const struct sizing_service *service,
			       int64_t least_ns, int64_t end_ns);

struct sizing_overload sizing_overload(const struct sizing *sizing,
				       const struct sizing_service *service, int64_t start_ns,
				       int64_t end_ns);

/* Replays them against children that each serve one client at a time, first come, first served. */
struct sizing_children sizing_children(struct sizing *sizing, int64_t target_ns);

struct sizing_places sizing_places(const struct sizing *sizing);

struct sizing_sharing sizing_sharing(const struct sizing *sizing);

/* exits: in order of time. */
struct sizing_ended sizing_ended(const struct sizing *sizing, const struct sizing_exit *exits,
				 size_t count);

#endif
