/*
 * The sentences about attempts: for each outcome and each reason of a drop what
 * an engineer is told.
 */
#include "report/text/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define S(n)  ((int64_t)(n)*NS_PER_SEC)
#define MS(n) ((int64_t)(n)*NS_PER_MS)

static struct report_listener listener;
static struct report report;
static struct attempt a;

static void set_up(void)
{
	memset(&a, 0, sizeof(a));
	memset(&listener, 0, sizeof(listener));
	memset(&report, 0, sizeof(report));
	report.kind = REPORT_RECORDING;
	report.end_ns = S(60);
	report.host_known = true;
	report.host.somaxconn = 4096;
	report.host.tcp_syncookies = 1;
	report.listeners_count = 1;
	report.listeners = &listener;
	listener.backlog = 5;
	listener.limit = 5;
	a.synack_ns = a.ack_ns = a.entered_ns = a.accept_ns = a.accept_after_ns = a.client_left_ns =
	    a.accept_before_ns = a.fork_ns = a.end_ns = TIME_UNKNOWN;
	a.syn_to_synack_ns = a.synack_to_ack_ns = a.connect_ns = a.accept_wait_ns =
	    a.queue_wait_ns = a.accept_to_fork_ns = -1;
	a.syns = 1;
}

TestSuite(text_verdict, .init = set_up);

static void expect_told(unsigned told, const char *expected)
{
	const struct text text = {.columns = 100, .report = &report};
	struct sentence *sentence = malloc(sizeof(*sentence));

	cr_assert_not_null(sentence);
	text_verdict(&text, &a, told, sentence);
	cr_expect_str_eq(sentence->text, expected);
	free(sentence);
}

static void expect(const char *expected)
{
	expect_told(0, expected);
}

static void add_drop(enum mark_kind kind, int64_t time_ns, enum cause cause)
{
	a.marks[a.marks_count++] = (struct mark){.time_ns = time_ns,
						 .kind = kind,
						 .dropped = true,
						 .cause_known = true,
						 .cause = cause,
						 .depth = 6,
						 .limit = 5};
}

static void add_taken(enum mark_kind kind, int64_t time_ns)
{
	a.marks[a.marks_count++] =
	    (struct mark){.time_ns = time_ns, .kind = kind, .depth = MARK_DEPTH_UNKNOWN};
}

static void add_cause(enum cause cause, enum confidence confidence)
{
	a.causes[a.causes_count++] = (struct attempt_cause){cause, confidence, 1};
}

Test(text_verdict, a_syn_dropped_and_sent_again)
{
	add_drop(MARK_SYN, MS(12004), CAUSE_ACCEPT_QUEUE_FULL_SYN);
	add_taken(MARK_SYN, MS(13024));
	a.outcome = OUTCOME_ACCEPTED;
	a.syns = 2;
	expect("SYN at 12.004 s (00:00:12.004) dropped: accept queue at 6 of 6 (limit 5, set by "
	       "the listen() "
	       "backlog; "
	       "somaxconn is 4096); a SYN retransmitted after 1.02 s got through; accepted.");
	expect_told(TEXT_TOLD_LIMIT, "SYN at 12.004 s (00:00:12.004) dropped: accept queue at 6 of "
				     "6; a SYN retransmitted after "
				     "1.02 s got through; accepted.");
	a.accept_ns = MS(13100);
	a.accept_wait_ns = a.queue_wait_ns = MS(76);
	a.child_pid = 77;
	expect_told(TEXT_TOLD_LIMIT, "SYN at 12.004 s (00:00:12.004) dropped: accept queue at 6 of "
				     "6; a SYN retransmitted after "
				     "1.02 s got through; accepted at 13.100 s (00:00:13.100) "
				     "after 76.0 ms in the accept queue, "
				     "served by process 77.");
}

