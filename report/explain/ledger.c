/*
 * The ledger: tallies times weights, held against the counters.
 */
#include "report/explain/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/queue/tally.h"

static const enum counter queue_counters[LEDGER_COUNTERS] = {
    COUNTER_LISTEN_OVERFLOWS,	  COUNTER_LISTEN_DROPS,	     COUNTER_REQQ_FULL_DROP,
    COUNTER_REQQ_FULL_DO_COOKIES, COUNTER_SYNCOOKIES_SENT,   COUNTER_SYNCOOKIES_RECV,
    COUNTER_SYNCOOKIES_FAILED,	  COUNTER_DEFER_ACCEPT_DROP, COUNTER_EMBRYONIC_RSTS,
    COUNTER_SYN_RETRANS,
};

/* Much else moves these too: they have a row where a verdict rests on them. */
static const enum counter evidence_counters[] = {
    COUNTER_OUT_NO_ROUTES,  COUNTER_IP6_OUT_NO_ROUTES, COUNTER_MD5_NOT_FOUND,
    COUNTER_MD5_UNEXPECTED, COUNTER_MD5_FAILURE,       COUNTER_MIN_TTL_DROP,
    COUNTER_RP_FILTER,	    COUNTER_SYN_CHALLENGE,     COUNTER_PAWS_TIME_WAIT,
};

#define EVIDENCE (sizeof(evidence_counters) / sizeof(evidence_counters[0]))

void ledger_take(struct ledger *ledger, const struct counters *counters)
{
	if (counters->when == COUNTERS_BEFORE) {
		ledger->before = *counters;
		ledger->before_known = true;
	} else if (!ledger->after_known || ledger->after.when != COUNTERS_AFTER ||
		   counters->when == COUNTERS_AFTER) {
		/*
		 * What was read on the way can come after the last reading: that one bounds the
		 * tallies.
		 */
		counters_update(&ledger->after, counters);
		ledger->after_known = true;
	}
}

static void add_part(struct ledger_row *row, enum tally tally, int64_t count)
{
	if (!count)
		return;
	row->explained += count;
	if (row->parts_count < LEDGER_PARTS_MAX) {
		row->parts[row->parts_count++] =
		    (struct ledger_part){.class = tally_name(tally), .count = (uint64_t)count};
		return;
	}
	/* More classes than places: the last gathers them. */
	row->parts[LEDGER_PARTS_MAX - 1].class = "other";
	row->parts[LEDGER_PARTS_MAX - 1].count += (uint64_t)count;
}

/* times: what one packet of a class adds to this row. */
static void add_parts(struct ledger_row *row, const uint64_t tallies[TALLY_COUNT],
		      int (*times)(enum tally tally, enum counter counter), enum counter counter)
{
	for (int t = 0; t < TALLY_COUNT; t++)
		if (!tally_is_possible((enum tally)t))
			add_part(row, (enum tally)t,
				 (int64_t)tallies[t] * times((enum tally)t, counter));
	/* What may have counted is there as far as it was counted. */
	for (int t = 0; t < TALLY_COUNT && row->observed_known; t++) {
		int64_t most = (int64_t)tallies[t] * times((enum tally)t, counter);
		int64_t rest = row->observed - row->explained;

		if (tally_is_possible((enum tally)t) && rest > 0)
			add_part(row, (enum tally)t, most < rest ? most : rest);
	}
}

static int sk_drops_times(enum tally tally, enum counter counter)
{
	(void)counter;
	return tally_sk_drops(tally);
}

static void close_row(struct ledger_row *row)
{
	row->unexplained = row->observed_known ? row->observed - row->explained : 0;
}

static void balance_counter(const struct ledger *ledger, const uint64_t tallies[TALLY_COUNT],
			    enum counter counter, struct ledger_row *row)
{
	uint64_t bit = UINT64_C(1) << counter;

	*row = (struct ledger_row){.counter = counter_name(counter)};
	row->observed_known = ledger->before_known && ledger->after_known &&
			      (ledger->before.known & bit) && (ledger->after.known & bit);
	if (row->observed_known)
		row->observed =
		    (int64_t)(ledger->after.value[counter] - ledger->before.value[counter]);
	add_parts(row, tallies, tally_weight, counter);
	close_row(row);
}

static void balance_listener(const struct report_listener *listener,
			     const uint64_t tallies[TALLY_COUNT], char *name, size_t size,
			     struct ledger_row *row)
{
	char text[ENDPOINT_TEXT_SIZE];

	report_listener_format(listener, text);
	snprintf(name, size, "sk_drops %s", text);
	*row = (struct ledger_row){
	    .counter = name,
	    .observed_known = listener->sk_drops >= 0,
	    .observed = listener->sk_drops < 0 ? 0 : listener->sk_drops,
	};
	add_parts(row, tallies, sk_drops_times, COUNTER_COUNT);
	close_row(row);
}

/* A SO_REUSEPORT group keeps its tallies in one place, and its sockets' drops are one sum. */
static bool same_group(const struct report_listener *a, const struct report_listener *b)
{
	return a->reuseport && b->reuseport && report_same_place(a, b);
}

