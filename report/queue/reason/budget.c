/*
 * Gaps between readings, in order of time.
 */
#include "report/queue/reason/budget.h"

#include <stdlib.h>
#include <string.h>

#include "report/queue/queue.h"

#define COUNTERS_OF_KIND 6

static const struct {
	unsigned count;
	enum counter counters[COUNTERS_OF_KIND];
} kinds[BUDGET_KIND_COUNT] = {
    [BUDGET_OVERFLOWS] = {1, {COUNTER_LISTEN_OVERFLOWS}},
    [BUDGET_LISTEN_DROPS] = {1, {COUNTER_LISTEN_DROPS}},
    [BUDGET_SYN_QUEUE] = {1, {COUNTER_REQQ_FULL_DROP}},
    [BUDGET_COOKIE_WANTED] = {1, {COUNTER_REQQ_FULL_DO_COOKIES}},
    [BUDGET_SYNCOOKIES_RECV] = {1, {COUNTER_SYNCOOKIES_RECV}},
    [BUDGET_NO_ROUTE] = {1, {COUNTER_OUT_NO_ROUTES}},
    [BUDGET_IP6_NO_ROUTE] = {1, {COUNTER_IP6_OUT_NO_ROUTES}},
    [BUDGET_MD5_NOT_FOUND] = {1, {COUNTER_MD5_NOT_FOUND}},
    [BUDGET_MD5_UNEXPECTED] = {1, {COUNTER_MD5_UNEXPECTED}},
    [BUDGET_MD5_FAILURE] = {1, {COUNTER_MD5_FAILURE}},
    [BUDGET_AO] = {3, {COUNTER_AO_REQUIRED, COUNTER_AO_BAD, COUNTER_AO_KEY_NOT_FOUND}},
    [BUDGET_MIN_TTL] = {1, {COUNTER_MIN_TTL_DROP}},
    [BUDGET_POLICY] = {3,
		       {COUNTER_XFRM_IN_NO_POLICIES, COUNTER_XFRM_IN_POLICY_BLOCK,
			COUNTER_XFRM_IN_TEMPLATE_MISMATCH}},
    [BUDGET_OUT_POLICY] = {1, {COUNTER_XFRM_OUT_POLICY_BLOCK}},
    [BUDGET_REVERSE_PATH] = {1, {COUNTER_RP_FILTER}},
    [BUDGET_CHALLENGE] = {1, {COUNTER_SYN_CHALLENGE}},
    [BUDGET_TIME_WAIT] = {1, {COUNTER_PAWS_TIME_WAIT}},
    [BUDGET_TIME_WAIT_SKIPPED] = {1, {COUNTER_ACK_SKIPPED_TIME_WAIT}},
    [BUDGET_DEFERRED] = {1, {COUNTER_DEFER_ACCEPT_DROP}},
    [BUDGET_TIMESTAMP] = {2, {COUNTER_PAWS_ESTAB_REJECTED, COUNTER_TSECR_REJECTED}},
    [BUDGET_IN_ERRORS] = {6,
			  {COUNTER_IN_CSUM_ERRORS, COUNTER_PFMEMALLOC_DROP, COUNTER_IN_DISCARDS,
			   COUNTER_IP6_IN_DISCARDS, COUNTER_IN_ADDR_ERRORS, COUNTER_IN_NO_ROUTES}},
    [BUDGET_EMBRYONIC] = {1, {COUNTER_EMBRYONIC_RSTS}},
    [BUDGET_OUT_RESETS] = {1, {COUNTER_OUT_RSTS}},
    [BUDGET_CLOSES_RESET] = {2, {COUNTER_ABORT_ON_CLOSE, COUNTER_ABORT_ON_DATA}},
};

void budget_release(struct budget *budget)
{
	free(budget->gaps);
	*budget = (struct budget){0};
}

/* Older gaps are wider: who asks late asks of less. */
static void merge_older(struct budget *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->count; i++, to++) {
		b->gaps[to] = b->gaps[i];
		if (i >= b->count / 2 || i + 1 == b->count)
			continue;
		i++;
		b->gaps[to].to_ns = b->gaps[i].to_ns;
		b->gaps[to].candidates += b->gaps[i].candidates;
		b->gaps[to].doubtful += b->gaps[i].doubtful;
		for (int k = 0; k < BUDGET_KIND_COUNT; k++) {
			b->gaps[to].moved[k] += b->gaps[i].moved[k];
			b->gaps[to].charged[k] += b->gaps[i].charged[k];
		}
	}
	b->count = to;
}

static uint64_t sum_of(const struct counters *c, enum budget_kind kind, bool *known)
{
	uint64_t sum = 0;

	*known = false;
	for (unsigned i = 0; i < kinds[kind].count; i++) {
		enum counter counter = kinds[kind].counters[i];

		if (!(c->known >> counter & 1))
			continue;
		*known = true;
		sum += c->value[counter];
	}
	return sum;
}

static void begin(struct budget *b, const struct counters *counters, int64_t time_ns)
{
	b->last = *counters;
	b->last_ns = time_ns;
	b->known = 0;
	b->count = 0;
	for (int k = 0; k < BUDGET_KIND_COUNT; k++) {
		bool known;

		(void)sum_of(counters, (enum budget_kind)k, &known);
		b->known |= (uint32_t)known << k;
	}
	b->begun = true;
}

