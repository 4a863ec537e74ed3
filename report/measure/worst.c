/*
 * A binary min-heap by score: the root is the first to go.
 */
#include "report/measure/worst.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Added for an attempt that never worked: above every delay that a recording can hold. */
#define FAILURE_NS (INT64_C(1) << 60)

int worst_init(struct worst *worst)
{
	worst->count = 0;
	worst->attempts = calloc(WORST_MAX, sizeof(*worst->attempts));
	return worst->attempts ? 0 : -ENOMEM;
}

void worst_release(struct worst *worst)
{
	free(worst->attempts);
	worst->attempts = NULL;
	worst->count = 0;
}

/* Of what is known; a recording can say anything, and the sum of three must fit. */
static int64_t cost_of(int64_t ns)
{
	if (ns <= 0)
		return 0;
	return ns < INT64_MAX / 8 ? ns : INT64_MAX / 8;
}

int64_t worst_score(const struct attempt *a)
{
	int64_t cost = cost_of(a->connect_ns) + cost_of(a->synack_to_ack_ns) +
		       cost_of(a->accept_wait_ns);

	switch (a->outcome) {
	case OUTCOME_ZOMBIE:
		return FAILURE_NS + FAILURE_NS / 2 + cost;
	case OUTCOME_UNANSWERED:
	case OUTCOME_RESET:
		return FAILURE_NS + cost;
	case OUTCOME_REFUSED:
	case OUTCOME_UNREACHABLE:
	case OUTCOME_HALF_OPEN:
	case OUTCOME_ABORTED:
	case OUTCOME_WAITING:
		return FAILURE_NS / 2 + cost;
	case OUTCOME_ACCEPTED:
	case OUTCOME_ESTABLISHED:
	case OUTCOME_OPEN:
	case OUTCOME_JOINED:
	case OUTCOME_COUNT:
		break;
	}
	return cost;
}

static void swap(struct worst *w, size_t i, size_t j)
{
	static struct attempt spare;
	int64_t score = w->scores[i];

	w->scores[i] = w->scores[j];
	w->scores[j] = score;
	spare = w->attempts[i];
	w->attempts[i] = w->attempts[j];
	w->attempts[j] = spare;
}

static void sift_down(struct worst *w, size_t i, size_t count)
{
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < count; child++)
			if (w->scores[child] < w->scores[least])
				least = child;
		if (least == i)
			return;
		swap(w, i, least);
		i = least;
	}
}

void worst_offer(struct worst *worst, const struct attempt *attempt)
{
	int64_t score = worst_score(attempt);
	size_t i;

	if (worst->count == WORST_MAX) {
		if (score <= worst->scores[0])
			return;
		worst->attempts[0] = *attempt;
		worst->scores[0] = score;
		sift_down(worst, 0, worst->count);
		return;
	}
	i = worst->count++;
	worst->attempts[i] = *attempt;
	worst->scores[i] = score;
	while (i && worst->scores[(i - 1) / 2] > worst->scores[i]) {
		swap(worst, i, (i - 1) / 2);
		i = (i - 1) / 2;
	}
}

void worst_sort(struct worst *worst)
{
	for (size_t n = worst->count; n > 1; n--) {
		swap(worst, 0, n - 1);
		sift_down(worst, 0, n - 1);
	}
}
