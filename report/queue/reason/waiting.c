/*
 * SYNs that got no SYN-ACK and that no listener's sk_drops counted: something in front of the
 * listener took them, or an old connection of the same addresses and ports. The counters of
 * the next reading tell which.
 */
#include <stdlib.h>

#include "report/queue/arrival.h"
#include "report/queue/reason/reason.h"

static struct budget_time when(const struct waiting_syn *syn)
{
	return (struct budget_time){syn->time_ns, syn->time_ns + CAPTURE_LEAD_MAX_NS};
}

void reasons_wait(struct reasons *reasons, const struct waiting_syn *syn)
{
	if (!reasons)
		return;
	if (!reasons->waiting)
		reasons->waiting = malloc(REASONS_WAITING_MAX * sizeof(*reasons->waiting));
	if (!reasons->waiting || reasons->waiting_count == REASONS_WAITING_MAX)
		return; /* it keeps the verdict that it has */
	reasons->waiting[reasons->waiting_count++] = *syn;
}

void reasons_doubt(struct reasons *reasons, uint32_t index, uint32_t isn, int64_t time_ns)
{
	for (size_t i = 0; reasons && i < reasons->waiting_count; i++) {
		struct waiting_syn *syn = &reasons->waiting[i];

		if (syn->index == index && syn->isn == isn && syn->time_ns == time_ns)
			syn->sure = false;
	}
}

static struct open_attempt *attempt_of(const struct waiting_syn *syn, struct table *table)
{
	struct open_attempt *open = table_at(table, syn->index);

	return open && open->state != STATE_FREE && open->isn == syn->isn ? open : NULL;
}

/* Still without an answer to this SYN. */
static bool is_unanswered(const struct open_attempt *open, const struct waiting_syn *syn)
{
	return open->last_syn_ns > syn->time_ns || open_saw(open, SEEN_NO_ANSWER);
}

static struct mark *mark_of(const struct waiting_syn *syn, struct open_attempt *open,
			    struct details *details)
{
	const struct detail *d = details_open(details, open);

	for (uint32_t m = d ? d->first_mark : DETAIL_NONE; m != DETAIL_NONE;
	     m = details_mark(details, m)->next) {
		struct mark *mark = &details_mark(details, m)->mark;

		if (mark->kind == MARK_SYN && mark->time_ns == syn->time_ns)
			return mark;
	}
	return NULL;
}

/* Charges what a SYN counts that met a connection, or TIME_WAIT, of its 4-tuple. */
static bool charge_old_connection(struct reasons *r, const struct waiting_syn *syn)
{
	static const struct {
		enum budget_kind kind;
		enum tally tally;
	} met[] = {
	    {BUDGET_CHALLENGE, TALLY_SYN_CHALLENGED},
	    {BUDGET_TIME_WAIT, TALLY_SYN_TIME_WAIT},
	    {BUDGET_TIME_WAIT_SKIPPED, TALLY_COUNT},
	};
	bool any = false;

	for (size_t i = 0; i < 3 && !any; i++) {
		if (budget_left(&r->budget, met[i].kind, when(syn)) <= 0)
			continue;
		any = true;
		budget_charge(&r->budget, met[i].kind, when(syn));
		if (syn->queue && met[i].tally != TALLY_COUNT)
			queue_tally(syn->queue, met[i].tally, syn->time_ns, 1);
		if (met[i].kind == BUDGET_TIME_WAIT)
			budget_charge(&r->budget, BUDGET_TIME_WAIT_SKIPPED, when(syn));
	}
	return any;
}

static bool moved(const struct reasons *r, enum budget_kind kind, const struct waiting_syn *syn)
{
	return budget_moved(&r->budget, kind, when(syn)) != 0; /* or nobody knows */
}

/* How many wait for a reason that share a gap with this one. */
static int64_t rivals(const struct reasons *r, const struct waiting_syn *of)
{
	struct budget_time span = budget_span(&r->budget, when(of));
	int64_t count = 0;

	for (size_t i = 0; i < r->waiting_count; i++)
		count += r->waiting[i].kind == WAITING_UNANSWERED &&
			 r->waiting[i].time_ns + CAPTURE_LEAD_MAX_NS >= span.from_ns &&
			 r->waiting[i].time_ns <= span.to_ns;
	return count;
}

/* What a look found after this SYN and before the next. */
static enum open_look look_of(const struct open_attempt *open, const struct waiting_syn *syn)
{
	return open->last_syn_ns == syn->time_ns ? (enum open_look)open->look : LOOK_NONE;
}

/*
 * Nothing else is possible: no counter moved that may tell of another reason, and behind the
 * SYN there was neither a request, whose SYN-ACK another interface may have, nor an old
 * connection: a TIME_WAIT without timestamps counts nothing.
 */
static bool is_nobodys(const struct reasons *r, const struct waiting_syn *syn, enum open_look look)
{
	return syn->sure && look == LOOK_FREE && !moved(r, BUDGET_IN_ERRORS, syn) &&
	       !moved(r, BUDGET_COOKIE_WANTED, syn);
}

