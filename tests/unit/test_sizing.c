#include "report/queue/sizing/sizing.h"

#include <criterion/criterion.h>
#include <string.h>

static struct sizing sizing;

/* Nothing is known of when anything happened. */
static const struct attempt unknown = {
    .syn_ns = TIME_UNKNOWN,
    .ack_ns = TIME_UNKNOWN,
    .entered_ns = TIME_UNKNOWN,
    .accept_ns = TIME_UNKNOWN,
    .accept_before_ns = TIME_UNKNOWN,
    .client_left_ns = TIME_UNKNOWN,
    .exit_ns = TIME_UNKNOWN,
    .close_ns = TIME_UNKNOWN,
    .end_ns = TIME_UNKNOWN,
};

static int64_t ms_or_unknown(int64_t ms)
{
	return ms < 0 ? TIME_UNKNOWN : ms * NS_PER_MS;
}

static void client(int64_t arrival_ms, int64_t accept_ms, int64_t end_ms, bool dropped)
{
	struct attempt a = unknown;

	a.syn_ns = arrival_ms * NS_PER_MS;
	a.accept_ns = ms_or_unknown(accept_ms);
	a.close_ns = ms_or_unknown(end_ms);
	a.outcome = accept_ms < 0 ? OUTCOME_UNANSWERED : OUTCOME_ACCEPTED;
	if (dropped) {
		a.causes_count = 1;
		a.causes[0].cause = CAUSE_ACCEPT_QUEUE_FULL_SYN;
	}
	sizing_add(&sizing, &a);
}

static struct sizing_backlog backlog(void)
{
	struct sizing_service service = sizing_service(&sizing, TIME_UNKNOWN);

	return sizing_backlog(&sizing, &service, TIME_UNKNOWN);
}

Test(sizing, a_burst_needs_a_queue_for_all_that_come_before_the_first_accept)
{
	struct sizing_backlog b;

	/* Ten at once; an accept every 100 ms from 50 ms on. */
	for (int i = 0; i < 10; i++)
		client(0, 50 + 100 * i, 150 + 100 * i, i > 5);
	b = backlog();
	cr_assert(b.known);
	cr_assert_eq(b.depth_peak, 10);
	cr_assert_eq(b.backlog, 9);
	sizing_release(&sizing);
}

Test(sizing, clients_that_come_apart_need_none)
{
	struct sizing_backlog b;

	for (int i = 0; i < 10; i++)
		client(1000 * i, 1000 * i + 1, 1000 * i + 5, false);
	b = backlog();
	cr_assert_eq(b.depth_peak, 1);
	cr_assert_eq(b.backlog, 0);
	sizing_release(&sizing);
}

Test(sizing, those_who_gave_up_take_their_place_in_the_queue)
{
	struct sizing_backlog b;

	client(0, 100, 200, false);
	client(0, -1, -1, true);
	client(0, -1, -1, true);
	client(0, -1, -1, false); /* a firewall's, not the queue's */
	b = backlog();
	cr_assert_eq(b.clients, 3);
	cr_assert_eq(b.depth_peak, 3);
	sizing_release(&sizing);
}

/* Accepted at accept_ms, or waiting still; entered at once. */
static void waiter(int64_t arrival_ms, int64_t accept_ms, bool before)
{
	struct attempt a = unknown;

	a.syn_ns = before ? TIME_UNKNOWN : arrival_ms * NS_PER_MS;
	a.entered_ns = arrival_ms * NS_PER_MS;
	a.accept_ns = ms_or_unknown(accept_ms);
	a.outcome = accept_ms < 0 ? OUTCOME_WAITING : OUTCOME_ACCEPTED;
	a.began_before = before;
	sizing_add(&sizing, &a);
}

/* One SYN, dropped. */
static void impatient(int64_t arrival_ms)
{
	struct attempt a = unknown;

	a.syn_ns = arrival_ms * NS_PER_MS;
	a.outcome = OUTCOME_UNANSWERED;
	a.causes_count = 1;
	a.causes[0].cause = CAUSE_ACCEPT_QUEUE_FULL_SYN;
	a.marks_count = 1;
	a.marks[0] = (struct mark){.time_ns = arrival_ms * NS_PER_MS, .kind = MARK_SYN};
	sizing_add(&sizing, &a);
}