Test(text_verdict, a_somaxconn_that_changed_may_be_what_binds)
{
	add_drop(MARK_SYN, MS(2000), CAUSE_ACCEPT_QUEUE_FULL_SYN);
	a.outcome = OUTCOME_UNANSWERED;
	listener.backlog = -1;
	report.host.somaxconn = 4096;
	report.host.somaxconn_end = 5;
	expect("SYN at 2.000 s (00:00:02.000) dropped: accept queue at 6 of 6 (limit 5, set by the "
	       "listen() backlog or by somaxconn, which went from 4096 to 5 during the recording); "
	       "unanswered.");
	report.host.somaxconn_end = 6;
	expect("SYN at 2.000 s (00:00:02.000) dropped: accept queue at 6 of 6 (limit 5, set by the "
	       "listen() backlog, since somaxconn is 6); unanswered.");
	report.host.somaxconn_end = -1;
}

Test(text_verdict, which_setting_binds)
{
	static const struct {
		int64_t backlog, somaxconn;
		const char *words;
	} cases[] = {
	    {5, 5, "limit 5, set by the listen() backlog"},
	    {511, 5, "limit 5, set by somaxconn; the listen() backlog is 511"},
	    {511, 4096, "limit 5, set by somaxconn at the time of listen(); the backlog is 511"},
	    {-1, 4096, "limit 5, set by the listen() backlog, since somaxconn is 4096"},
	    {-1, 5, "limit 5, set by somaxconn or by an equal listen() backlog"},
	    {-1, -1, "limit 5"},
	};

	add_drop(MARK_SYN, MS(2000), CAUSE_ACCEPT_QUEUE_FULL_SYN);
	a.outcome = OUTCOME_UNANSWERED;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[256];

		listener.backlog = cases[i].backlog;
		report.host.somaxconn = cases[i].somaxconn;
		snprintf(expected, sizeof(expected),
			 "SYN at 2.000 s (00:00:02.000) dropped: accept queue at 6 of 6 (%s); "
			 "unanswered.",
			 cases[i].words);
		expect(expected);
	}
}

Test(text_verdict, drops_of_several_sorts)
{
	add_drop(MARK_SYN, MS(2000), CAUSE_SYN_QUEUE_FULL);
	add_drop(MARK_SYN, MS(3000), CAUSE_SYN_QUEUE_FULL);
	add_drop(MARK_SYN, MS(5000), CAUSE_MAX_SYN_BACKLOG_RESERVE);
	a.marks[2].confidence = CONFIDENCE_BOUNDED;
	add_taken(MARK_SYN, MS(9000));
	a.outcome = OUTCOME_ESTABLISHED;
	a.connect_ns = MS(7000);
	a.syns = 4;
	expect("2 SYNs dropped, the first at 2.000 s (00:00:02.000): SYN queue full and "
	       "tcp_syncookies is off; "
	       "SYN at 5.000 s (00:00:05.000) dropped: the last quarter of tcp_max_syn_backlog is "
	       "reserved for "
	       "known peers (tcp_syncookies is off) (bounded); a SYN retransmitted after 7.00 s "
	       "got through; established, 7.00 s after its first SYN (accept() not observed).");
}

Test(text_verdict, an_ack_dropped_and_recovered)
{
	add_taken(MARK_SYN, MS(2000));
	add_drop(MARK_ACK, MS(2001), CAUSE_ACCEPT_QUEUE_FULL_ACK);
	add_drop(MARK_DATA, MS(2002), CAUSE_ACCEPT_QUEUE_FULL_ACK);
	a.outcome = OUTCOME_ACCEPTED;
	a.accept_ns = MS(5001);
	a.accept_wait_ns = MS(3000);
	a.queue_wait_ns = MS(1);
	a.accept_pid = 9;
	expect_told(TEXT_TOLD_LIMIT, "final ACK at 2.001 s (00:00:02.001) and 1 segment after it "
				     "dropped: accept queue at 6 of 6; "
				     "accepted at 5.001 s (00:00:05.001), 3.00 s after its final "
				     "ACK, of which 1.00 ms in the accept "
				     "queue, by process 9.");
}