/* A sibling dropped it, as ListenOverflows shows; which of them nothing does. */
static bool take_rest(const struct waiting_syn *syn, struct mark *mark)
{
	struct arrival a = {.time_ns = syn->time_ns, .done_ns = TIME_UNKNOWN, .ipv4 = syn->ipv4};
	struct queue *q = syn->queue;

	if (!q || syn->kept || !reason_has_rest(q, &a))
		return false;
	mark->cause = CAUSE_ACCEPT_QUEUE_FULL_SYN;
	mark->confidence = CONFIDENCE_INFERRED;
	mark->dropped = true;
	mark->depth = MARK_DEPTH_UNKNOWN;
	reason_charge_overflow(q, &a);
	queue_tally(q, TALLY_SYN_ACCEPT_FULL, syn->time_ns, 1);
	queue_count_drop(q, NULL, syn->time_ns, mark->cause);
	return true;
}

static void give_reason(struct reasons *r, const struct waiting_syn *syn, enum open_look look,
			struct mark *mark)
{
	bool old = moved(r, BUDGET_CHALLENGE, syn) || moved(r, BUDGET_TIME_WAIT, syn) ||
		   moved(r, BUDGET_TIME_WAIT_SKIPPED, syn);
	bool path = moved(r, BUDGET_REVERSE_PATH, syn);
	int64_t count = rivals(r, syn);
	int64_t olds = budget_left(&r->budget, BUDGET_CHALLENGE, when(syn)) +
		       budget_left(&r->budget, BUDGET_TIME_WAIT, when(syn));
	int64_t paths = budget_left(&r->budget, BUDGET_REVERSE_PATH, when(syn));

	mark->cause_known = true;
	if (look == LOOK_REQUEST) {
		mark->cause = CAUSE_ANSWER_STOPPED;
		mark->confidence = CONFIDENCE_INFERRED;
	} else if (charge_old_connection(r, syn)) {
		mark->cause = CAUSE_EXISTING_CONNECTION;
		mark->confidence =
		    syn->sure && olds >= count && !path ? CONFIDENCE_BOUNDED : CONFIDENCE_INFERRED;
	} else if (paths > 0 && syn->ipv4) {
		mark->cause = CAUSE_RP_FILTER;
		mark->dropped = true;
		mark->confidence =
		    syn->sure && paths >= count && !old ? CONFIDENCE_BOUNDED : CONFIDENCE_INFERRED;
		budget_charge(&r->budget, BUDGET_REVERSE_PATH, when(syn));
		if (syn->queue)
			queue_tally(syn->queue, TALLY_RP_FILTER, syn->time_ns, 1);
	} else if (look == LOOK_TAKEN) {
		/* Or a firewall was in front of that. */
		mark->cause = CAUSE_EXISTING_CONNECTION;
		mark->confidence = CONFIDENCE_INFERRED;
	} else if (!take_rest(syn, mark)) {
		mark->cause = CAUSE_UNANSWERED_NO_COUNTER;
		mark->confidence = !old && !path && is_nobodys(r, syn, look) ? CONFIDENCE_EXACT
									     : CONFIDENCE_INFERRED;
	}
}

static void settle(struct reasons *r, const struct waiting_syn *syn, struct table *table,
		   struct details *details)
{
	struct open_attempt *open;
	struct mark *mark;

	if (syn->kind != WAITING_UNANSWERED) {
		(void)charge_old_connection(r, syn);
		return;
	}
	open = attempt_of(syn, table);
	if (!open || !is_unanswered(open, syn))
		return;
	mark = mark_of(syn, open, details);
	if (mark && (!mark->cause_known || mark->cause == CAUSE_UNANSWERED_NO_COUNTER))
		give_reason(r, syn, look_of(open, syn), mark);
}

static void settle_closed(struct reasons *r, bool all, struct table *table, struct details *details)
{
	size_t kept = 0;

	/* What is certain is charged before what is not. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < r->waiting_count; i++) {
			const struct waiting_syn *syn = &r->waiting[i];

			if ((syn->kind == WAITING_UNANSWERED) == (pass == 1) &&
			    (all || budget_is_closed(&r->budget, when(syn))))
				settle(r, syn, table, details);
		}
	for (size_t i = 0; i < r->waiting_count && !all; i++)
		if (!budget_is_closed(&r->budget, when(&r->waiting[i])))
			r->waiting[kept++] = r->waiting[i];
	r->waiting_count = kept;
}

void reasons_take(struct reasons *reasons, const struct counters *counters, int64_t time_ns,
		  struct table *table, struct details *details)
{
	if (budget_take(&reasons->budget, counters, time_ns) && reasons->waiting_count)
		settle_closed(reasons, false, table, details);
}

void reasons_end(struct reasons *reasons, struct table *table, struct details *details)
{
	if (reasons->waiting_count)
		settle_closed(reasons, true, table, details);
}