Test(sizing, who_gave_up_is_taken_while_the_server_is_idle)
{
	struct sizing_backlog b;

	/* Ten come at once, three times; six find room, and the server takes one in 20 ms. */
	for (int burst = 0; burst < 3; burst++)
		for (int i = 0; i < 10; i++) {
			if (i < 6)
				waiter(5000 * burst, 5000 * burst + 20 * i + 20, false);
			else
				impatient(5000 * burst);
		}
	b = backlog();
	cr_expect_eq(b.depth_peak, 10);
	cr_expect_eq(b.served, 18);
	/* They gave up before a second was over: not sooner than they were served, 200 ms later. */
	cr_expect_eq(b.served_least, 18);
	cr_expect_eq(b.served_most, 30);
	cr_expect_eq(b.served_then, 30);
	cr_expect_eq(b.sooner, 12);
	cr_expect_eq(b.later, 0);
	cr_expect_eq(b.wait_max_ns, 200 * NS_PER_MS);
	sizing_release(&sizing);
}

Test(sizing, a_server_that_was_away_was_not_idle)
{
	struct sizing_backlog b;

	/* It took one, and something else for a second; those who came then left. */
	waiter(0, 0, false);
	for (int i = 0; i < 5; i++) {
		waiter(100 + i, 1200 + i, false);
		sizing.clients[sizing.count - 1].left_ns = 800 * NS_PER_MS;
		sizing.clients[sizing.count - 1].bears_ns = 700 * NS_PER_MS;
		sizing.clients[sizing.count - 1].leaves_ns = 700 * NS_PER_MS;
	}
	b = backlog();
	cr_expect_eq(b.served, 1);
	cr_expect_eq(b.served_most, 1);
	sizing_release(&sizing);
}

Test(sizing, nobody_is_served_who_would_have_left)
{
	struct sizing_backlog b;

	/* A server that takes one in a second, and clients that give up before. */
	for (int i = 0; i < 3; i++)
		waiter(0, 1000 * i + 1000, false);
	for (int i = 0; i < 5; i++)
		impatient(0);
	b = backlog();
	cr_expect_eq(b.depth_peak, 8);
	cr_expect_eq(b.served, 3);
	cr_expect_eq(b.served_most, 3);
	cr_expect_eq(b.sooner, 0);
	sizing_release(&sizing);
}

Test(sizing, who_was_dropped_before_the_server_was_away_did_not_meet_it)
{
	struct sizing_service service;
	struct sizing_away away;

	for (int i = 0; i < 6; i++)
		waiter(0, 20 * i + 20, false);
	for (int i = 0; i < 4; i++)
		impatient(0);
	/* Then one takes a second, and two come meanwhile. */
	waiter(1000, 1000, false);
	waiter(1001, 2000, false);
	impatient(1500);
	service = sizing_service(&sizing, TIME_UNKNOWN);
	away = sizing_away(&sizing, &service, 300 * NS_PER_MS, TIME_UNKNOWN);
	/* Two of the six waited for 100 ms or more. */
	cr_expect_eq(away.clients, 8);
	cr_expect_eq(away.met, 2);
	sizing_release(&sizing);
}

Test(sizing, whom_the_syn_queue_dropped_takes_a_place_only_if_it_came)
{
	struct attempt a = unknown;

	a.outcome = OUTCOME_UNANSWERED;
	a.causes_count = 1;
	a.causes[0].cause = CAUSE_SYN_QUEUE_FULL;
	sizing_add(&sizing, &a);
	cr_expect_eq(sizing.count, 0);
	a.ack_ns = a.entered_ns = a.accept_ns = NS_PER_SEC;
	a.outcome = OUTCOME_ACCEPTED;
	sizing_add(&sizing, &a);
	cr_expect_eq(sizing.count, 1);
	sizing_release(&sizing);
}

Test(sizing, children_are_the_fewest_that_keep_the_wait_short)
{
	struct sizing_children c;

	/* Sixty at once, 200 ms each: within 100 ms nobody can be second in line. */
	for (int i = 0; i < 60; i++)
		client(0, i, i + 200, false);
	c = sizing_children(&sizing, 100 * NS_PER_MS);
	cr_assert(c.known);
	cr_assert_eq(c.children, 60);
	/* Within 200 ms half of them can. */
	c = sizing_children(&sizing, 200 * NS_PER_MS);
	cr_assert_eq(c.children, 30);
	cr_assert_eq(c.wait_max_ns, 200 * NS_PER_MS);
	/* All one after the other. */
	c = sizing_children(&sizing, 59 * 200 * NS_PER_MS);
	cr_assert_eq(c.children, 1);
	sizing_release(&sizing);
}