static void sum_tallies(const struct queues *queues, uint64_t sums[TALLY_COUNT])
{
	memcpy(sums, queues_elsewhere(queues), TALLY_COUNT * sizeof(sums[0]));
	for (size_t i = 0; i < queues_count(queues); i++) {
		const uint64_t *tallies = queues_tallies(queues, i);

		for (int t = 0; t < TALLY_COUNT; t++)
			sums[t] += tallies[t];
	}
}

static void balance_counters(const struct ledger *ledger, const uint64_t sums[TALLY_COUNT],
			     struct ledger_row rows[LEDGER_COUNTERS])
{
	for (size_t i = 0; i < LEDGER_COUNTERS; i++)
		balance_counter(ledger, sums, queue_counters[i], &rows[i]);
}

void ledger_counters(const struct ledger *ledger, const struct queues *queues,
		     struct ledger_row rows[LEDGER_COUNTERS])
{
	uint64_t sums[TALLY_COUNT];

	sum_tallies(queues, sums);
	balance_counters(ledger, sums, rows);
}

enum counter ledger_counter(int row)
{
	return queue_counters[row];
}

int ledger_balance(struct ledger *ledger, const struct queues *queues,
		   const struct report_listener *listeners, size_t listeners_count)
{
	uint64_t sums[TALLY_COUNT];
	size_t rows = LEDGER_COUNTERS;

	ledger->rows = calloc(LEDGER_COUNTERS + EVIDENCE + listeners_count, sizeof(*ledger->rows));
	ledger->names = calloc(listeners_count + 1, sizeof(*ledger->names));
	if (!ledger->rows || !ledger->names)
		return -ENOMEM;
	sum_tallies(queues, sums);
	balance_counters(ledger, sums, ledger->rows);
	for (size_t i = 0; i < EVIDENCE; i++) {
		balance_counter(ledger, sums, evidence_counters[i], &ledger->rows[rows]);
		rows += ledger->rows[rows].explained != 0;
	}
	for (size_t i = 0; i < listeners_count; i++) {
		uint64_t tallies[TALLY_COUNT];
		struct report_listener listener = listeners[i];
		bool first = true;

		memcpy(tallies, queues_tallies(queues, i), sizeof(tallies));
		for (size_t j = 0; j < listeners_count; j++) {
			if (j == i || !same_group(&listeners[i], &listeners[j]))
				continue;
			first &= j > i;
			/* A sum of which a part is not known is not known. */
			if (listener.sk_drops >= 0)
				listener.sk_drops = listeners[j].sk_drops < 0
							? -1
							: listener.sk_drops + listeners[j].sk_drops;
			for (int t = 0; t < TALLY_COUNT; t++)
				tallies[t] += queues_tallies(queues, j)[t];
		}
		if (first)
			balance_listener(&listener, tallies, ledger->names[i],
					 sizeof(ledger->names[i]), &ledger->rows[rows++]);
	}
	ledger->rows_count = rows;
	return 0;
}

int64_t ledger_passive_opens(const struct ledger *ledger)
{
	uint64_t bit = UINT64_C(1) << COUNTER_PASSIVE_OPENS;

	if (!ledger->before_known || !ledger->after_known || !(ledger->before.known & bit) ||
	    !(ledger->after.known & bit))
		return -1;
	return (int64_t)(ledger->after.value[COUNTER_PASSIVE_OPENS] -
			 ledger->before.value[COUNTER_PASSIVE_OPENS]);
}

static bool unexplained(const struct ledger *ledger, enum counter counter)
{
	for (size_t i = 0; i < ledger->rows_count; i++)
		if (ledger->rows[i].counter == counter_name(counter))
			return !ledger->rows[i].observed_known || ledger->rows[i].unexplained != 0;
	return false;
}

/* The counters that a cause follows from; the others have evidence of their own. */
static const struct {
	enum cause cause;
	enum counter counter;
} evidence[] = {
    {CAUSE_ACCEPT_QUEUE_FULL_SYN, COUNTER_LISTEN_OVERFLOWS},
    {CAUSE_ACCEPT_QUEUE_FULL_ACK, COUNTER_LISTEN_OVERFLOWS},
    {CAUSE_SYN_QUEUE_FULL, COUNTER_REQQ_FULL_DROP},
    {CAUSE_SYN_COOKIE, COUNTER_SYNCOOKIES_SENT},
    {CAUSE_MAX_SYN_BACKLOG_RESERVE, COUNTER_LISTEN_DROPS},
    {CAUSE_COOKIE_ACK_DROPPED, COUNTER_LISTEN_OVERFLOWS},
    {CAUSE_COOKIE_ACK_DROPPED, COUNTER_SYNCOOKIES_RECV},
    {CAUSE_UNANSWERED_NO_COUNTER, COUNTER_LISTEN_DROPS},
    {CAUSE_DEFER_ACCEPT, COUNTER_DEFER_ACCEPT_DROP},
    {CAUSE_NO_ROUTE, COUNTER_LISTEN_DROPS},
};

bool ledger_doubts(const struct ledger *ledger, enum cause cause)
{
	for (size_t i = 0; i < sizeof(evidence) / sizeof(evidence[0]); i++)
		if (evidence[i].cause == cause && unexplained(ledger, evidence[i].counter))
			return true;
	return false;
}

void ledger_release(struct ledger *ledger)
{
	free(ledger->rows);
	free(ledger->names);
	ledger->rows = NULL;
	ledger->names = NULL;
	ledger->rows_count = 0;
}