Test(text_verdict, zombies)
{
	add_taken(MARK_SYN, MS(2000));
	add_drop(MARK_ACK, MS(2001), CAUSE_ACCEPT_QUEUE_FULL_ACK);
	add_cause(CAUSE_ACCEPT_QUEUE_FULL_ACK, CONFIDENCE_EXACT);
	a.marks[1].depth = MARK_DEPTH_UNKNOWN;
	a.outcome = OUTCOME_ZOMBIE;
	expect("final ACK at 2.001 s (00:00:02.001) dropped: accept queue full; zombie: only the "
	       "client believes "
	       "it is connected; the kernel retransmits the SYN-ACK and gives up silently unless "
	       "the queue gets room.");
	add_cause(CAUSE_COOKIE_ACK_DROPPED, CONFIDENCE_EXACT);
	expect("final ACK at 2.001 s (00:00:02.001) dropped: accept queue full; zombie: only the "
	       "client believes "
	       "it is connected; after a SYN cookie the SYN-ACK is not retransmitted and "
	       "tcp_abort_on_overflow has no effect: only data from the client can complete the "
	       "connection.");
	expect_told(TEXT_TOLD_ZOMBIE, "final ACK at 2.001 s (00:00:02.001) dropped: accept queue "
				      "full; zombie: only the client "
				      "believes it is connected.");
}

Test(text_verdict, accepted_within_bounds)
{
	a.outcome = OUTCOME_ACCEPTED;
	a.accept_after_ns = MS(2001);
	a.accept_before_ns = MS(2002);
	a.accept_wait_ns = a.queue_wait_ns = MS(3);
	expect("accepted between 2.001 s (00:00:02.001) and 2.002 s (00:00:02.002) after at most "
	       "3.00 ms in the accept queue.");
	a.accept_after_ns = TIME_UNKNOWN;
	expect("accepted before 2.002 s (00:00:02.002) after at most 3.00 ms in the accept queue.");
	a.ghost = true;
	add_cause(CAUSE_CLIENT_RESET, CONFIDENCE_EXACT);
	expect("accepted before 2.002 s (00:00:02.002) after at most 3.00 ms in the accept queue; "
	       "the client had "
	       "reset it while it waited, so the first read fails with ECONNRESET.");
}

Test(text_verdict, who_never_got_through)
{
	a.outcome = OUTCOME_WAITING;
	a.accept_wait_ns = MS(500);
	expect("waiting in the accept queue when observation ended, after 500 ms.");
	a.outcome = OUTCOME_REFUSED;
	expect("refused: a RST answered the SYN.");
	add_cause(CAUSE_NO_LISTENER, CONFIDENCE_INFERRED);
	expect("refused: a RST answered the SYN; no listener on the port (inferred).");
	a.causes[0].cause = CAUSE_SERVER_RESET;
	expect(
	    "refused: a RST answered the SYN although there was a listener: something in front of "
	    "it sent the RST (inferred).");
	a.causes_count = 0;
	a.outcome = OUTCOME_UNREACHABLE;
	expect("unreachable: an ICMP error answered the SYN.");
	a.outcome = OUTCOME_UNANSWERED;
	expect("unanswered SYN.");
	add_cause(CAUSE_UNANSWERED_NO_COUNTER, CONFIDENCE_EXACT);
	a.syns = 3;
	expect("3 unanswered SYNs; no counter moved: a firewall, rp_filter or the network, not a "
	       "queue.");
	report.cause_doubted[CAUSE_UNANSWERED_NO_COUNTER] = true;
	expect("3 unanswered SYNs; no counter moved: a firewall, rp_filter or the network, not a "
	       "queue (inferred).");
	a.syns = 1;
	a.causes_count = 0;
	a.outcome = OUTCOME_HALF_OPEN;
	a.synacks = 6;
	expect("half-open: 6 SYN-ACKs sent, never acknowledged.");
	a.outcome = OUTCOME_ABORTED;
	expect("aborted: reset by the client before its final ACK.");
	a.outcome = OUTCOME_OPEN;
	a.evicted = true;
	expect("handshake unfinished when observation ended; incomplete: the table of open "
	       "attempts was full.");
}