Test(sizing, workers_that_are_all_busy_are_told_from_a_burst)
{
	struct sizing_service s;

	/* Two at a time, 200 ms each. */
	for (int i = 0; i < 20; i++)
		client(0, 200 * (i / 2), 200 * (i / 2) + 199, false);
	s = sizing_service(&sizing, TIME_UNKNOWN);
	cr_assert_eq(s.concurrent, 2);
	cr_assert(s.saturated);
	sizing_release(&sizing);
	/*
	 * A process for each, made 10 ms after the one before: that many are open at the end alone.
	 */
	for (int i = 0; i < 20; i++)
		client(0, 20 + 10 * i, 1000, false);
	s = sizing_service(&sizing, TIME_UNKNOWN);
	cr_assert_eq(s.concurrent, 20);
	cr_assert_not(s.saturated);
	sizing_release(&sizing);
}

/* Held for so long, from one of two addresses; or turned away, unheard or not. */
static void visitor(int64_t at_ms, int64_t held_ms, uint8_t address, bool away, bool unread)
{
	struct attempt a = unknown;

	a.client.address.bytes[15] = address;
	a.syn_ns = a.entered_ns = at_ms * NS_PER_MS;
	a.accept_before_ns = (at_ms + 20) * NS_PER_MS; /* noticed late */
	a.end_ns = (at_ms + held_ms) * NS_PER_MS;
	a.outcome = OUTCOME_ACCEPTED;
	a.unread = unread;
	a.causes_count = away;
	a.causes[0].cause = CAUSE_CLOSED_UNSERVED;
	sizing_add(&sizing, &a);
}

Test(sizing, who_is_turned_away_while_the_most_are_open_was_so_at_a_limit)
{
	struct sizing_places p;

	for (int i = 0; i < 4; i++)
		visitor(i, 1000, 1, false, false);
	for (int i = 4; i < 10; i++)
		visitor(i, 1, 1, true, true);
	p = sizing_places(&sizing);
	cr_expect_eq(p.open, 4);
	cr_expect_eq(p.at_limit, 6);
	/* They would have held their places as long as the others. */
	cr_expect_eq(sizing_children(&sizing, 0).places, 10);
	cr_expect_eq(sizing_service(&sizing, TIME_UNKNOWN).concurrent, 4);
	/* When fewer are open, from another address, or after a look at the request: not so. */
	visitor(2000, 1, 1, true, true);
	visitor(10, 1, 2, true, true);
	visitor(10, 1, 1, true, false);
	cr_expect_eq(sizing_places(&sizing).at_limit, 6);
	sizing_release(&sizing);
}

Test(sizing, how_long_nobody_was_accepted_at_first)
{
	struct sizing_service s;

	for (int i = 0; i < 10; i++)
		client(100 * i, 1500 + i, 1600, false);
	client(2000, 2001, 2002, false);
	s = sizing_service(&sizing, TIME_UNKNOWN);
	cr_assert_eq(s.first_ns, 1500 * NS_PER_MS);
	cr_assert_eq(s.first_count, 10);
	sizing_release(&sizing);
}

Test(sizing, without_a_known_accept_there_is_no_answer)
{
	client(0, -1, -1, true);
	cr_assert_not(backlog().known);
	cr_assert_not(sizing_children(&sizing, 1).known);
	sizing_release(&sizing);
	cr_assert_not(backlog().known);
}

static struct sizing_overload overload(int64_t start_ms, int64_t end_ms)
{
	struct sizing_service s = sizing_service(&sizing, end_ms * NS_PER_MS);

	return sizing_overload(&sizing, &s, start_ms * NS_PER_MS, end_ms * NS_PER_MS);
}

Test(sizing, whom_the_end_of_observation_finds_waiting_shows_an_overload)
{
	struct sizing_overload o;

	/* One comes every 100 ms, one is taken every 400 ms, and the recording ends at 4 s. */
	for (int i = 0; i < 40; i++)
		waiter(100 * i, i < 10 ? 400 * i : -1, false);
	o = overload(0, 4000);
	cr_expect(o.ended);
	cr_expect_not(o.began);
	cr_expect_eq(o.waiting, 30);
	cr_expect_eq(o.came, 40);
	cr_expect_eq(o.taken, 10);
	cr_expect_eq(o.for_ns, 4 * NS_PER_SEC);
	sizing_release(&sizing);
}

