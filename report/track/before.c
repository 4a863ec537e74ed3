/*
 * What was under way when observation began: attempts of which sock_diag tells, and no
 * packet. Their numbers are learnt from the first segment that is seen of them. Where the
 * packets before were recorded, another tracker that saw them knows more.
 */
#include "report/track/parts.h"
#include "report/track/verdict.h"

/* enum tcp_state of the kernel. */
enum {
	TCP_STATE_ESTABLISHED = 1,
	TCP_STATE_SYN_SENT = 2,
	TCP_STATE_SYN_RECV = 3,
	TCP_STATE_CLOSE_WAIT = 8
};

/* In the accept queue since about then: its final ACK was not seen. */
static void wait_in_queue(struct tracker *t, struct open_attempt *a, const struct event *event)
{
	const struct waiting *w = &event->waiting;
	struct detail *d = details_open(t->details, a);
	/* Accepted before its age was asked for: it was still listed after this. */
	int64_t since_ns = w->born_ns != TIME_UNKNOWN ? w->born_ns : w->before_ns;

	a->synacks = 1;
	a->events |= SEEN_CLIENT_ACK | (w->state == TCP_STATE_CLOSE_WAIT ? SEEN_FIN_CLIENT : 0);
	a->ack_ns = since_ns;
	if (d)
		d->queued_before_ns = since_ns;
	a->settled = PLACE_ENTERED;
	open_move(a, MOVE_LOOKUP_CHILD);
}

/*
 * Its first SYN that was seen is not its first: the kernel had sent more of them by then than were
 * captured until the list was complete.
 */
static bool has_sent_more(const struct open_attempt *a, const struct waiting *w)
{
	return w->state == TCP_STATE_SYN_SENT && !a->synacks && w->syns > a->syns;
}

static void begin_before(struct tracker *t, struct open_attempt *a, const struct event *event)
{
	struct queue_packet packet = tracker_packet(t, a, event);

	a->known |= KNOWN_BEFORE;
	packet.frame = 0;
	packet.time_ns = a->syn_ns;
	queues_syn_was_repeated(t->options.queues, &packet);
}

void tracker_on_waiting(struct tracker *t, const struct event *event)
{
	const struct waiting *w = &event->waiting;
	struct open_attempt *a = tracker_find(t, &w->flow);
	struct queue_packet packet;

	if (!t->options.queues)
		return;
	/* Its SYN came between the beginning of the capture and this list. */
	if (a && a->end_ns == TIME_UNKNOWN) {
		if (!open_knows(a, KNOWN_BEFORE) && has_sent_more(a, w))
			begin_before(t, a, event);
		return;
	}
	a = tracker_begin_unseen(t, &w->flow, event->time_ns);
	if (!a)
		return;
	a->known |= KNOWN_BEFORE | KNOWN_UNNUMBERED;
	t->unnumbered++;
	if (w->state == TCP_STATE_ESTABLISHED || w->state == TCP_STATE_CLOSE_WAIT) {
		wait_in_queue(t, a, event);
	} else if (w->state == TCP_STATE_SYN_RECV) {
		a->synacks = 1;
		a->settled = PLACE_REQUEST;
		open_move(a, MOVE_SYNACK);
	}
	packet = tracker_packet(t, a, event);
	packet.frame = 0;
	if (w->state != TCP_STATE_SYN_SENT)
		queues_waiting(t->options.queues, &packet, w->listener);
}

static bool is_under_way(const struct open_attempt *open, const struct attempt *now, int64_t now_ns)
{
	switch (now->outcome) {
	case OUTCOME_WAITING:
	case OUTCOME_OPEN:
	case OUTCOME_HALF_OPEN:
	case OUTCOME_ZOMBIE:
		return true;
	case OUTCOME_UNANSWERED:
		return now_ns - open->last_syn_ns < verdict_next_syn_ns(now);
	case OUTCOME_ACCEPTED:
	case OUTCOME_ESTABLISHED:
	case OUTCOME_REFUSED:
	case OUTCOME_UNREACHABLE:
	case OUTCOME_ABORTED:
	case OUTCOME_RESET:
	case OUTCOME_JOINED:
	case OUTCOME_COUNT:
		break;
	}
	return false;
}

/* Its state and its numbers; its packets are of before. */
static void carry(struct tracker *to, const struct open_attempt *from, const struct attempt *now,
		  int64_t now_ns)
{
	const struct event event = {.kind = EVENT_WAITING, .time_ns = now_ns};
	struct open_attempt *a = tracker_begin_unseen(to, &from->flow, now_ns);
	struct queue_packet packet;
	struct detail *d;

	if (!a)
		return;
	*a = *from;
	a->known |= KNOWN_BEFORE;
	a->listener = LISTENER_NONE;
	a->detail = TABLE_NONE;
	a->idle = false;
	a->syn_ns = a->synack_ns = TIME_UNKNOWN;
	a->syns = a->syn_copies = a->synack_copies = 0;
	a->synacks = from->synacks > 0;
	if (from->listener != LISTENER_NONE && to->options.queues) {
		packet = tracker_packet(to, a, &event);
		queues_waiting(to->options.queues, &packet, 0);
	}
	if (!open_is_acknowledged(a))
		return;
	d = details_open(to->details, a);
	if (d && now->entered_ns != TIME_UNKNOWN)
		d->queued_before_ns = now->entered_ns;
	/* Its final ACK: what it met then is of before, but not that it did not enter. */
	else if (d && d->first_mark != DETAIL_NONE)
		details_mark(to->details, d->last_mark)->mark.dropped =
		    open_knows(a, KNOWN_ACK_DROPPED);
}