Test(text_verdict, resets)
{
	a.outcome = OUTCOME_RESET;
	a.end_ns = MS(4000);
	expect("reset by one side at 4.000 s (00:00:04.000).");
	add_cause(CAUSE_SERVER_RESET, CONFIDENCE_EXACT);
	expect("reset by the server at 4.000 s (00:00:04.000).");
	a.causes[0].cause = CAUSE_CLIENT_RESET;
	a.ack_ns = MS(3000);
	expect("reset by the client at 4.000 s (00:00:04.000), and no accept() of it was seen: if it "
	       "still waited, accept() returns it anyway, and the first read fails with "
	       "ECONNRESET.");
}

Test(text_verdict, resets_that_neither_side_sent)
{
	a.outcome = OUTCOME_RESET;
	a.end_ns = MS(4000);
	add_cause(CAUSE_RESET_IN_FRONT, CONFIDENCE_EXACT);
	expect("reset by something in front of the listener (a firewall rule), not by the client "
	       "or the server, at 4.000 s (00:00:04.000).");
	a.outcome = OUTCOME_UNANSWERED;
	expect("unanswered SYN; the kernel answered, but a firewall rule of this host rejected the "
	       "SYN-ACK with a reset (an output chain).");
}

Test(text_verdict, which_of_several_was_dropped)
{
	for (uint32_t i = 0; i < 2; i++)
		a.marks[i] = (struct mark){.time_ns = MS(1000 * (i + 1)),
					   .kind = MARK_SYN,
					   .dropped = i == 0,
					   .cause_known = true,
					   .cause = i ? CAUSE_UNANSWERED_NO_COUNTER
						      : CAUSE_ACCEPT_QUEUE_FULL_SYN,
					   .confidence = CONFIDENCE_INFERRED,
					   .among = 6,
					   .among_dropped = 2,
					   .depth = MARK_DEPTH_UNKNOWN};
	a.marks_count = a.syns = 2;
	a.outcome = OUTCOME_UNANSWERED;
	expect("SYN at 1.000 s (00:00:01.000) dropped: accept queue full (inferred); unanswered; a "
	       "full queue dropped 2 of these 6 packets, the one at 1.000 s (00:00:01.000) and 5 "
	       "more around that time: which of them is not known.");
}

Test(text_verdict, remarks)
{
	a.outcome = OUTCOME_ACCEPTED;
	a.syns = 2;
	expect("accepted; 1 retransmitted SYN.");
	add_cause(CAUSE_SYN_COOKIE, CONFIDENCE_EXACT);
	report.host.tcp_syncookies = 1;
	expect("accepted; 1 retransmitted SYN; answered with a SYN cookie (SYN queue full).");
	report.host.tcp_syncookies = 2;
	add_cause(CAUSE_DEFER_ACCEPT, CONFIDENCE_EXACT);
	add_cause(CAUSE_SLOW_ACCEPT, CONFIDENCE_EXACT);
	expect(
	    "accepted; 1 retransmitted SYN; answered with a SYN cookie (tcp_syncookies is 2); "
	    "bare ACK ignored until data arrives (TCP_DEFER_ACCEPT, not a loss); slow accept().");
}

Test(text_verdict, syn_acks_without_an_answer_are_told)
{
	a.outcome = OUTCOME_ESTABLISHED;
	a.syns = 2;
	a.ack_ns = MS(7280);
	for (int i = 0; i < 5; i++)
		add_taken(MARK_SYN_ACK, MS(1000 * (i + 1)));
	add_taken(MARK_SYN_ACK, MS(9000)); /* its answer came late */
	expect("established (accept() not observed); 1 retransmitted SYN; 5 SYN-ACKs were sent before "
	       "its ACK came.");
}