Test(sizing, a_burst_that_is_over_is_none)
{
	struct sizing_overload o;

	for (int i = 0; i < 20; i++)
		waiter(i, 100 * i, false);
	/* One that has just come, when it ends. */
	waiter(9990, -1, false);
	o = overload(0, 10000);
	cr_expect_not(o.ended);
	cr_expect_not(o.began);
	cr_expect_not(o.cut_before);
	cr_expect_not(o.cut_after);
	/* Not for long, but some waited before, and after. */
	waiter(-10, 200, true);
	waiter(9800, -1, false);
	o = overload(0, 10000);
	cr_expect(o.cut_before);
	cr_expect(o.cut_after);
	sizing_release(&sizing);
}

Test(sizing, nor_is_what_was_waiting_before_another_burst)
{
	/* It began with two, and was idle for long before the worst came. */
	waiter(-300, 400, true);
	waiter(-200, 800, true);
	for (int i = 0; i < 20; i++)
		waiter(5000 + i, 5000 + 400 * i, false);
	cr_expect_not(overload(0, 20000).began);
	sizing_release(&sizing);
	/* It goes on from the beginning. */
	for (int i = 0; i < 20; i++)
		waiter(100 * i - 300, 400 * (i + 1), i < 3);
	cr_expect(overload(0, 20000).began);
	sizing_release(&sizing);
}

/* A worker's: entered at once, accepted by pid; the client closes, or holds it until the end. */
static void kept_alive(int64_t arrival_ms, int64_t accept_ms, int64_t end_ms, int32_t pid)
{
	waiter(arrival_ms, accept_ms, false);
	sizing.clients[sizing.count - 1].pid = pid;
	if (end_ms < 0)
		return;
	sizing.clients[sizing.count - 1].end_ns = end_ms * NS_PER_MS;
	sizing.clients[sizing.count - 1].service_ns = (end_ms - accept_ms) * NS_PER_MS;
}

Test(sizing, workers_that_hold_their_connections_are_a_limit)
{
	struct sizing_service s;

	/* Three workers, each held for 6 s, and by its lingering close for 2 s more. */
	for (int i = 0; i < 3; i++)
		kept_alive(100 * i, 100 * i, 100 * i + 6000, 10 + i);
	for (int i = 0; i < 3; i++)
		kept_alive(400 + i, 8000 + 100 * i, -1, 10 + i);
	for (int i = 0; i < 3; i++)
		waiter(1000 + i, -1, false);
	s = sizing_service(&sizing, 11000 * NS_PER_MS);
	cr_expect_eq(s.concurrent, 3);
	cr_expect(s.saturated);
	cr_expect_gt(s.gap_ns, NS_PER_SEC);
	/* And a queue of any length only waits for them. */
	cr_expect_gt(sizing_backlog(&sizing, &s, 11000 * NS_PER_MS).wait_max_ns, 8 * NS_PER_SEC);
	sizing_release(&sizing);
}

Test(sizing, who_holds_the_server_and_who_waits_for_its_answer)
{
	struct sizing_service s;

	/* Two that say nothing, for 5 s each, and five that are served in 10 ms after 1.5 s. */
	for (int i = 0; i < 2; i++) {
		kept_alive(5000 * i, 5000 * i, 5000 * i + 5000, 1);
		sizing.clients[sizing.count - 1].silent = true;
		sizing.clients[sizing.count - 1].answer_wait_ns = -1;
	}
	for (int i = 0; i < 5; i++) {
		kept_alive(10000 + i, 10000 + 10 * i, 10010 + 10 * i, 1);
		sizing.clients[sizing.count - 1].asked = true;
		sizing.clients[sizing.count - 1].unreplied = i < 3;
		sizing.clients[sizing.count - 1].answer_wait_ns = (1000 + 250 * i) * NS_PER_MS;
	}
	s = sizing_service(&sizing, 20000 * NS_PER_MS);
	cr_expect_eq(s.held_ns, 10050 * NS_PER_MS);
	cr_expect_eq(s.silent_ns, 10 * NS_PER_SEC);
	cr_expect_eq(s.silent, 2);
	cr_expect_eq(s.asked, 5);
	cr_expect_eq(s.unreplied, 3);
	cr_expect_eq(s.answers, 5);
	cr_expect_eq(s.answers_slow, 5);
	cr_expect_eq(s.answer_p50_ns, 1500 * NS_PER_MS);
	cr_expect_eq(s.answer_max_ns, 2 * NS_PER_SEC);
	sizing_release(&sizing);
}