void tracker_carry(struct tracker *from, struct tracker *to, int64_t now_ns)
{
	struct attempt *now = &from->scratch;

	for (uint32_t i = 0; i < table_high(from->table); i++) {
		const struct open_attempt *a = table_at(from->table, i);

		if (!open_is_used(a))
			continue;
		tracker_look(from, a, now_ns, now);
		if (is_under_way(a, now, now_ns))
			carry(to, a, now, now_ns);
	}
}

/* A listener is found a little later than it is there: it has answered some by then. */
#define FOUND_LATE_NS (500 * NS_PER_MS)

void tracker_adopt(struct tracker *t, const struct event *event)
{
	for (uint32_t i = 0; i < table_high(t->table); i++) {
		struct open_attempt *a = table_at(t->table, i);
		struct event spoke = {.kind = EVENT_SEGMENT};
		struct queue_packet packet;

		if (!open_is_used(a) || a->listener != LISTENER_NONE || !a->synacks ||
		    a->syn_ns < event->time_ns - FOUND_LATE_NS || a->role == ROLE_OUTBOUND ||
		    a->role == ROLE_FORWARDED)
			continue;
		packet = tracker_packet(t, a, event);
		packet.frame = 0;
		if (!queues_adopt(t->options.queues, &packet, event->listener.cookie) ||
		    !open_saw(a, SEEN_FIN_SERVER))
			continue;
		spoke.time_ns = a->end_ns;
		tracker_server_spoke(t, a, &spoke);
	}
}

/* False: this segment is of another connection of these addresses, or says nothing. */
static bool learn(struct open_attempt *a, const struct segment *s, bool from_client)
{
	bool ack = s->flags & TCP_FLAG_ACK;

	if (s->flags & TCP_FLAG_SYN) {
		if (open_has_child(a) || ack == from_client)
			return false;
		a->isn = ack ? s->ack - 1 : s->seq;
		return true;
	}
	if (!ack)
		return false;
	a->isn = (from_client ? s->seq : s->ack) - 1;
	a->server_isn = (from_client ? s->ack : s->seq) - 1;
	a->guessed = true;
	return true;
}

void tracker_number(struct tracker *t, const struct event *event, uint32_t hash)
{
	for (struct open_attempt *a = table_first(t->table, hash); a; a = table_next(t->table, a)) {
		bool from_client = flow_equal(&a->flow, &event->segment.flow);

		if (!open_knows(a, KNOWN_UNNUMBERED) ||
		    (!from_client && !flow_is_reverse(&a->flow, &event->segment.flow)) ||
		    !learn(a, &event->segment, from_client))
			continue;
		a->known &= (uint8_t)~KNOWN_UNNUMBERED;
		t->unnumbered--;
		return;
	}
}

/* Clients wait a second for an answer, then as long again or twice as long, and so on. */
#define GAPS_MAX 24

/* Timers fire late, and later the longer they are: by so much at the most. */
static int64_t late_ns(int64_t timer_ns)
{
	return 250 * NS_PER_MS + timer_ns / 8;
}

/* How long after its SYN another one came, in seconds; 0: neither whole seconds nor near. */
static int64_t whole_seconds(int64_t gap_ns)
{
	int64_t s = (gap_ns + NS_PER_SEC / 2) / NS_PER_SEC, off_ns = gap_ns - s * NS_PER_SEC;

	return off_ns > -100 * NS_PER_MS && off_ns < late_ns(gap_ns) ? s : 0;
}

/*
 * The gaps begin as no client's do: 1, 2, 4 ... s (RFC 6298), or with more of 1 s first
 * (tcp_syn_linear_timeouts of Linux 6.5 and later: 4), or 3, 6, 12 ... s (RFC 1122).
 */
static bool cannot_be_first(const int64_t *gaps, unsigned count)
{
	static const int64_t linear[] = {1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 64};
	static const int64_t twice[] = {1, 2, 4, 8, 16, 32, 64, 64};
	static const int64_t slow[] = {3, 6, 12, 24, 48, 64};
	static const struct {
		const int64_t *gaps;
		unsigned count;
	} ways[] = {{linear, 12}, {twice, 8}, {slow, 6}};

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		unsigned n = 0;

		while (n < count && n < ways[i].count && gaps[n] == ways[i].gaps[n])
			n++;
		if (n == count || n == ways[i].count)
			return false;
	}
	return true;
}

/* How long before the first of two SYNs the one before it was at the most, in ns. */
static int64_t longest_before(int64_t gap_s)
{
	/* The longest two of all are equal, and so are those of 1 s. */
	int64_t before_ns = (gap_s == 1 || gap_s >= 64 ? gap_s : gap_s / 2) * NS_PER_SEC;

	return before_ns + late_ns(before_ns);
}

bool tracker_began_before(const struct attempt *attempt, int64_t observed_ns)
{
	int64_t gaps[GAPS_MAX], last_ns = TIME_UNKNOWN;
	unsigned count = 0;

	if (observed_ns == INT64_MIN || attempt->syns < 2)
		return false;
	for (uint32_t i = 0; i < attempt->marks_count && count < GAPS_MAX; i++) {
		const struct mark *m = &attempt->marks[i];

		if (m->kind != MARK_SYN)
			continue;
		if (last_ns != TIME_UNKNOWN) {
			gaps[count] = whole_seconds(m->time_ns - last_ns);
			/* Not a timer's work: nothing follows from it. */
			if (!gaps[count++])
				return false;
		}
		last_ns = m->time_ns;
	}
	/* One before it would have been seen: a SYN between these two was lost on its way here. */
	if (!count || attempt->syn_ns - longest_before(gaps[0]) > observed_ns)
		return false;
	return cannot_be_first(gaps, count);
}