bool budget_take(struct budget *budget, const struct counters *counters, int64_t time_ns)
{
	struct counters before = budget->last;
	struct budget_gap *gap;

	if (!budget->gaps) {
		budget->gaps = malloc(BUDGET_GAPS_MAX * sizeof(*budget->gaps));
		if (!budget->gaps)
			return false;
	}
	if (!budget->begun) {
		if (counters->when != COUNTERS_BEFORE)
			return true;
		begin(budget, counters, time_ns);
		return true;
	}
	if (time_ns <= budget->last_ns)
		return true; /* as of a time that is accounted for */
	if (budget->count == BUDGET_GAPS_MAX)
		merge_older(budget);
	gap = &budget->gaps[budget->count++];
	*gap = (struct budget_gap){.from_ns = before.before_ns,
				   .to_ns = time_ns,
				   .candidates = budget->candidates,
				   .doubtful = budget->doubtful};
	budget->candidates = budget->doubtful = 0;
	counters_update(&budget->last, counters);
	budget->last_ns = time_ns;
	for (int k = 0; k < BUDGET_KIND_COUNT; k++) {
		bool known;

		gap->moved[k] = (uint32_t)(sum_of(&budget->last, (enum budget_kind)k, &known) -
					   sum_of(&before, (enum budget_kind)k, &known));
	}
	return true;
}

bool budget_is_closed(const struct budget *budget, struct budget_time when)
{
	return budget->begun && budget->last.before_ns >= when.to_ns;
}

static struct budget_gap *gap_at(const struct budget *b, size_t i, struct budget_time when)
{
	return i < b->count && b->gaps[i].from_ns <= when.to_ns ? &b->gaps[i] : NULL;
}

/* The gaps that a packet of this time may belong to, one after the other; NULL: no more. */
static struct budget_gap *first_gap(const struct budget *b, struct budget_time when)
{
	size_t low = 0, high = b->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (b->gaps[middle].to_ns < when.from_ns)
			low = middle + 1;
		else
			high = middle;
	}
	return gap_at(b, low, when);
}

static struct budget_gap *next_gap(const struct budget *b, const struct budget_gap *gap,
				   struct budget_time when)
{
	return gap_at(b, (size_t)(gap - b->gaps) + 1, when);
}

static bool is_covered(const struct budget *b, enum budget_kind kind, struct budget_time when)
{
	return b->begun && (b->known >> kind & 1) && b->count && b->gaps[0].from_ns <= when.from_ns;
}

int64_t budget_moved(const struct budget *budget, enum budget_kind kind, struct budget_time when)
{
	int64_t sum = 0;

	if (!is_covered(budget, kind, when))
		return -1;
	for (const struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when))
		sum += gap->moved[kind];
	return sum;
}

int64_t budget_left(const struct budget *budget, enum budget_kind kind, struct budget_time when)
{
	int64_t sum = 0;

	if (!is_covered(budget, kind, when))
		return -1;
	for (const struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when))
		if (gap->moved[kind] > gap->charged[kind])
			sum += gap->moved[kind] - gap->charged[kind];
	return sum;
}

void budget_add_candidate(struct budget *budget, struct budget_time when)
{
	struct budget_gap *gap = first_gap(budget, when);

	if (gap)
		gap->candidates++;
	else
		budget->candidates++;
}

uint32_t budget_candidates(const struct budget *budget, struct budget_time when)
{
	uint32_t sum = 0;

	for (const struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when))
		sum += gap->candidates;
	return sum;
}

struct budget_time budget_span(const struct budget *budget, struct budget_time when)
{
	struct budget_time span = when;

	for (const struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when)) {
		if (gap->from_ns < span.from_ns)
			span.from_ns = gap->from_ns;
		span.to_ns = gap->to_ns > span.to_ns ? gap->to_ns : span.to_ns;
	}
	return span;
}

void budget_charge(struct budget *budget, enum budget_kind kind, struct budget_time when)
{
	/* What was counted before the first reading is not what has moved since. */
	if (!is_covered(budget, kind, when))
		return;
	for (struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when)) {
		if (gap->moved[kind] <= gap->charged[kind])
			continue;
		gap->charged[kind]++;
		return;
	}
}

void budget_doubt(struct budget *budget, struct budget_time when)
{
	for (struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when))
		gap->doubtful++;
	budget->doubtful += !budget_is_closed(budget, when);
}

uint32_t budget_doubtful(const struct budget *budget, struct budget_time when)
{
	uint32_t sum = 0;

	for (const struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when))
		sum += gap->doubtful;
	return sum;
}

void budget_refund(struct budget *budget, enum budget_kind kind, struct budget_time when)
{
	if (!is_covered(budget, kind, when))
		return;
	for (struct budget_gap *gap = first_gap(budget, when); gap;
	     gap = next_gap(budget, gap, when)) {
		if (!gap->charged[kind])
			continue;
		gap->charged[kind]--;
		return;
	}
}