Test(sizing, what_is_over_before_it_was_noticed_was_short)
{
	for (int i = 0; i < 6; i++)
		client(10 * i, 10 * i + 5, i ? 10 * i + 5 : 5000, false);
	cr_expect_eq(sizing_children(&sizing, NS_PER_MS).service_p50_ns, 0);
	sizing_release(&sizing);
}

/* Its client asks at once, closes at left_ms, is answered at end_ms, and resets. */
static void leaver(int64_t arrival_ms, int64_t accept_ms, int64_t left_ms, int64_t end_ms)
{
	const struct mark marks[] = {{.kind = MARK_DATA, .time_ns = arrival_ms * NS_PER_MS},
				     {.kind = MARK_FIN_CLIENT, .time_ns = left_ms * NS_PER_MS},
				     {.kind = MARK_SERVER_DATA, .time_ns = end_ms * NS_PER_MS},
				     {.kind = MARK_RST_CLIENT, .time_ns = end_ms * NS_PER_MS}};
	struct attempt a = unknown;

	a.syn_ns = a.entered_ns = arrival_ms * NS_PER_MS;
	a.accept_ns = accept_ms * NS_PER_MS;
	a.client_left_ns = left_ms <= accept_ms ? left_ms * NS_PER_MS : TIME_UNKNOWN;
	a.end_ns = left_ms * NS_PER_MS;
	a.outcome = OUTCOME_ACCEPTED;
	a.marks_count = sizeof(marks) / sizeof(marks[0]);
	memcpy(a.marks, marks, sizeof(marks));
	sizing_add(&sizing, &a);
}

Test(sizing, who_leaves_keeps_its_worker_until_it_is_answered)
{
	/* One worker, 200 ms each; all leave after 150 ms. */
	for (int i = 0; i < 6; i++)
		leaver(10 * i, 200 * i + 1, 10 * i + 150, 200 * i + 200);
	cr_expect_eq(sizing_children(&sizing, NS_PER_SEC).service_p50_ns, 199 * NS_PER_MS);
	cr_expect_eq(sizing_service(&sizing, 2000 * NS_PER_MS).held_ns, 6 * 199 * NS_PER_MS);
	sizing_release(&sizing);
}

Test(sizing, workers_busy_with_who_left_are_at_work)
{
	struct sizing_sharing sharing;

	/* Two workers, 200 ms each, who do not get in each other's way; clients bear 250 ms. */
	for (int i = 0; i < 30; i++) {
		int64_t left_ms = 80 * i + 250, end_ms = 100 * i + 200;

		leaver(80 * i, 100 * i + 1, left_ms < end_ms ? left_ms : end_ms, end_ms);
	}
	sizing_service(&sizing, 3000 * NS_PER_MS);
	sharing = sizing_sharing(&sizing);
	cr_expect_not(sharing.longer);
	cr_expect(sharing.alike);
	sizing_release(&sizing);
}

Test(sizing, who_is_not_accepted_any_more_counts_as_a_long_gap)
{
	struct sizing_service s;

	for (int i = 0; i < 10; i++)
		waiter(i, 10 + i, false);
	waiter(100, -1, false);
	s = sizing_service(&sizing, 5100 * NS_PER_MS);
	cr_expect_eq(s.longest_ns, 5 * NS_PER_SEC);
	cr_expect_eq(s.median_ns, NS_PER_MS);
	cr_expect_gt(s.gap_ns, 500 * NS_PER_MS);
	sizing_release(&sizing);
}

/* So many workers, each with the next client as soon as it is free; gap_ms between the arrivals. */
static struct sizing_sharing serve(int workers, int clients, int gap_ms, int alone_ms, bool shared)
{
	int64_t free_ms[8] = {0}, lock_ms = 0;
	struct sizing_sharing sharing;

	for (int i = 0; i < clients; i++) {
		int64_t arrival_ms = (int64_t)i * gap_ms, accept_ms, end_ms;
		int first = 0;

		for (int w = 1; w < workers; w++)
			first = free_ms[w] < free_ms[first] ? w : first;
		accept_ms = free_ms[first] > arrival_ms ? free_ms[first] : arrival_ms;
		/* Not all alike: a tenth of the time more or less. */
		end_ms = accept_ms;
		if (shared && lock_ms > end_ms)
			end_ms = lock_ms;
		end_ms += alone_ms + i * 7 % 5 * alone_ms / 20;
		lock_ms = end_ms;
		free_ms[first] = end_ms;
		client(arrival_ms, accept_ms, end_ms, false);
	}
	sharing = sizing_sharing(&sizing);
	sizing_release(&sizing);
	return sharing;
}

Test(sizing, workers_that_wait_for_one_another_are_told_from_others)
{
	struct sizing_sharing sharing = serve(3, 30, 150, 400, true);

	cr_expect(sharing.longer);
	cr_expect_not(sharing.alike);
	cr_expect_leq(sharing.few, 2);
	cr_expect_eq(sharing.many, 3);
	sharing = serve(8, 40, 250, 400, true);
	cr_expect(sharing.longer);
	cr_expect_lt(sharing.few, sharing.many);
	cr_expect_lt(sharing.few_p50_ns, sharing.many_p50_ns);
	/* Busy as well, each with its own. */
	for (int workers = 1; workers <= 8; workers++)
		for (int gap_ms = 0; gap_ms < 400; gap_ms += 30) {
			sharing = serve(workers, 40, gap_ms, 400, false);
			cr_expect_not(sharing.longer, "%d workers, %d ms", workers, gap_ms);
			cr_expect(sharing.alike || workers == 1, "%d workers, %d ms", workers,
				  gap_ms);
			cr_expect_eq(sharing.turn_ns, 0, "%d workers, %d ms", workers, gap_ms);
		}
}

/* Who has just had the lock takes it again; another one waits for it all the time. */
Test(sizing, so_are_those_that_take_turns_unfairly)
{
	struct sizing_sharing sharing;

	client(100, 100, 8000, false);
	for (int i = 0; i < 19; i++)
		client(0, 400 * i, 400 * (i + 1), false);
	sharing = sizing_sharing(&sizing);
	cr_expect_eq(sharing.turn_ns, 400 * NS_PER_MS);
	sizing_release(&sizing);
}

Test(sizing, who_closes_when_it_has_the_next_is_alone)
{
	struct sizing_sharing sharing;

	for (int i = 0; i < 20; i++)
		client(0, 100 * i, 100 * i + 102, false);
	sharing = sizing_sharing(&sizing);
	cr_expect_eq(sharing.turn_ns, 0);
	cr_expect_not(sharing.longer);
	sizing_release(&sizing);
}

/*
 * Accepted at once by this process, 0 where that is not known; closed at end_ms with nothing sent.
 */
static void victim(int64_t end_ms, int32_t pid, bool at_once, bool silent, bool unanswered)
{
	struct attempt a = unknown;

	a.syn_ns = a.entered_ns = 1000 * NS_PER_MS;
	a.accept_ns = 1000 * NS_PER_MS;
	a.end_ns = end_ms * NS_PER_MS;
	a.outcome = OUTCOME_ACCEPTED;
	a.accept_pid = pid;
	a.silent = silent;
	a.unanswered = unanswered;
	a.causes_count = at_once;
	a.causes[0].cause = CAUSE_CLOSED_UNSERVED;
	sizing_add(&sizing, &a);
}

Test(sizing, who_gets_no_reply_since_its_process_was_killed)
{
	struct sizing_exit exits[] = {{1400 * NS_PER_MS, 7, 5, 9}, {1405 * NS_PER_MS, 8, 5, 9}};
	struct sizing_ended e;

	/* Closed just before the process is said to have ended, and by a thread of it after. */
	victim(1399, 7, false, false, true);
	victim(1410, 7, false, false, true);
	/* Of which process is not known; both that were killed then count it once. */
	victim(1401, 0, true, false, true);
	/* Another process closed it, at another time, or it was answered, or had asked nothing. */
	victim(1400, 9, false, false, true);
	victim(1200, 7, false, false, true);
	victim(1350, 0, false, false, true);
	victim(1400, 7, false, false, false);
	victim(1400, 7, false, true, true);
	e = sizing_ended(&sizing, exits, 2);
	cr_expect_eq(e.clients, 3);
	cr_expect_eq(e.unserved, 1);
	cr_expect_eq(e.processes, 1);
	cr_expect_eq(e.pid, 7);
	cr_expect_eq(e.signal, 9);
	cr_expect_eq(e.after_ns, 399 * NS_PER_MS);
	victim(1405, 8, false, false, true);
	cr_expect_eq(sizing_ended(&sizing, exits, 2).processes, 2);
	/* It was taken for its parent's. */
	victim(1400, 5, false, false, true);
	cr_expect_eq(sizing_ended(&sizing, exits, 2).clients, 5);
	cr_expect_eq(sizing_ended(&sizing, exits, 0).clients, 0);
	sizing_release(&sizing);
}
